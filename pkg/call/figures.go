package call

import "slices"

// Figures counts the calls that a Tracker follows: give it to one in [Options]. What it
// counts are the figures of telephony as far as events tell them, see [Summary].
//
// It has one group of calls, or several, and one interval of time, or several: Cut begins
// the next. A call counts as begun in the interval of its start, and as over in that of its
// end, or in which it was lost. If it is opened again, or becomes part of another call, that
// is corrected in every interval that was not taken yet, so that each call counts once.
//
// Like its Tracker it is for one goroutine at a time. What it returns is the caller's.
type Figures struct {
	o         FiguresOptions
	ner       bool
	groups    []*group // the first is of all calls
	intervals []*interval
	sweep     int   // index of the interval that clock is in
	clock     int64 // the feed's time, 0 before the first event
	taken     int   // number of intervals
}

// FiguresOptions are the options of Figures.
type FiguresOptions struct {
	// Map is the Map of the events. Without a given field for the cause there is no NER.
	// It may be nil.
	Map *Map
	// Group returns the number of the group, from 0 on, of a call that begins with e. If
	// it is nil, all calls are one group.
	Group func(e *Event) int
}

// Interval is the counts of an interval. It includes From and excludes To, in microseconds
// since 1970.
type Interval struct {
	From, To int64
	// Total is the counts of all calls.
	Total *Counts
	// Groups are the counts by number of the group, nil for a group without calls. It is
	// empty without FiguresOptions.Group.
	Groups []*Counts
}

// interval is an Interval that is being counted.
type interval struct {
	from   int64
	counts []*Counts // as Figures.groups
	taken  bool
}

// group is what is known of the calls of a group now.
type group struct {
	up      int64 // calls that are up
	since   int64 // for how long that is in Counts.upTime
	seconds [64]second
}

// second is how many calls began in a second.
type second struct {
	at    int64 // seconds since 1970
	calls int64
}

// share is what a call has added to the figures.
type share struct {
	group   int32
	partial bool
	up      bool
	in      *interval // in which it counts as begun, nil if it does not
	second  int64     // of its start
	over    *interval // in which it counts as over
	result  result
}

// NewFigures returns Figures without a call. O may be nil.
func NewFigures(o *FiguresOptions) *Figures {
	f := &Figures{groups: []*group{{}}, intervals: []*interval{{}}}
	if o != nil {
		f.o = *o
	}
	f.ner = f.o.Map != nil && f.o.Map.Given(Cause)
	return f
}

// Cut ends the newest interval and begins the next, at that time in microseconds since
// 1970. Call it before the Tracker follows events of that time. Calls go on to be counted in
// the older ones, too, until Take takes them.
func (f *Figures) Cut(at int64) {
	f.intervals = append(f.intervals, &interval{from: max(at, f.newest().from)})
}

// Take takes the oldest interval, if it is not the newest one too. It returns nil if it is.
func (f *Figures) Take() *Interval {
	if len(f.intervals) < 2 {
		return nil
	}
	f.move(f.intervals[1].from)
	v, to := f.intervals[0], f.intervals[1].from
	i := f.report(v, to)
	v.taken = true
	f.taken++
	v.counts = nil
	f.intervals = f.intervals[1:]
	f.sweep--
	return i
}

// Now returns the newest interval as it is at that time, in microseconds since 1970, or at
// that of the newest event if that is later.
func (f *Figures) Now(at int64) *Interval {
	f.move(at)
	return f.report(f.newest(), f.clock)
}

func (f *Figures) newest() *interval { return f.intervals[len(f.intervals)-1] }

// report returns a copy of the counts of v, as of that time.
func (f *Figures) report(v *interval, to int64) *Interval {
	r := &Interval{From: v.from, To: max(to, v.from)}
	for i, g := range f.groups {
		c := f.countsOf(v, i)
		if i > 0 && c.empty() && g.up == 0 {
			r.Groups = append(r.Groups, nil)
			continue
		}
		c = c.clone()
		c.span = r.To - r.From
		if v == f.intervals[f.sweep] {
			c.upTime += g.up * (f.clock - g.since)
			c.Concurrent = g.up
		}
		for _, s := range g.seconds {
			if s.calls > 0 && f.holds(v, s.at) {
				c.CPSMax = max(c.CPSMax, s.calls)
			}
		}
		if i == 0 {
			r.Total = c
		} else {
			r.Groups = append(r.Groups, c)
		}
	}
	return r
}

// countsOf returns the counts of a group in an interval.
func (f *Figures) countsOf(v *interval, g int) *Counts {
	for len(v.counts) <= g {
		v.counts = append(v.counts, &Counts{})
	}
	return v.counts[g]
}

// at returns the interval that has that time, or the one nearest to it.
func (f *Figures) at(usec int64) *interval {
	for i := len(f.intervals) - 1; i > 0; i-- {
		if f.intervals[i].from <= usec {
			return f.intervals[i]
		}
	}
	return f.intervals[0]
}

// holds reports whether that second begins in v.
func (f *Figures) holds(v *interval, second int64) bool {
	usec := second * 1_000_000
	return f.at(usec) == v && (usec >= v.from || f.taken == 0)
}

// move moves the clock on to that time.
func (f *Figures) move(usec int64) {
	if f.clock == 0 {
		if v := f.intervals[0]; v.from == 0 {
			v.from = usec
		}
		f.clock = usec
	}
	for f.sweep+1 < len(f.intervals) && f.intervals[f.sweep+1].from <= max(usec, f.clock) {
		f.clock = max(f.clock, f.intervals[f.sweep+1].from)
		f.sweep++
		for i, g := range f.groups {
			if g.up == 0 {
				continue
			}
			last, next := f.countsOf(f.intervals[f.sweep-1], i), f.countsOf(f.intervals[f.sweep], i)
			last.upTime += g.up * (f.clock - g.since)
			last.Concurrent, g.since = g.up, f.clock
			next.ConcurrentMax, next.ConcurrentMaxAt = g.up, f.clock
		}
	}
	f.clock = max(f.clock, usec)
}

// each calls do for the counts of all calls and of the group.
func (f *Figures) each(s *share, v *interval, do func(g *group, c *Counts)) {
	do(f.groups[0], f.countsOf(v, 0))
	if f.o.Group != nil {
		g := int(s.group) + 1
		do(f.groups[g], f.countsOf(v, g))
	}
}

// begin notes the group of a call that begins with e.
func (f *Figures) begin(c *Call, e *Event) {
	if f.o.Group == nil {
		return
	}
	g := f.o.Group(e)
	c.share.group = int32(g)
	for len(f.groups) <= g+1 {
		f.groups = append(f.groups, &group{})
	}
}

// update counts what has changed with a call by an event, at that time of the feed. A call
// that is over, and is not opened again, stays as it was when it ended.
func (f *Figures) update(c *Call, now int64) {
	f.move(now)
	if c.state == Open {
		f.weigh(c)
	}
}

// weigh counts what has changed with a call.
func (f *Figures) weigh(c *Call) {
	s := &c.share
	if !c.chosen {
		return
	}
	partial := c.Partial()
	if s.in == nil || s.partial != partial {
		f.begun(s, -1)
		at := c.first.at
		if !partial {
			at = c.start.at
		}
		s.in, s.partial, s.second = f.at(at), partial, at/1_000_000
		f.begun(s, 1)
	}
	f.raise(c, !partial && c.state == Open && (c.open > 0 || c.end.json == nil))
}

// begun counts a call as begun, or with n -1 no more.
func (f *Figures) begun(s *share, n int64) {
	if s.in == nil || s.in.taken {
		return
	}
	f.each(s, s.in, func(g *group, c *Counts) {
		if s.partial {
			c.Partial += n
			return
		}
		c.Attempts += n
		f.count(g, c, s.second, n)
	})
}

// count counts a call that began in that second.
func (f *Figures) count(g *group, c *Counts, at, n int64) {
	s := &g.seconds[at%int64(len(g.seconds))]
	switch {
	case s.at > at: // more than a minute late
		return
	case s.at < at:
		for _, v := range f.intervals {
			if i := slices.Index(f.groups, g); s.calls > 0 && f.holds(v, s.at) {
				c := f.countsOf(v, i)
				c.CPSMax = max(c.CPSMax, s.calls)
			}
		}
		*s = second{at: at}
	}
	s.calls += n
}

// raise notes whether a call is up.
func (f *Figures) raise(c *Call, up bool) {
	s := &c.share
	if s.up == up {
		return
	}
	s.up = up
	n := int64(1)
	if !up {
		n = -1
	}
	v := f.intervals[f.sweep]
	f.each(s, v, func(g *group, counts *Counts) {
		counts.upTime += g.up * (f.clock - g.since)
		g.since = f.clock
		g.up += n
		if g.up > counts.ConcurrentMax {
			counts.ConcurrentMax, counts.ConcurrentMaxAt = g.up, f.clock
		}
		if c.state == Lost { // it was up until its last event, as far as is known
			counts.upTime -= f.clock - min(max(c.last, v.from), f.clock)
		}
	})
}

// ended counts a call as over.
func (f *Figures) ended(c *Call, now int64) {
	f.move(now)
	f.weigh(c)
	s := &c.share
	if !c.chosen || s.over != nil && s.over.taken {
		return
	}
	f.reopened(c)
	if c.state == Open || s.partial {
		return
	}
	at := f.clock
	if c.state == Ended {
		at = c.end.at
	}
	s.over, s.result = f.at(at), resultOf(c, f.ner)
	f.each(s, s.over, func(_ *group, counts *Counts) { counts.add(&s.result, 1) })
}

// reopened counts a call as over no more.
func (f *Figures) reopened(c *Call) {
	s := &c.share
	if s.over == nil || s.over.taken {
		return
	}
	f.each(s, s.over, func(_ *group, counts *Counts) { counts.add(&s.result, -1) })
	s.over = nil
}

// joined counts a call that became part of another one no more.
func (f *Figures) joined(c *Call) {
	f.reopened(c)
	f.begun(&c.share, -1)
	c.share.in = nil
	f.raise(c, false)
}
