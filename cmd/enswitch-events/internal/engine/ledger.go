package engine

import (
	"fmt"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Ledger counts events. At every moment
//
//	Received = Kept + Filtered + Rejected + Dropped + Waiting
//
// and a snapshot taken with [Buffer.Ledger] adds up.
type Ledger struct {
	// Received counts whole frames, bodies and lines, events or not.
	Received int64
	// Kept counts events that the filters kept and that were written in full, also
	// by a write that then failed.
	Kept int64
	// Filtered counts events that the filters dropped, and those in Duplicates.
	Filtered int64
	// Rejected counts what is no event: no JSON object, or too long.
	Rejected int64
	// Dropped counts events for which the buffer had no room.
	Dropped int64
	// Waiting counts events in the buffer, events that are being written, and events
	// that could not be written. Of a capture only events that were read count.
	Waiting int64

	// Repaired counts events whose strings held bytes that are not UTF-8, raw
	// control characters or the escape of half a surrogate pair. They are also
	// counted as kept or filtered.
	Repaired int64
	// Duplicates counts events that another feed had delivered before.
	Duplicates int64
	// Failed counts events on which the jq expression or the template failed. They
	// are also counted as kept or filtered: as kept if a value was printed before
	// the failure, as by jq.
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

// Gap is a period from which events are missing, or may be missing.
type Gap struct {
	// Reason is "reconnect", when it is unknown whether there were events, or
	// "overflow", when Dropped events were received and dropped.
	Reason   string
	Source   string
	From, To time.Time
	Dropped  int64
}

// appendRecord appends the event that --report-gaps prints for g.
func (g *Gap) appendRecord(dst []byte) []byte {
	dst = append(dst, `{"class":"enswitch-events","event":"gap","timestamp":"`+stamp(g.To)+`","reason":"`+g.Reason+`","source":`...)
	dst = event.AppendString(dst, []byte(g.Source))
	return fmt.Appendf(dst, `,"from":"%s","to":"%s","dropped":%d}`, stamp(g.From), stamp(g.To), g.Dropped)
}

// stamp returns t as a timestamp of an event.
func stamp(t time.Time) string { return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000) }
