package main

import (
	"errors"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

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
