package log

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gate is a writer that takes nothing until it is opened.
type gate struct {
	open chan struct{}
	mu   sync.Mutex
	text strings.Builder
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.Write(p)
}

// TestBlocked: nobody waits for a writer that takes nothing, and of what was
// said the end is kept, which tells how it ended.
func TestBlocked(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		g := &gate{open: make(chan struct{})}
		talk := New(g, Options{JSON: asJSON})
		const said = 10 * queueSize
		for n := range said {
			talk.Info(fmt.Sprintf("message %d", n))
		}
		close(g.open)
		talk.Close()
		lines := strings.Split(strings.TrimSpace(g.text.String()), "\n")
		if n := len(lines); n < queueSize || n > queueSize+2 {
			t.Fatalf("%d lines", n)
		}
		if last := lines[len(lines)-2]; !strings.Contains(last, fmt.Sprintf("message %d", said-1)) {
			t.Errorf("last said: %s", last)
		}
		lost := lines[len(lines)-1]
		if !strings.Contains(lost, "messages before these were lost") || asJSON && !json.Valid([]byte(lost)) {
			t.Errorf("that some were lost: %s", lost)
		}
	}
}

// slow is a writer that takes its time for each Write.
type slow struct {
	each time.Duration
	took atomic.Int32
}

func (s *slow) Write(p []byte) (int, error) {
	time.Sleep(s.each)
	s.took.Add(1)
	return len(p), nil
}

// TestClosePatience: a slow writer is waited for, but neither one that takes
// nothing nor one without an end.
func TestClosePatience(t *testing.T) {
	for _, c := range []struct {
		each  time.Duration
		said  int
		takes time.Duration
		took  int32
	}{
		{0, 20, 0, 20},
		{300 * time.Millisecond, 20, 6 * time.Second, 20},
		{900 * time.Millisecond, 20, 10 * time.Second, 11},
		{time.Minute, 20, time.Second, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &slow{each: c.each}
			talk := New(w, Options{})
			for n := range c.said {
				talk.Info(fmt.Sprintf("message %d", n))
			}
			start := time.Now()
			talk.Close()
			if took, n := time.Since(start), w.took.Load(); took != c.takes || n != c.took {
				t.Errorf("%v each: %d messages in %v, want %d in %v", c.each, n, took, c.took, c.takes)
			}
			time.Sleep(c.each * time.Duration(c.said)) // lets the writer end
		})
	}
}
