package stats

// maxBuckets bounds the buckets of a timeline, and maxSpan their time: a timestamp can be
// anything.
const (
	maxBuckets = 240
	maxSpan    = 2 * 366 * 24 * 3600 // seconds
)

// second is the number of events in a second since 1970.
type second struct{ at, n int64 }

// timeline is the number of events over time, in buckets that become longer so that there
// are never more than most.
type timeline struct {
	width    int64 // seconds
	most     int64
	from, to int64 // the numbers of the first bucket and the last: their time divided by width
	n        map[int64]int64
	left     int64 // events left out: their timestamps are too far away
}

// add adds events.
func (t *timeline) add(seconds []second) {
	for _, s := range seconds {
		at := s.at / t.width
		if t.n == nil {
			t.from, t.to, t.n = at, at, map[int64]int64{}
		}
		from, to := min(t.from, at), max(t.to, at)
		if (to-from)*t.width > maxSpan {
			t.left += s.n
			continue
		}
		t.n[at] += s.n
		for t.from, t.to = from, to; t.to-t.from >= t.most; {
			t.coarsen()
		}
	}
}

// coarsen makes the buckets twice as long.
func (t *timeline) coarsen() {
	wider := make(map[int64]int64, len(t.n))
	for at, n := range t.n {
		wider[at/2] += n
	}
	if t.n != nil {
		t.n = wider
	}
	t.width, t.from, t.to = 2*t.width, t.from/2, t.to/2
}

// counts returns the events of each bucket, at most the newest most, and the length of a
// bucket in seconds.
func (t *timeline) counts(most int) (n []int64, width int64) {
	if t.n == nil {
		return nil, 1
	}
	per := max((t.to-t.from)/int64(most)+1, 1) // buckets a column
	for at := t.from; at <= t.to; at += per {
		sum := int64(0)
		for i := range per {
			sum += t.n[at+i]
		}
		n = append(n, sum)
	}
	return n, per * t.width
}
