package report

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
	"github.com/enswitch-events/enswitch-events/pkg/stream"
)

// shownExcerpt is how many bytes of a rejected input are shown.
const shownExcerpt = 80

// RejectionText returns why an input is no event, with an excerpt. raw is the beginning
// of the input, size its length in bytes; the length of one that is too long is unknown.
// With hide there is no excerpt.
func RejectionText(err error, raw []byte, size int64, hide bool) string {
	if hide {
		return fmt.Sprintf("(%v); --pseudonyms hides what it was", err)
	}
	if errors.Is(err, capture.ErrTooLong) || errors.Is(err, messaged.ErrTooLong) || errors.Is(err, stream.ErrTooLong) {
		return fmt.Sprintf("(longer than --max-message): %s…", raw[:min(len(raw), shownExcerpt)])
	}
	return fmt.Sprintf("(%v): %s", err, excerpt(raw, size))
}

// excerpt returns the beginning of an input. raw is as much of it as is known, size its
// length in bytes.
func excerpt(raw []byte, size int64) string {
	if len(raw) == 0 {
		return "(empty)"
	}
	if shown := raw[:min(len(raw), shownExcerpt)]; size > int64(len(shown)) {
		return string(shown) + "… (" + humanize.IBytes(uint64(size)) + ")"
	}
	return string(raw)
}

// Rejections remembers the kinds of rejected inputs, so that the first of each kind is a
// warning and the others are not. It is safe for concurrent use.
type Rejections struct {
	mu   sync.Mutex
	seen map[string]bool
}

// First reports whether err is the first of its kind.
func (r *Rejections) First(err error) bool {
	kind, _, _ := strings.Cut(err.Error(), " at byte ")
	if _, rest, ok := strings.Cut(kind, " where "); ok {
		kind = rest // without the unexpected byte
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[kind] || len(r.seen) >= maxKinds {
		return false
	}
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	r.seen[kind] = true
	return true
}
