package pipeline

import (
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// Await says what a run waits for. It gets every event in turn, with what the
// filters make of it, and returns the events that together are what was waited
// for, the last of which is ev; nil as long as they have not come. They are
// written, by way of the filters' jq expression, and the run ends. What it is
// given is valid during the call; what it returns is its own to keep, but for
// ev.
type Await func(ev *event.Event, x *event.Index, kept bool) []event.Event

// inTurn reports whether something wants to see the events one after the other,
// so that none may be dropped early.
func (c *Config) inTurn() bool {
	return c.Until != nil || c.FailIf != nil || c.Await != nil
}

// await gives the event at hand to Await and writes what that returns. It
// reports whether that is what was waited for.
func (w *worker) await() bool {
	kept := false
	w.Filter.Run(&w.x, func(filter.Output) bool { kept = true; return false })
	events := w.Await(&w.ev, &w.x, kept)
	for i := range events {
		w.ev = events[i]
		if w.x.Scan(w.ev.Raw) == nil { // it has been scanned before
			w.Filter.Run(&w.x, w.emit)
		}
	}
	if len(events) == 0 {
		return false
	}
	w.kept = true
	// The others have been counted as filtered when they came.
	w.l.Kept += int64(len(events) - 1)
	w.l.Filtered -= int64(len(events) - 1)
	return true
}

// took tells OnKept of the event at hand, which may take its time: what has been
// rendered is written before.
func (w *worker) took() {
	if w.fail.err == nil {
		w.fail.end, w.fail.err = w.write()
	}
	if w.fail.err == nil {
		w.OnKept(&w.ev, &w.x)
	}
}
