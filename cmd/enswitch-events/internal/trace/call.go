package trace

import (
	"bytes"
	"slices"
	"strings"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Call is a call as it is shown: a copy of what a tracker knows of it.
type Call struct {
	Number int64 // of the tracker
	Begin  int64 // the time of its earliest event, in microseconds since 1970
	// Record is as [call.Call.AppendRecord] writes it.
	Record   []byte
	State    call.State
	Answered bool
	Partial  bool
	Doubtful bool
	CallIDs  []string // several if calls were joined
	Legs     []string // the uniqueids, the earliest first
	Machines []string
	Events   []Event
	Count    int // of all events, of which Events has the first and the last ones
	// From, To and Cause are texts as they came. Guessed says which of their
	// meanings are guesses.
	From, To, Customer, Cause string
	Guessed                   struct{ From, To, Customer, Cause bool }

	PDD, Duration, Talk          float64 // seconds
	HasPDD, HasDuration, HasTalk bool
}

// Event is an event of a call.
type Event struct {
	Raw     []byte // as received
	Time    int64  // microseconds since 1970
	Times   int    // how often it came
	Kind    call.Kind
	Guessed bool // the kind is a guess
	// Leg is the uniqueid, as text; empty for none.
	Leg, CallID, Machine string
	// What an answer has as the party that answered.
	byWhom string
	sure   bool // byWhom comes from a field that was given as to
}

// Copy copies what is shown of c.
func Copy(c *call.Call, m *call.Map) *Call {
	s := &Call{
		Number: c.Number(), Begin: c.Begin(), Record: c.AppendRecord(nil), State: c.State(),
		Answered: c.Answered(), Partial: c.Partial(), Doubtful: c.Doubtful(), Count: c.Count(),
		From: c.Text(call.From), To: c.Text(call.To), Customer: c.Text(call.Customer), Cause: c.Text(call.Cause),
	}
	s.CallIDs = callIDs(s.Record)
	s.Guessed.From, s.Guessed.To, s.Guessed.Customer, s.Guessed.Cause = !m.Given(call.From), !m.Given(call.To), !m.Given(call.Customer), !m.Given(call.Cause)
	s.PDD, s.HasPDD = c.PDD()
	s.Duration, s.HasDuration = c.Duration()
	s.Talk, s.HasTalk = c.Talk()
	for _, leg := range c.Legs() {
		s.Legs = append(s.Legs, textOf(leg.ID))
	}
	var x event.Index
	for _, e := range c.Events() {
		s.add(newEvent(e, m, &x))
	}
	return s
}

// add adds an event, which has come last.
func (s *Call) add(e Event) {
	if e.Machine != "" && !slices.Contains(s.Machines, e.Machine) {
		s.Machines = append(s.Machines, e.Machine)
	}
	s.Events = append(s.Events, e)
}

// leg returns the number of the leg with that uniqueid, from 1; 0 for none.
func (s *Call) leg(id string) int { return slices.Index(s.Legs, id) + 1 }

// has reports whether e is among the events of s.
func (s *Call) has(e *call.Event) bool {
	return slices.ContainsFunc(s.Events, func(other Event) bool { return other.Time == e.Time && bytes.Equal(other.Raw, e.Raw) })
}

// newEvent copies e. It uses x.
func newEvent(e *call.Event, m *call.Map, x *event.Index) Event {
	s := Event{Raw: bytes.Clone(e.Raw), Time: e.Time, Times: e.Times, Kind: e.Kind, Leg: string(e.UniqueID().Text()), CallID: string(e.CallID().Text()), Machine: string(e.Machine().Text())}
	if x.Scan(s.Raw) != nil {
		return s // it was scanned before, so this does not happen
	}
	_, origin := m.Kind(x.Class().Text(), x.Event().Text())
	s.Guessed = origin == call.Guessed
	if s.Kind != call.Answer {
		return s
	}
	s.sure = m.Given(call.To)
	s.byWhom = string(e.Role(call.To).Text())
	for i := 0; i < x.Len() && s.byWhom == ""; i++ {
		if saysWho(string(x.Key(i).Text())) && x.Value(i).Kind == event.String {
			s.byWhom, s.sure = string(x.Value(i).Text()), false
		}
	}
	return s
}

// saysWho reports whether a field of that name is taken for who answered, where no field
// says who is called. These are usual words, none of them documented; any other field may
// mean anything.
func saysWho(name string) bool {
	switch name {
	case "answered_by", "answeredby", "phone", "device", "endpoint", "extension", "exten", "ext", "peer", "agent", "member", "user", "channel", "dstchannel":
		return true
	}
	return false
}

// field is a field of an event.
type field struct{ key, value event.Value }

// common reports whether every event of a call has the field, or may have it.
func (f *field) common() bool {
	return f.key.Is("class") || f.key.Is("event") || f.key.Is("machine") || isIdentifier(f.key)
}

// fields returns what is shown of an event after its name: all fields except those that say
// which event of which call it is.
func fields(x *event.Index) (all []field) {
	for i := range x.Len() {
		if f := (field{x.Key(i), x.Value(i)}); !f.common() && x.Find(string(f.key.Text())) == i {
			all = append(all, f)
		}
	}
	return all
}

// appendField appends name=value, as words that are safe to show.
func appendField(dst []byte, f *field) []byte {
	dst = safe.AppendWord(dst, f.key.Text())
	dst = append(dst, '=')
	return appendValue(dst, f.value)
}

// appendValue appends a value as one word that is safe to show.
func appendValue(dst []byte, v event.Value) []byte {
	if v.Kind == event.Object || v.Kind == event.Array {
		return safe.AppendJSON(dst, event.AppendCompact(nil, v.JSON))
	}
	return safe.AppendWord(dst, v.Text())
}

// name returns what happened: the event's name, with its class unless that is call.
func name(x *event.Index) string {
	what := x.Event()
	text := string(safe.Append(nil, what.Text()))
	if what.Kind == event.Absent {
		text = "-"
	}
	if class := x.Class(); !class.Is("call") {
		return string(safe.Append(nil, class.Text())) + "." + text
	}
	return text
}

// textOf returns a JSON string or number as text.
func textOf(json []byte) string {
	v := event.Value{JSON: json, Kind: event.Number}
	if len(json) > 0 && json[0] == '"' {
		v.Kind, v.Escaped = event.String, bytes.IndexByte(json, '\\') >= 0
	}
	return string(v.Text())
}

// scan scans an event that was scanned before, with the bytes that were not UTF-8 as
// they are shown on a terminal.
func (e *Event) scan(x *event.Index) {
	if x.Scan(e.Raw) == nil && x.Repaired() {
		_ = x.Scan(safe.AppendBroken(nil, e.Raw)) // its strings are valid now
	}
}

// Title names the call: its callids, or the uniqueids of one that has none.
func (s *Call) Title() string {
	ids := s.CallIDs
	if len(ids) == 0 {
		ids = s.Legs
	}
	var names []string
	for i, id := range ids {
		if i == maxNamed {
			names = append(names, "…")
			break
		}
		names = append(names, safe.String(id))
	}
	return strings.TrimSpace("call " + strings.Join(names, ", "))
}

// maxNamed is how many ids a title has at most.
const maxNamed = 3

// callIDs returns the callids in the record of a call.
func callIDs(record []byte) (ids []string) {
	var x event.Index
	if x.Scan(record) != nil {
		return nil // a record is JSON, so this does not happen
	}
	all := x.Field("callids")
	for i := 0; ; i++ {
		id := all.Element(i)
		if id.Kind == event.Absent {
			break
		}
		ids = append(ids, string(id.Text()))
	}
	if id := x.Field("callid"); ids == nil && id.Kind != event.Absent {
		ids = append(ids, string(id.Text()))
	}
	return ids
}
