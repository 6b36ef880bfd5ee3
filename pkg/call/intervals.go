package call

import (
	"cmp"
	"slices"
)

// Interval is the counts of an interval. It includes From and excludes To, in microseconds
// since 1970.
type Interval struct {
	From, To int64
	// Total is the counts of all calls.
	Total *Counts
	// Groups are the counts by number of the group, nil and absent where there was no call.
	// It is empty without FiguresOptions.Group.
	Groups []*Counts
}

// Group returns the counts of the group with that number.
func (i *Interval) Group(n int) *Counts {
	if n < len(i.Groups) && i.Groups[n] != nil {
		return i.Groups[n]
	}
	return &Counts{length: i.To - i.From}
}

// SetSpan sets From and To, and the time that the counts are of. It is for an interval that
// is longer than it was counted, because no call was up in the rest.
func (i *Interval) SetSpan(from, to int64) {
	i.From, i.To = from, to
	for _, c := range append(slices.Clone(i.Groups), i.Total) {
		if c != nil {
			c.SetSpan(from, to)
		}
	}
}

// interval is an Interval that is being counted.
type interval struct {
	from   int64
	counts []*Counts // as Figures.groups
	taken  bool
}

func (f *Figures) newest() *interval { return f.intervals[len(f.intervals)-1] }

// at returns the interval that has that time, or the one nearest to it.
func (f *Figures) at(usec int64) *interval {
	i, here := slices.BinarySearchFunc(f.intervals, usec, func(v *interval, usec int64) int { return cmp.Compare(v.from, usec) })
	for here && i+1 < len(f.intervals) && f.intervals[i+1].from == usec { // of several that begin then, the last
		i++
	}
	if !here {
		i--
	}
	return f.intervals[max(i, 0)]
}

// holds reports whether that second begins in v.
func (f *Figures) holds(v *interval, second int64) bool {
	usec := second * 1_000_000
	return f.at(usec) == v && (usec >= v.from || f.taken == 0)
}

// floor returns the beginning of the interval with that time.
func (f *Figures) floor(usec int64) int64 {
	if every := f.o.Every.Microseconds(); every > 0 {
		return usec - usec%every
	}
	return usec
}

// Clock returns the feed's time as far as calls are followed, in microseconds since 1970; 0
// before the first event.
func (f *Figures) Clock() int64 { return f.clock }

// time returns the time of m, corrected if it is to be.
func (f *Figures) time(m *mark) int64 {
	if f.o.Correct {
		return m.at + m.offset
	}
	return m.at
}

// move moves the clock on to that time.
func (f *Figures) move(usec int64) {
	if f.clock == 0 {
		if v := f.intervals[0]; v.from == 0 {
			v.from = f.floor(usec)
		}
		f.clock = usec
	}
	for every := f.o.Every.Microseconds(); every > 0 && usec >= f.newest().from+every; {
		next := f.newest().from + every
		if usec-next > maxIdle*every {
			next = f.floor(usec)
		}
		f.Cut(next)
	}
	f.clock = max(f.clock, usec)
}

// reach lets the intervals begin early enough for a call of that time, as long as none was
// taken: events of a capture may be in any order.
func (f *Figures) reach(usec int64) {
	v, every := f.intervals[0], f.o.Every.Microseconds()
	switch {
	case f.taken > 0 || v.from == 0 || usec >= v.from || usec <= 0:
	case every > 0:
		var earlier []*interval
		from := f.floor(usec)
		if v.from-from > maxIdle*every {
			earlier, from = []*interval{{from: from}}, v.from
		}
		for ; from < v.from; from += every {
			earlier = append(earlier, &interval{from: from})
		}
		f.intervals = append(earlier, f.intervals...)
	case len(f.intervals) == 1:
		v.from = usec
	}
}
