package trace

import (
	"hash/maphash"
	"slices"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// finder is the sink of the first pass. It notes what is searched for.
type finder struct{ n *Narrow }

// found is an event that is searched for.
type found struct {
	ids    [len(idNames)]span // empty for none
	time   int64              // 0 for none
	file   int
	offset int64
}

// span is a part of findPart.ids.
type span struct{ begin, end int }

// findPart is what Fold gets of a block.
type findPart struct {
	events []found
	ids    []byte // the texts of all ids
}

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
	w.part.events, w.part.ids = w.part.events[:0], w.part.ids[:0]
}

// Event implements [engine.Worker].
func (w *findWorker) Event(e *engine.Event) bool {
	if !w.what.Matches(&e.X) {
		return false
	}
	p, ev := w.part, found{}
	for i, name := range idNames {
		if v := e.X.Field(name); isID(v) {
			begin := len(p.ids)
			p.ids = v.AppendText(p.ids)
			ev.ids[i] = span{begin, len(p.ids)}
		}
	}
	ev.time, _ = e.X.Field("timestamp").Timestamp()
	ev.file, ev.offset = e.Origin()
	p.events = append(p.events, ev)
	return true
}

// Show implements [engine.Worker].
func (w *findWorker) Show(*engine.Event) bool { return false }

// End implements [engine.Worker].
func (w *findWorker) End(*engine.Block) {}

// Fold implements [engine.Sink].
func (f *finder) Fold(b *engine.Block, _ func(engine.Place) *engine.Block) bool {
	p := b.Part.(*findPart)
	if f.n.lines == nil {
		b.Texts(f.n.window.add)
	}
	for i := range p.events {
		f.n.t.matched++
		f.n.note(&p.events[i], p.ids)
	}
	return true
}

// note notes an event that is searched for. The texts of its ids are in texts.
func (n *Narrow) note(e *found, texts []byte) {
	var ids [][]byte
	for _, s := range e.ids {
		if s.end > s.begin {
			ids = append(ids, texts[s.begin:s.end])
		}
	}
	if len(ids) == 0 || n.whole {
		return // an event without an id is of no call
	}
	if e.time == 0 {
		n.whole = true
		return
	}
	m := n.matches[string(ids[0])]
	switch {
	case m == nil && n.earlier.has(ids[0], e.time):
		return
	case m == nil:
		m = &match{id: string(ids[0]), first: e.time, file: e.file, offset: e.offset}
		n.matches[m.id] = m
		if e.time >= n.newest {
			n.newest = e.time
			n.window.found(e.file, e.offset)
		}
	case e.time < m.first:
		m.first, m.file, m.offset = e.time, e.file, e.offset
	}
	m.last = max(m.last, e.time)
	for _, id := range ids {
		if len(m.ids) < maxIDs && !slices.ContainsFunc(m.ids, func(other string) bool { return other == string(id) }) {
			m.ids = append(m.ids, string(id))
		}
	}
	if len(n.matches) > maxMatches {
		n.forget()
	}
}

// forget forgets the earlier half of what was found, but for how many there are.
func (n *Narrow) forget() {
	for _, m := range n.sorted()[maxMatches/2:] {
		n.earlier.add([]byte(m.id), m.first)
		delete(n.matches, m.id)
	}
}

// earlier is calls that were found, by the first id of their event, and that others began
// later than. It is ready for use.
type earlier struct {
	ids    map[uint64]bool // by their hashes
	seed   maphash.Seed
	latest int64 // when the latest of them was found
	over   bool  // there were more than maxEarlier
}

// maxEarlier bounds the calls that are counted.
const maxEarlier = 1_000_000

// add adds the call that was found first at that time.
func (s *earlier) add(id []byte, at int64) {
	if s.ids == nil {
		s.ids, s.seed = map[uint64]bool{}, maphash.MakeSeed()
	}
	s.latest = max(s.latest, at)
	if s.over = s.over || len(s.ids) == maxEarlier; !s.over {
		s.ids[maphash.Bytes(s.seed, id)] = true
	}
}

// has reports whether a call of which an event was found at that time is one of them. If
// that is so because of the time it adds it.
func (s *earlier) has(id []byte, at int64) bool {
	switch {
	case s.ids == nil:
		return false
	case s.ids[maphash.Bytes(s.seed, id)]:
		return true
	case at <= s.latest:
		s.add(id, at)
		return true
	}
	return false
}

// count returns how many there are beside those with one of the ids.
func (s *earlier) count(ids map[string]bool) int {
	if s.ids == nil {
		return 0
	}
	for id := range ids {
		delete(s.ids, maphash.String(s.seed, id))
	}
	return len(s.ids)
}

// idNames are the fields that say which call an event belongs to.
var idNames = [...]string{"callid", "uniqueid", "asteriskid"}

// isID reports whether v can be an id.
func isID(v event.Value) bool {
	return v.Kind == event.Number || v.Kind == event.String && len(v.JSON) > len(`""`)
}

// idsOf returns the ids of an event.
func idsOf(x *event.Index) (ids []string) {
	for _, name := range idNames {
		if v := x.Field(name); isID(v) {
			ids = append(ids, string(v.Text()))
		}
	}
	return ids
}
