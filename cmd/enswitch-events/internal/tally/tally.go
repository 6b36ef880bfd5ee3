// Package tally counts the events that came before any was kept. If none is kept it
// says which events came, and which parts of the filters matched none of them.
package tally

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/spelling"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// Bounds of what is kept and shown: names come from outside.
const (
	maxKinds   = 100
	maxName    = 200 // bytes of class.event, or of a field
	maxLooked  = 256 // events whose fields are noted
	shownKinds = 10
)

// Tally counts events by class and event. A nil Tally counts nothing. It is safe for
// concurrent use; with Part, goroutines that count many events do not wait for each
// other.
type Tally struct {
	mu     sync.Mutex
	kinds  map[string]*int64
	others int64 // of further kinds
	wanted []*want
	fields map[string]*int64 // in how many of the first events each field was
	looked int               // events whose fields were noted
	name   []byte            // scratch
	parts  []*Tally
	flags  flags
	note   string
	known  func() *Names // nil if nothing was learned
	only   bool          // these are the only filters
}

// Names are names of events, as class.event, and of fields that are known from earlier.
type Names struct{ Kinds, Fields []string }

type flags struct{ class, event, where []string }

// want is a part of the filters that no event has matched so far.
type want struct {
	text   string
	part   func(kind string) string // of class.event: what the item is compared with; nil for a field
	item   string                   // of --class or --event, or a field
	filter *filter.Filter
}

// hint returns a question that suggests similar names, of those that came and those known from
// earlier runs; or a text that says that the name is known; or "".
func (w *want) hint(s *Tally, known *Names) string {
	names, more, part := s.kinds, known.Kinds, w.part
	if part == nil {
		names, more, part = s.fields, known.Fields, whole
	}
	var all []string
	for _, name := range append(slices.Sorted(maps.Keys(names)), more...) {
		if name = part(name); !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	if slices.Contains(all, w.item) {
		return ", which is known from earlier"
	}
	near := spelling.Nearest(w.item, all)
	if len(near) == 0 {
		return ""
	}
	return ": did you mean '" + safe.String(strings.Join(near, "' or '")) + "'?"
}

// The parts of class.event.
func classOf(kind string) string { class, _, _ := strings.Cut(kind, "."); return class }
func eventOf(kind string) string { _, event, _ := strings.Cut(kind, "."); return event }
func whole(kind string) string   { return kind }

// New returns a Tally for filters of these flags, which are as in filter.Options
// and have been compiled without an error.
func New(class, event, where []string) *Tally {
	return &Tally{kinds: map[string]*int64{}, fields: map[string]*int64{}, wanted: wants(class, event, where), flags: flags{class, event, where}}
}

// wants returns the parts of the filters, each as a filter of its own.
func wants(class, event, where []string) (all []*want) {
	add := func(w want, o filter.Options) {
		if f, err := filter.Compile(&o); err == nil {
			w.filter = f
			all = append(all, &w)
		}
	}
	for _, item := range items(class) {
		add(want{text: "class '" + item + "'", part: classOf, item: item}, filter.Options{Class: []string{item}})
	}
	for _, item := range items(event) {
		part := eventOf
		if strings.Contains(item, ".") {
			part = whole
		}
		add(want{text: "event '" + item + "'", part: part, item: item}, filter.Options{Event: []string{item}})
	}
	var fields []string
	for _, expr := range where {
		i := strings.IndexAny(expr, "=!~<>")
		if i <= 0 || expr[i] == '!' {
			continue // an absent field passes
		}
		if field := strings.TrimSpace(expr[:i]); !slices.Contains(fields, field) {
			fields = append(fields, field)
			add(want{text: "field '" + field + "'", item: field}, filter.Options{Where: []string{field + "~"}}) // any value
		}
	}
	return all
}

// items returns the items of lists without those that exclude.
func items(lists []string) (all []string) {
	for _, list := range lists {
		for item := range strings.SplitSeq(list, ",") {
			if item = strings.TrimSpace(item); item != "" && item[0] != '!' && !slices.Contains(all, item) {
				all = append(all, item)
			}
		}
	}
	return all
}

// Know lets hints also name what known returns. known is called whenever a hint is made,
// perhaps often.
func (t *Tally) Know(known func() *Names) *Tally {
	t.known = known
	return t
}

func plural(n int64) string {
	if n == 1 {
		return "1 event"
	}
	return humanize.Comma(n) + " events"
}

// Only says that there are no other filters than those of New.
func (t *Tally) Only(only bool) *Tally {
	t.only = only
	return t
}

// searched reports whether each event that matches a part of the filters was looked at, also
// where lines are passed over because they cannot match all parts: there is one part.
func (t *Tally) searched() bool {
	return t.only && min(len(t.flags.class), 1)+min(len(t.flags.event), 1)+len(t.flags.where) == 1
}

// Part returns a Tally whose counts are added to those of t.
func (t *Tally) Part() *Tally {
	if t == nil {
		return nil
	}
	part := New(t.flags.class, t.flags.event, t.flags.where)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parts = append(t.parts, part)
	return part
}

// Count counts an event.
func (t *Tally) Count(x *event.Index) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.name = x.Class().AppendText(t.name[:0])
	t.name = append(t.name, '.')
	t.name = x.Event().AppendText(t.name)
	t.name = t.name[:min(len(t.name), maxName)]
	t.add(t.name, 1)
	t.noteFields(x)
	t.fit(x)
}

func (t *Tally) add(name []byte, n int64) {
	if !note(t.kinds, name, n) {
		t.others += n
	}
}

// note adds n to the count of name. It returns false if there are too many names.
func note(counts map[string]*int64, name []byte, n int64) bool {
	if sum := counts[string(name)]; sum != nil {
		*sum += n
		return true
	}
	if len(counts) >= maxKinds {
		return false
	}
	sum := new(int64)
	*sum, counts[string(name)] = n, sum
	return true
}

// noteFields notes the names of the fields of an event, of the first events only.
func (t *Tally) noteFields(x *event.Index) {
	if t.looked >= maxLooked || !slices.ContainsFunc(t.wanted, func(w *want) bool { return w.part == nil }) {
		return
	}
	t.looked++
	for i := range x.Len() {
		t.name = x.Key(i).AppendText(t.name[:0])
		note(t.fields, t.name[:min(len(t.name), maxName)], 1)
	}
}

// Fit notes which parts of the filters the event matches, without counting it.
func (t *Tally) Fit(x *event.Index) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fit(x)
}

func (t *Tally) fit(x *event.Index) {
	if len(t.wanted) > 0 {
		t.wanted = slices.DeleteFunc(t.wanted, func(w *want) bool { return w.filter.Keeps(x) })
	}
}

// sum adds the counts of t and its parts to s.
func (t *Tally) sum(s *Tally) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, n := range t.kinds {
		s.add([]byte(name), *n)
	}
	for name, n := range t.fields {
		note(s.fields, []byte(name), *n)
	}
	s.others += t.others
	s.wanted = slices.DeleteFunc(s.wanted, func(w *want) bool {
		return !slices.ContainsFunc(t.wanted, func(v *want) bool { return v.text == w.text })
	})
	for _, part := range t.parts {
		part.sum(s)
	}
}

// Report returns the number of events counted, their kinds, the most frequent first,
// and the parts of the filters that none of them matched, as "event 'anser' in 12 events: did
// you mean answer?".
func (t *Tally) Report() (counted int64, kinds, unmet []string) { return t.report(0) }

// report is like Report. events is how many events the run had; not all of them may have been
// counted.
func (t *Tally) report(events int64) (counted int64, kinds, unmet []string) {
	if t == nil {
		return 0, nil, nil
	}
	s := New(t.flags.class, t.flags.event, t.flags.where)
	t.sum(s)
	names := slices.Collect(maps.Keys(s.kinds))
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(*s.kinds[b], *s.kinds[a]), cmp.Compare(a, b))
	})
	counted = s.others
	for i, name := range names {
		n := *s.kinds[name]
		counted += n
		if i >= shownKinds {
			s.others += n
			continue
		}
		kinds = append(kinds, humanize.Comma(n)+" "+safe.String(name))
	}
	if s.others > 0 {
		kinds = append(kinds, humanize.Comma(s.others)+" of other kinds")
	}
	known := &Names{}
	if len(s.wanted) > 0 && t.known != nil {
		known = t.known()
	}
	searched := counted
	if t.searched() {
		searched = max(counted, events)
	}
	for _, w := range s.wanted {
		unmet = append(unmet, fmt.Sprintf("%s in %s%s", safe.String(w.text), plural(searched), w.hint(s, known)))
	}
	return counted, kinds, unmet
}

// Empty returns a line which says that no event was kept, and which events came. It is
// empty if none was counted.
func (t *Tally) Empty(events int64) string {
	counted, kinds, unmet := t.report(events)
	if counted == 0 {
		return ""
	}
	text := fmt.Sprintf("none of %s events was kept", humanize.Comma(events))
	if events == 1 {
		text = "the only event was not kept"
	}
	if counted < events {
		text += fmt.Sprintf("; of %s looked at:", humanize.Comma(counted))
	} else {
		text += ":"
	}
	text += " " + strings.Join(kinds, ", ")
	if len(unmet) > 0 {
		text += "; no " + strings.Join(unmet, "; no ")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return text + t.note
}

// Note adds text to the line of Empty.
func (t *Tally) Note(text string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.note = "; " + text
}

// Short returns what matched no event, then the kinds that came: Empty for the status
// line.
func (t *Tally) Short() string {
	_, kinds, unmet := t.Report()
	text := strings.Join(kinds, ", ")
	if len(unmet) > 0 {
		text = "no " + strings.Join(unmet, "; no ") + "; came: " + text
	}
	return text
}
