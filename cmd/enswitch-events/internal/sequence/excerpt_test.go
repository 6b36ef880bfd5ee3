package sequence

import (
	"strings"
	"testing"
)

// TestExcerpt: what is not all of an event says so.
func TestExcerpt(t *testing.T) {
	whole, long := strings.Repeat("x", shownBytes), strings.Repeat("x", shownBytes+1)
	if got := string(excerpt(nil, []byte(whole))); got != whole {
		t.Errorf("got %q", got)
	}
	if got := string(excerpt([]byte("as before")[:0], []byte(long))); got != whole+"…" {
		t.Errorf("got %q", got)
	}
}
