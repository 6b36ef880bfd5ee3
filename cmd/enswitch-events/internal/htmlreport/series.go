package htmlreport

import "slices"

// widths are the lengths of buckets in seconds. Each divides the next one.
var widths = []int64{1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200, 86400, 604800} //nolint:gochecknoglobals // a table that nothing changes

const (
	// maxFine bounds the buckets that are kept, and maxShown those of a chart.
	maxFine, maxShown = 600, 120
	// maxSpan bounds the time that a report covers, in seconds: a timestamp can be anything.
	maxSpan = 2 * 366 * 24 * 3600
)

// series is buckets over time that become longer, so that there are never many.
type series struct {
	level   int // of the length, in widths
	from    int64
	to      int64 // the numbers of the first bucket and the last: their time divided by the length
	offset  int64 // of the time zone, in seconds: days begin with a bucket
	buckets map[int64]*bucket
	n       int64 // events in the buckets
	left    int64 // events left out: their timestamps are too far from those of the others
}

func (s *series) width() int64 { return widths[s.level] }

// at returns the bucket of a second since 1970, or nil if that is too far from the others.
// It is for n events.
func (s *series) at(second, n int64) *bucket {
	second += s.offset
	if s.buckets == nil {
		s.restart(second)
	}
	number := second / s.width()
	from, to := min(s.from, number), max(s.to, number)
	if (to-from)*s.width() > maxSpan {
		if s.left += n; s.left <= s.n {
			return nil
		}
		// Most timestamps are not near the first ones: those were the wrong ones.
		left := s.n
		s.restart(second)
		s.left, number = left, second
		from, to = number, number
	}
	s.n += n
	for s.from, s.to = from, to; s.to-s.from >= maxFine; number = second / s.width() {
		s.coarsen()
	}
	b := s.buckets[number]
	if b == nil {
		b = &bucket{}
		s.buckets[number] = b
	}
	return b
}

func (s *series) restart(second int64) {
	s.level, s.from, s.to, s.n = 0, second, second, 0
	s.buckets = map[int64]*bucket{}
}

// coarsen makes the buckets longer.
func (s *series) coarsen() {
	*s = *s.coarser()
}

// coarser returns a copy with the next longer buckets.
func (s *series) coarser() *series {
	c := *s
	c.level++
	factor := widths[c.level] / widths[s.level]
	c.buckets = make(map[int64]*bucket, len(s.buckets))
	for number, b := range s.buckets {
		wide := c.buckets[number/factor]
		if wide == nil {
			wide = &bucket{}
			c.buckets[number/factor] = wide
		}
		wide.merge(b)
	}
	c.from, c.to = s.from/factor, s.to/factor
	return &c
}

// shown returns the series with at most maxShown buckets.
func (s *series) shown() *series {
	for s.to-s.from >= maxShown && s.level < len(widths)-1 {
		s = s.coarser()
	}
	return s
}

// all returns the buckets in their order, also those without anything.
func (s *series) all() []*bucket {
	var all []*bucket
	for number := s.from; number <= s.to && s.buckets != nil; number++ {
		b := s.buckets[number]
		if b == nil {
			b = &bucket{}
		}
		all = append(all, b)
	}
	return all
}

// begin returns when bucket i begins, in seconds since 1970.
func (s *series) begin(i int) int64 { return (s.from+int64(i))*s.width() - s.offset }

// fair returns the series with buckets so long that most of those with calls have enough
// of them for a figure. It is nil if that is not to be had.
func (s *series) fair() *series {
	for s = s.shown(); ; s = s.coarser() {
		some, enough := 0, 0
		for _, b := range s.buckets {
			if b.decided > 0 {
				some++
			}
			if b.decided >= minSample {
				enough++
			}
		}
		switch {
		case enough > 0 && 3*enough >= 2*some:
			return s
		case s.to-s.from < 4 || s.level == len(widths)-1:
			if enough == 0 {
				return nil
			}
			return s
		}
	}
}

// bucket is what happened in a time.
type bucket struct {
	events   int64
	classes  counts
	machines counts
	attempts int64
	decided  int64 // calls of which it is known whether they were answered
	answered int64
	unknown  int64 // calls that were lost, or doubtful, and not answered
	pdd      *delays
}

func (b *bucket) merge(o *bucket) {
	b.events += o.events
	b.classes.merge(o.classes)
	b.machines.merge(o.machines)
	b.attempts += o.attempts
	b.decided += o.decided
	b.answered += o.answered
	b.unknown += o.unknown
	if o.pdd != nil {
		if b.pdd == nil {
			b.pdd = &delays{}
		}
		for i, n := range o.pdd.n {
			b.pdd.n[i] += n
		}
	}
}

// counts are numbers by the number of a name.
type counts []int64

func (c *counts) add(i int, n int64) {
	if i >= len(*c) {
		*c = append(*c, make(counts, i+1-len(*c))...)
	}
	(*c)[i] += n
}

func (c *counts) merge(o counts) {
	for i, n := range slices.Backward(o) {
		c.add(i, n)
	}
}

func (c counts) of(i int) int64 {
	if i < len(c) {
		return c[i]
	}
	return 0
}
