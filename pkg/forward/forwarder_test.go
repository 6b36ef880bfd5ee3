package forward

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// fake is a Target made of a function.
type fake struct {
	deliver func(items []*Item) []Result
}

func (t *fake) Deliver(_ context.Context, items []*Item) []Result { return t.deliver(items) }
func (t *fake) Check(context.Context) error                       { return nil }
func (t *fake) Close() error                                      { return nil }

// makeRecord returns the record of event n of a call.
func makeRecord(call, n int) []byte {
	id := event.ID{byte(call), byte(call >> 8), byte(n), byte(n >> 8)}
	return AppendRecord(nil, &Item{
		Payload: fmt.Appendf(nil, `{"callid":"%d","n":%d}`, call, n), ID: id, Class: "call", Event: "start", Key: fmt.Sprint(call),
		Received: time.Now(),
	})
}

// TestOrder delivers the events of many calls to a target that fails at random: every event
// arrives, and those of a call in order.
func TestOrder(t *testing.T) {
	t.Parallel()
	for _, batch := range []int{1, 7} {
		t.Run(fmt.Sprint(batch), func(t *testing.T) {
			t.Parallel()
			const calls, each = 50, 100
			var mu sync.Mutex
			next := map[string]int{}
			target := &fake{deliver: func(items []*Item) []Result {
				if rand.IntN(20) == 0 {
					return forAll(len(items), Result{Verdict: Again, After: time.Nanosecond, Reason: "bad luck"})
				}
				mu.Lock()
				defer mu.Unlock()
				for _, it := range items {
					var n int
					var call string
					if _, err := fmt.Sscanf(string(it.Payload), `{"callid":"%s`, &call); err != nil {
						t.Error(err)
					}
					if _, err := fmt.Sscanf(string(it.Payload), `{"callid":"`+it.Key+`","n":%d}`, &n); err != nil {
						t.Error(err)
					}
					if n != next[it.Key] {
						t.Errorf("call %s: got event %d, want %d", it.Key, n, next[it.Key])
					}
					next[it.Key] = n + 1
				}
				return forAll(len(items), Result{Verdict: Done})
			}}
			f, err := Open(t.TempDir(), &Options{Target: target, Batch: batch, Concurrency: 8})
			if err != nil {
				t.Fatal(err)
			}
			for n := range each {
				for call := range calls {
					f.Add(makeRecord(call, n))
				}
			}
			if left := f.Drain(t.Context()); left != 0 {
				t.Errorf("%d left", left)
			}
			if c := f.Counts(); c.Delivered != calls*each || c.Waiting != 0 {
				t.Errorf("got %+v", c)
			}
			if err := f.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
