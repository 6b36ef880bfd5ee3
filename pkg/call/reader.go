package call

import (
	"bytes"
	"hash/maphash"
	"strings"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Event is what a [Tracker] needs to know of an event. A [Reader] fills it.
type Event struct {
	// Raw is the event as received. Read sets it to a slice of what it was given.
	Raw []byte
	// Received, Source and Seq are for the caller. Of an event that its call has had before
	// First is the Seq of the first one with the same bytes, set before OnEvent.
	Received   time.Time
	Source     string
	Seq, First int64
	// Chosen says that the event passes the caller's filters, so that its call counts.
	Chosen bool
	// Kind is what the event means for its call, None for nothing that is known.
	Kind   Kind
	inCall bool // the event is of class call
	gap    bool // it is the record of a gap
	own    bool // it owns its bytes
	// Time is the event's timestamp in microseconds since 1970; 0 if it has none.
	Time int64
	// Times is how often the event came. Of an event that its call keeps it goes up when
	// the same bytes come again.
	Times int
	// Offset is how far the clock behind Time is slow, in microseconds, below 0 if it is fast.
	// Only Figures with FiguresOptions.Correct use it. The caller sets it.
	Offset int64

	json    []byte // Raw, or a repaired copy
	hash    uint64 // of json
	at      int64  // the feed's time that it came as of
	keys    [3]key // of callid, uniqueid and asteriskid; zero for none
	callid  span
	leg     span // uniqueid
	machine span
	stamp   span
	class   span
	name    span
	roles   [roleCount]span
}

// The indexes of Event.keys.
const (
	callKey = iota
	legKey
	channelKey
)

// key stands for an id; 0 is none. Two different ids have the same key with a probability
// of 1 in 2^64: among a million ids that is once in 37 million times.
type key uint64

// span is a part of Event.json.
type span struct{ begin, end int32 }

func (e *Event) text(s span) []byte { return e.json[s.begin:s.end] }

// UniqueID returns the event's uniqueid, absent if there is none. Like the other values
// it is valid as long as the event is.
func (e *Event) UniqueID() event.Value { return e.value(e.leg) }

// CallID returns the event's callid.
func (e *Event) CallID() event.Value { return e.value(e.callid) }

// Machine returns the event's machine.
func (e *Event) Machine() event.Value { return e.value(e.machine) }

// Role returns the value of the event's field with that role.
func (e *Event) Role(r Role) event.Value { return e.value(e.roles[r]) }

// value returns the value that is written in s.
func (e *Event) value(s span) event.Value { return valueOf(e.text(s)) }

// valueOf returns a number or string as a Value.
func valueOf(json []byte) event.Value {
	switch {
	case len(json) == 0:
		return event.Value{}
	case json[0] == '"':
		return event.Value{JSON: json, Kind: event.String, Escaped: bytes.IndexByte(json, '\\') >= 0}
	case json[0] == 't' || json[0] == 'f':
		return event.Value{JSON: json, Kind: event.Bool}
	}
	return event.Value{JSON: json, Kind: event.Number}
}

// Reader reads events for a [Tracker]. It is not safe for concurrent use: use one for
// each goroutine, of the same Map.
type Reader struct {
	// OnGuess is called when an event is the first one whose name, as call.ring, or
	// field has a guessed meaning: name is that of the meaning. It may be nil.
	OnGuess func(name, item string)
	// OnGiven is called when an event is, or has, an item of the map that was given, once
	// or more for each. It may be nil.
	OnGiven func(name, item string)

	m     *Map
	plans map[uint32]*plan // by the shape of the event
	kinds map[string]Kind  // by class, NUL and name
	size  int              // bytes of the keys of kinds
	buf   []byte

	guesses []*guess // about fields
}

// plan has the positions of the fields in events of one shape, -1 for none.
type plan struct {
	callid, leg, channel, machine, stamp int
	roles                                [roleCount][]place
}

// place is where a field is that has a role.
type place struct {
	index int    // of the field
	path  string // the whole name of a field within an object, else empty
	guess *guess // what is known of it
}

// guess is a field whose meaning is guessed, or given.
type guess struct {
	role  Role
	name  string
	used  bool
	given bool
}

// The bounds of what a Reader remembers.
const (
	maxPlans = 4096
	maxKinds = 4096
	maxSize  = 1 << 20 // of the names of kinds
)

// NewReader returns a Reader for a Tracker with the same Map.
func (m *Map) NewReader() *Reader {
	return &Reader{m: m, plans: map[uint32]*plan{}, kinds: map[string]Kind{}}
}

// Read fills e, but for Received, Source, Seq and Chosen, from the event raw that x has
// scanned. E points into raw and is valid as long as raw is unchanged, also when x
// scans other events. Read allocates only for new kinds and shapes of events, and for
// events that were repaired.
func (r *Reader) Read(e *Event, raw []byte, x *event.Index) {
	*e = Event{Raw: raw, Times: 1, Received: e.Received, Source: e.Source, Seq: e.Seq, Chosen: e.Chosen, json: x.JSON()}
	p := r.plan(x)
	class, name := x.Class(), x.Event()
	e.class, e.name = e.spanOf(class), e.spanOf(name)
	e.inCall = class.Is("call")
	e.Kind = r.kind(class, name)
	e.gap = !e.inCall && class.Is("enswitch-events") && name.Is("gap")
	stamp, machine := at(x, p.stamp), at(x, p.machine)
	var timed bool
	if e.Time, timed = stamp.Timestamp(); timed {
		e.stamp = e.spanOf(stamp)
	}
	e.machine = e.spanOf(machine)
	e.callid, e.keys[callKey] = r.id(e, at(x, p.callid))
	e.leg, e.keys[legKey] = r.id(e, at(x, p.leg))
	if channel := at(x, p.channel); isID(channel) && isID(machine) {
		r.buf = append(machine.AppendText(r.buf[:0]), 0)
		e.keys[channelKey] = r.m.keyOf(1, channel.AppendText(r.buf))
	}
	for role := range p.roles {
		if !e.inCall && !r.m.given[role] {
			continue
		}
		for _, place := range p.roles[role] {
			v := x.Value(place.index)
			if place.path != "" {
				v = x.Get(place.path)
			}
			if s := e.spanOf(v); s != (span{}) {
				e.roles[role] = s
				if !place.guess.used {
					r.use(place.guess)
				}
				break
			}
		}
	}
	if x.Repaired() {
		e.json = bytes.Clone(e.json) // x will overwrite it
	}
	e.hash = maphash.Bytes(r.m.seeds[0], e.json)
}

// guess returns the guess about a field.
func (r *Reader) guess(role Role, name string) *guess {
	for _, g := range r.guesses {
		if g.role == role && g.name == name {
			return g
		}
	}
	g := &guess{role: role, name: name}
	r.guesses = append(r.guesses, g)
	return g
}

// use notes that an event has the field of g.
func (r *Reader) use(g *guess) {
	g.used = true
	switch {
	case g.given:
		if r.OnGiven != nil {
			r.OnGiven(g.role.String(), g.name)
		}
	case r.OnGuess != nil:
		r.OnGuess(g.role.String(), g.name)
	}
}

// at returns field i of the event, absent for -1.
func at(x *event.Index, i int) event.Value {
	if i < 0 {
		return event.Value{}
	}
	return x.Value(i)
}

// spanOf returns where v is in e.json, of which it is a slice. The span is empty for a
// value that has no text: null, an empty string, an array or an object.
func (e *Event) spanOf(v event.Value) span {
	if v.Kind != event.String && v.Kind != event.Number && v.Kind != event.Bool || len(v.JSON) == len(`""`) && v.Kind == event.String {
		return span{}
	}
	begin := cap(e.json) - cap(v.JSON)
	return span{int32(begin), int32(begin + len(v.JSON))}
}

// isID reports whether v can be an id: a number, or a string that is not empty.
func isID(v event.Value) bool {
	return v.Kind == event.Number || v.Kind == event.String && len(v.JSON) > len(`""`)
}

// id returns where the id v is, and its key.
func (r *Reader) id(e *Event, v event.Value) (span, key) {
	if !isID(v) {
		return span{}, 0
	}
	text := v.JSON
	if v.Kind == event.String {
		text = v.JSON[1 : len(v.JSON)-1]
		if v.Escaped {
			r.buf = v.AppendText(r.buf[:0])
			text = r.buf
		}
	}
	return e.spanOf(v), r.m.keyOf(0, text)
}

// keyOf returns the key of an id in the name space of that seed.
func (m *Map) keyOf(seed int, text []byte) key {
	return key(max(maphash.Bytes(m.seeds[seed], text), 1))
}

// kind returns what events of that class and name mean.
func (r *Reader) kind(class, name event.Value) Kind {
	r.buf = append(class.AppendText(r.buf[:0]), 0)
	split := len(r.buf)
	r.buf = name.AppendText(r.buf)
	k, ok := r.kinds[string(r.buf)]
	if !ok {
		var o Origin
		if k, o = r.m.Kind(r.buf[:split-1], r.buf[split:]); k != None && o == Guessed && r.OnGuess != nil {
			r.OnGuess(k.String(), string(r.buf[:split-1])+"."+string(r.buf[split:]))
		}
		if r.OnGiven != nil {
			r.m.givenEvents(r.buf[:split-1], r.buf[split:], r.OnGiven)
		}
		if len(r.kinds) == maxKinds || r.size+len(r.buf) > maxSize {
			clear(r.kinds)
			r.size = 0
		}
		r.size += len(r.buf)
		r.kinds[string(r.buf)] = k
	}
	return k
}

// plan returns where the fields of the event are.
func (r *Reader) plan(x *event.Index) *plan {
	shape, known := x.Shape()
	if known {
		if p := r.plans[shape]; p != nil {
			return p
		}
	}
	p := &plan{
		callid: x.Find("callid"), leg: x.Find("uniqueid"), channel: x.Find("asteriskid"),
		machine: x.Find("machine"), stamp: x.Find("timestamp"),
	}
	for role, names := range r.m.fields {
		for _, name := range names {
			at := place{index: x.Find(name)}
			if at.index < 0 {
				object, _, dotted := strings.Cut(name, ".")
				if !dotted || x.Find(object) < 0 {
					continue
				}
				at = place{path: name}
			}
			at.guess = r.guess(Role(role), name)
			if at.guess.given = r.m.given[role]; at.guess.given && !at.guess.used && x.Get(name).Kind != event.Absent {
				r.use(at.guess) // also if another field of the list comes first
			}
			p.roles[role] = append(p.roles[role], at)
		}
	}
	if known {
		if len(r.plans) == maxPlans {
			clear(r.plans)
		}
		r.plans[shape] = p
	}
	return p
}
