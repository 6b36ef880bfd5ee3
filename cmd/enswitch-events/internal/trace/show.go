package trace

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// maxOthers is how many calls are remembered by name at least.
const maxOthers = 1000

// earliest returns the call in found that began first.
func (t *Trace) earliest() (first *Call) {
	for _, s := range t.found {
		if first == nil || cmp.Or(cmp.Compare(s.Begin, first.Begin), cmp.Compare(s.Number, first.Number)) < 0 {
			first = s
		}
	}
	return first
}

// latest returns the numbers of the other calls, the one that began last first.
func (t *Trace) latest() []int64 {
	return slices.SortedFunc(maps.Keys(t.others), func(a, b int64) int {
		return cmp.Or(cmp.Compare(t.others[b].begin, t.others[a].begin), cmp.Compare(b, a))
	})
}

// choose shows the calls that were found, in the order in which they began, and names the
// others.
func (t *Trace) choose() {
	if t.narrow != nil {
		if t.certain = t.narrow.settle(); !t.certain {
			return
		}
		t.narrow.nameRest(t)
	}
	for len(t.found) > 0 {
		s := t.earliest()
		t.show(s)
		delete(t.found, s.Number)
	}
	if left := t.count - t.done; left > 0 && t.o.Count > 0 && t.o.Named != nil {
		var names []string
		for _, n := range t.latest()[:min(len(t.others), maxNamedCalls)] {
			names = append(names, t.others[n].name)
		}
		t.o.Named(left, names, t.uncounted)
	}
}

// short names the call in a message.
func (s *Call) short() string {
	text := strings.TrimPrefix(s.Title(), "call ")
	if s.Begin > 0 {
		text += " of " + time.UnixMicro(s.Begin).Format("2006-01-02 15:04:05")
	}
	return text
}

// show shows a call whole.
func (t *Trace) show(s *Call) {
	t.writeHeader()
	t.out = t.o.Format.Call(t.out, t.hide.call(s))
	t.done++
}

// showEvents shows the new events of the call that is followed.
func (t *Trace) showEvents() {
	if t.current == nil || len(t.fresh) == 0 {
		return
	}
	first := t.shown == nil
	t.shown = Copy(t.current, t.o.Map)
	for _, id := range t.shown.Legs { // a leg keeps its column
		if !slices.Contains(t.legs, id) {
			t.legs = append(t.legs, id)
		}
	}
	shown := t.hide.call(t.shown)
	if first {
		t.writeHeader()
		t.out = t.follow.begin(t.out, shown)
	}
	// A call that was joined brings earlier events.
	slices.SortStableFunc(t.fresh, func(a, b *call.Event) int { return cmp.Compare(a.Time, b.Time) })
	legs := t.hide.fields("uniqueid", t.legs)
	for _, e := range t.fresh {
		s := newEvent(e, t.o.Map, &t.x)
		t.hide.event(&s)
		t.out = t.follow.event(t.out, shown, legs, &s)
	}
	clear(t.fresh)
	t.fresh = t.fresh[:0]
}

// endCurrent shows the end of the call that is followed.
func (t *Trace) endCurrent() {
	t.showEvents()
	t.out = t.follow.end(t.out, t.hide.call(Copy(t.current, t.o.Map)))
	t.current = nil
	t.done++
}

// stop ends the run.
func (t *Trace) stop() {
	t.footer()
	t.over = true
}

func (t *Trace) writeHeader() {
	if !t.header {
		t.header = true
		t.out = t.o.Format.Header(t.out)
	}
}

func (t *Trace) footer() {
	if t.header {
		t.header = false
		t.out = t.o.Format.Footer(t.out)
	}
}
