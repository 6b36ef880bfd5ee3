package join

import (
	"encoding/binary"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestLevel: of two feeds that bring the same none runs ahead of the other so far that
// events come out twice, even if the other gets no processor for a while; and it waits once
// for one that is silent, not at all for one that is away, and not long for one with other
// events.
func TestLevel(t *testing.T) {
	const events, each = 3 * maxEvents / 2, 1 << 10
	var mu sync.Mutex
	over := false
	// bring has a feed deliver events, and returns how many were duplicates, and how long
	// that took.
	bring := func(feed *Feed, from int, pause func(n int)) (duplicates int, took time.Duration) {
		began := time.Now()
		for n := from; n < from+events; n += each {
			pause(n - from)
			mu.Lock()
			feed.KeepLevel(&mu, &over)
			for i := range each {
				id := ID{}
				binary.LittleEndian.PutUint64(id.identity[:], uint64(n+i+1))
				if feed.Deliver(&id, time.Now().UnixNano(), time.Now()) {
					duplicates++
				}
			}
			mu.Unlock()
		}
		return duplicates, time.Since(began)
	}
	never := func(int) {}
	synctest.Test(t, func(t *testing.T) {
		set := NewSet()
		fast, slow := set.Add("fast"), set.Add("slow")
		first := make(chan int)
		go func() { n, _ := bring(fast, 0, never); first <- n }()
		second, _ := bring(slow, 0, func(n int) {
			time.Sleep(4 * time.Millisecond)
			if n%maxEvents == maxEvents/2 {
				time.Sleep(Patience * 2 / 3)
			}
		})
		if n := second + <-first; n != events {
			t.Errorf("%d duplicates of %d", n, events)
		}
		if _, took := bring(fast, events, never); took != Patience {
			t.Errorf("waited for %v for a feed that is silent", took)
		}
		slow.Connected(false, time.Now().UnixNano())
		if _, took := bring(fast, 2*events, never); took != 0 {
			t.Errorf("waited for %v for a feed that is away", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		set := NewSet()
		fast, other := set.Add("fast"), set.Add("other")
		deliver(other, `{"class":"message"}`, time.Now())
		if _, took := bring(fast, 0, never); took != otherTime {
			t.Errorf("waited for %v for a feed with other events", took)
		}
	})
}
