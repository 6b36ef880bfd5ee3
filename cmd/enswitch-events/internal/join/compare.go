package join

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
	// maxMachines bounds the machines that are told apart. Those past that share the last
	// one, otherMachine.
	maxMachines  = 64
	otherMachine = "other"
	// laterBy is how much later an event of another machine must be for those before it
	// to count as missed.
	laterBy = 5 * time.Second
	// maxAway bounds the outages that are remembered of a feed.
	maxAway = 64
	maxLag  = 2 * maxAge
)

// machine counts the events of one machine.
type machine struct {
	counts MachineComparison         // of those that the window has forgotten
	latest []int64                   // by feed: the order of the last event that it had
	lags   []*hdrhistogram.Histogram // in microseconds; nil until there is one
}

// group returns the number of a machine.
func (s *Set) group(name string) int32 {
	n, known := s.groups[name]
	switch {
	case known:
		return n
	case len(s.machines) >= maxMachines-1 && name != otherMachine:
		return s.group(otherMachine)
	}
	n = int32(len(s.machines))
	s.groups[name] = n
	s.machines = append(s.machines, &machine{
		counts: MachineComparison{Machine: name, Feeds: make([]FeedComparison, len(s.feeds))},
		latest: make([]int64, len(s.feeds)), lags: make([]*hdrhistogram.Histogram, len(s.feeds)),
	})
	return n
}

// delivered notes that f has delivered an event for the first time. m is zero if no feed
// had it before.
func (f *Feed) delivered(m *event.Memo, name string, received int64) {
	s := f.set
	if m.Sources++; m.Sources == 1 {
		s.order++
		*m = event.Memo{Received: received, Order: s.order, Source: int32(f.number), Group: s.group(name), Sources: 1}
	} else {
		f.level.common, s.feeds[m.Source].level.common = true, true
	}
	f.level.place = max(f.level.place, m.Order)
	machine := s.machines[m.Group]
	machine.latest[f.number] = max(machine.latest[f.number], m.Order)
	f.latest = max(f.latest, m.Received)
	switch lag := received - m.Received; m.Sources {
	case 1:
	case 2:
		first := int(m.Source)
		if lag < 0 { // it was handed over later, but had come earlier
			first = f.number
		}
		machine.counts.Feeds[first].First++
		machine.lag(int(m.Source), max(-lag, 0))
		machine.lag(f.number, max(lag, 0))
	default:
		machine.lag(f.number, max(lag, 0))
	}
}

// lag notes by how many nanoseconds a feed was later than the first one.
func (m *machine) lag(feed int, lag int64) {
	m.counts.Feeds[feed].Compared++
	if m.lags[feed] == nil {
		m.lags[feed] = newLags()
	}
	_ = m.lags[feed].RecordValue(min(lag/1000, maxLag.Microseconds())) // in range
}

func newLags() *hdrhistogram.Histogram { return hdrhistogram.New(1, maxLag.Microseconds(), 2) }

// count adds to n an event and how often each feed has delivered it.
func (s *Set) count(n *MachineComparison, m *event.Memo, delivered []uint32) {
	n.Events++
	for i, times := range delivered {
		c, others := &n.Feeds[i], uint32(0)
		for j, other := range delivered {
			if j != i {
				others = max(others, other)
			}
		}
		c.Repeated += max(int64(times)-int64(max(others, 1)), 0)
		switch {
		case times > 0 && others == 0:
			c.Only++
		case times == 0:
			c.Missed++
			if s.feeds[i].wasAway(m.Received) {
				c.MissedAway++
			}
		}
	}
}

// decided reports whether every feed has delivered the event, or cannot be expected to.
func (s *Set) decided(m *event.Memo, delivered []uint32) bool {
	for i, times := range delivered {
		if times == 0 && s.machines[m.Group].latest[i] < m.Order && s.feeds[i].latest <= m.Received+laterBy.Nanoseconds() {
			return false
		}
	}
	return true
}

// outage is a time without a connection, in Unix nanoseconds; to is 0 while it goes on.
type outage struct{ from, to int64 }

// Connected says whether the feed is connected from that time on, in Unix nanoseconds. At
// first it is.
func (f *Feed) Connected(yes bool, at int64) {
	switch away := f.isAway(); {
	case yes && away:
		f.away[len(f.away)-1].to = at
		f.excuse() // what came meanwhile will not come again
	case !yes && !away:
		if len(f.away) == maxAway {
			f.away = slices.Delete(f.away, 0, 1)
		}
		f.away = append(f.away, outage{from: at})
	}
}

// isAway reports whether the feed is not connected.
func (f *Feed) isAway() bool { return len(f.away) > 0 && f.away[len(f.away)-1].to == 0 }

// wasAway reports whether the feed was not connected at that time.
func (f *Feed) wasAway(at int64) bool {
	return slices.ContainsFunc(f.away, func(a outage) bool { return a.from <= at && (a.to == 0 || at <= a.to) })
}

// Compare returns how the feeds compare so far, nil if there is only one. It takes some
// milliseconds at most.
func (s *Set) Compare() *Comparison {
	if !s.Several() {
		return nil
	}
	result := &Comparison{}
	for _, f := range s.feeds {
		result.Feeds = append(result.Feeds, cmp.Or(f.name, "POSTs"))
	}
	for _, m := range s.machines {
		n := m.counts
		n.Feeds = slices.Clone(n.Feeds)
		result.Machines = append(result.Machines, n)
	}
	s.window.Each(func(m *event.Memo, delivered []uint32) {
		if s.decided(m, delivered) {
			s.count(&result.Machines[m.Group], m, delivered)
		} else {
			result.Undecided++
		}
	})
	s.sum(result)
	result.Machines = slices.DeleteFunc(result.Machines, func(m MachineComparison) bool { return m.Events == 0 })
	slices.SortFunc(result.Machines, func(a, b MachineComparison) int {
		x, _ := strconv.Atoi(a.Machine) // 0 for one that is no number
		y, _ := strconv.Atoi(b.Machine)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(a.Machine, b.Machine))
	})
	return result
}

// sum fills in the times of result, whose machines are in the order of s, and the sum of
// all machines.
func (s *Set) sum(result *Comparison) {
	all := &result.All
	all.Feeds = make([]FeedComparison, len(s.feeds))
	for feed := range all.Feeds {
		total, lags := &all.Feeds[feed], newLags()
		for i := range result.Machines {
			c := &result.Machines[i].Feeds[feed]
			total.Missed += c.Missed
			total.MissedAway += c.MissedAway
			total.Only += c.Only
			total.Repeated += c.Repeated
			total.Compared += c.Compared
			total.First += c.First
			if own := s.machines[i].lags[feed]; own != nil {
				c.P50, c.P95 = percentiles(own)
				lags.Merge(own)
			}
		}
		total.P50, total.P95 = percentiles(lags)
	}
	for i := range result.Machines {
		all.Events += result.Machines[i].Events
	}
}

func percentiles(h *hdrhistogram.Histogram) (p50, p95 time.Duration) {
	return time.Duration(h.ValueAtQuantile(50)) * time.Microsecond, time.Duration(h.ValueAtQuantile(95)) * time.Microsecond
}
