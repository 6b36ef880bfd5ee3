package engine

import (
	"time"
)

// Ledger counts events. At every moment
//
//	Received = Kept + Filtered + Rejected + Dropped + Waiting
//
// and a snapshot taken with [Buffer.Ledger] adds up.
type Ledger struct {
	// Received counts what sources delivered: whole frames and bodies, events
	// or not.
	Received int64
	// Kept counts events that the filters kept and that were written whole, also
	// those of a write that failed later on.
	Kept int64
	// Filtered counts events that the filters dropped, and Duplicates.
	Filtered int64
	// Rejected counts what is no event: no JSON object, or too long.
	Rejected int64
	// Dropped counts events for which there was no room in the buffer.
	Dropped int64
	// Waiting counts events in the buffer, those being written, and those that
	// could not be written. A capture counts what has been read of it.
	Waiting int64

	// Repaired counts events whose strings held bytes that are not UTF-8, raw
	// control characters or the escape of half a surrogate pair. They are counted as kept or filtered too.
	Repaired int64
	// Duplicates counts events that another source had delivered already.
	Duplicates int64
	// Failed counts events on which the jq expression or the template failed.
	// They are counted as kept or filtered too: kept if anything was printed.
	Failed int64
	// Gaps counts the times that the feed was away or events were dropped.
	Gaps int64
}

// Add adds the counts of other to l.
func (l *Ledger) Add(other *Ledger) {
	l.Received += other.Received
	l.Kept += other.Kept
	l.Filtered += other.Filtered
	l.Rejected += other.Rejected
	l.Dropped += other.Dropped
	l.Waiting += other.Waiting
	l.Repaired += other.Repaired
	l.Duplicates += other.Duplicates
	l.Failed += other.Failed
	l.Gaps += other.Gaps
}

// Lost reports whether any event is known to be lost, or may have been while
// the feed was away.
func (l *Ledger) Lost() bool { return l.Dropped > 0 || l.Gaps > 0 }

// Gap is a stretch of time of which events are missing, or may be.
type Gap struct {
	// Reason is "reconnect" (nothing is known of what happened meanwhile) or
	// "overflow" (Dropped events were received and not kept).
	Reason   string
	Source   string
	From, To time.Time
	Dropped  int64
}
