package call

import "time"

// Figures counts the calls that a Tracker follows: give it to one in [Options]. What it
// counts are the figures of telephony as far as events tell them, see [Summary].
//
// It has one or several groups of calls, and one or several intervals of time. An interval
// ends by FiguresOptions.Every, or by Cut. A call counts as begun in the interval of its
// start, and as over in the interval of its end or in which it was lost. If it is opened
// again, or becomes part of another call, that is corrected in every interval that was not
// taken yet, so that each call counts once.
//
// Like its Tracker it is for one goroutine at a time. What it returns belongs to the caller.
type Figures struct {
	o         FiguresOptions
	ner       bool
	caused    bool     // a call that is over had a cause
	groups    []*group // the first is of all calls
	intervals []*interval
	clock     int64 // the feed's time, 0 before the first event
	taken     int   // number of intervals
	slot      int   // in Call.shares
}

// FiguresOptions are the options of Figures.
type FiguresOptions struct {
	// Map is the Map of the events. Without a given field for the cause there is no NER.
	// It may be nil.
	Map *Map
	// Group returns the number of the group, from 0 on, of a call that begins with e. If
	// it is nil, all calls are one group.
	Group func(e *Event) int
	// Every is the length of the intervals, by the feed's time; 0 for one interval. They
	// begin at multiples of it since 1970. If nothing changes in more than a thousand
	// successive intervals they are left out, even if calls were up: see Idle.
	Every time.Duration
	// Correct corrects times by Event.Offset, so that calls of machines whose clocks are
	// wrong count in the intervals in which they are made.
	Correct bool
}

// maxIdle is the number of intervals without a change that may follow each other.
const maxIdle = 1000

// group is the current state of the calls of a group.
type group struct {
	number  int
	level   level
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
	up      [2]upSpan // among all calls, and in the group
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
// 1970. Call it before the Tracker follows events of that time. Calls are still counted in
// older intervals, too, until Take takes these.
func (f *Figures) Cut(at int64) {
	f.intervals = append(f.intervals, &interval{from: max(at, f.newest().from)})
}

// Take takes the oldest interval, if it is not the newest one too. It returns nil if it is.
func (f *Figures) Take() *Interval {
	if len(f.intervals) < 2 {
		return nil
	}
	v, to := f.intervals[0], f.intervals[1].from
	f.clock = max(f.clock, to)
	f.settle(to)
	if every := f.o.Every.Microseconds(); every > 0 { // others may be left out between
		to = min(to, v.from+every)
	}
	i := f.report(v, to, nil)
	v.taken = true
	f.taken++
	v.counts = nil
	f.intervals = f.intervals[1:]
	return i
}

// Idle returns an interval that was left out after the one that Take returned last: the
// calls that were up then are up in all of it. From and to are in microseconds since 1970.
func (f *Figures) Idle(from, to int64) *Interval {
	r := &Interval{From: from, To: to}
	for i, g := range f.groups {
		c := &Counts{length: to - from, Concurrent: g.level.up}
		if g.level.up > 0 {
			c.span(from, to, g.level.up)
		}
		if i == 0 {
			r.Total = c
		} else {
			r.Groups = append(r.Groups, c)
		}
	}
	return r
}

// Now returns the newest interval as it is at that time, in microseconds since 1970, or at
// that of the newest event if that is later.
func (f *Figures) Now(at int64) *Interval {
	f.clock = max(f.clock, at)
	v := f.newest()
	if v.from == 0 {
		v.from = f.clock
	}
	return f.report(v, max(f.clock, v.from), func(g *group, c *Counts, to int64) {
		c.Concurrent, _ = g.level.walk(to+1, to, func(from, to, up int64) {
			if from = max(from, v.from); from <= to {
				c.span(from, to, up)
			}
		})
	})
}

// Rate returns how many calls began a second in the last whole seconds of the feed's time: over
// of them, at most 60, or as many as there are since the oldest interval began. It is negative
// if there is none.
func (f *Figures) Rate(over int) (perSecond float64) {
	now := f.clock / 1_000_000
	from := max(now-int64(over), f.intervals[0].from/1_000_000)
	if f.intervals[0].from == 0 || from >= now {
		return -1
	}
	n := int64(0)
	for _, s := range &f.groups[0].seconds {
		if s.at >= from && s.at < now {
			n += s.calls
		}
	}
	return float64(n) / float64(now-from)
}

// Oldest returns when the oldest interval begins, in microseconds since 1970, and whether
// Take would take it.
func (f *Figures) Oldest() (from int64, whole bool) {
	return f.intervals[0].from, len(f.intervals) > 1
}

// report returns a copy of the counts of v, up to that time. Unsettled adds to them what is
// not settled; nil if all is.
func (f *Figures) report(v *interval, to int64, unsettled func(g *group, c *Counts, to int64)) *Interval {
	r := &Interval{From: v.from, To: to}
	for i, g := range f.groups {
		if idle := g.level.up == 0 && len(g.level.changes) == 0; i > 0 && idle && (i >= len(v.counts) || v.counts[i] == nil) {
			r.Groups = append(r.Groups, nil)
			continue
		}
		c := f.countsOf(v, i).clone()
		c.length, c.causeless = r.To-r.From, !f.caused
		if c.Concurrent = g.level.up; unsettled != nil {
			unsettled(g, c, to)
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
		v.counts = append(v.counts, nil)
	}
	if v.counts[g] == nil {
		v.counts[g] = &Counts{}
	}
	return v.counts[g]
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
	c.shares[f.slot].group = int32(g)
	for len(f.groups) <= g+1 {
		f.groups = append(f.groups, &group{number: len(f.groups)})
	}
}

// update counts what has changed with a call by an event, at that time of the feed. A call
// that is over, and is not opened again, stays as it was when it ended.
func (f *Figures) update(c *Call, e *Event, now int64) {
	if f.o.Correct {
		now = e.at + e.Offset
	}
	f.move(now)
	if c.state == Open {
		f.weigh(c)
	}
}

// weigh counts what has changed with a call.
func (f *Figures) weigh(c *Call) {
	s := &c.shares[f.slot]
	if !c.chosen {
		return
	}
	partial := c.Partial()
	if s.in == nil || s.partial != partial {
		f.begun(s, -1)
		at := f.time(&c.first)
		if !partial {
			at = f.time(&c.start)
		}
		f.reach(at)
		s.in, s.partial, s.second = f.at(at), partial, at/1_000_000
		f.begun(s, 1)
	}
	start, end := f.upTimes(c)
	if partial {
		start, end = 0, 0
	}
	f.raise(s, start, end)
}

// begun counts a call as begun, or with n = -1 takes that back.
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
		f.count(g, s.second, n)
	})
}

// count counts a call that began in that second.
func (f *Figures) count(g *group, at, n int64) {
	s := &g.seconds[at%int64(len(g.seconds))]
	switch {
	case s.at > at: // more than a minute late
		return
	case s.at < at:
		for _, v := range f.intervals {
			if s.calls > 0 && f.holds(v, s.at) {
				c := f.countsOf(v, g.number)
				c.CPSMax = max(c.CPSMax, s.calls)
			}
		}
		*s = second{at: at}
	}
	s.calls += n
}

// ended counts a call as over.
func (f *Figures) ended(c *Call, now int64) {
	if !f.o.Correct {
		f.move(now)
	}
	f.weigh(c)
	s := &c.shares[f.slot]
	if !c.chosen || s.over != nil && s.over.taken {
		return
	}
	f.caused = f.caused || f.ner && c.Text(Cause) != ""
	f.reopened(c)
	if c.state == Open || s.partial {
		return
	}
	at := f.clock
	if c.state == Ended {
		at = f.time(&c.end)
	}
	s.over, s.result = f.at(at), resultOf(c, f.ner)
	f.each(s, s.over, func(_ *group, counts *Counts) { counts.add(&s.result, 1) })
}

// reopened takes back that a call was counted as over.
func (f *Figures) reopened(c *Call) {
	s := &c.shares[f.slot]
	if s.over == nil || s.over.taken {
		return
	}
	f.each(s, s.over, func(_ *group, counts *Counts) { counts.add(&s.result, -1) })
	s.over = nil
}

// joined takes back what was counted of a call that became part of another one.
func (f *Figures) joined(c *Call) {
	f.reopened(c)
	f.begun(&c.shares[f.slot], -1)
	c.shares[f.slot].in = nil
	f.raise(&c.shares[f.slot], 0, 0)
}
