package engine

import (
	"testing"
	"testing/synctest"
	"time"
)

// bring has feed bring n events of few bytes, each times a block.
func bring(feed *Feed, from, n int) {
	for i := range n {
		feed.Add(testEvent(from+i, 0))
	}
	feed.Flush()
}

// TestLevel: of two feeds that bring the same none runs ahead of the other so far
// that events come out twice, and one whose other is silent waits for it once.
func TestLevel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		buf := newBuffer(1 << 30)
		fast, slow := buf.Feed("fast"), buf.Feed("slow")
		const events, each = 3 * mergeCount, 1 << 10
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for n := 0; n < events; n += each {
				bring(fast, n, each)
			}
		}()
		for n := 0; n < events; n += each {
			time.Sleep(4 * time.Millisecond)
			bring(slow, n, each)
			synctest.Wait()
			buf.mu.Lock()
			if lead := buf.lead(fast); lead > mergeCount {
				t.Errorf("%d events ahead", lead)
			}
			buf.mu.Unlock()
		}
		<-ended
		began := time.Now()
		for n := 0; n < events; n += each {
			bring(fast, n, each)
		}
		if waited := time.Since(began); waited > levelTime {
			t.Errorf("waited for %v for a feed that is silent", waited)
		}
	})
}
