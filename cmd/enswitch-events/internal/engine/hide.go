package engine

import (
	"errors"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/pseudonym"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// hiding puts made-up values in the place of originals for a TextWorker.
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

// errMadeNothing is counted for an event of which the jq expression makes a value, and none
// of the event with made-up values.
var errMadeNothing = errors.New("the jq expression makes a value of the original event, and nothing of the one with made-up values: choose events by --where")

// query prints what the filters and the jq expression make of e. Whether e passes depends on
// the originals. A value is made of the event with made-up values, as it could have any part
// of an original in any form.
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
