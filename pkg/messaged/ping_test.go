package messaged

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestPings(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers int           // pings that the server answers
		events  time.Duration // how often an event comes, 0 for never
		junk    bool          // pongs to nothing
		dropped time.Duration // when, 0 for not within the hour
	}{
		{"never answers", 0, 0, false, 0},
		{"answers what was not asked", 0, 0, true, 0},
		{"answers always", 1 << 30, 0, false, 0},
		{"answers once", 1, 0, false, 62 * time.Second},
		{"answers three", 3, 0, false, 102 * time.Second},
		{"answers once, sends events", 1, 30 * time.Second, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				answered := 0
				c := New(address(t, "h"), &Options{Retries: -1, OnState: func(s State) {
					if s.Status == Pong {
						answered++
						if s.RTT != 100*time.Millisecond {
							t.Errorf("round trip %s", s.RTT)
						}
					}
				}})
				servers := pipe(c, func(_ int, nc net.Conn) {
					_, br, err := upgrade(nc)
					if err != nil {
						return
					}
					var mu sync.Mutex
					write := func(b []byte) { mu.Lock(); defer mu.Unlock(); _, _ = nc.Write(b) }
					done := make(chan struct{})
					var sender sync.WaitGroup
					defer sender.Wait()
					defer close(done)
					if tt.events > 0 {
						sender.Go(func() {
							for {
								select {
								case <-done:
									return
								case <-time.After(tt.events):
									write(text("{}"))
								}
							}
						})
					}
					if tt.junk {
						write(frame(final|opPong, []byte("1")))
						write(frame(final|opPong, []byte("x")))
					}
					for n := 0; ; n++ {
						payload, err := readControl(br)
						if err != nil {
							return
						}
						if n < tt.answers {
							time.Sleep(100 * time.Millisecond)
							write(frame(final|opPong, payload))
						}
					}
				})
				start := time.Now()
				_, err := gatherUntil(ctx, c)
				took := time.Since(start)
				servers.Wait()
				if tt.dropped == 0 {
					if !errors.Is(err, context.DeadlineExceeded) || took.Round(time.Second) != time.Hour { // the goodbye may wait a little
						t.Errorf("%v after %s", err, took)
					}
					if want := min(tt.answers, 179); answered != want && tt.answers < 1<<30 || answered < want-1 {
						t.Errorf("%d answers", answered)
					}
					return
				}
				e, ok := errors.AsType[*Error](err)
				if !ok || e.Kind != Lost || !strings.Contains(e.Detail, "no answer to pings for 40s") || took.Round(time.Second) != tt.dropped || answered != tt.answers {
					t.Errorf("%v after %s, %d answers", err, took, answered)
				}
			})
		})
	}
}

// A consumer that takes its time does not make the server look dead.
func TestSlowConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(address(t, "h"), &Options{Retries: -1})
		servers := pipe(c, func(_ int, nc net.Conn) {
			_, br, err := upgrade(nc)
			if err != nil {
				return
			}
			if payload, err := readControl(br); err == nil {
				_, _ = nc.Write(frame(final|opPong, payload))
			}
			_, _ = nc.Write(text("slow"))
			go func() { _, _ = br.WriteTo(io.Discard) }()
			_, _ = nc.Write(text("next"))
			_, _ = nc.Write(closing(1000, "done"))
		})
		var got []string
		var err error
		for ev, e := range c.Events(t.Context()) {
			if err = e; err == nil {
				got = append(got, string(ev.Raw))
				time.Sleep(10 * time.Minute)
			}
		}
		servers.Wait()
		if e, ok := errors.AsType[*Error](err); !ok || !strings.Contains(e.Detail, "done") || !slices.Equal(got, []string{"slow", "next"}) {
			t.Errorf("%q, %v", got, err)
		}
	})
}
