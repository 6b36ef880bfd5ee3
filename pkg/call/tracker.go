package call

import (
	"bytes"
	"math"
	"slices"
	"time"
)

// The limits of what a Tracker keeps. What goes beyond them is counted in [Stats].
const (
	maxOpen     = 50_000
	maxKept     = 5_000 // calls that ended
	maxBytes    = 64 << 20
	maxLegs     = 10_000
	maxFirst    = 400 // events of a call that are kept, from its beginning
	maxLast     = 100 // and from its end
	maxMachines = 10_000
	maxNames    = 8 << 20 // bytes of the names of all machines
	maxMarked   = 1 << 10 // ids of a call besides its legs
	callBytes   = 1 << 10 // that a call takes besides its ids and events
	eventBytes  = 256     // that an event takes besides its text
	maxFree     = 256     // calls whose memory is kept to be used again

	maxSpare      = 4096 // events likewise
	maxSpareBytes = 1024 // each
)

// again is how long after the end of a call its ids still belong to it.
const again = 5 * 60 * 1_000_000 // microseconds

// silence is the time of the feed after which a machine's clock does not count.
const silence = 10 * 1_000_000 // microseconds

// maxJump is how far a single event may move the feed's time forward. One that is further ahead
// counts only if the next event agrees with it.
const maxJump = 3600 * 1_000_000 // microseconds

// Options are the options of a Tracker. The zero Options are the defaults.
type Options struct {
	// Linger is the time between the last end and the end of the call, by the feed's
	// time. The default is 2 s; a negative Linger is none.
	Linger time.Duration
	// Hold is how long events are held so that they can be followed in the order of
	// their timestamps. The default is Linger. If it is negative each event is followed
	// at once, in the order in which they come.
	Hold time.Duration
	// Timeout is the silence after which a call without an end is lost, by the feed's
	// time. The default is 4 h.
	Timeout time.Duration
	// KeepEvents keeps the events of calls, for Call.Events.
	KeepEvents bool
	// DropEvents says what goes first when there is no room: the events of the open calls that
	// were silent longest, rather than these calls. The memory of events is then reused, so
	// they are valid only until the next call of a method of the Tracker.
	DropEvents bool
	// Figures count the calls, each by its own groups and intervals. Each belongs to one Tracker.
	Figures []*Figures

	// OnEvent is called for each event that is followed, in order, with its call. The call is
	// nil if the event belongs to none, or to one that is not kept any more (Stats.Late).
	// Twice says that the call has had the same event before, which does not count again.
	// The event is valid until OnEvent returns, or as long as the call if events are kept.
	OnEvent func(c *Call, e *Event, twice bool)
	// OnJoin is called when a call becomes part of another one.
	OnJoin func(into, from *Call)
	// OnEnd is called when a call has ended or is lost: again if it was opened again, or
	// became part of another one; and by Finish for those that are open.
	OnEnd func(c *Call)
}

// Stats are counts of a Tracker.
type Stats struct {
	Calls    int64 // that were followed, those that were joined counted once
	Open     int64 // now
	Strange  int64 // events of class call without an id
	Untimed  int64 // events without a timestamp: each counts as of the newest one that came before it
	Late     int64 // events of a call that has ended and is not kept any more: they are left out
	GivenUp  int64 // calls that were given up as lost because there were too many, or too large ones
	Unkept   int64 // events that are not kept, beyond the first and last ones of a call
	LegsOver int64 // legs beyond 10,000 of one call: they are not counted as legs
	IDsOver  int64 // ids of ended calls that were forgotten before 5 minutes were over
}

// Tracker follows calls. It is not safe for concurrent use.
type Tracker struct {
	o       Options
	linger  int64
	timeout int64
	stats   Stats
	figures []*Figures
	names   int // bytes of the names of machines

	hold    *hold  // nil to follow events at once
	pending *Event // is ahead of its time, if the next event does not agree
	ahead   int64  // the time of such an event that was followed at once
	newest  int64  // the feed's time: the newest timestamp that came
	sure    bool   // newest rests on more than one event
	now     int64  // the feed's time as far as events were followed

	machines map[string]*machine
	recent   [16]*machine // by a byte of their names, to spare a look into the map
	byID     table[*Call]
	free     []*Call // forgotten, to be used again
	spare    []*Event
	opened   list // open calls, the longest silent one first
	kept     list // calls that ended, the oldest first
	ended    gone // ids of those that ended before
	bytes    int
	number   int64
	order    int64    // of events
	queue    []ending // calls whose legs have all ended
	heard    []ending // those of them whose machines are heard of, and when they may be silent
	stay     int

	closed    int64 // calls that ended or were lost
	forgotten int64 // chosen calls that are not kept any more

	watched bool    // Changes was called, and changed and left have all since then
	changed []*Call // some may have been forgotten since, and be others now
	left    []int64 // numbers of calls that were forgotten or became part of another one
}

// machine is what is known of a machine: 1 and "1" are the same.
type machine struct {
	text   []byte   // its name
	json   []byte   // its name as first received
	newest int64    // of its timestamps
	heard  int64    // the feed's time when it was last heard of
	queue  []ending // calls with events of it whose legs have all ended
}

// NewTracker returns a Tracker. O may be nil. The events must come from Readers of one
// Map.
func NewTracker(o *Options) *Tracker {
	t := &Tracker{machines: map[string]*machine{}}
	if o != nil {
		t.o = *o
	}
	or := func(d, standard time.Duration) int64 {
		if d == 0 {
			d = standard
		}
		return max(d.Microseconds(), 0)
	}
	t.linger = or(t.o.Linger, 2*time.Second)
	t.timeout = or(t.o.Timeout, 4*time.Hour)
	t.figures = slices.Clone(t.o.Figures)
	for i, f := range t.figures {
		f.slot = i
	}
	if usec := or(t.o.Hold, time.Duration(t.linger)*time.Microsecond); usec > 0 {
		t.hold = newHold(usec)
	}
	return t
}

// Stats returns the counts so far.
func (t *Tracker) Stats() Stats {
	s := t.stats
	s.Open = int64(t.opened.count)
	return s
}

// Add follows an event, or holds a copy of it to follow it later.
func (t *Tracker) Add(e *Event) {
	if e.Time == 0 {
		t.stats.Untimed++
		if e.Time = t.newest; e.Time == 0 && !e.Received.IsZero() {
			e.Time = e.Received.UnixMicro()
		}
	}
	if t.hold == nil {
		t.arrive(e, t.agreed(e.Time))
		return
	}
	switch p := t.pending; {
	case p == nil && t.newest > 0 && e.Time > t.newest+maxJump:
		t.pending = e.copyTo(&Event{})
		return
	case p == nil:
	case e.Time > t.newest+maxJump && e.Time > p.Time-maxJump:
		t.pending = nil
		t.arrive(p, p.Time)
	default:
		t.pending = nil
		t.arrive(p, t.newest)
	}
	t.arrive(e, e.Time)
}

// agreed returns the feed's time at an event with that timestamp. It does not move if the
// timestamp is far ahead and the event before does not agree with it.
func (t *Tracker) agreed(usec int64) int64 {
	if t.newest == 0 || usec <= t.newest+maxJump {
		t.ahead = 0
		return usec
	}
	before := t.ahead
	if t.ahead = usec; before == 0 || usec <= before-maxJump {
		return t.newest
	}
	return usec
}

// arrive follows e, or holds it, as an event of that time of the feed.
func (t *Tracker) arrive(e *Event, at int64) {
	e.at = at
	switch {
	case !t.sure && t.newest > 0 && at < t.newest-maxJump:
		// The first event was ahead of its time.
		if t.hold != nil {
			t.hold.release(math.MaxInt64/2, func(e *Event) {
				e.at = at
				t.leave(e)
			})
			t.hold.first = 0
		}
		t.newest, t.now = at, at
		for _, m := range t.machines {
			m.newest, m.heard = at, at
		}
	default:
		t.sure = t.newest > 0
		t.newest = max(t.newest, at)
	}
	if t.hold == nil {
		t.follow(e)
		return
	}
	t.hold.release(t.newest, t.leave)
	if !t.hold.add(e) {
		t.follow(e)
	}
}

// leave follows an event that was held.
func (t *Tracker) leave(e *Event) {
	if kept := t.follow(e); !kept {
		t.hold.reuse(e)
	}
}

// Quiet says that nothing has come for that time: the feed's time moves on without an
// event. Otherwise the last calls of a quiet live feed would not end.
func (t *Tracker) Quiet(d time.Duration) {
	if p := t.pending; p != nil {
		t.pending = nil
		t.arrive(p, p.Time)
	}
	now := t.newest + d.Microseconds()
	if t.hold != nil {
		t.hold.release(now, t.leave)
		now -= t.hold.time // an event before may still come
	}
	before := t.now
	t.now = max(t.now, now)
	for _, f := range t.figures {
		switch {
		case f.o.Correct && f.clock > 0:
			f.move(f.clock + t.now - before)
		case t.now > 0 && !f.o.Correct:
			f.move(t.now)
		}
	}
	t.endQuiet(now)
	t.lose()
}

// Gap says that events are missing, or may be: the calls that are open are doubtful.
func (t *Tracker) Gap() {
	t.flush()
	t.doubt()
}

// doubt makes the open calls doubtful.
func (t *Tracker) doubt() {
	for c := t.opened.first; c != nil; c = c.next {
		c.doubt = true
		t.noteChange(c)
	}
}

// flush follows all events that are held.
func (t *Tracker) flush() {
	if p := t.pending; p != nil {
		t.pending = nil
		t.arrive(p, p.Time)
	}
	if t.hold != nil {
		t.hold.release(math.MaxInt64/2, t.leave)
	}
}

// Finish says that the input has ended: the linger counts as passed. OnEnd is called for the
// calls that end because of that, and then for the open ones, the earliest first. After that
// only Changes and Calls may be called.
func (t *Tracker) Finish() {
	t.flush()
	t.endAll()
	open := t.opened.all()
	sortCalls(open)
	for _, c := range open {
		if t.o.OnEnd != nil {
			t.o.OnEnd(c)
		}
	}
}

// machine returns the machine with that value, JSON, nil for none.
func (t *Tracker) machine(json []byte) *machine {
	text, recent := valueOf(json).Text(), &t.recent[0]
	if n := len(text); n > 0 {
		recent = &t.recent[text[n-1]%16]
	}
	if m := *recent; m != nil && string(m.text) == string(text) {
		return m
	}
	if m := t.machines[string(text)]; m != nil {
		*recent = m
		return m
	}
	if len(t.machines) >= maxMachines || t.names+len(json) > maxNames {
		text, json = nil, nil // all others are one
		if m := t.machines[""]; m != nil {
			return m
		}
	}
	t.names += len(json)
	m := &machine{text: bytes.Clone(text), json: bytes.Clone(json)}
	t.machines[string(text)] = m
	return m
}

// Waiting reports whether the passing of time alone can change anything: events are
// held, or calls are open.
func (t *Tracker) Waiting() bool {
	return t.pending != nil || t.hold != nil && t.hold.count > 0 || t.opened.count > 0
}
