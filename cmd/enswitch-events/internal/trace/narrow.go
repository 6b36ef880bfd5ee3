package trace

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// A large capture is not followed whole. A first pass finds the events that are searched
// for, and reads no others. The second one follows all calls in a short time around the
// latest of them, and a third looks for the ids of the call that was found in the minutes
// before and after that time. What is shown is certain to be what following the whole
// capture shows if all legs of the call start in that time, if it ends in it, and if no
// other event has its ids within the 5 minutes for which they mean this call. Otherwise
// the time is widened, and in the end the whole capture is followed. Where the file is
// sorted by time only that part of it is read, so that most often it is read once and a
// little more.

const (
	// margin is the time on each side: the 5 minutes for which ids mean a call, and some
	// for clocks and silent machines.
	margin = int64(6 * time.Minute / time.Microsecond)
	// maxMatches bounds the callids that the first pass notes.
	maxMatches = 100_000
)

// Narrow is how a capture is read in several passes. It implements captures.Passes.
type Narrow struct {
	t        *Trace
	from, to int64            // the bounds of the capture, 0 for none
	matches  map[string]*span // by callid
	whole    bool             // only following everything can tell
	attempt  int

	low, high int64 // what is followed
	check     bool  // the ids of what was found are to be looked for around it
	foreign   bool  // and they were found
}

// span is when a callid has what is searched for.
type span struct{ first, last int64 }

// Passes returns how the capture is read within its bounds. It is nil if it must be
// followed whole, because all calls are shown.
func (t *Trace) Passes(from, to int64) *Narrow {
	if t.o.Count == 0 {
		return nil
	}
	return &Narrow{t: t, from: from, to: to, matches: map[string]*span{}}
}

// First returns the sink of the first pass, what a line needs to be looked at, and what
// counts the events while none is found.
func (n *Narrow) First() (sink engine.Sink, needles []string, digits string, counts *tally.Tally) {
	needles, digits = n.t.o.What.Needles()
	n.t.sampled = needles != nil || digits != ""
	n.t.twice = true
	return &finder{n}, needles, digits, n.t.o.Tally
}

// rooms are the times around what was found that are followed, one after the other. Those
// that are shorter than the margin need another look at the lines with ids of the call.
var rooms = [...]int64{
	int64(20 * time.Second / time.Microsecond), int64(4 * time.Minute / time.Microsecond), 10 * margin,
}

// Next implements captures.Passes.
func (n *Narrow) Next() (p engine.Pass, more bool) {
	t := n.t
	switch {
	case n.whole && n.attempt > 0, n.attempt > 0 && t.certain, len(n.matches) == 0 && !n.whole:
		return p, false
	case n.check:
		n.check = false
		return n.checkPass(), true
	}
	t.restart()
	if n.attempt++; n.whole || n.attempt > len(rooms) {
		n.whole = true
		return engine.Pass{Sink: t, From: n.from, To: n.to}, true
	}
	room := rooms[n.attempt-1]
	callids := slices.SortedFunc(maps.Keys(n.matches), func(a, b string) int { return cmp.Compare(n.matches[b].first, n.matches[a].first) })
	low, high := int64(math.MaxInt64), int64(0)
	for _, id := range callids[:min(len(callids), t.o.Count)] {
		low, high = min(low, n.matches[id].first), max(high, n.matches[id].last)
	}
	n.low, n.high = max(low-room, n.from, 1), high+room
	if n.to > 0 {
		n.high = min(n.high, n.to)
	}
	t.narrow = n
	return engine.Pass{Sink: t, From: n.low, To: n.high}, true
}

// inWindow reports whether everything that was found is in the time from low on.
func (n *Narrow) inWindow(low int64) bool {
	for _, s := range n.matches {
		if s.first < low {
			return false
		}
	}
	return true
}

// allStart reports whether the first event of each leg is its start, and each callid has
// a start.
func (s *Call) allStart() bool {
	for _, id := range s.CallIDs {
		if !slices.ContainsFunc(s.Events, func(e Event) bool { return e.Kind == call.Start && e.CallID == id }) {
			return false
		}
	}
	for _, leg := range s.Legs {
		i := slices.IndexFunc(s.Events, func(e Event) bool { return e.Leg == leg })
		if i < 0 || s.Events[i].Kind != call.Start {
			return false
		}
	}
	return len(s.Legs) > 0
}

// before adds the callids that were found before the window to the other calls.
func (n *Narrow) before(t *Trace) {
	for id, s := range n.matches {
		if s.first < n.low && !slices.ContainsFunc(slices.Collect(maps.Values(t.found)), func(c *Call) bool { return slices.Contains(c.CallIDs, id) }) {
			t.count++
			t.others[-int64(t.count)] = other{s.first, (&Call{CallIDs: []string{id}, Begin: s.first}).short()}
		}
	}
}

// finder is the sink of the first pass.
type finder struct{ n *Narrow }

// match is an event that is searched for.
type match struct {
	callid string
	time   int64 // 0 for none
}

// findPart is what Fold gets of a block.
type findPart struct{ matches []match }

// findWorker is the worker of a finder.
type findWorker struct {
	what *What
	part *findPart
}

// InOrder implements [engine.Sink].
func (f *finder) InOrder() bool { return false }

// Worker implements [engine.Sink].
func (f *finder) Worker(engine.Mapping) (engine.Worker, error) {
	return &findWorker{what: f.n.t.o.What.Clone()}, nil
}

// Begin implements [engine.Worker].
func (w *findWorker) Begin(b *engine.Block, _ bool) {
	w.part = engine.PartOf[findPart](b)
	w.part.matches = w.part.matches[:0]
}

// Event implements [engine.Worker].
func (w *findWorker) Event(e *engine.Event) bool {
	if !w.what.Matches(&e.X) {
		return false
	}
	usec, _ := e.X.Field("timestamp").Timestamp()
	w.part.matches = append(w.part.matches, match{string(e.X.Field("callid").Text()), usec})
	return true
}

// Show implements [engine.Worker].
func (w *findWorker) Show(*engine.Event) bool { return false }

// End implements [engine.Worker].
func (w *findWorker) End(*engine.Block) {}

// Fold implements [engine.Sink].
func (f *finder) Fold(b *engine.Block, _ func(engine.Place) *engine.Block) bool {
	n := f.n
	for _, m := range b.Part.(*findPart).matches {
		n.t.matched++
		s := n.matches[m.callid]
		switch {
		case n.whole:
		case m.time == 0 || m.callid == "" || s == nil && len(n.matches) == maxMatches:
			n.whole = true
		case s == nil:
			n.matches[m.callid] = &span{m.time, m.time}
		default:
			s.first, s.last = min(s.first, m.time), max(s.last, m.time)
		}
	}
	return true
}
