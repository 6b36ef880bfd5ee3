package forward

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/forward"
)

// slowTarget takes an item in each of the times given, and is unreachable then.
type slowTarget struct{ takes []time.Duration }

func (s *slowTarget) Deliver(ctx context.Context, items []*forward.Item) []forward.Result {
	if len(s.takes) == 0 {
		return make([]forward.Result, len(items)) // again
	}
	select {
	case <-time.After(s.takes[0]):
	case <-ctx.Done():
	}
	s.takes = s.takes[1:]
	return []forward.Result{{Verdict: forward.Done}}
}

func (*slowTarget) Check(context.Context) error { return nil }
func (*slowTarget) Close() error                { return nil }

// TestDrainTime: drain ends when nothing was delivered for --drain-timeout, and no sooner.
func TestDrainTime(t *testing.T) {
	for _, test := range []struct {
		name  string
		takes []time.Duration
		left  int64
		ends  time.Duration
	}{
		{"nothing is taken", nil, 3, 10 * time.Second},
		{"one is taken", []time.Duration{7 * time.Second}, 2, 20 * time.Second},
		{"all are taken", []time.Duration{7 * time.Second, 7 * time.Second, 7 * time.Second}, 0, 21 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				f, err := forward.Open(dir, &forward.Options{Target: &slowTarget{test.takes}, Concurrency: 1})
				if err != nil {
					t.Fatal(err)
				}
				for _, event := range []string{`{"n":1}`, `{"n":2}`, `{"n":3}`} {
					f.Add(forward.AppendRecord(nil, &forward.Item{Payload: []byte(event), Received: time.Now()}))
				}
				targets := &Targets{o: &Options{drainTimeout: 10 * time.Second}, open: []*forward.Forwarder{f}}
				began := time.Now()
				if left := targets.drainOn(t.Context()); left != test.left {
					t.Errorf("%d are left, want %d", left, test.left)
				}
				if d := time.Since(began); d != test.ends {
					t.Errorf("it took %v, want %v", d, test.ends)
				}
				if err := f.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
