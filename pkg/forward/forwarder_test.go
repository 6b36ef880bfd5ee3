package forward

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
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

// TestAge drops what is too old, and nothing because the clock of the machine was set.
func TestAge(t *testing.T) {
	t.Parallel()
	f := &Forwarder{o: Options{MaxAge: time.Hour}, start: time.Now()}
	for _, row := range []struct {
		name     string
		received time.Duration // from the start
		now      time.Duration // from the start, by the clock that nobody sets
		set      time.Duration // how far the clock of the machine was set
		want     bool
	}{
		{"new", 0, time.Minute, 0, false},
		{"old", 0, 2 * time.Hour, 0, true},
		{"old, from an earlier run", -2 * time.Hour, 0, 0, true},
		{"the clock was set forward", 0, time.Minute, 1000 * time.Hour, false},
		{"the clock was set back, then it came", -1000*time.Hour + time.Second, time.Minute, -1000 * time.Hour, false},
		{"the clock was set back after it came", 0, time.Minute, -1000 * time.Hour, false},
		{"from the future", 1000 * time.Hour, time.Minute, 0, false},
	} {
		e := &entry{Item: Item{Received: f.start.Round(0).Add(row.received)}}
		now := f.start.Add(row.now)
		if got := f.tooOldAt(e, now.Round(0).Add(row.set), now); got != row.want {
			t.Errorf("%s: got %v", row.name, got)
		}
	}
}

// TestDeadFile holds an event back whose dead letter cannot be written, and nothing else.
func TestDeadFile(t *testing.T) {
	t.Parallel()
	target := &fake{deliver: func(items []*Item) []Result {
		if items[0].Key == "0" {
			return forAll(len(items), Result{Verdict: Dead, Reason: "no"})
		}
		return forAll(len(items), Result{Verdict: Done})
	}}
	dir := t.TempDir()
	name := filepath.Join(dir, deadName)
	if err := os.Mkdir(name, 0o700); err != nil {
		t.Fatal(err)
	}
	said := make(chan error, 1000)
	f, err := Open(dir, &Options{Target: target, OnError: func(err error) { said <- err }})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 100 {
		f.Add(makeRecord(n%10, n))
	}
	for f.Counts().Waiting > 10 {
		time.Sleep(time.Millisecond)
	}
	if err := <-said; err == nil {
		t.Error("nothing is said")
	}
	if c := f.Counts(); c.Waiting != 10 || c.Delivered != 90 || c.Dead != 0 {
		t.Errorf("got %+v", c)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	f.Drain(t.Context())
	if c := f.Counts(); c.Dead != 10 || c.Waiting != 0 {
		t.Errorf("got %+v", c)
	}
	if err := f.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if s, err := Inspect(dir); err != nil || s.Dead != 10 {
		t.Errorf("got %+v, %v", s, err)
	}
}

// TestRefusedAtEnd makes a dead letter of an event that is refused after Close gave up
// waiting for the answer.
func TestRefusedAtEnd(t *testing.T) {
	t.Parallel()
	var f *Forwarder
	began := make(chan struct{})
	target := &fake{deliver: func(items []*Item) []Result {
		close(began)
		<-f.ctx.Done()
		return forAll(len(items), Result{Verdict: Dead, Reason: "no"})
	}}
	dir := t.TempDir()
	f, err := Open(dir, &Options{Target: target})
	if err != nil {
		t.Fatal(err)
	}
	f.Add(makeRecord(1, 1))
	<-began
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Close(ended); err != nil {
		t.Error(err)
	}
	if s, err := Inspect(dir); err != nil || s.Dead != 1 || s.Waiting != 0 {
		t.Errorf("got %+v, %v", s, err)
	}
}

// TestFull drops the oldest when the queue is full, counts them, and keeps the rest.
func TestFull(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	var mu sync.Mutex
	seen := map[string]bool{}
	target := &fake{deliver: func(items []*Item) []Result {
		<-hold
		mu.Lock()
		defer mu.Unlock()
		for _, it := range items {
			if seen[string(it.Payload)] {
				t.Errorf("%s came twice", it.Payload)
			}
			seen[string(it.Payload)] = true
		}
		return forAll(len(items), Result{Verdict: Done})
	}}
	var dropped int64
	f, err := Open(t.TempDir(), &Options{Target: target, MaxBytes: 64 << 10, OnDrop: func(reason DropReason, n int64) {
		mu.Lock()
		defer mu.Unlock()
		if dropped += n; reason != DropFull {
			t.Errorf("dropped: %s", reason)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	const n = 5000
	for i := range n {
		f.Add(makeRecord(i%7, i))
		if i == n/2 {
			close(hold)
		}
	}
	f.Drain(t.Context())
	c := f.Counts()
	if c.Delivered+c.Dropped != n || c.Waiting != 0 || c.Dropped == 0 || dropped != c.Dropped || len(seen) != int(c.Delivered) {
		t.Errorf("got %+v, %d reported as dropped, %d seen", c, dropped, len(seen))
	}
	if err := f.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWithoutTarget(t *testing.T) {
	for _, o := range []*Options{nil, {}, {Name: "x"}} {
		if _, err := Open(t.TempDir(), o); err == nil {
			t.Errorf("opened with %v", o)
		}
		if _, _, err := OpenRetry(t.TempDir(), o); err == nil {
			t.Errorf("opened for dead letters with %v", o)
		}
	}
	for _, o := range []*ExecOptions{nil, {}, {Words: []string{""}}} {
		if _, err := NewExec(o); err == nil {
			t.Errorf("a command from %v", o)
		}
	}
}
