package call

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// full returns a tracker of a screen whose room is taken by open calls alone, and their number.
func full(t testing.TB) (*feeder, int) {
	t.Helper()
	f := newFeeder(t, &Options{Hold: -1, KeepEvents: true, DropEvents: true})
	n := 0
	for ; n < maxOpen && f.t.stats.GivenUp == 0; n++ {
		f.add(0, "start", fmt.Sprintf(`"callid":"c%d","uniqueid":"u%[1]d","asteriskid":"a%[1]d","machine":1,"from":"%0200[1]d","to":"%060[1]d"`, n))
	}
	if f.t.bytes < maxBytes-dropped {
		t.Fatalf("%d calls take %d bytes only", n, f.t.bytes)
	}
	return f, n
}

// BenchmarkFull: where open calls take all the room an event costs no more than elsewhere. It
// once took a look at each of them, some 185 times as long.
func BenchmarkFull(b *testing.B) {
	few := newFeeder(b, &Options{Hold: -1, KeepEvents: true, DropEvents: true})
	all, n := full(b)
	for _, row := range []struct {
		name  string
		f     *feeder
		calls int
	}{{"few calls", few, 1000}, {"no room", all, n}} {
		b.Run(row.name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				row.f.add(float64(1+i/3000), "hold", fmt.Sprintf(`"callid":"c%d","machine":1,"n":%d`, row.calls-1-i*7%row.calls, i/3000))
			}
		})
	}
}

// TestBare: whatever comes, no call up to the one that is marked as bare has events.
func TestBare(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	f, n := full(t)
	names := []string{"start", "ring", "hold", "hold", "answer", "end"}
	for i := range 5_000 {
		ids := fmt.Sprintf(`"callid":"c%d","machine":1,"n":%d`, n-1-random.IntN(200), i)
		if random.IntN(20) == 0 { // two calls become one
			ids += fmt.Sprintf(`,"uniqueid":"u%d"`, n-1-random.IntN(200))
		}
		f.add(float64(i)/100, names[random.IntN(len(names))], ids)
		if i%100 != 0 {
			continue
		}
		bare := f.t.opened.bare
		for c := f.t.opened.first; bare != nil && c != bare.next; c = c.next {
			if c == nil {
				t.Fatal("the call that is marked is not open")
			}
			if len(c.events) > 0 {
				t.Fatalf("after event %d call %d has %d events", i, c.number, len(c.events))
			}
		}
		if f.t.bytes > maxBytes {
			t.Fatalf("after event %d: %d bytes", i, f.t.bytes)
		}
	}
	if f.t.opened.bare == nil {
		t.Error("no events were dropped")
	}
}
