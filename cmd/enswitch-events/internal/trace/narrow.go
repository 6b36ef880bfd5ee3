package trace

import (
	"cmp"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// A large capture is read in several passes. The first one scans only the lines that may have
// an event that is searched for. The lines around the latest such event are read into memory
// and show which ids the call has. The second pass scans only the lines with these ids, and the
// tracker follows no other events: a call whose ids are all searched for depends on other
// events only for the time of the feed, which a sample of the other lines shows (search.go). If
// the capture is sorted by time, the second pass reads only the time of the call and 6 minutes
// on each side, provided that all legs of the call start in that part and the call ends in it.
//
// Of a compressed capture the first pass keeps the lines around the latest event in memory. If
// these do not have the whole call, the second pass follows all events.
//
// If the second pass finds further ids of the call, another pass searches for those, too. If it
// finds something that depends on the other lines, all events are followed. Calls that are not
// followed do not count towards the bounds of the tracker.

const (
	// margin is the time on each side: the 5 minutes for which ids mean a call, and some
	// for clocks and silent machines.
	margin = int64(6 * time.Minute / time.Microsecond)
	// maxMatches bounds the calls that the first pass notes if fewer than a quarter of it are
	// shown; it only counts the earlier ones. With maxCount calls or more to show all events are
	// followed.
	maxMatches = 2500 // the later half stays, which is more than maxOthers
	maxCount   = 5000
	// maxIDs bounds the ids that are searched for.
	maxIDs = 10_000
	// maxSearches bounds the passes that search for ids.
	maxSearches = 4
)

// Lines returns what is around an offset in the file with that number, in the memory of
// buf, and its offset. It begins and ends anywhere in a line. It is empty if it cannot be
// read.
type Lines func(file int, offset int64, buf []byte) (text []byte, begin int64)

// Narrow is how a capture is read in several passes. It implements captures.Passes.
type Narrow struct {
	t        *Trace
	lines    Lines // nil to go by what is kept in window
	window   window
	newest   int64           // the time of the call that was found in window last
	from, to int64           // the bounds of the capture, 0 for none
	matches  map[hash]*match // by the first id that an event has
	seed     maphash.Seed
	most     int             // matches that are noted
	free     []*match        // forgotten, to be used again
	times    []int64         // memory for forget
	rest     []*match        // those whose ids are not searched for, the latest first
	earlier  earlier         // those that were forgotten
	ids      map[string]bool // that are searched for

	whole    bool // only following everything can tell
	searches int
	done     bool
	closed   bool // the calls are whole in what was looked at, as far as that can be told

	low, high int64 // the time that is read; from and to for everything
	watch     watch

	// What is around the match that was looked at last.
	text  []byte
	file  int
	begin int64
}

// match is the events that are searched for and have the same callid.
type match struct {
	first, last int64 // their times
	file        int
	offset      int64 // of the first of them
	ids         [][]byte
	texts       []byte // of the ids
}

// Passes returns how the capture is read within its bounds. It is nil if it must be
// followed whole, because all calls are shown, or many.
func (t *Trace) Passes(from, to int64, lines Lines) *Narrow {
	if t.o.Count == 0 || t.o.Count > maxCount {
		return nil
	}
	n := &Narrow{t: t, lines: lines, from: from, to: to, matches: map[hash]*match{}, seed: maphash.MakeSeed(), ids: map[string]bool{}}
	n.most = max(maxMatches, 4*t.o.Count)
	return n
}

// First returns the sink of the first pass, what a line needs to be looked at, and what
// counts the events while none is found.
func (n *Narrow) First() (sink engine.Sink, needles []string, digits string, counts *tally.Tally) {
	needles, digits = n.t.o.What.Needles()
	n.t.partly = needles != nil || digits != ""
	n.t.twice = true
	return &finder{n}, needles, digits, n.t.o.Tally
}

// Next implements captures.Passes.
func (n *Narrow) Next() (p engine.Pass, more bool) {
	t := n.t
	switch {
	case n.done, t.certain, len(n.matches) == 0 && !n.whole:
		return p, false
	case n.searches == 0 && !n.whole:
		n.look()
		n.whole = n.lines == nil && !n.closed // so that captures are read twice, not more often
	}
	n.text = nil
	t.restart()
	if n.searches++; n.whole || n.searches > maxSearches || len(n.ids) > maxIDs {
		n.done = true
		return engine.Pass{Sink: t, From: n.from, To: n.to}, true
	}
	t.narrow = n
	n.watch = newWatch(n.ids, &t.o.Tracker)
	return engine.Pass{Sink: &search{t, n}, From: n.low, To: n.high, Needles: needlesOf(n.ids)}, true
}

// settle reports whether following every event would find the same calls. If not, it prepares
// another pass.
func (n *Narrow) settle() bool {
	t := n.t
	more := n.watch.learn(t.others)
	switch {
	case n.watch.unsure, !n.latest(t.found):
		n.whole = true
	case (more || !n.covers(t.found)) && n.lines == nil:
		n.whole = true
	case more, !n.covers(t.found):
		n.low, n.high = n.from, n.to
	default:
		return true
	}
	return false
}

// latest reports whether no call began later than those that were found.
func (n *Narrow) latest(calls map[int64]*Call) bool {
	others := n.earlier.latest
	if len(n.rest) > 0 {
		others = n.rest[0].first
	}
	for _, c := range calls {
		if c.Begin < others {
			return false
		}
	}
	return others == 0 || len(calls) == n.t.o.Count
}

// covers reports whether the time that is read is enough for the calls.
func (n *Narrow) covers(calls map[int64]*Call) bool {
	for _, c := range calls {
		if n.low != n.from && (c.Begin < n.low+margin || !c.allStart()) || n.high != n.to && (c.State != call.Ended || c.latest() > n.high-margin) {
			return false
		}
	}
	return len(calls) == n.t.o.Count || n.low == n.from && n.high == n.to
}

// latest returns the time of the latest event.
func (s *Call) latest() int64 { return s.Events[len(s.Events)-1].Time }

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

// nameRest adds the calls whose ids were not searched for to the calls that are named in the
// message.
func (n *Narrow) nameRest(t *Trace) {
	for _, m := range n.rest {
		if n.ids[string(m.ids[0])] {
			continue
		}
		if t.count++; len(t.others) < maxOthers {
			t.others[-int64(t.count)] = other{m.first, (&Call{CallIDs: t.hide.fields("callid", []string{string(m.ids[0])}), Begin: m.first}).short()}
		}
	}
	shown := map[hash]bool{}
	for id := range n.ids {
		shown[hash(maphash.String(n.seed, id))] = true
	}
	t.count += n.earlier.count(shown)
	t.uncounted = n.earlier.over
}

// sorted returns what was found, the latest first.
func (n *Narrow) sorted() []*match {
	return slices.SortedFunc(maps.Values(n.matches), func(a, b *match) int {
		return cmp.Or(cmp.Compare(b.first, a.first), cmp.Compare(b.file, a.file), cmp.Compare(b.offset, a.offset))
	})
}
