package tui

import (
	"math"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// TestRate: calls a second are those of the last 10 s of the feed, from its first timestamp
// on: before it there is no time.
func TestRate(t *testing.T) {
	const begin = 1_700_000_000_000_000
	var f figures
	for i, step := range []struct {
		from, to, calls int64
		want            float64 // below 0 for not known
	}{
		{0, 0, 0, -1},
		{begin, begin, 1, -1},
		{begin, begin + 2_000_000, 10, 5},
		{begin, begin + 10_000_000, 21, 2},
		{begin, begin + 20_000_000, 51, 3},
	} {
		f.update(&call.Interval{From: step.from, To: step.to, Total: &call.Counts{Attempts: step.calls}})
		got, ok := f.rate()
		if ok != (step.want >= 0) || ok && math.Abs(got-step.want) > 1e-9 {
			t.Errorf("step %d: %v, %v", i, got, ok)
		}
	}
}
