package event

import "time"

// Window finds duplicates where several sources send the same events. It remembers
// the identities of recent events, and how often each source has delivered each. It
// is not safe for concurrent use.
//
// An event is a duplicate if another source has delivered its identity more often
// than its own source had before. So two equal events of one source are two events,
// and with a single source there are no duplicates. If a second source sends both as
// well they are still two, in whatever order they come and whichever source misses
// one.
type Window struct {
	// OnForget, unless it is nil, is called with each identity that is forgotten, and how
	// often each source has delivered it. The arguments are valid during the call.
	OnForget func(m *Memo, delivered []uint32)

	age     time.Duration
	count   int
	sources int
	start   time.Time
	now     time.Duration // since start, never decreasing

	// The identities first to next-1, numbered in the order in which they were first
	// seen, are remembered. Number n is at n modulo len(ring).
	ring        []remembered
	delivered   []uint32 // for each place in ring, a count for each source
	first, next uint64
	numbers     map[Identity]uint64
}

type remembered struct {
	id   Identity
	at   time.Duration // when it was first seen, since start
	memo Memo
}

// Memo is what the caller of a Window notes about an identity. The Window only keeps it.
type Memo struct {
	Received int64 // when it came first
	Order    int64 // its place among the identities
	Source   int32 // the source that delivered it first
	Group    int32
	Sources  int32 // how many sources have delivered it
}

// NewWindow returns a Window for sources numbered from 0 to sources-1. It remembers
// at most count identities, each for the given age after it was first seen. When
// there are more, the oldest is forgotten early. A duplicate of a forgotten identity
// counts as a new event, so count should be larger than the rate of events times the
// longest lag between sources. NewWindow panics if an argument is not positive.
//
// Memory grows with use up to about (140 + 4 × sources) × count bytes.
func NewWindow(count, sources int, age time.Duration) *Window {
	if count <= 0 || sources <= 0 || age <= 0 {
		panic("event: NewWindow wants a positive count, sources and age")
	}
	return &Window{age: age, count: count, sources: sources, numbers: make(map[Identity]uint64)}
}

// Seen remembers an event that source delivered at the given time, and reports
// whether it is a duplicate of one that another source delivered before. Times must
// not decrease: an earlier time counts as that of the call before. Times from
// time.Now are right even if the clock is set meanwhile. Seen takes constant time on
// average and panics if source is out of range.
func (w *Window) Seen(id Identity, source int, at time.Time) bool {
	_, _, duplicate := w.Deliver(id, source, at)
	return duplicate
}

// Deliver is like Seen. It also returns the memo of the identity, which is zero for one that
// is new and valid until the next call, and how often source has delivered it by now.
func (w *Window) Deliver(id Identity, source int, at time.Time) (m *Memo, times int, duplicate bool) {
	if w.start.IsZero() {
		w.start = at
	}
	w.now = max(w.now, at.Sub(w.start))
	for w.first < w.next && w.now-w.ring[w.place(w.first)].at >= w.age {
		w.forget()
	}

	n, known := w.numbers[id]
	if !known {
		n = w.remember(id)
	}
	place := w.place(n)
	counts := w.counts(place)
	counts[source]++
	for s, c := range counts {
		duplicate = duplicate || s != source && c >= counts[source]
	}
	return &w.ring[place].memo, int(counts[source]), duplicate
}

// Each calls f for each identity that is remembered, with the arguments of OnForget.
func (w *Window) Each(f func(m *Memo, delivered []uint32)) {
	for n := w.first; n < w.next; n++ {
		f(&w.ring[w.place(n)].memo, w.counts(w.place(n)))
	}
}

func (w *Window) place(n uint64) int { return int(n % uint64(len(w.ring))) }

func (w *Window) counts(place int) []uint32 {
	return w.delivered[place*w.sources:][:w.sources:w.sources]
}

func (w *Window) forget() {
	place := w.place(w.first)
	if w.OnForget != nil {
		w.OnForget(&w.ring[place].memo, w.counts(place))
	}
	delete(w.numbers, w.ring[place].id)
	w.first++
}

func (w *Window) remember(id Identity) (n uint64) {
	if int(w.next-w.first) == len(w.ring) {
		if len(w.ring) == w.count {
			w.forget()
		} else {
			w.grow()
		}
	}
	n = w.next
	w.next++
	place := w.place(n)
	w.ring[place] = remembered{id: id, at: w.now}
	clear(w.counts(place))
	w.numbers[id] = n
	return n
}

// grow makes the ring larger. It begins small, for a quiet feed.
func (w *Window) grow() {
	old := *w
	size := min(max(2*len(w.ring), 64), w.count)
	w.ring = make([]remembered, size)
	w.delivered = make([]uint32, size*w.sources)
	for n := w.first; n < w.next; n++ {
		w.ring[w.place(n)] = old.ring[old.place(n)]
		copy(w.counts(w.place(n)), old.counts(old.place(n)))
	}
}
