package join

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// TestCompare: of two feeds, of which each leaves out events and sends some twice, and one
// is later than the other, the comparison says what a plain count says.
func TestCompare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := NewSet()
		feeds := []*Feed{set.Add("a"), set.Add("b")}
		want := map[string]*MachineComparison{}
		undecided := int64(0)
		start := time.Unix(1_000_000, 0)
		lag := time.Duration(rapid.IntRange(1, 50).Draw(t, "lag")) * 10 * time.Millisecond
		n := rapid.IntRange(1, 60).Draw(t, "events")
		all := make([]sent, n)
		for i := range all {
			for f := range 2 {
				all[i].times[f] = rapid.SampledFrom([]int{0, 1, 1, 1, 1, 2}).Draw(t, "times")
			}
			if all[i].first = start.Add(time.Duration(i) * time.Second); all[i].times[0] == 0 {
				all[i].first = all[i].first.Add(lag)
			}
		}
		for i, s := range all {
			machine := fmt.Sprint(i % 3)
			raw := fmt.Sprintf(`{"class":"call","event":"start","n":%d,"machine":%q}`, i, machine)
			at := start.Add(time.Duration(i) * time.Second)
			for f, feed := range feeds {
				for range s.times[f] {
					deliver(feed, raw, at.Add(time.Duration(f)*lag))
				}
			}
			m := want[machine]
			if m == nil {
				m = &MachineComparison{Machine: machine, Feeds: make([]FeedComparison, 2)}
				want[machine] = m
			}
			if s.times == [2]int{} {
				continue
			}
			decided := true
			for f := range 2 { // a later event of the same machine, or one of another 5 s later
				if s.times[f] == 0 && !laterOf(all, i, f) {
					decided = false
				}
			}
			if s.times[0] > 0 && s.times[1] > 0 {
				m.Feeds[0].Compared++
				m.Feeds[1].Compared++
				m.Feeds[0].First++
			}
			if !decided {
				undecided++
				continue
			}
			m.Events++
			for f := range 2 {
				own, other := s.times[f], s.times[1-f]
				switch {
				case own == 0:
					m.Feeds[f].Missed++
				case other == 0:
					m.Feeds[f].Only++
				}
				m.Feeds[f].Repeated += int64(max(own-max(other, 1), 0))
			}
		}
		got := set.Compare()
		if got.Undecided != undecided {
			t.Fatalf("%d undecided, want %d", got.Undecided, undecided)
		}
		for _, m := range got.Machines {
			if m.Events != want[m.Machine].Events {
				t.Fatalf("machine %s: %d events, want %d", m.Machine, m.Events, want[m.Machine].Events)
			}
			for f := range m.Feeds {
				have, w := m.Feeds[f], want[m.Machine].Feeds[f]
				p50 := have.P50
				have.P50, have.P95 = 0, 0
				if have != w {
					t.Fatalf("machine %s, feed %d: %+v, want %+v", m.Machine, f, have, w)
				}
				if f == 1 && w.Compared > 0 && (p50 < lag*99/100 || p50 > lag*101/100) || f == 0 && p50 > 0 {
					t.Fatalf("feed %d: behind by %v, want %v", f, p50, lag)
				}
			}
		}
	})
}

// sent is how often each of two feeds sends an event, and when it comes first.
type sent struct {
	times [2]int
	first time.Time
}

// laterOf reports whether feed f has an event of the same machine after i, or one of another
// that comes more than 5 s later. Machines take turns.
func laterOf(all []sent, i, f int) bool {
	for j := i + 1; j < len(all); j++ {
		if all[j].times[f] > 0 && (j%3 == i%3 || all[j].first.Sub(all[i].first) > 5*time.Second) {
			return true
		}
	}
	return false
}

// TestCompareForgets: an event that the window has forgotten counts as missed, and as missed
// while the feed was away if it was.
func TestCompareForgets(t *testing.T) {
	set := NewSet()
	a, b := set.Add("a"), set.Add("")
	at := time.Now()
	b.Connected(false, at.Add(-time.Second).UnixNano())
	deliver(a, `{"class":"call","event":"start","n":0}`, at)
	b.Connected(true, at.Add(time.Second).UnixNano())
	deliver(a, `{"class":"call","event":"start","n":1}`, at.Add(time.Minute))
	set.window.Seen(event.Identity{1}, 0, at.Add(maxAge+2*time.Minute)) // time passes
	got := set.Compare()
	if f := got.All.Feeds[1]; got.All.Events < 2 || f.Missed < 2 || f.MissedAway != 1 {
		t.Errorf("%+v", got)
	}
	if !slices.Equal(got.Feeds, []string{"a", "POSTs"}) {
		t.Errorf("%q", got.Feeds)
	}
	one := NewSet()
	if one.Add("a"); one.Compare() != nil {
		t.Error("one feed compared")
	}
}

// TestMachinesAreBounded: machines past the bound are counted as one, and none as another.
func TestMachinesAreBounded(t *testing.T) {
	const machines = 2 * maxMachines
	set := NewSet()
	feeds := []*Feed{set.Add("a"), set.Add("b")}
	for _, feed := range feeds {
		for n := range machines {
			deliver(feed, fmt.Sprintf(`{"class":"call","event":"start","machine":%d}`, n), time.Now())
		}
	}
	c := set.Compare()
	if len(c.Machines) != maxMachines || c.All.Events != machines {
		t.Fatalf("%d machines, %d events", len(c.Machines), c.All.Events)
	}
	for _, m := range c.Machines {
		want := int64(1)
		if m.Machine == otherMachine {
			want = machines - maxMachines + 1
		}
		if m.Events != want {
			t.Errorf("machine %s: %d events, want %d", m.Machine, m.Events, want)
		}
	}
}

// deliver has feed deliver an event.
func deliver(feed *Feed, raw string, received time.Time) {
	id := feed.Identify([]byte(raw))
	feed.Deliver(&id, received.UnixNano(), received)
}
