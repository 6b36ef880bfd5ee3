package report

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

// shownExcerpt is how many bytes of something rejected are shown.
const shownExcerpt = 80

// Rejection is why something of that size, which begins with raw, is no event. How
// large what is too long would have been is not known.
func Rejection(err error, raw []byte, size int64) string {
	if errors.Is(err, capture.ErrTooLong) || errors.Is(err, messaged.ErrTooLong) {
		return fmt.Sprintf("(longer than --max-message): %s…", raw[:min(len(raw), shownExcerpt)])
	}
	return fmt.Sprintf("(%v): %s", err, excerptOf(raw, size))
}

// excerpt quotes the beginning of what was received.
func excerpt(raw []byte) string { return excerptOf(raw, int64(len(raw))) }

// excerptOf is excerpt of what has that size, of which raw is the beginning.
func excerptOf(raw []byte, size int64) string {
	if len(raw) == 0 {
		return "(empty)"
	}
	if shown := raw[:min(len(raw), shownExcerpt)]; size > int64(len(shown)) {
		return string(shown) + "… (" + humanize.IBytes(uint64(size)) + ")"
	}
	return string(raw)
}

// rejections knows the kinds of what has been rejected: the first of each is said,
// the others with -v.
type rejections struct{ seen map[string]bool }

// first reports whether err is the first of its kind.
func (r *rejections) first(err error) bool {
	kind := err.Error()
	if e, ok := errors.AsType[*event.Error](err); ok {
		kind = e.Reason // without the place
		if _, rest, ok := strings.Cut(kind, " where "); ok {
			kind = rest // without the byte that stands there
		}
	}
	if r.seen[kind] || len(r.seen) >= maxFaults {
		return false
	}
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	r.seen[kind] = true
	return true
}
