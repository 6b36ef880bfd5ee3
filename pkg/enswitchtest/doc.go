// Package enswitchtest is an Enswitch cluster for tests, as net/http/httptest is a
// server for tests. A [Server] sends events over a websocket, as messaged does. A
// [Generator] makes up the events of a busy cluster, or of your own [Scenario]. A
// [Poster] POSTs events, as the machines of a cluster do. A [Replay] plays recorded
// events at their pace.
//
//	s := enswitchtest.NewServer(nil)
//	defer s.Close()
//	s.Send([]byte(`{"class":"call","event":"start","timestamp":"1234567890.123456"}`))
//
// A [Cluster] combines all of them, with [Faults] on request:
//
//	c := enswitchtest.NewCluster(&enswitchtest.ClusterOptions{Faults: enswitchtest.Faults{DropEvery: time.Minute}})
//	defer c.Close()
//	connect(c.URL())
//
// # What is real and what is made up
//
// The vendor documents little of the events: the class call with its event start, the
// class message, and the fields asteriskid, callid, class, event, machine, timestamp
// and uniqueid. The start of a call has exactly the fields of the published example.
// Every other class, event and field that the generator makes up is illustrative: a
// real cluster has events with the same meaning, but their names are not known here.
// [Illustrative] says so in a sentence to print. Nor is it known how messaged treats
// pings, wrong keys or slow readers. What Server does there is a choice, and where it
// matters an option.
//
// Phone numbers are from the ranges reserved for drama, addresses from example domains.
// The people are invented.
package enswitchtest

// Illustrative is a sentence to show beside generated events.
const Illustrative = "fields beyond class, event, timestamp, machine, callid, uniqueid and asteriskid are illustrative: " +
	"so are all classes but call and message, and all events but call.start; a real cluster names them differently"
