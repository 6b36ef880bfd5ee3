package stats

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// The bounds of a Report.
const (
	maxSpans   = 1440
	maxSlowest = 20
	maxFailed  = 50
	maxCauses  = 20
	maxGaps    = 200
	// reportLag is how long an interval stays open for what comes late.
	reportLag = 10 * 60 * 1_000_000 // microseconds
)

// Report collects the data of a report while events are counted: give it to a Sink in
// [Options], whose ReportData returns them. Its memory is bounded. It is not safe for
// concurrent use.
type Report struct {
	zone     *time.Location
	figures  *call.Figures  // a minute each, by machine
	machines map[string]int // their numbers
	events   timeline
	week     [7][24]Hour
	calls    map[int64]*call.Counts // by the number of the minute, or of more, as width says
	width    int64                  // seconds
	total    *call.Counts
	by       []*call.Counts // by machine
	from, to int64          // of the calls
	slowest  []*call.Row
	failed   []*call.Row
	causes   map[string]int64
	gaps     []Gap
	moreGaps int64
}

// ReportData is what a report shows. Times are in microseconds since 1970.
type ReportData struct {
	// From and To are the first and the last timestamp. Events are those that passed the
	// filters.
	From, To, Events int64
	// Spans are the time from From to To in equal parts of whole minutes, at most 1,440.
	Spans []Span
	// Calls are the counts of all calls.
	Calls *call.Counts
	// Machines are by name, at most 200.
	Machines []MachineData
	// Week is by weekday, Sunday first, and hour, in the zone of the report.
	Week [7][24]Hour
	// Slowest are the calls with the longest post-dial delay, the longest first, at most
	// 20. Failed are those that were not answered, or lost, the latest first, at most 50.
	Slowest, Failed []*call.Row
	// Causes are the causes of those that were not answered, the most frequent first, at
	// most 20. An empty text is for no cause.
	Causes []Cause
	// Gaps are the times in which events are missing, or may be, at most 200. MoreGaps
	// counts those beyond.
	Gaps     []Gap
	MoreGaps int64
	// Guessed says that figures of calls rest on meanings that are guessed.
	Guessed bool
}

// Span is a part of the time.
type Span struct {
	From, To, Events int64
	Calls            *call.Counts
}

// MachineData is the events and calls of a machine. A call is of that of its first event.
// Name is empty for events without a machine.
type MachineData struct {
	Name   string
	Events int64
	Calls  *call.Counts
}

// Hour is what came in an hour of a weekday.
type Hour struct{ Events, Attempts int64 }

// Cause is the number of calls that ended with a cause.
type Cause struct {
	Text  string
	Calls int64
}

// Gap is a time in which events are missing, or may be.
type Gap struct {
	From, To int64
	Reason   string // reconnect or overflow
	Source   string
	Dropped  int64 // 0 if it is not known
}

// NewReport returns a Report that shows hours in that zone.
func NewReport(zone *time.Location) *Report {
	return &Report{
		zone: zone, machines: map[string]int{}, events: timeline{width: 60, most: maxSpans},
		calls: map[int64]*call.Counts{}, width: 60, total: &call.Counts{}, causes: map[string]int64{},
	}
}

// follow makes o count the calls for the report.
func (r *Report) follow(o *call.Options, m *call.Map) {
	r.figures = call.NewFigures(&call.FiguresOptions{Map: m, Every: time.Minute, Group: func(e *call.Event) int {
		return r.machine(string(e.Machine().Text()))
	}})
	o.Figures = append(o.Figures, r.figures)
	o.OnEnd, o.OnJoin = r.ended, func(_, from *call.Call) { r.drop(from.Number()) }
}

// machine returns the number of a machine, maxMachines for all those beyond the bound, which
// are not shown.
func (r *Report) machine(name string) int {
	i, ok := r.machines[name]
	if !ok {
		if i = len(r.machines); i < maxMachines {
			r.machines[name] = i
		}
	}
	return i
}

// add adds events by second.
func (r *Report) add(seconds []second) {
	r.events.add(seconds)
	for _, s := range seconds {
		r.hour(s.at).Events += s.n
	}
}

func (r *Report) hour(at int64) *Hour {
	t := time.Unix(at, 0).In(r.zone)
	return &r.week[t.Weekday()][t.Hour()]
}

// take takes the intervals that are over.
func (r *Report) take() {
	for {
		from, whole := r.figures.Oldest()
		if !whole || from+60_000_000+reportLag > r.figures.Clock() {
			return
		}
		r.interval(r.figures.Take())
	}
}

// interval adds a minute of calls.
func (r *Report) interval(i *call.Interval) {
	if r.from == 0 {
		r.from, r.to = i.From, i.From
	}
	r.to = max(r.to, i.To)
	r.total.Add(i.Total)
	for n, c := range i.Groups {
		for len(r.by) <= n {
			r.by = append(r.by, &call.Counts{})
		}
		if c != nil {
			r.by[n].Add(c)
		}
	}
	if i.Total.Empty() {
		return
	}
	r.hour(i.From / 1_000_000).Attempts += i.Total.Attempts
	at := i.From / 1_000_000 / r.width
	if c := r.calls[at]; c != nil {
		c.Add(i.Total)
	} else {
		r.calls[at] = i.Total
	}
	for len(r.calls) > maxSpans {
		r.coarsen()
	}
}

// coarsen makes the spans of the calls twice as long.
func (r *Report) coarsen() {
	wider := make(map[int64]*call.Counts, len(r.calls))
	for _, at := range slices.Sorted(maps.Keys(r.calls)) {
		if c := wider[at/2]; c != nil {
			c.Add(r.calls[at])
		} else {
			wider[at/2] = r.calls[at]
		}
	}
	r.calls, r.width = wider, 2*r.width
}

// ended notes a call that is over.
func (r *Report) ended(c *call.Call) {
	r.drop(c.Number())
	if c.State() == call.Open || !c.Chosen() || c.Partial() {
		return
	}
	pdd, known := c.PDD()
	slow := known && (len(r.slowest) < maxSlowest || pdd > r.slowest[len(r.slowest)-1].PDD)
	if !slow && c.Answered() {
		return
	}
	row := c.Row()
	if slow {
		r.slowest = append(r.slowest, row)
		slices.SortStableFunc(r.slowest, func(a, b *call.Row) int { return cmp.Compare(b.PDD, a.PDD) })
		r.slowest = r.slowest[:min(len(r.slowest), maxSlowest)]
	}
	if c.Answered() {
		return
	}
	if r.failed = append(r.failed, row); len(r.failed) > maxFailed {
		r.failed = slices.Delete(r.failed, 0, 1)
	}
	if _, ok := r.causes[row.Cause]; ok || len(r.causes) < 10*maxCauses {
		r.causes[row.Cause]++
	}
}

// drop drops what is known of a call: it is not over, or another one now.
func (r *Report) drop(number int64) {
	is := func(row *call.Row) bool { return row.Number == number }
	if i := slices.IndexFunc(r.failed, is); i >= 0 {
		r.causes[r.failed[i].Cause]--
		r.failed = slices.Delete(r.failed, i, i+1)
	}
	r.slowest = slices.DeleteFunc(r.slowest, is)
}

// gap notes a gap.
func (r *Report) gap(g Gap) {
	if len(r.gaps) >= maxGaps {
		r.moreGaps++
		return
	}
	r.gaps = append(r.gaps, g)
}

// finish takes the last intervals. It is called once, after the Tracker's Finish.
func (r *Report) finish() {
	for i := r.figures.Take(); i != nil; i = r.figures.Take() {
		r.interval(i)
	}
	if i := r.figures.Now(0); i.To > i.From || !i.Total.Empty() {
		r.interval(i)
	}
	r.total.SetSpan(r.from, r.to)
	for _, c := range r.by {
		c.SetSpan(r.from, r.to)
	}
}
