package engine

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Comparison says how the feeds of a run compare: which events only some of them had, and
// which is faster. It counts each event once, however often a feed sent it.
type Comparison struct {
	// Feeds are the names of the feeds: an address, or POSTs.
	Feeds []string
	// All is over all machines, Machines by the field machine, in its order, without those of
	// which nothing is decided. Events without it have the machine "", those past the first
	// 63 machines the machine "other".
	All      MachineComparison
	Machines []MachineComparison
	// Undecided counts events that a feed has not delivered and still may. They count
	// nowhere else.
	Undecided int64
}

// MachineComparison is a Comparison of the events of one machine.
type MachineComparison struct {
	Machine string
	Events  int64
	Feeds   []FeedComparison // in the order of Comparison.Feeds
}

// FeedComparison is what one feed had of the events.
type FeedComparison struct {
	// Missed counts events that only other feeds had; MissedAway those of them that came
	// while this one was not connected. An event is missed once the feed has delivered a
	// later one of the same machine, one of any machine that came 5 s later, or nothing of
	// it within 2 minutes.
	Missed, MissedAway int64
	// Only counts events that no other feed had.
	Only int64
	// Repeated counts what this feed sent again, and no other as often.
	Repeated int64
	// Compared counts events that this feed and another one had, First those that this
	// feed brought first. P50 and P95 say how long after the first feed this one brought
	// them, by the time at which they were received here, within 1 %.
	Compared, First int64
	P50, P95        time.Duration
}

const (
	maxCompared = 64 // machines
	// laterBy is how much later an event of another machine must be for those before it
	// to count as missed.
	laterBy = 5 * time.Second
	// maxAway bounds the outages that are remembered of a feed.
	maxAway = 64
	maxLag  = 2 * mergeAge
)

// comparison counts what a Comparison says. The mutex of the Buffer guards it.
type comparison struct {
	feeds    int
	groups   map[string]int32 // numbers of the machines
	machines []*comparedMachine
	order    int64
	latest   []int64 // by feed: when the last event that it had came first
	away     [][]awayTime
}

// awayTime is a time without a connection, in Unix nanoseconds; to is 0 as long as it goes on.
type awayTime struct{ from, to int64 }

// comparedMachine counts the events of one machine.
type comparedMachine struct {
	name   string
	counts MachineComparison         // of those that the window has forgotten
	latest []int64                   // by feed: the order of the last event that it had
	lags   []*hdrhistogram.Histogram // in microseconds; nil until there is one
}

func newComparison() *comparison { return &comparison{groups: map[string]int32{}} }

// add adds a feed.
func (c *comparison) add() {
	c.feeds++
	c.latest, c.away = append(c.latest, 0), append(c.away, nil)
}

// group returns the number of a machine.
func (c *comparison) group(name string) int32 {
	n, known := c.groups[name]
	if known {
		return n
	}
	if len(c.machines) >= maxCompared-1 && name != otherSource {
		return c.group(otherSource)
	}
	n = int32(len(c.machines))
	c.groups[name] = n
	c.machines = append(c.machines, &comparedMachine{
		name: name, counts: MachineComparison{Feeds: make([]FeedComparison, c.feeds)},
		latest: make([]int64, c.feeds), lags: make([]*hdrhistogram.Histogram, c.feeds),
	})
	return n
}

// delivered notes that a feed has delivered an event for the first time. m is new if no
// feed had it before.
func (c *comparison) delivered(feed int, m *event.Memo, group int32, received int64) {
	if m.Sources++; m.Sources == 1 {
		c.order++
		*m = event.Memo{Received: received, Order: c.order, Source: int32(feed), Group: group, Sources: 1}
	}
	machine := c.machines[m.Group]
	machine.latest[feed] = max(machine.latest[feed], m.Order)
	c.latest[feed] = max(c.latest[feed], m.Received)
	switch lag := received - m.Received; m.Sources {
	case 1:
	case 2:
		first := int(m.Source)
		if lag < 0 { // it was handed over later, but had come earlier
			first = feed
		}
		machine.counts.Feeds[first].First++
		machine.lag(int(m.Source), max(-lag, 0))
		machine.lag(feed, max(lag, 0))
	default:
		machine.lag(feed, max(lag, 0))
	}
}

// lag notes by how many nanoseconds a feed was later than the first one.
func (m *comparedMachine) lag(feed int, lag int64) {
	m.counts.Feeds[feed].Compared++
	if m.lags[feed] == nil {
		m.lags[feed] = hdrhistogram.New(1, maxLag.Microseconds(), 2)
	}
	_ = m.lags[feed].RecordValue(min(lag/1000, maxLag.Microseconds())) // in range
}

// forget counts an event that no feed can deliver any more.
func (c *comparison) forget(m *event.Memo, delivered []uint32) {
	c.count(&c.machines[m.Group].counts, m, delivered)
}

// count adds an event to n.
func (c *comparison) count(n *MachineComparison, m *event.Memo, delivered []uint32) {
	n.Events++
	for i, times := range delivered {
		f, others := &n.Feeds[i], uint32(0)
		for j, other := range delivered {
			if j != i {
				others = max(others, other)
			}
		}
		f.Repeated += max(int64(times)-int64(max(others, 1)), 0)
		switch {
		case times > 0 && others == 0:
			f.Only++
		case times == 0:
			f.Missed++
			if c.wasAway(i, m.Received) {
				f.MissedAway++
			}
		}
	}
}

// wasAway reports whether a feed was not connected at that time.
func (c *comparison) wasAway(feed int, at int64) bool {
	for _, a := range c.away[feed] {
		if a.from <= at && (a.to == 0 || at <= a.to) {
			return true
		}
	}
	return false
}

// decided reports whether no feed that has not delivered an event can be expected to do so.
func (c *comparison) decided(m *event.Memo, delivered []uint32) bool {
	for i, times := range delivered {
		if times == 0 && c.machines[m.Group].latest[i] < m.Order && c.latest[i] <= m.Received+laterBy.Nanoseconds() {
			return false
		}
	}
	return true
}

// connected notes that a feed is connected, or is not.
func (c *comparison) connected(feed int, yes bool, at int64) {
	all := c.away[feed]
	open := len(all) > 0 && all[len(all)-1].to == 0
	switch {
	case yes && open:
		all[len(all)-1].to = at
	case !yes && !open:
		if len(all) == maxAway {
			all = slices.Delete(all, 0, 1)
		}
		c.away[feed] = append(all, awayTime{from: at})
	}
}

// Connected says whether the feed is connected from now on. A feed is, until this says
// that it is not.
func (f *Feed) Connected(yes bool) {
	f.b.mu.Lock()
	defer f.b.mu.Unlock()
	f.b.compared.connected(f.number, yes, time.Now().UnixNano())
}

// Compare says how the feeds compare so far, nil if there is only one. It is safe for
// concurrent use, and holds up the feeds for some milliseconds at most.
func (b *Buffer) Compare() *Comparison {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.window == nil {
		return nil
	}
	c, result := b.compared, &Comparison{}
	for _, f := range b.feeds {
		result.Feeds = append(result.Feeds, cmp.Or(f.name, "POSTs"))
	}
	for _, m := range c.machines {
		n := m.counts
		n.Machine, n.Feeds = m.name, slices.Clone(n.Feeds)
		result.Machines = append(result.Machines, n)
	}
	b.window.Each(func(m *event.Memo, delivered []uint32) {
		if c.decided(m, delivered) {
			c.count(&result.Machines[m.Group], m, delivered)
		} else {
			result.Undecided++
		}
	})
	c.sum(result)
	result.Machines = slices.DeleteFunc(result.Machines, func(m MachineComparison) bool { return m.Events == 0 })
	slices.SortFunc(result.Machines, func(a, b MachineComparison) int {
		x, _ := strconv.Atoi(a.Machine) // 0 for one that is no number
		y, _ := strconv.Atoi(b.Machine)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(a.Machine, b.Machine))
	})
	return result
}

// sum fills in the times of result, whose machines are in the order of c, and the sum of
// all machines.
func (c *comparison) sum(result *Comparison) {
	all := &result.All
	all.Feeds = make([]FeedComparison, c.feeds)
	for feed := range all.Feeds {
		sum := hdrhistogram.New(1, maxLag.Microseconds(), 2)
		total := &all.Feeds[feed]
		for i := range result.Machines {
			f := &result.Machines[i].Feeds[feed]
			total.Missed += f.Missed
			total.MissedAway += f.MissedAway
			total.Only += f.Only
			total.Repeated += f.Repeated
			total.Compared += f.Compared
			total.First += f.First
			if lags := c.machines[i].lags[feed]; lags != nil {
				f.P50, f.P95 = percentiles(lags)
				sum.Merge(lags)
			}
		}
		total.P50, total.P95 = percentiles(sum)
	}
	for i := range result.Machines {
		all.Events += result.Machines[i].Events
	}
}

func percentiles(h *hdrhistogram.Histogram) (p50, p95 time.Duration) {
	return time.Duration(h.ValueAtQuantile(50)) * time.Microsecond, time.Duration(h.ValueAtQuantile(95)) * time.Microsecond
}
