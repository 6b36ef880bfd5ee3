package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
	"github.com/enswitch-events/enswitch-events/pkg/stream"
)

func TestExcerptIsShort(t *testing.T) {
	if s := excerpt(bytes.Repeat([]byte("x"), 1<<20), 1<<20); len(s) > 120 {
		t.Errorf("%d bytes", len(s))
	}
}

// Whatever the source, what is too long names the flag.
func TestTooLongNamesTheFlag(t *testing.T) {
	for _, err := range []error{capture.ErrTooLong, messaged.ErrTooLong, stream.ErrTooLong} {
		if s := RejectionText(err, []byte("xxx"), 3, false); !strings.Contains(s, "--max-message") {
			t.Errorf("%v: %s", err, s)
		}
	}
}
