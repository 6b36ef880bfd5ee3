package trace

import (
	"bytes"
	"slices"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/pseudonym"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// hiding replaces originals by made-up values in calls that are shown. A nil hiding changes
// nothing.
type hiding struct {
	events, records *pseudonym.Rewriter
	x               event.Index
}

func newHiding(p *pseudonym.Pseudonyms) *hiding {
	if p == nil {
		return nil
	}
	events := p.Events()
	return &hiding{events: events, records: p.RecordsWith(events)}
}

// call returns s as it is shown: an original of one of its events is replaced in all of them.
func (h *hiding) call(s *Call) *Call {
	if h == nil {
		return s
	}
	h.events.Reset()
	for i := range s.Events {
		if h.x.Scan(s.Events[i].Raw) == nil { // it was scanned before
			h.events.Collect(h.x.JSON())
		}
	}
	h.records.Collect(s.Record)
	c := *s
	record, _ := h.records.Rewrite(s.Record)
	c.Record = bytes.Clone(record)
	c.From, c.To = h.records.Field("from", s.From), h.records.Field("to", s.To)
	c.Customer, c.Cause = h.records.Field("customer", s.Customer), h.records.Field("cause", s.Cause)
	c.CallIDs, c.Legs, c.Machines = h.fields("callid", s.CallIDs), h.fields("uniqueid", s.Legs), h.fields("machine", s.Machines)
	c.Events = slices.Clone(s.Events)
	for i := range c.Events {
		h.event(&c.Events[i])
	}
	return &c
}

// event makes e, of the call that was given to call last, what is shown.
func (h *hiding) event(e *Event) {
	if h == nil {
		return
	}
	if h.x.Scan(e.Raw) == nil {
		if raw, changed := h.events.Rewrite(h.x.JSON()); changed {
			e.Raw = bytes.Clone(raw)
		}
	}
	e.Leg, e.CallID = h.events.Field("uniqueid", e.Leg), h.events.Field("callid", e.CallID)
	e.Machine = h.events.Field("machine", e.Machine)
	e.byWhom = h.events.Text(e.byWhom)
}

// fields returns the values of a field as they are shown.
func (h *hiding) fields(name string, all []string) []string {
	if h == nil {
		return all
	}
	shown := make([]string, len(all))
	for i, text := range all {
		shown[i] = h.events.Field(name, text)
	}
	return shown
}
