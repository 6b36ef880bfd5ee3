package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// TestAbsence: records come as soon as no event has been kept for the time, and before the
// next one that is, while others come all the time, and with a command for each event, too.
func TestAbsence(t *testing.T) {
	const after = 10 * time.Second
	for seed := range uint64(20) {
		for _, exec := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				buf := newBuffer(1 << 20)
				defer buf.Release()
				feed := buf.Feed("test")
				var out bytes.Buffer
				var ran, want []string
				name := func(x *event.Index) string { return string(x.Event().Text()) + " " + string(x.Field("seconds").Text()) }
				sink := text(t, filter.Options{Event: []string{"kept"}}, render.Options{Format: "ndjson"})
				if exec {
					sink.OnKept = func(_ *event.Event, x *event.Index) { ran = append(ran, name(x)) }
				}
				c := &Config{Sink: sink, Out: &out, Absence: &Absence{
					After: after, Text: sink, Connected: func() bool { return true },
					OnRecord: func(_ *event.Event, x *event.Index) { ran = append(ran, name(x)) },
				}}
				start := time.Now()
				last, absent, dropped := start, false, 0
				due := func() { // what is expected by now
					if passed := time.Since(last); !absent && passed >= after {
						absent = true
						want = append(want, fmt.Sprintf("absent 10.000 %d", dropped))
					}
				}
				source := func(context.Context) error {
					for range 30 {
						time.Sleep(time.Duration(random.IntN(8000))*time.Millisecond + time.Microsecond)
						if random.IntN(4) == 0 {
							time.Sleep(8 * time.Second)
						}
						due()
						kind := []string{"kept", "dropped", "dropped"}[random.IntN(3)]
						feed.Add(event.Event{Raw: fmt.Appendf(nil, `{"class":"call","event":%q}`, kind), Received: time.Now()})
						feed.Flush()
						synctest.Wait()
						if kind == "dropped" {
							dropped++
							continue
						}
						if absent {
							want = append(want, fmt.Sprintf("present %.3f", time.Since(last).Seconds()))
						}
						want = append(want, "kept")
						last, absent, dropped = time.Now(), false, 0
					}
					return nil
				}
				if end, err := buf.Run(t.Context(), c, source); end != EndOfInput || err != nil {
					t.Fatal(end, err)
				}
				var got []string
				for line := range bytes.Lines(out.Bytes()) {
					var r struct {
						Event    string
						Seconds  json.Number
						Received *int
					}
					if err := json.Unmarshal(line, &r); err != nil {
						t.Fatal(err)
					}
					text := r.Event
					if r.Seconds != "" {
						text += " " + r.Seconds.String()
					}
					if r.Received != nil {
						text += fmt.Sprintf(" %d", *r.Received)
					}
					got = append(got, text)
				}
				if !slices.Equal(got, want) {
					t.Errorf("seed %d, exec %t: got  %q\nwant %q", seed, exec, got, want)
				}
				if exec && len(ran) != len(want) {
					t.Errorf("%d ran, want %d", len(ran), len(want))
				}
				if l := buf.Ledger(); !addsUp(l) || l.Received != 30 {
					t.Errorf("%+v", l)
				}
			})
		}
	}
}

// TestAbsenceInBacklog: a reader that is slow makes no absence, and one that was there is
// written late, in its place.
func TestAbsenceInBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		buf := newBuffer(1 << 20)
		defer buf.Release()
		feed := buf.Feed("test")
		out := lateWriter{ready: make(chan struct{})}
		source := func(context.Context) error {
			for n, pause := range []time.Duration{0, 5 * time.Second, 25 * time.Second, 5 * time.Second} {
				time.Sleep(pause)
				feed.Add(event.Event{Raw: fmt.Appendf(nil, `{"class":"call","event":"e%d"}`, n), Received: time.Now()})
				feed.Gap(Gap{}) // the next one is in another block
			}
			close(out.ready)
			return nil
		}
		sink := text(t, filter.Options{}, render.Options{Format: "csv", Fields: []string{"event", "seconds"}})
		c := &Config{Sink: sink, Out: &out, Absence: &Absence{After: 10 * time.Second, Text: sink, Connected: func() bool { return false }}}
		if end, err := buf.Run(t.Context(), c, source); end != EndOfInput || err != nil {
			t.Fatal(end, err)
		}
		if want := "e0,\ne1,\nabsent,25.000\npresent,25.000\ne2,\ne3,\n"; out.String() != want {
			t.Errorf("got %s", out.String())
		}
	})
}

// lateWriter is a reader of the output that takes nothing until it is ready.
type lateWriter struct {
	bytes.Buffer
	ready chan struct{}
}

func (w *lateWriter) Write(p []byte) (int, error) {
	<-w.ready
	return w.Buffer.Write(p)
}

// TestAbsenceClockSet: a clock that is set makes no absence, and delays none, whatever came
// just before that.
func TestAbsenceClockSet(t *testing.T) {
	const after = 10 * time.Second
	for _, set := range []time.Duration{0, time.Hour, -time.Hour, 20 * time.Second, -20 * time.Second} {
		for _, late := range []bool{false, true} { // an event that came before is folded after
			start := time.Now()
			a := &absence{Absence: &Absence{After: after}, start: start, wall: start.UnixNano(), since: start.UnixNano()}
			at := func(passed, ahead time.Duration) int64 { return start.Add(passed + ahead).UnixNano() }
			a.follow(at(4*time.Second, 0), 4*time.Second)
			a.since = at(4*time.Second, 0)
			a.follow(at(6*time.Second, set), 6*time.Second)
			if late {
				if a.overdue(at(5*time.Second, 0)) {
					t.Errorf("set by %v: absent with an event that came before", set)
				}
				a.since = max(a.since, at(5*time.Second, 0))
			}
			for passed := 7 * time.Second; passed < 30*time.Second; passed += time.Second {
				a.follow(at(passed, set), passed)
				absent, want := a.overdue(at(passed, set)), passed >= 4*time.Second+after
				if late && set >= 0 && set < after { // it counts
					want = passed >= 5*time.Second+after
				}
				if late && set < 0 { // it counts as of when the clock was seen to be set
					want = passed >= 7*time.Second+after
				}
				if absent != want {
					t.Errorf("set by %v, late %t: after %v absent is %t", set, late, passed, absent)
				}
			}
		}
	}
}
