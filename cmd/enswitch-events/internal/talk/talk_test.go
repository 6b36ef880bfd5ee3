package talk

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

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
		const said = 10 * waiting
		for n := range said {
			talk.Info(fmt.Sprintf("message %d", n))
		}
		close(g.open)
		talk.Close()
		lines := strings.Split(strings.TrimSpace(g.text.String()), "\n")
		if n := len(lines); n < waiting || n > waiting+2 {
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
