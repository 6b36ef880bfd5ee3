package engine

import (
	"errors"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/pseudonym"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// hiding replaces originals by made-up values for a TextWorker.
type hiding struct {
	rewriter *pseudonym.Rewriter
	query    *filter.Filter // the jq expression alone, nil if there is none

	// The event that is being mapped, once it is done.
	done    bool
	changed bool
	ev      event.Event
	x       event.Index
}

// shownEvent returns the event that is being mapped as it is shown.
func (w *TextWorker) shownEvent() (*event.Event, *event.Index) {
	h := w.hidden
	if h == nil {
		return &w.e.Event, &w.e.X
	}
	if !h.done {
		h.done = true
		var raw []byte
		if raw, h.changed = h.rewriter.Event(&w.e.X); h.changed && h.x.Scan(raw) == nil { // it is valid JSON
			h.ev = event.Event{Raw: raw, Received: w.e.Received, Source: h.rewriter.Text(w.e.Source)}
		}
	}
	if h.changed {
		return &h.ev, &h.x
	}
	return &w.e.Event, &w.e.X
}

// errMadeNothing is the failure of a jq expression that prints a value for an event, but
// none for the event with made-up values.
var errMadeNothing = errors.New("the jq expression prints a value for the original event, but none for the event with made-up values: choose events with --where")

// query runs the filters and the jq expression on e and prints the results. Whether e
// passes depends on the original values. A value is computed from the event with made-up
// values: one from the original could contain any part of it in any form.
func (w *TextWorker) query(e *Event) {
	events, value := 0, false
	w.Filter.Run(&e.X, func(o filter.Output) bool {
		if o.Event {
			events++
		}
		value = !o.Event
		return o.Event
	})
	if !value {
		for range events {
			if !w.print(filter.Output{Event: true}) {
				return
			}
		}
		return
	}
	_, x := w.shownEvent()
	any := false
	w.hidden.query.Run(x, func(o filter.Output) bool {
		any = true
		return w.print(o)
	})
	if !any {
		w.mapping.Failed("--pseudonyms", errMadeNothing)
	}
}
