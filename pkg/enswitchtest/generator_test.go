package enswitchtest

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func TestGolden(t *testing.T) {
	const file = "testdata/first40.ndjson"
	var got []byte
	g := NewGenerator(&GeneratorOptions{Seed: 1})
	for range 40 {
		got = append(append(got, g.Next().Raw...), '\n')
	}
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("seed 1 gives other events than %s:\n%s", file, got)
	}
}

func TestSeed(t *testing.T) {
	first := func(o *GeneratorOptions) string {
		g := NewGenerator(o)
		var all []byte
		for range 1000 {
			all = append(all, g.Next().Raw...)
		}
		return string(all)
	}
	if first(nil) != first(&GeneratorOptions{Rate: 10, Machines: 7, Start: time.Unix(1234567890, 123456000)}) {
		t.Error("the defaults are not those documented")
	}
	if first(nil) == first(&GeneratorOptions{Seed: 1}) {
		t.Error("two seeds give the same events")
	}
}

func TestEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := &GeneratorOptions{
			Seed:     rapid.Uint64().Draw(t, "seed"),
			Rate:     rapid.SampledFrom([]float64{0, 0.5, 10, 300, 20_000, 1e6, math.Inf(1)}).Draw(t, "rate"),
			Machines: rapid.IntRange(0, 20).Draw(t, "machines"),
		}
		g := NewGenerator(o)
		machines := o.Machines
		if machines == 0 {
			machines = 7
		}
		var x event.Index
		var last int64
		fields := map[string]string{}
		calls := callChecker{calls: map[string]*checkedCall{}, legs: map[string]int{}}
		for range 1000 {
			ev := g.Next()
			if err := x.Scan(ev.Raw); err != nil || x.Repaired() || !json.Valid(ev.Raw) {
				t.Fatalf("%v: %s", err, ev.Raw)
			}
			usec, ok := event.Timestamp(x.Get("timestamp").Text())
			if !ok || x.Get("timestamp").Kind != event.String || usec != ev.At.UnixMicro() || usec < last {
				t.Fatalf("timestamp: %s", ev.Raw)
			}
			last = usec
			if x.Get("machine").Kind != event.Number {
				t.Fatalf("machine: %s", ev.Raw)
			}
			var m struct{ Machine int }
			if err := json.Unmarshal(ev.Raw, &m); err != nil || m.Machine < 1 || m.Machine > machines {
				t.Fatalf("machine: %s", ev.Raw)
			}
			var keys []string
			for i := range x.Len() {
				keys = append(keys, string(x.Key(i).Text()))
				if v := x.Value(i); v.Kind != event.String && keys[i] != "machine" {
					t.Fatalf("%s is no string: %s", keys[i], ev.Raw)
				}
			}
			if !slices.IsSorted(keys) || len(slices.Compact(slices.Clone(keys))) != len(keys) {
				t.Fatalf("order of fields: %s", ev.Raw)
			}
			name := string(x.Class().Text()) + "." + string(x.Event().Text())
			all := strings.Join(keys, " ")
			if was, ok := fields[name]; ok && was != all {
				t.Fatalf("%s has the fields %q and %q", name, was, all)
			}
			fields[name] = all

			if !x.Class().Is("call") {
				continue
			}
			calls.check(t, ev.Raw, &x)
		}
		if calls.over == 0 || len(fields) < 8 {
			t.Errorf("of %d calls %d ended; kinds %v", len(calls.calls), calls.over, fields)
		}
		if fields["call.start"] != "asteriskid callid class event machine timestamp uniqueid" {
			t.Errorf("call.start differs from the published example: %s", fields["call.start"])
		}
	})
}

// Every call ends: after the last arrival that is looked at, none of the calls
// that had begun before stays open.
func TestCallsEnd(t *testing.T) {
	g := NewGenerator(nil)
	open := map[string]int{}
	var x event.Index
	end := g.Next().At.Add(10 * time.Minute)
	for {
		ev := g.Next()
		if ev.At.After(end.Add(10 * time.Minute)) {
			break
		}
		if err := x.Scan(ev.Raw); err != nil {
			t.Fatal(err)
		}
		callid := string(x.Get("callid").Text())
		switch {
		case x.Event().Is("start") && (ev.At.Before(end) || open[callid] > 0):
			open[callid]++
		case x.Event().Is("end") && open[callid] > 0:
			open[callid]--
		}
	}
	for callid, legs := range open {
		if legs != 0 {
			t.Errorf("call %s has %d legs open", callid, legs)
		}
	}
}

func TestRate(t *testing.T) {
	for _, rate := range []float64{5, 100, 20_000} {
		g := NewGenerator(&GeneratorOptions{Rate: rate})
		first := g.Next().At
		warm := first.Add(5 * time.Minute / time.Duration(max(rate/1000, 1))) // the longest calls
		for first.Before(warm) {
			first = g.Next().At // until calls end as fast as they begin
		}
		const n = 60_000
		var last time.Time
		for range n {
			last = g.Next().At
		}
		got := n / last.Sub(first).Seconds()
		if got < 0.95*rate || got > 1.05*rate {
			t.Errorf("rate %v is %v", rate, got)
		}
		if len(g.steps) > 100_000 {
			t.Errorf("rate %v: %d steps planned", rate, len(g.steps))
		}
	}
}

// A viewer of the default rate sees a whole call within some seconds.
func TestDemo(t *testing.T) {
	for seed := range uint64(20) {
		g := NewGenerator(&GeneratorOptions{Seed: seed})
		first := g.Next()
		seen := map[string]time.Duration{}
		for range 400 {
			ev := g.Next()
			for _, what := range []string{"answer", "end"} {
				if _, ok := seen[what]; !ok && bytes.Contains(ev.Raw, []byte(`"event":"`+what+`"`)) {
					seen[what] = ev.At.Sub(first.At)
				}
			}
		}
		if !bytes.Contains(first.Raw, []byte(`"start"`)) || seen["answer"] > 20*time.Second || seen["end"] > 20*time.Second {
			t.Errorf("seed %d: %s, then %v", seed, first.Raw, seen)
		}
	}
}

func TestPlay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		start := time.Now()
		want := NewGenerator(nil)
		offset := want.Next().At
		want = NewGenerator(nil)
		var x event.Index
		n := 0
		err := NewGenerator(nil).Play(ctx, func(raw []byte) {
			if err := x.Scan(raw); err != nil {
				t.Fatal(err)
			}
			usec, _ := event.Timestamp(x.Get("timestamp").Text())
			if usec != time.Now().UnixMicro() {
				t.Errorf("timestamp is not now: %s", raw)
			}
			if due := want.Next().At.Sub(offset); usec != start.Add(due).UnixMicro() {
				t.Errorf("event %d is played after %v, not %v", n, time.Since(start), due)
			}
			if n++; n == 200 {
				cancel()
			}
		})
		if err != context.Canceled || n != 200 {
			t.Errorf("%d events, %v", n, err)
		}
	})
}

// Play catches up after a delay, but not after an hour asleep.
func TestPlayLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n := 0
		_ = NewGenerator(nil).Play(ctx, func([]byte) {
			if n++; n == 1 {
				time.Sleep(time.Hour) // of the bubble's clock
				time.AfterFunc(10*time.Second, cancel)
			}
		})
		if n > 300 {
			t.Errorf("%d events in ten seconds", n)
		}
	})
}

func TestPlayUnpaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start, n := time.Now(), 0
		_ = NewGenerator(&GeneratorOptions{Rate: math.Inf(1)}).Play(ctx, func([]byte) {
			if n++; n == 10_000 {
				cancel()
			}
		})
		if n != 10_000 || time.Since(start) != 0 {
			t.Errorf("%d events took %v", n, time.Since(start))
		}
	})
}

// A cancelled wait returns at once.
func TestPlayCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		n := 0
		err := NewGenerator(&GeneratorOptions{Rate: 1e-7}).Play(ctx, func([]byte) { n++ })
		if err != context.DeadlineExceeded || n == 0 {
			t.Errorf("%d events, %v", n, err)
		}
	})
}

func BenchmarkNext(b *testing.B) {
	for name, rate := range map[string]float64{"10": 10, "1000": 1000, "max": math.Inf(1)} {
		b.Run("rate="+name, func(b *testing.B) {
			g := NewGenerator(&GeneratorOptions{Rate: rate})
			for range 20_000 {
				g.Next()
			}
			b.ReportAllocs()
			bytes := 0
			for b.Loop() {
				bytes += len(g.Next().Raw)
			}
			b.SetBytes(int64(bytes / max(b.N, 1)))
		})
	}
}
