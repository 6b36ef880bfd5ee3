package pipeline

import (
	"io"
	"strings"
	"testing"
)

// TestWrittenIsKept: when a write fails, what had been written is kept, and the
// rest goes on waiting.
func TestWrittenIsKept(t *testing.T) {
	for after := range 5 {
		var text strings.Builder
		buf := newBuffer(64 << 20)
		feed := buf.Feed("test")
		source := events(feed, 0, 10_000) // in several blocks
		end, err := Run(t.Context(), &Config{Filter: everything(t), Renderer: plain{}, Out: &failing{Writer: &text, after: after, err: io.ErrShortWrite}}, buf, source)
		if end != EndOutput || err == nil {
			t.Fatalf("after %d writes: end %d, %v", after, end, err)
		}
		l := buf.Ledger()
		if lines := int64(strings.Count(text.String(), "\n")); l.Kept != lines || l.Received != 10_000 || l.Waiting != 10_000-lines || !addsUp(l) {
			t.Errorf("after %d writes: %d lines, %+v", after, lines, l)
		}
	}
}
