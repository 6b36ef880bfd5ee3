package live

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// TestLimit holds --exec-every and --exec-by equal to a plain count.
func TestLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		every := time.Duration(rapid.IntRange(1, 20).Draw(t, "every")) * time.Second
		fields := rapid.SampledFrom([][]string{nil, {"machine"}, {"machine", "in.x"}}).Draw(t, "fields")
		l := newLimit(every, fields)
		type state struct {
			at      time.Time
			leftOut int64
		}
		last := map[string]*state{}
		now, all := time.Unix(1, 0), int64(0)
		var x event.Index
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "passed")) * time.Millisecond)
			machine := rapid.SampledFrom([]string{"", `"machine":1,`, `"machine":"1",`, `"machine":"",`, `"machine":"2",`}).Draw(t, "machine")
			inner := rapid.SampledFrom([]string{"", `"in":{"x":1},`, `"in":{"x":2},`}).Draw(t, "in")
			if err := x.Scan([]byte("{" + machine + inner + `"n":1}`)); err != nil {
				t.Fatal(err)
			}
			var value strings.Builder
			for _, f := range fields {
				v := x.Get(f)
				fmt.Fprintf(&value, "%t %s;", v.Kind == event.Absent, v.Text())
			}
			s := last[value.String()]
			want, allowed := int64(0), true
			switch {
			case s == nil:
				last[value.String()] = &state{at: now}
			case now.Sub(s.at) < every:
				s.leftOut++
				all++
				allowed = false
			default:
				want = s.leftOut
				*s = state{at: now}
			}
			if got, ok := l.allows(&x, now); ok != allowed || got != want {
				t.Fatalf("%s: %d, %t; want %d, %t", x.JSON(), got, ok, want, allowed)
			}
		}
		if l.leftOut.Load() != all {
			t.Fatalf("%d left out, want %d", l.leftOut.Load(), all)
		}
	})
}

// TestLimitIsBounded: of very many values the oldest is forgotten, and those whose time is
// over.
func TestLimitIsBounded(t *testing.T) {
	l := newLimit(time.Hour, []string{"n"})
	var x event.Index
	allows := func(n int, at time.Time) bool {
		if err := x.Scan(fmt.Appendf(nil, `{"n":%d}`, n)); err != nil {
			t.Fatal(err)
		}
		_, ok := l.allows(&x, at)
		return ok
	}
	start := time.Unix(1, 0)
	for n := range maxLimited + 5 {
		if !allows(n, start.Add(time.Duration(n)*time.Millisecond)) {
			t.Fatal(n)
		}
	}
	if len(l.last) != maxLimited {
		t.Errorf("%d values", len(l.last))
	}
	if allows(maxLimited, start.Add(time.Minute)) || !allows(0, start.Add(time.Minute)) {
		t.Error("not the oldest was forgotten")
	}
	if !allows(-1, start.Add(3*time.Hour)) || len(l.last) > 2 {
		t.Errorf("%d values whose time is over", len(l.last))
	}
}
