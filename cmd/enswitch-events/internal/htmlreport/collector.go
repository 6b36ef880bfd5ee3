// Package htmlreport makes the report of stats: one HTML page without scripts, with charts of
// events and calls over time. A Collector collects what it shows, within stated bounds: it
// grows neither with the number of events nor with that of calls.
//
// The files: collector.go collects, series.go has the buckets of time, delays.go the
// histogram of delays, page.go makes of them what template.go shows, chart.go the charts.
package htmlreport

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

const (
	maxMachines = 100 // others are one
	maxClasses  = 40  // others are one
	maxCalls    = 20  // in a list
	maxGaps     = 200 // that are kept
	maxCauses   = 500 // that are told apart
	maxText     = 120 // bytes of a name or a number
	// maxResults bounds the calls that can be corrected when they are opened again. The
	// tracker remembers fewer.
	maxResults = 20_000
	minSample  = call.MinSample
)

// otherName is the name for all others.
const otherName = "(other)"

// Collector collects what a report shows. It is for one goroutine at a time.
type Collector struct {
	location *time.Location
	series   series
	events   int64
	untimed  int64 // events without a timestamp
	first    int64
	last     int64 // the least and the greatest second with an event
	classes  names
	machines names
	week     [7][24]int64 // events by weekday, Sunday first, and hour

	calls    bool // calls are followed
	results  map[int64]result
	order    []int64 // the keys of results, the oldest first
	slowest  []Call
	failed   []Call // the newest first
	causes   map[string]int64
	gaps     []Gap
	gapsLeft int
}

// Call is a call in a list.
type Call struct {
	number         int64
	Start          int64 // microseconds since 1970
	ID, From, To   string
	Cause, Machine string
	PDD            float64 // seconds, below 0 if it is not known
	Lost           bool
}

// Gap is a time from which events are missing, or may be. Its times are in microseconds
// since 1970.
type Gap struct {
	From, To int64
	Reason   string
	Dropped  int64
}

// result is what a call has added.
type result struct {
	second                     int64
	decided, answered, unknown bool
	cause                      string // "" if it did not fail
	failed                     bool
	pdd                        float64
}

// NewCollector returns a Collector whose times are of the zone. Calls says that calls are
// followed.
func NewCollector(zone *time.Location, calls bool) *Collector {
	return &Collector{
		location: zone, calls: calls, results: map[int64]result{}, causes: map[string]int64{},
		classes: names{max: maxClasses}, machines: names{max: maxMachines},
	}
}

// names numbers names up to a bound.
type names struct {
	max    int
	number map[string]int
	all    []string
	totals counts
}

func (n *names) of(name string) int {
	if i, ok := n.number[name]; ok {
		return i
	}
	if len(n.all) >= n.max {
		name = otherName
		if i, ok := n.number[name]; ok {
			return i
		}
	}
	if n.number == nil {
		n.number = map[string]int{}
	}
	n.number[name] = len(n.all)
	n.all = append(n.all, name)
	return len(n.all) - 1
}

// ranked returns the numbers of the names, that with the most events first.
func (n *names) ranked() []int {
	order := make([]int, len(n.all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(n.totals.of(b), n.totals.of(a)) })
	return order
}

// Add adds the events that a Counter has counted.
func (c *Collector) Add(n *Counter) {
	for i := range n.cells {
		cell := &n.cells[i]
		c.events += cell.n
		class, machine := c.classes.of(cell.class), c.machines.of(cell.machine)
		c.classes.totals.add(class, cell.n)
		c.machines.totals.add(machine, cell.n)
		if cell.second == 0 {
			c.untimed += cell.n
			continue
		}
		b := c.bucket(cell.second, cell.n)
		if b == nil {
			continue
		}
		b.events += cell.n
		b.classes.add(class, cell.n)
		b.machines.add(machine, cell.n)
		at := time.Unix(cell.second, 0).In(c.location)
		c.week[at.Weekday()][at.Hour()] += cell.n
	}
	for _, gap := range n.gaps {
		c.Gap(gap)
	}
}

// bucket returns the bucket of a second, or nil if that is too far from the others.
func (c *Collector) bucket(second, n int64) *bucket {
	if c.series.buckets == nil {
		_, offset := time.Unix(second, 0).In(c.location).Zone()
		c.series.offset = int64(offset)
	}
	restarted := c.series.left
	b := c.series.at(second, n)
	if b == nil {
		return nil
	}
	if c.first == 0 || c.series.left != restarted {
		c.first, c.last = second, second
	}
	c.first, c.last = min(c.first, second), max(c.last, second)
	return b
}

// Gap adds a gap.
func (c *Collector) Gap(g Gap) {
	if len(c.gaps) >= maxGaps {
		c.gapsLeft++
		return
	}
	c.gaps = append(c.gaps, g)
}

// Ended adds a call that has ended or is lost, or corrects what it has added before.
func (c *Collector) Ended(k *call.Call) {
	c.forget(k.Number())
	if !k.Chosen() || k.Partial() {
		return
	}
	r := result{second: k.Begin() / 1_000_000, answered: k.Answered(), pdd: -1}
	ended, lost := k.State() == call.Ended, k.State() == call.Lost
	r.decided = r.answered || ended && !k.Doubtful()
	r.unknown = !r.decided && (lost || ended)
	if seconds, known := k.PDD(); known && r.decided {
		r.pdd = seconds
	}
	if r.failed = r.decided && !r.answered; r.failed {
		r.cause = bounded(k.Text(call.Cause))
		if _, known := c.causes[r.cause]; !known && len(c.causes) >= maxCauses {
			r.cause = otherName
		}
		c.causes[r.cause]++
	}
	if b := c.bucket(r.second, 0); b != nil {
		b.call(&r, 1)
	}
	c.results[k.Number()] = r
	if c.order = append(c.order, k.Number()); len(c.order) > maxResults {
		delete(c.results, c.order[0])
		c.order = c.order[1:]
	}
	c.list(k, &r)
}

// Joined says that a call became part of another one.
func (c *Collector) Joined(_, from *call.Call) { c.forget(from.Number()) }

// forget takes back what a call has added.
func (c *Collector) forget(number int64) {
	r, known := c.results[number]
	if !known {
		return
	}
	delete(c.results, number)
	if r.failed {
		c.causes[r.cause]--
	}
	if b := c.bucket(r.second, 0); b != nil {
		b.call(&r, -1)
	}
	same := func(k Call) bool { return k.number == number }
	c.slowest, c.failed = slices.DeleteFunc(c.slowest, same), slices.DeleteFunc(c.failed, same)
}

// call adds n calls with that result.
func (b *bucket) call(r *result, n int64) {
	b.attempts += n
	if r.decided {
		b.decided += n
	}
	if r.answered {
		b.answered += n
	}
	if r.unknown {
		b.unknown += n
	}
	if r.pdd >= 0 {
		if b.pdd == nil {
			b.pdd = &delays{}
		}
		b.pdd.add(r.pdd, int32(n))
	}
}

// list puts a call into the lists that it belongs to.
func (c *Collector) list(k *call.Call, r *result) {
	slow := r.pdd >= 0 && (len(c.slowest) < maxCalls || r.pdd > c.slowest[len(c.slowest)-1].PDD)
	if !slow && !r.failed {
		return
	}
	item := Call{
		number: k.Number(), Start: k.Begin(), PDD: r.pdd, Cause: bounded(k.Text(call.Cause)),
		From: bounded(k.Text(call.From)), To: bounded(k.Text(call.To)), Lost: k.State() == call.Lost,
	}
	var x event.Index
	if x.Scan(k.AppendRecord(nil)) == nil {
		item.ID = bounded(string(x.Get("callid").Text()))
	}
	if slow {
		i, _ := slices.BinarySearchFunc(c.slowest, r.pdd, func(k Call, pdd float64) int { return cmp.Compare(pdd, k.PDD) })
		c.slowest = slices.Insert(c.slowest, i, item)
		c.slowest = c.slowest[:min(len(c.slowest), maxCalls)]
	}
	if r.failed {
		c.failed = slices.Insert(c.failed, 0, item)
		c.failed = c.failed[:min(len(c.failed), maxCalls)]
	}
}

func bounded(text string) string {
	if len(text) <= maxText {
		return text
	}
	cut := maxText
	for cut > 0 && text[cut]&0xc0 == 0x80 {
		cut--
	}
	return text[:cut] + "…"
}

// Counter counts the events of a block, for a Collector. One goroutine uses it.
type Counter struct {
	cells  []cell
	index  map[cellKey]int
	gaps   []Gap
	texts  map[string]string
	newest int // the cell that got the last event
}

type cellKey struct {
	second         int64
	class, machine string
}

type cell struct {
	cellKey
	n int64
}

// Reset makes the Counter empty.
func (n *Counter) Reset() {
	n.cells, n.gaps, n.newest = n.cells[:0], n.gaps[:0], -1
	clear(n.index)
	if n.index == nil {
		n.index, n.texts = map[cellKey]int{}, map[string]string{}
	}
	if len(n.texts) > 4096 {
		clear(n.texts)
	}
}

// Add counts an event, with its timestamp in microseconds since 1970, 0 if it has none. A
// record of a gap, as in a capture of this program, is a gap.
func (n *Counter) Add(x *event.Index, usec int64) {
	class := x.Class().Text()
	if string(class) == "enswitch-events" && string(x.Event().Text()) == "gap" {
		from, _ := x.Get("from").Timestamp()
		to, _ := x.Get("to").Timestamp()
		dropped, _ := strconv.ParseInt(string(x.Get("dropped").Text()), 10, 64)
		n.gaps = append(n.gaps, Gap{from, to, bounded(string(x.Get("reason").Text())), dropped})
		return
	}
	k := cellKey{usec / 1_000_000, n.text(class), n.text(x.Get("machine").Text())}
	if n.newest >= 0 && n.cells[n.newest].cellKey == k {
		n.cells[n.newest].n++
		return
	}
	i, known := n.index[k]
	if !known {
		i = len(n.cells)
		n.index[k] = i
		n.cells = append(n.cells, cell{cellKey: k})
	}
	n.cells[i].n++
	n.newest = i
}

// text returns the text, which it keeps once.
func (n *Counter) text(b []byte) string {
	if s, ok := n.texts[string(b)]; ok {
		return s
	}
	s := bounded(string(b))
	n.texts[string(b)] = s
	return s
}
