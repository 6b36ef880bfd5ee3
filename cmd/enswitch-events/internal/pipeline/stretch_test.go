package pipeline

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestSpillBeforeDrops: whatever the size of the memory, events go to disk before
// any is dropped, even where a block or two is all that it holds.
func TestSpillBeforeDrops(t *testing.T) {
	for _, size := range []int64{1, 64 << 10, 256 << 10, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			buf := NewBuffer(BufferOptions{Size: size, Spill: Spill{Dir: t.TempDir(), Size: 1 << 30, OnFault: func(err error) { t.Error(err) }}})
			defer buf.Release()
			feed := buf.Feed("test")
			const events = 30_000
			for n := range events {
				feed.Add(testEvent(n, 200))
			}
			feed.Flush()
			if l := buf.Ledger(); l.Dropped > 0 || l.Waiting != events {
				t.Errorf("%+v", l)
			}
		})
	}
}

// TestSpillTold: that events go to disk is told once as long as they do so again
// and again.
func TestSpillTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		buf := NewBuffer(BufferOptions{Size: 256 << 10, Spill: Spill{
			Dir: t.TempDir(), Size: 1 << 30, OnSpill: func() { told++ }, OnFault: func(err error) { t.Error(err) },
		}})
		defer buf.Release()
		feed := buf.Feed("test")
		times := func(n int) {
			for range n {
				for i := range 3000 {
					feed.Add(testEvent(i, 200))
				}
				feed.Flush()
				synctest.Wait()
				for buf.Ledger().Waiting > 0 {
					if c, _ := buf.take(); c != nil {
						buf.done(c, Ledger{Kept: int64(len(c.items))})
					}
				}
				_, _ = buf.take() // sees that there is no more
			}
		}
		times(20)
		if told != 1 {
			t.Errorf("told %d times, want once", told)
		}
		time.Sleep(2 * spillApart)
		times(2)
		if told != 2 {
			t.Errorf("told %d times, want a second time", told)
		}
	})
}
