package render

import (
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// TestRowsOfEvents bounds the rows that a hundred events take on a terminal of 80
// columns.
func TestRowsOfEvents(t *testing.T) {
	const width, most, seeds = 80, 135, 100
	start := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	over := 0
	for seed := range uint64(seeds) {
		g := enswitchtest.NewGenerator(&enswitchtest.GeneratorOptions{Seed: seed, Rate: 5, Start: start})
		r := mustNew(t, Options{Format: "line", IDs: "short", Width: columnsOf(width)})
		rows := 0
		for range 100 {
			made := g.Next()
			var x event.Index
			if err := x.Scan(made.Raw); err != nil {
				t.Fatal(err)
			}
			line := r.Event(nil, &event.Event{Raw: made.Raw, Received: made.At}, &x)
			rows += (columns(line[:len(line)-1]) + width - 1) / width
		}
		if rows > most {
			over++
		}
		if seed == 1 && rows > most {
			t.Errorf("%d rows, want at most %d", rows, most)
		}
	}
	if over > seeds/20 { // a hundred events may be all routes
		t.Errorf("more than %d rows with %d of %d seeds", most, over, seeds)
	}
}
