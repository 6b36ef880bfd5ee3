// Package enswitchtest is an Enswitch cluster for tests, as net/http/httptest
// is a server for tests: a [Server] that sends events over a websocket as
// messaged does, a [Generator] that makes up the events of a busy cluster or of
// a [Scenario] of one's own, a [Poster] that POSTs events as the machines of a
// cluster do, and a [Replay] that plays recorded events at their pace.
//
//	s := enswitchtest.NewServer(nil)
//	defer s.Close()
//	s.Send([]byte(`{"class":"call","event":"start","timestamp":"1234567890.123456"}`))
//
// A [Cluster] is all of that together, with [Faults] on purpose:
//
//	c := enswitchtest.NewCluster(&enswitchtest.ClusterOptions{Faults: enswitchtest.Faults{DropEvery: time.Minute}})
//	defer c.Close()
//	connect(c.URL())
//
// # What is real and what is made up
//
// Of the events themselves the vendor documents little: the class call with
// its event start, the class message, and the fields asteriskid, callid,
// class, event, machine, timestamp and uniqueid. A call's start is generated
// with exactly the fields of the published example. Everything else that the
// generator makes up, be it a class, an event or a field, is illustrative: a
// real cluster has events of the same meaning, but their names are not known
// here. [Illustrative] says so in a sentence to print. Nor is it known how
// messaged treats pings, wrong keys or slow readers; what Server does there is
// a choice, and where it matters an option.
//
// Phone numbers come from the ranges reserved for drama, addresses from
// example domains; the people are invented.
package enswitchtest

// Illustrative is what whoever shows generated events should say beside them.
const Illustrative = "fields beyond class, event, timestamp, machine, callid, uniqueid and asteriskid are illustrative: " +
	"so are all classes but call and message, and all events but call.start; a real cluster names them differently"
