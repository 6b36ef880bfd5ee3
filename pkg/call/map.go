package call

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Kind is what an event means for its call.
type Kind uint8

// The kinds, in the order in which a leg goes through them.
const (
	None Kind = iota // nothing that the map names
	Start
	Route
	Ring
	Answer
	End
)

// kinds are the names of the kinds in a map.
var kinds = [...]string{Start: "start", Route: "route", Ring: "ring", Answer: "answer", End: "end"}

// String returns the name of the kind in a map, and "" for None.
func (k Kind) String() string { return kinds[k] }

// Role is what a field means for a call.
type Role uint8

// The roles of fields.
const (
	From Role = iota
	To
	Customer
	Cause
	roleCount
)

var roles = [...]string{"from", "to", "customer", "cause"}

// String returns the name of the role in a map.
func (r Role) String() string { return roles[r] }

// Origin says where a meaning comes from.
type Origin uint8

// The origins.
const (
	Guessed    Origin = iota // a usual word of the field
	Documented               // the vendor names it
	Given                    // the caller of NewMap named it
)

// String returns guessed, documented or given.
func (o Origin) String() string { return [...]string{"guessed", "documented", "given"}[o] }

// lexicon is the meanings that are assumed where none are given: the usual words of
// telephony. Only the event start of class call is documented; all others are guesses.
var lexicon = [...]struct{ name, list string }{
	{"start", "start,begin,began,new,create,created,incoming,setup,init,invite,dial-in,newcall"},
	{"route", "route,routed,routing,dial,dialing,dialling,dialed,dialled,forward,forwarded,queue,queued"},
	{"ring", "ring,ringing,rings,alert,alerting,progress,proceeding,early,early-media"},
	{"answer", "answer,answered,connect,connected,established,bridge,bridged,up"},
	{"end", "end,ended,hangup,hungup,hang-up,finish,finished,stop,stopped,terminate,terminated,disconnect,disconnected,complete,completed,bye,destroy,destroyed,cancel,cancelled,busy,noanswer,no-answer,failed,abandon,abandoned"},
	{"from", "from,caller,callerid,caller_id,caller_number,calling,cli,clid,ani,src,source,from_number"},
	{"to", "to,callee,called,called_number,dialed,dialled,dnis,dst,destination,number,to_number"},
	{"customer", "customer,customer_id,customerid,customer_name,account,tenant"},
	{"cause", "cause,reason,hangup_cause,hangupcause,cause_code,disposition,result,status"},
}

// Meaning is one name of a map and what has that meaning.
type Meaning struct {
	// Name is start, route, ring, answer or end, whose Items are globs of events, as
	// class.event; or from, to, customer or cause, whose Items are names of fields.
	Name  string
	Items []Item
}

// Item is an event or a field that has a meaning.
type Item struct {
	Text   string
	Origin Origin
}

// Map says which events and fields mean what. It is safe for concurrent use.
type Map struct {
	meanings []Meaning
	events   []eventItem
	fields   [roleCount][]string
	given    [roleCount]bool
	seeds    [2]maphash.Seed // of the keys of ids: of callid and uniqueid, and of asteriskid
}

type eventItem struct {
	class, event *event.Glob
	kind         Kind
	origin       Origin
	text         string // as it was written
}

// NewMap returns the map of the usual words, in which each of the given items, written
// NAME=LIST, replaces the whole list of NAME. A list has commas between its items. An
// item of an event is a glob of its name, as "hang*", for events of class call, or of
// class and name, as "call.hang*"; an item of a field is a name, which may have dots
// to reach into objects.
//
// Events of a class other than call can be given a meaning, too, but make no call and
// no leg: they act on the call that they belong to.
func NewMap(given ...string) (*Map, error) {
	m := &Map{}
	for i := range m.seeds {
		m.seeds[i] = maphash.MakeSeed()
	}
	lists := map[string][]Item{}
	for _, text := range given {
		name, list, ok := strings.Cut(text, "=")
		name = strings.TrimSpace(name)
		if !ok {
			return nil, fmt.Errorf("%q has no =: write NAME=LIST, as in answer=call.answer,call.connect", text)
		}
		if !slices.ContainsFunc(lexicon[:], func(l struct{ name, list string }) bool { return l.name == name }) {
			return nil, fmt.Errorf("there is no name %q: the names are %s", name, strings.Join(Names(), ", "))
		}
		lists[name] = nil
		for item := range strings.SplitSeq(list, ",") {
			if item = strings.TrimSpace(item); item == "" {
				return nil, fmt.Errorf("%s: the list is empty, or has nothing between two commas", name)
			}
			lists[name] = append(lists[name], Item{item, Given})
		}
	}
	for _, l := range lexicon {
		items, ok := lists[l.name]
		if !ok {
			items = guesses(l.name, l.list)
		}
		m.meanings = append(m.meanings, Meaning{l.name, items})
	}
	return m, m.compile()
}

// guesses returns a list of the lexicon.
func guesses(name, list string) (items []Item) {
	isEvent := slices.Contains(kinds[:], name)
	for text := range strings.SplitSeq(list, ",") {
		item := Item{text, Guessed}
		if isEvent {
			item.Text = "call." + text
		}
		if item.Text == "call.start" {
			item.Origin = Documented
		}
		items = append(items, item)
	}
	return items
}

func (m *Map) compile() error {
	for _, meaning := range m.meanings {
		kind := slices.Index(kinds[:], meaning.Name)
		for _, item := range meaning.Items {
			if kind < 0 {
				role := slices.Index(roles[:], meaning.Name)
				m.fields[role] = append(m.fields[role], item.Text)
				m.given[role] = item.Origin == Given
				continue
			}
			class, name, dotted := strings.Cut(item.Text, ".")
			if !dotted {
				class, name = "call", item.Text
			}
			if class == "" || name == "" {
				return fmt.Errorf("%s: %q is no event: write class.event, with * for any", meaning.Name, item.Text)
			}
			m.events = append(m.events, eventItem{event.NewGlob(class), event.NewGlob(name), Kind(kind), item.Origin, item.Text})
		}
	}
	return nil
}

// Names returns the names of a map, in the order of a call.
func Names() []string {
	var all []string
	for _, l := range lexicon {
		all = append(all, l.name)
	}
	return all
}

// Meanings returns what has which meaning, in the order of a call. The result must not
// be changed.
func (m *Map) Meanings() []Meaning { return m.meanings }

// Kind returns what an event of that class with that name means, and where that comes
// from. If several kinds name it, what was given counts before what was not, and then
// the later one in the course of a call.
func (m *Map) Kind(class, name []byte) (k Kind, o Origin) {
	for i := range m.events {
		it := &m.events[i]
		if (k == None || (it.origin == Given) == (o == Given) || it.origin == Given) && it.event.Match(name) && it.class.Match(class) {
			k, o = it.kind, it.origin
		}
	}
	return k, o
}

// givenEvents calls do for each given item that names events of that class and name.
func (m *Map) givenEvents(class, name []byte, do func(name, item string)) {
	for i := range m.events {
		if it := &m.events[i]; it.origin == Given && it.event.Match(name) && it.class.Match(class) {
			do(it.kind.String(), it.text)
		}
	}
}

// Given reports whether the fields with that role were given. Those that were not count
// in events of class call only.
func (m *Map) Given(r Role) bool { return m.given[r] }

// Fields returns the names of the fields with that role, the first to be looked at
// first. The result must not be changed.
func (m *Map) Fields(r Role) []string { return m.fields[r] }
