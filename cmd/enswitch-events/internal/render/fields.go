package render

import (
	"errors"
	"fmt"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// selection is the fields that the user picked, in order.
type selection struct {
	items   []field
	without []*event.Glob
	globs   bool // an item is a pattern
	others  bool // there are no items but those that leave out
	onField func(item int)
	onNames func(x *event.Index)
	looked  int    // events that onNames was called with
	seen    []bool // of items
}

// field is an item of a selection.
type field struct {
	number  int // of the item in what the user wrote
	name    string
	text    []byte      // the name
	key     []byte      // "name"
	pattern *event.Glob // nil for a whole name
}

// isPattern reports whether an item is no whole name.
func isPattern(item string) bool {
	return strings.Contains(item, "*") || strings.HasPrefix(item, "!")
}

// newSelection compiles the items that the user wrote, nil if there are none.
func newSelection(written []string, onField func(int), onNames func(*event.Index)) (*selection, error) {
	if len(written) == 0 {
		return nil, nil
	}
	s := &selection{onField: onField, onNames: onNames}
	for i, name := range written {
		rest, not := strings.CutPrefix(name, "!")
		switch {
		case name == "" || rest == "":
			return nil, errors.New("a name in --fields is empty: separate names by single commas")
		case not:
			s.without = append(s.without, event.NewGlob(rest))
			continue
		}
		for j := range s.items {
			if s.items[j].name == name {
				return nil, fmt.Errorf("field %q is named twice in --fields: leave one out", name)
			}
		}
		f := field{number: i, name: name, text: []byte(name), key: event.AppendString(nil, name)}
		if strings.Contains(name, "*") {
			f.pattern, s.globs = event.NewGlob(name), true
		}
		s.items = append(s.items, f)
	}
	if len(s.items) == 0 {
		s.others = true
		s.items, s.globs = []field{{number: -1, name: "*", pattern: event.NewGlob("*")}}, true
	}
	any := false
	for i := range s.items {
		any = any || !s.leavesOut(s.items[i].text)
	}
	if !any {
		return nil, fmt.Errorf("--fields %s picks no field: what it names it leaves out again", strings.Join(written, ","))
	}
	s.seen = make([]bool, len(s.items))
	return s, nil
}

// leavesOut reports whether the user wants no field of that name. A pattern is a name,
// too: one that leaves it out leaves out all that it matches.
func (s *selection) leavesOut(name []byte) bool {
	for _, g := range s.without {
		if g.Match(name) {
			return true
		}
	}
	return false
}

// pick is a field of an event that is shown.
type pick struct {
	field *field // nil: the event's own with the number index
	index int
	value event.Value
}

// maxLooked is how many events onNames gets.
const maxLooked = 256

// picked returns the fields of x that are shown, valid until the next call.
func (r *Renderer) picked(x *event.Index) []pick {
	s := r.fields
	if s.onNames != nil && s.looked < maxLooked {
		s.looked++
		s.onNames(x)
	}
	r.picks = r.picks[:0]
	for i := range s.items {
		f := &s.items[i]
		before := len(r.picks)
		if f.pattern != nil {
			r.pickMatching(x, i)
		} else if v := x.Get(f.name); v.Kind != event.Absent && !s.leavesOut(f.text) {
			r.picks = append(r.picks, pick{field: f, value: v})
		}
		if len(r.picks) > before {
			s.note(i)
		}
	}
	return r.picks
}

// note notes that an item has picked something.
func (s *selection) note(item int) {
	if s.seen[item] {
		return
	}
	s.seen[item] = true
	if number := s.items[item].number; s.onField != nil && number >= 0 {
		s.onField(number)
	}
}

// pickMatching picks the fields of x that match the item, which is a pattern, and no other
// item before it or by its whole name.
func (r *Renderer) pickMatching(x *event.Index, item int) {
	s := r.fields
fields:
	for i := range x.Len() {
		if x.Shadowed(i) {
			continue
		}
		name := r.key(x, i)
		if !s.items[item].pattern.Match(name) || s.leavesOut(name) {
			continue
		}
		for j := range s.items {
			f := &s.items[j]
			if f.pattern == nil && f.name == string(name) || f.pattern != nil && j < item && f.pattern.Match(name) {
				continue fields
			}
		}
		r.picks = append(r.picks, pick{index: i, value: x.Value(i)})
	}
}

// fieldName returns the name of a field of x that was picked, valid until the next call.
func (r *Renderer) fieldName(x *event.Index, p *pick) []byte {
	if p.field != nil {
		return p.field.text
	}
	return r.key(x, p.index)
}
