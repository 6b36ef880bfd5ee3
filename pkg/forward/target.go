package forward

import (
	"context"
	"time"
)

// Target is where events go.
type Target interface {
	// Deliver sends items, in this order, and returns a Result for each of them. It returns
	// when all are known, and once ctx is done soon after. Several goroutines call it at a
	// time, as many as Options.Concurrency, never with items of the same key. It does not
	// keep or change the items.
	Deliver(ctx context.Context, items []*Item) []Result
	// Check finds out whether the target can be reached, and sends nothing.
	Check(ctx context.Context) error
	// Close frees what the target holds. No Deliver is running then.
	Close() error
}

// preparer is a Target that can find out before the first event whether it takes events. The error
// of Prepare is one that a delivery would have.
type preparer interface {
	Prepare(ctx context.Context) error
}

// Verdict is the outcome of delivering an item.
type Verdict uint8

const (
	// Again says that the item is to be delivered again later.
	Again Verdict = iota
	// Unreachable is Again, and says that the target did not answer at all.
	Unreachable
	// Done says that the item is delivered.
	Done
	// Known says that the target had the item already.
	Known
	// Dead says that the target refuses the item for good.
	Dead
	// Split says that the target refuses these items together: each is to be delivered
	// alone.
	Split
)

// MaxReason bounds the length of a Result's Reason in bytes.
const MaxReason = 4 << 10

// Result is the outcome of one item.
type Result struct {
	Verdict Verdict
	// After is how long to wait before the item is delivered again. 0 leaves that to the
	// Forwarder.
	After time.Duration
	// Status is the status of an HTTP answer or the exit code of a command, 0 if there is
	// none.
	Status int
	// Reason says why the item is not delivered: the target's answer, at most MaxReason
	// bytes of it, or an error.
	Reason string
	// Err is the error whose text Reason is, nil if there is none.
	Err error
}

// forAll returns the same Result for n items.
func forAll(n int, r Result) []Result {
	all := make([]Result, n)
	for i := range all {
		all[i] = r
	}
	return all
}
