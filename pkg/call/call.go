// Package call follows telephone calls in a stream of events: which events are one
// call, what legs it has, how far each has come, and when it ended.
//
// # What belongs together
//
// A call is a set of ids. The fields callid and uniqueid share one name space;
// asteriskid counts only together with machine, because Asterisk's ids repeat from
// machine to machine. An event of class call makes a call, or adds its ids to the call
// that has one of them; if it carries ids of two calls it joins them. An event of
// another class belongs to the call that has one of its ids, but makes no call, no leg,
// and adds no id. A leg is a uniqueid of an event of class call. An id of a call that
// ended more than 5 minutes ago begins a new one.
//
// # When a call ends
//
// A call has ended when at least one end was seen, every leg seen has ended (an end
// without uniqueid ends all), and the linger has passed by the feed's own time: the
// newest timestamp of the machines that the call has events of, or of any machine once
// those have been silent for 10 s. At the end of the input the linger counts as passed.
// A further leg opens the call again. A call without an end is lost after a long
// silence. A call that was open during a gap is doubtful.
//
// # Which event was first
//
// Timestamps decide, as received; ties by machine, then by bytes. A [Tracker] holds
// events for a time and follows them in that order, so the same events in any order
// that is off by less than that give the same calls.
//
// # Figures
//
// [Figures] counts the calls that a Tracker follows: how many were answered, for how long,
// how soon they rang, how many were up at once. Each figure is defined at [Summary], after
// ITU-T E.411, E.425 and RFC 6076.
//
// The vendor documents the fields callid, uniqueid, asteriskid and machine, and the
// event start of class call. What other events and fields mean is up to a [Map].
package call

import (
	"cmp"
	"slices"
)

// State is the state of a call.
type State uint8

// The states.
const (
	Open  State = iota // not all legs have ended
	Ended              // all have ended, and the linger has passed
	Lost               // nothing has come for a long time, or there was no room for it
)

// String returns open, ended or lost.
func (s State) String() string { return [...]string{"open", "ended", "lost"}[s] }

// Call is a call. It belongs to its Tracker, and is valid until the Tracker gives it up:
// during the Tracker's calls of OnEvent, OnJoin and OnEnd.
type Call struct {
	// Data is for the caller. It is 0 at first. After a join it is that of the older call.
	Data uint64

	number  int64
	state   State
	chosen  bool
	doubt   bool
	ids     []key
	callids []seen
	legs    []Leg
	legAt   map[key]int32 // where each is, once there are many; nil if it is not known
	open    int           // legs that have not ended
	// The events of class call without a uniqueid.
	whole Leg

	machines []seen
	roles    [roleCount]mark
	first    mark // of the earliest event of class call
	firstLeg key
	start    mark
	ring     mark
	answer   mark
	end      mark // the last
	cause    []byte
	last     int64 // of the newest event
	offset   int64 // of the clock of that event, as Event.Offset
	touched  int64 // the feed's time at the last event

	stage      Kind  // the highest seen, but End
	overNumber int64 // among the calls that ended or were lost

	count  int // of events
	hashes []uint64
	seqs   []int64 // of the events of hashes, nil without OnEvent
	events []*Event
	bytes  int

	shares [2]share // in the figures, by Figures.slot

	ending int   // number of the current stay in the queues of calls that end, 0 for none
	due    int64 // when it ends
	queues int   // that it is in

	// Next to each other, because lists are walked along them.
	prev, next *Call
	list       *list
	row        *Row // the newest one, nil if none was made
	current    bool // it is of the call as it is
	changed    bool // the call is in Tracker.changed

	// Memory for a usual call, so that it takes few allocations.
	texts []byte
	room  struct {
		ids      [4]key
		callids  [1]seen
		machines [2]seen
		legs     [2]Leg
		hashes   [10]uint64
		texts    [192]byte
	}
}

// reset makes c a new call.
func (c *Call) reset(number int64) {
	*c = Call{number: number, bytes: callBytes, seqs: c.seqs[:0], events: c.events[:0]}
	c.ids, c.callids, c.machines = c.room.ids[:0], c.room.callids[:0], c.room.machines[:0]
	c.legs, c.hashes, c.texts = c.room.legs[:0], c.room.hashes[:0], c.room.texts[:0]
}

// own returns a copy of text that stays. It is not nil.
func (c *Call) own(text []byte) []byte {
	if len(text) > cap(c.texts)-len(c.texts) {
		c.texts = make([]byte, 0, max(256, len(text)))
		c.bytes += cap(c.texts)
	}
	begin := len(c.texts)
	c.texts = append(c.texts, text...)
	return c.texts[begin:len(c.texts):len(c.texts)]
}

// renew returns a copy of text that stays. It uses the memory of old, which c owns, if that
// is large enough: otherwise a call with many ends would take ever more. It is not nil.
func (c *Call) renew(old, text []byte) []byte {
	if old != nil && len(text) <= cap(old) {
		return append(old[:0], text...)
	}
	return c.own(text)
}

// seen is a value as received and when it was seen first.
type seen struct {
	json    []byte
	key     key      // of an id
	machine *machine // of which json is the name
	at      int64    // microseconds since 1970
	order   int64    // among events of the same time
}

// again notes that s was seen again.
func (s *seen) again(at, order int64) {
	if at < s.at {
		s.at, s.order = at, order
	}
}

// inOrder sorts values by when they were seen.
func inOrder(all []seen) []seen {
	slices.SortFunc(all, func(a, b seen) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.order, b.order)) })
	return all
}

// merge adds to a the entries that only b has, as long as there is room, and keeps for each
// the time when it was seen first.
func merge(a, b []seen) []seen {
	for _, v := range b {
		i := slices.IndexFunc(a, func(w seen) bool { return w.machine == v.machine && w.key == v.key })
		switch {
		case i >= 0:
			if v.at < a[i].at {
				a[i] = v
			}
		case len(a) < maxMarked:
			a = append(a, v)
		}
	}
	return a
}

// mark is a value and when it was seen.
type mark struct {
	at     int64  // microseconds since 1970
	order  int64  // among events of the same time
	json   []byte // nil for none
	offset int64  // of the clock, as Event.Offset
}

// before reports whether m was seen before other, or other never.
func (m *mark) before(other *mark) bool {
	return m.json != nil && (other.json == nil || m.at < other.at || m.at == other.at && m.order < other.order)
}

// earliest makes m other, if that was seen before. The texts of other must stay.
func (m *mark) earliest(other *mark) {
	if other.before(m) {
		*m = *other
	}
}

// note makes m other, if that was seen before.
func (c *Call) note(m *mark, other mark) {
	if other.before(m) {
		*m = mark{other.at, other.order, c.renew(m.json, other.json), other.offset}
	}
}

// Leg is a leg of a call: one channel.
type Leg struct {
	// ID is the uniqueid as received, JSON.
	ID []byte
	// State is the highest kind of event seen.
	State Kind
	// First is when its first event was, in microseconds since 1970.
	First int64

	key     key
	order   int64 // among legs with the same First
	started bool
}

func (l *Leg) ended() bool { return l.State == End }

// Number numbers the calls of a Tracker in the order in which they began to be followed,
// from 1. The same events in the same order give the same numbers. After a join it is
// that of the older call.
func (c *Call) Number() int64 { return c.number }

// State returns the state of the call.
func (c *Call) State() State { return c.state }

// Chosen reports whether an event of the call was Chosen.
func (c *Call) Chosen() bool { return c.chosen }

// Answered reports whether an answer was seen.
func (c *Call) Answered() bool { return c.answer.json != nil }

// Doubtful reports whether events of the call may be missing: there was a gap while it
// was open, or it was given up for lack of room.
func (c *Call) Doubtful() bool { return c.doubt }

// Partial reports whether the call began before the input: its earliest event is of a
// leg that has no start.
func (c *Call) Partial() bool {
	if c.whole.started {
		return false
	}
	for i := range c.legs {
		if c.legs[i].key == c.firstLeg {
			return !c.legs[i].started
		}
	}
	return true
}

// Legs returns the legs, the earliest first. The result is valid as long as the call.
func (c *Call) Legs() []Leg {
	order := func(a, b Leg) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.order, b.order)) }
	if !slices.IsSortedFunc(c.legs, order) {
		slices.SortStableFunc(c.legs, order)
		c.legAt = nil
	}
	return c.legs
}

// Count returns the number of events of the call. One that came twice counts once.
func (c *Call) Count() int { return c.count }

// Begin returns the time of the earliest event of class call, and Last that of the
// newest event, in microseconds since 1970.
func (c *Call) Begin() int64 { return c.first.at }

// Last returns the time of the newest event, in microseconds since 1970.
func (c *Call) Last() int64 { return c.last }

// Events returns the events that were kept, in the order of their timestamps: all, or
// the first 400 and the last 100. It is empty unless the Tracker keeps events. The
// events are valid, and must not be changed, as long as the call.
func (c *Call) Events() []*Event {
	slices.SortStableFunc(c.events, compareEvents)
	return c.events
}

// text returns the text of the field with role r, and whether there is one.
func (c *Call) text(r Role) ([]byte, bool) {
	json := c.roles[r].json
	if r == Cause {
		json = c.cause
	}
	if len(json) == 0 {
		return nil, false
	}
	return valueOf(json).Text(), true
}

// Text returns the text of the field with that role: from the earliest event that has one, but
// the cause from the last end. It is empty if no event has one.
func (c *Call) Text(r Role) string {
	text, _ := c.text(r)
	return string(text)
}

// manyLegs is the number of legs up to which it is fastest to look at all of them.
const manyLegs = 64

// leg returns the leg with that key, or nil. Of several the newest are asked for most.
func (c *Call) leg(k key) *Leg {
	if len(c.legs) <= manyLegs {
		for i := range slices.Backward(c.legs) {
			if c.legs[i].key == k {
				return &c.legs[i]
			}
		}
		return nil
	}
	if c.legAt == nil {
		c.legAt = make(map[key]int32, len(c.legs))
		for i := range c.legs {
			c.legAt[c.legs[i].key] = int32(i)
		}
	}
	if i, ok := c.legAt[k]; ok {
		return &c.legs[i]
	}
	return nil
}

// addLeg adds a leg.
func (c *Call) addLeg(l Leg) {
	if c.legAt != nil {
		c.legAt[l.key] = int32(len(c.legs))
	}
	c.legs = append(c.legs, l)
}
