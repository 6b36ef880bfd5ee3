package event

import "time"

// Window remembers the identities of recent events, so that several sources
// of the same events can be merged with each event once. It is not safe for
// concurrent use.
//
// What is remembered is how often each source has delivered an identity. An
// event is a duplicate if another source has delivered that identity more
// often than its own source has, itself not counted. So an event that one
// source sends twice is two events (a Window never drops anything of a single
// source), and if a second source sends both as well they are still two,
// however the deliveries interleave and whichever source misses one.
type Window struct {
	age     time.Duration
	count   int
	sources int
	start   time.Time
	now     time.Duration // since start, never backwards

	// The remembered identities in the order in which they were first seen:
	// number n of all ever seen is at n modulo len(ring). They are those from
	// first up to, but not including, next.
	ring        []remembered
	delivered   []uint32 // by source, sources of them for each place in ring
	first, next uint64
	numbers     map[Identity]uint64
}

type remembered struct {
	id Identity
	at time.Duration // when it was first seen
}

// NewWindow returns a Window for sources numbered from 0 to sources-1. It
// remembers an identity for the given age after it was first seen, and at most
// count of them: past that the oldest is forgotten early. A duplicate that
// comes later than that is taken for a new event, so count should exceed the
// rate of events times the longest lag between sources. All three must be
// positive.
//
// Memory grows with use up to about 100 + 4 × sources bytes for each of count.
func NewWindow(count, sources int, age time.Duration) *Window {
	if count <= 0 || sources <= 0 || age <= 0 {
		panic("event: NewWindow wants a positive count, sources and age")
	}
	return &Window{age: age, count: count, sources: sources, numbers: make(map[Identity]uint64)}
}

// Seen reports whether the event, which source delivered at the given time, is
// a duplicate of one that another source delivered before, and remembers it.
// A time before that of an earlier call counts as that earlier time; times
// that come from time.Now are not troubled by a clock that is set. It takes
// constant time on average and panics on a source out of range.
func (w *Window) Seen(id Identity, source int, at time.Time) bool {
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
	counts := w.counts(w.place(n))
	counts[source]++
	for s, c := range counts {
		if s != source && c >= counts[source] {
			return true
		}
	}
	return false
}

// Len is how many identities are remembered.
func (w *Window) Len() int { return len(w.numbers) }

func (w *Window) place(n uint64) int { return int(n % uint64(len(w.ring))) }

func (w *Window) counts(place int) []uint32 {
	return w.delivered[place*w.sources:][:w.sources:w.sources]
}

func (w *Window) forget() {
	delete(w.numbers, w.ring[w.place(w.first)].id)
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

// grow makes the ring larger; a Window of a quiet feed stays small.
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
