package report

import (
	"bytes"
	"testing"
)

func TestExcerptIsShort(t *testing.T) {
	if s := excerpt(bytes.Repeat([]byte("x"), 1<<20)); len(s) > 120 {
		t.Errorf("%d bytes", len(s))
	}
}
