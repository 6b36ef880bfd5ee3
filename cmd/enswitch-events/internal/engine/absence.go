package engine

import (
	"fmt"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Absence says what a run does when no event is kept for a time, whatever the reason: it
// writes a record of class enswitch-events, event absent, and with the first event after it
// one with the event present, before that event. The time goes by when events were received,
// so a slow reader of the output makes no absence. The records are not counted.
type Absence struct {
	After time.Duration
	// Text writes the records. They change nothing in how later events look.
	Text *Text
	// Connected reports whether any feed is connected.
	Connected func() bool
	// OnRecord is called with each record after it was written; nil is not called. The
	// arguments are valid during the call.
	OnRecord func(ev *event.Event, x *event.Index)
}

// absence watches for absences in a run.
type absence struct {
	*Absence
	f      *folder
	worker *TextWorker
	timer  *time.Timer
	block  Block
	e      Event

	start   time.Time
	wall    int64 // the time by the machine's clock at the last look
	ahead   int64 // how far that clock has been set forward since the start, in nanoseconds
	since   int64 // Unix nanoseconds of the last kept event, or of the start
	now     int64 // of the last event that was folded, kept or not
	absent  bool
	dropped int64 // events since then
}

// newAbsence returns what watches for absences in f, nil for a nil a.
func newAbsence(a *Absence, f *folder) (*absence, error) {
	if a == nil {
		return nil, nil
	}
	w, err := a.Text.TextWorker(always{})
	start := time.Now()
	return &absence{Absence: a, f: f, worker: w, timer: newTimer(a.After), start: start, wall: start.UnixNano(), since: start.UnixNano()}, err
}

// look looks at the machine's clock.
func (a *absence) look() {
	if a != nil {
		now := time.Now()
		a.follow(now.UnixNano(), now.Sub(a.start))
	}
}

// follow moves the times that are noted with the machine's clock when somebody sets it, so that
// this makes no absence and delays none. passed is the time since the start.
func (a *absence) follow(wall int64, passed time.Duration) {
	set := wall - a.start.UnixNano() - int64(passed) - a.ahead
	a.wall, a.ahead = wall, a.ahead+set
	a.since = min(a.since+set, wall) // it is later for an event that came before the clock was set back
	a.now += set
}

// always is the Mapping of a worker that writes records: each is written whole.
type always struct{}

// Continue implements Mapping.
func (always) Continue() bool { return true }

// Flush implements Mapping.
func (always) Flush() bool { return true }

// Failed implements Mapping: a record is no event that could be counted.
func (always) Failed(string, error) {}

// due gets a value when idle is to be called again.
func (a *absence) due() <-chan time.Time {
	if a == nil {
		return nil
	}
	return a.timer.C
}

// idle is called when all is folded that had come when look was called.
func (a *absence) idle(behind bool) outcome {
	if a == nil {
		return outcome{}
	}
	if behind {
		a.since = a.wall
		return outcome{}
	}
	o := a.check(a.wall)
	if a.timer.Stop(); !a.absent {
		a.timer.Reset(time.Duration(a.since - a.wall + int64(a.After)))
	}
	return o
}

// overdue reports whether no event has been kept for long enough at that time.
func (a *absence) overdue(now int64) bool { return min(now, a.wall)-a.since >= int64(a.After) }

// check writes a record if no event has been kept for long enough at that time.
func (a *absence) check(now int64) outcome {
	if a.absent || !a.overdue(now) {
		return outcome{}
	}
	a.absent = true
	return a.write("absent", now, fmt.Sprintf(`,"received":%d,"connected":%t`, a.dropped, a.Connected()))
}

// kept is called before an event that is kept is written, with when it was received.
func (a *absence) kept(at int64) outcome {
	if a == nil {
		return outcome{}
	}
	a.look()
	o := a.check(at)
	if a.absent && !o.over() {
		a.absent = false
		o = a.write("present", at, "")
	}
	a.since, a.dropped = max(a.since, at), 0
	return o
}

// folded is called with each piece of a block that was folded, before it is written.
func (a *absence) folded(b *Block) outcome {
	if a == nil || b.to.item == 0 || len(b.items) == 0 {
		return outcome{}
	}
	a.look()
	var o outcome
	if b.ledger.Kept > 0 {
		if o = a.kept(b.firstKept); o.over() {
			return o
		}
		a.since = max(a.since, b.lastKept)
	}
	a.dropped += b.ledger.Received - b.untilKept
	a.now = max(a.now, b.items[b.to.item-1].received)
	return a.check(a.now)
}

// write writes a record. More is more of its fields, each after a comma.
func (a *absence) write(name string, now int64, more string) outcome {
	b := &a.block
	b.data = fmt.Appendf(b.data[:0], `{"class":"enswitch-events","event":"%s","timestamp":"%s","from":"%s","seconds":%.3f%s}`+"\n",
		name, stamp(time.Unix(0, now)), stamp(time.Unix(0, a.since)), time.Duration(now-a.since).Seconds(), more)
	b.begin()
	b.showRecord(a.worker, &a.e, time.Unix(0, now), "")
	o := a.f.put(&b.Out)
	if !o.over() {
		o = a.f.flush()
	}
	if !o.over() && a.OnRecord != nil {
		a.OnRecord(&a.e.Event, &a.e.X)
	}
	return o
}
