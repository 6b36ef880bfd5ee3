package event

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func identity(n uint64) (id Identity) {
	binary.LittleEndian.PutUint64(id[:], n)
	return id
}

func TestWindow(t *testing.T) {
	type delivery struct {
		id, source int
		at         time.Duration
		duplicate  bool
	}
	for _, tt := range []struct {
		name       string
		deliveries []delivery
	}{
		{"two sources", []delivery{{1, 0, 0, false}, {1, 1, 0, true}, {2, 1, 0, false}, {2, 0, 0, true}}},
		{"one source repeats", []delivery{{1, 0, 0, false}, {1, 0, 0, false}, {1, 0, 0, false}}},
		{"both repeat in turn", []delivery{{1, 0, 0, false}, {1, 1, 0, true}, {1, 0, 0, false}, {1, 1, 0, true}}},
		{"both repeat one after the other", []delivery{{1, 0, 0, false}, {1, 0, 0, false}, {1, 1, 0, true}, {1, 1, 0, true}, {1, 1, 0, false}}},
		{"one has missed the second", []delivery{{1, 0, 0, false}, {1, 1, 0, true}, {1, 1, 0, false}, {1, 2, 0, true}, {1, 2, 0, true}}},
		{"old", []delivery{{1, 0, 0, false}, {1, 1, 9 * time.Second, true}, {1, 2, 10 * time.Second, false}}},
		{"age counts from the first", []delivery{{1, 0, 0, false}, {1, 1, 6 * time.Second, true}, {1, 2, 12 * time.Second, false}}},
		{"too many", []delivery{{1, 0, 0, false}, {2, 0, 0, false}, {3, 0, 0, false}, {4, 0, 0, false}, {1, 1, 0, false}, {4, 1, 0, true}, {2, 1, 0, false}}},
		{"time goes back", []delivery{{1, 0, 9 * time.Second, false}, {1, 1, 0, true}, {2, 0, 0, false}, {2, 1, 18 * time.Second, true}, {2, 2, 19 * time.Second, false}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := NewWindow(3, 3, 10*time.Second)
			start := time.Unix(1234567890, 0)
			for i, d := range tt.deliveries {
				if got := w.Seen(identity(uint64(d.id)), d.source, start.Add(d.at)); got != d.duplicate {
					t.Errorf("delivery %d, %v: duplicate %v", i, d, got)
				}
				if len(w.numbers) > 3 {
					t.Errorf("%d identities remembered", len(w.numbers))
				}
			}
		})
	}
}

// naiveWindow is a Window by search through a list.
type naiveWindow struct {
	count   int
	age     time.Duration
	now     time.Time
	entries []naiveEntry
}

type naiveEntry struct {
	id        Identity
	at        time.Time
	delivered map[int]int
}

func (w *naiveWindow) seen(id Identity, source int, at time.Time) bool {
	if at.After(w.now) {
		w.now = at
	}
	kept := w.entries[:0]
	for _, e := range w.entries {
		if w.now.Sub(e.at) < w.age {
			kept = append(kept, e)
		}
	}
	w.entries = kept
	for _, e := range w.entries {
		if e.id != id {
			continue
		}
		most := 0
		for s, n := range e.delivered {
			if s != source {
				most = max(most, n)
			}
		}
		e.delivered[source]++
		return most >= e.delivered[source]
	}
	w.entries = append(w.entries, naiveEntry{id, w.now, map[int]int{source: 1}})
	if len(w.entries) > w.count {
		w.entries = w.entries[1:]
	}
	return false
}

func TestWindowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 200).Draw(t, "count")
		sources := rapid.IntRange(1, 4).Draw(t, "sources")
		age := time.Duration(rapid.IntRange(1, 50).Draw(t, "age"))
		w := NewWindow(count, sources, age)
		naive := &naiveWindow{count: count, age: age}
		at := time.Unix(1234567890, 0)
		ids := rapid.Uint64Range(0, uint64(2*count))
		for i := range rapid.IntRange(0, 500).Draw(t, "deliveries") {
			id := identity(ids.Draw(t, "id"))
			source := rapid.IntRange(0, sources-1).Draw(t, "source")
			at = at.Add(time.Duration(rapid.IntRange(-1, 2).Draw(t, "step")))
			if got, want := w.Seen(id, source, at), naive.seen(id, source, at); got != want {
				t.Fatalf("delivery %d: duplicate %v, want %v", i, got, want)
			}
			if len(w.numbers) != len(naive.entries) {
				t.Fatalf("delivery %d: %d remembered, want %d", i, len(w.numbers), len(naive.entries))
			}
		}
	})
}

// TestWindowMerge proves what a Window is for: whatever each of several
// sources misses, repeats and delays, what comes out is each event as often as
// the source that delivered most of it did.
func TestWindowMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type delivery struct {
			id     uint64
			source int
		}
		want := make(map[uint64]int)
		var all []delivery
		for id := range uint64(10) {
			for source := range 3 {
				n := rapid.IntRange(0, 3).Draw(t, "times")
				want[id] = max(want[id], n)
				for range n {
					all = append(all, delivery{id, source})
				}
			}
		}
		w := NewWindow(100, 3, time.Minute)
		got := make(map[uint64]int)
		for _, d := range rapid.Permutation(all).Draw(t, "order") {
			if !w.Seen(identity(d.id), d.source, time.Unix(0, 0)) {
				got[d.id]++
			}
		}
		for id, n := range want {
			if got[id] != n {
				t.Fatalf("event %d came out %d times, want %d", id, got[id], n)
			}
		}
	})
}

func TestNewWindowPanics(t *testing.T) {
	for _, f := range []func(){
		func() { NewWindow(0, 1, 1) },
		func() { NewWindow(1, 0, 1) },
		func() { NewWindow(1, 1, 0) },
		func() { NewWindow(1, 2, 1).Seen(Identity{}, 2, time.Time{}) },
		func() { NewWindow(1, 2, 1).Seen(Identity{}, -1, time.Time{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		}()
	}
}

func BenchmarkSeen(b *testing.B) {
	w := NewWindow(1<<16, 2, time.Minute)
	random := rand.New(rand.NewPCG(1, 2))
	at := time.Unix(0, 0)
	b.ReportAllocs()
	for b.Loop() {
		id := identity(random.Uint64())
		if w.Seen(id, 0, at) || !w.Seen(id, 1, at) {
			b.Fatal("wrong")
		}
	}
}
