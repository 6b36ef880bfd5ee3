package trace

import (
	"slices"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// finder is the sink of the first pass. It notes what is searched for.
type finder struct{ n *Narrow }

// found is an event that is searched for.
type found struct {
	ids    []string
	time   int64 // 0 for none
	file   int
	offset int64
}

// findPart is what Fold gets of a block.
type findPart struct{ events []found }

// findWorker is the worker of a finder.
type findWorker struct {
	what *What
	part *findPart
}

// InOrder implements [engine.Sink].
func (f *finder) InOrder() bool { return false }

// Worker implements [engine.Sink].
func (f *finder) Worker(engine.Mapping) (engine.Worker, error) {
	return &findWorker{what: f.n.t.o.What.Clone()}, nil
}

// Begin implements [engine.Worker].
func (w *findWorker) Begin(b *engine.Block, _ bool) {
	w.part = engine.PartOf[findPart](b)
	w.part.events = w.part.events[:0]
}

// Event implements [engine.Worker].
func (w *findWorker) Event(e *engine.Event) bool {
	if !w.what.Matches(&e.X) {
		return false
	}
	ev := found{ids: idsOf(&e.X)}
	ev.time, _ = e.X.Field("timestamp").Timestamp()
	ev.file, ev.offset = e.Origin()
	w.part.events = append(w.part.events, ev)
	return true
}

// Show implements [engine.Worker].
func (w *findWorker) Show(*engine.Event) bool { return false }

// End implements [engine.Worker].
func (w *findWorker) End(*engine.Block) {}

// Fold implements [engine.Sink].
func (f *finder) Fold(b *engine.Block, _ func(engine.Place) *engine.Block) bool {
	for _, e := range b.Part.(*findPart).events {
		f.n.t.matched++
		f.n.note(&e)
	}
	return true
}

// note notes an event that is searched for.
func (n *Narrow) note(e *found) {
	if len(e.ids) == 0 || n.whole {
		return // an event without an id is of no call
	}
	m := n.matches[e.ids[0]]
	switch {
	case e.time == 0 || m == nil && len(n.matches) == maxMatches:
		n.whole = true
		return
	case m == nil:
		n.matches[e.ids[0]] = &match{e.ids[0], e.time, e.time, e.file, e.offset, e.ids}
		return
	case e.time < m.first:
		m.first, m.file, m.offset = e.time, e.file, e.offset
	}
	m.last = max(m.last, e.time)
	for _, id := range e.ids[1:] {
		if len(m.ids) < maxIDs && !slices.Contains(m.ids, id) {
			m.ids = append(m.ids, id)
		}
	}
}

// idNames are the fields that say which call an event belongs to.
var idNames = [...]string{"callid", "uniqueid", "asteriskid"}

// idsOf returns the ids of an event.
func idsOf(x *event.Index) (ids []string) {
	for _, name := range idNames {
		if v := x.Field(name); v.Kind == event.String || v.Kind == event.Number {
			if id := string(v.Text()); id != "" {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
