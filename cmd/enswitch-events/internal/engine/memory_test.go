package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// TestSpillBeforeDrops: whatever the size of the memory, events go to disk before
// any is dropped, even where a block or two is all that it holds.
func TestSpillBeforeDrops(t *testing.T) {
	for _, size := range []int64{1, 64 << 10, 256 << 10, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			b := NewBuffer(BufferOptions{Size: size, Spill: Spill{Dir: t.TempDir(), Size: 1 << 30, OnFault: func(err error) { t.Error(err) }}})
			feed := b.Feed("test")
			const events = 30_000
			for n := range events {
				raw := fmt.Appendf(nil, `{"n":%d,"pad":"%s"}`, n, strings.Repeat("x", 200))
				feed.Add(event.Event{Raw: raw, Received: time.Unix(0, int64(n))})
			}
			feed.Flush()
			if l := b.Ledger(); l.Dropped > 0 || l.Waiting != events {
				t.Errorf("%+v", l)
			}
			if err := b.Release(); err != nil {
				t.Error(err)
			}
		})
	}
}
