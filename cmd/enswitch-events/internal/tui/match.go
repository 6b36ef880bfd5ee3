package tui

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/trace"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// matcher is a filter that was typed: a text that is in one of the cells, whatever the case of
// its letters, or a condition on the record of a call.
type matcher struct {
	text   string // as it was typed
	not    bool
	part   string // in small letters
	where  *filter.Filter
	each   bool // the condition is on a machine, or the last event: see has
	x      event.Index
	buffer []byte
}

// ownFields are fields that a condition may name besides those of a record: the machine, one of
// machines, and the name of the last event.
var ownFields = [...]string{"machine", "last"}

// newMatcher compiles what was typed; nil for all calls.
func newMatcher(text string) (*matcher, error) {
	m := &matcher{text: strings.TrimSpace(text)}
	rest, not := strings.CutPrefix(m.text, "!")
	if rest, m.not = strings.TrimSpace(rest), not; rest == "" {
		return nil, nil
	}
	field, ok := trace.ComparedField(rest)
	if !ok {
		m.part = strings.ToLower(rest)
		return m, nil
	}
	m.each = slices.Contains(ownFields[:], field)
	if !m.each && !slices.Contains(call.Fields(), field) {
		return nil, fmt.Errorf("the record of a call has no field %s: there are %s", field, strings.Join(append(call.Fields(), ownFields[:]...), ", "))
	}
	var err error
	if m.where, err = filter.Compile(&filter.Options{Where: []string{rest}}); err != nil {
		if e, ok := errors.AsType[*filter.SyntaxError](err); ok {
			return nil, fmt.Errorf("%s: %s", rest, e.Reason)
		}
		return nil, err
	}
	return m, nil
}

// has reports whether the filter keeps the call.
func (m *matcher) has(r *call.Row) bool {
	if m.where == nil {
		return m.contained(r) != m.not
	}
	return m.holds(r) != m.not
}

// contained reports whether a text of the call has the part.
func (m *matcher) contained(r *call.Row) bool {
	for _, text := range [...]string{r.From, r.To, r.CallID, r.Customer, r.Cause, lastEvent(r), stateWord(r)} {
		if containsFold(text, m.part) {
			return true
		}
	}
	return slices.ContainsFunc(r.Machines, func(machine string) bool { return containsFold(machine, m.part) })
}

// containsFold reports whether text has part, which is in small letters.
func containsFold(text, part string) bool {
	return len(text) >= len(part) && strings.Contains(strings.ToLower(text), part)
}

// holds reports whether the condition holds for the record of the call.
func (m *matcher) holds(r *call.Row) bool {
	if !m.each {
		return m.x.Scan(r.Record) == nil && m.where.Keeps(&m.x)
	}
	machines := r.Machines
	if len(machines) == 0 {
		machines = []string{""}
	}
	return slices.ContainsFunc(machines, func(machine string) bool {
		b := append(m.buffer[:0], bytes.TrimSuffix(r.Record, []byte("}"))...)
		if machine != "" {
			b = event.AppendString(append(b, `,"machine":`...), []byte(machine))
		}
		b = event.AppendString(append(b, `,"last":`...), []byte(lastEvent(r)))
		m.buffer = append(b, '}')
		return m.x.Scan(m.buffer) == nil && m.where.Keeps(&m.x)
	})
}
