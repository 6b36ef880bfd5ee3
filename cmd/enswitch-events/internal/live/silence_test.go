package live

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
)

// TestWatch: without --max-silence a person is asked once, and only before the first
// event; with it of each silence.
func TestWatch(t *testing.T) {
	for _, row := range []struct {
		name   string
		once   bool
		events []time.Duration // when they come
		want   int             // warnings in 10 minutes
	}{
		{"once, nothing comes", true, nil, 1},
		{"once, an event at once", true, []time.Duration{time.Second}, 0},
		{"once, an event after it", true, []time.Duration{time.Minute}, 1},
		{"each, nothing comes", false, nil, 1},
		{"each, two silences", false, []time.Duration{time.Minute}, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			var said strings.Builder
			u := &connection{a: &cli.App{Log: log.New(&said, log.Options{})}, connected: time.Now()}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			for _, at := range row.events {
				time.AfterFunc(at, func() {
					u.mu.Lock()
					u.last = time.Now()
					u.mu.Unlock()
				})
			}
			u.watch(ctx, firstEventPatience, row.once, messagedQuiet)
			u.a.Log.Close()
			if n := strings.Count(said.String(), "is 'Send events to messaged' on?"); n != row.want {
				t.Errorf("%s: %d warnings, want %d: %s", row.name, n, row.want, &said)
			}
		})
	}
}
