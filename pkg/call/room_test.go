package call

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// full returns a tracker of a screen whose room is taken by open calls alone, and their number.
func full(t *testing.T) (*feeder, int) {
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

// TestFullPace: where open calls take all the room an event costs no more than elsewhere. It once
// took a look at each of them.
func TestFullPace(t *testing.T) {
	const events = 3000
	pace := func(f *feeder, calls int) (fastest time.Duration) {
		fastest = time.Hour
		for round := range 5 {
			began := time.Now()
			for i := range events {
				f.add(float64(1+round), "hold", fmt.Sprintf(`"callid":"c%d","machine":1,"n":%d`, (calls-1-i*7)%calls, round))
			}
			fastest = min(fastest, time.Since(began))
		}
		return fastest
	}
	f, n := full(t)
	few := newFeeder(t, &Options{Hold: -1, KeepEvents: true, DropEvents: true})
	usual := pace(few, 1000)
	if took := pace(f, n); took > 15*usual {
		t.Errorf("%d events took %v, and %v with few calls", events, took, usual)
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
