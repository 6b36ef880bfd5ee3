package trace

import (
	"bytes"
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

// findPart is what Fold needs of a block.
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
	var room [len(idNames)][]byte
	ids := room[:0]
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
	h := hash(maphash.Bytes(n.seed, ids[0]))
	m := n.matches[h]
	switch {
	case m == nil && n.earlier.has(h, e.time):
		return
	case m == nil:
		m = n.newMatch()
		m.first, m.file, m.offset = e.time, e.file, e.offset
		n.matches[h] = m
		if e.time >= n.newest {
			n.newest = e.time
			n.window.found(e.file, e.offset)
		}
	case e.time < m.first:
		m.first, m.file, m.offset = e.time, e.file, e.offset
	}
	m.last = max(m.last, e.time)
	for _, id := range ids {
		if len(m.ids) < maxIDs && !m.has(id) {
			m.add(id)
		}
	}
	if len(n.matches) > n.most {
		n.forget()
	}
}

// newMatch returns an empty match, in memory of one that was forgotten if there is one.
func (n *Narrow) newMatch() *match {
	if len(n.free) == 0 {
		return &match{}
	}
	m := n.free[len(n.free)-1]
	n.free = n.free[:len(n.free)-1]
	*m = match{ids: m.ids[:0], texts: m.texts[:0]}
	return m
}

// has reports whether id is one of the ids.
func (m *match) has(id []byte) bool {
	for _, other := range m.ids {
		if bytes.Equal(other, id) {
			return true
		}
	}
	return false
}

// add adds a copy of an id.
func (m *match) add(id []byte) {
	begin := len(m.texts)
	m.texts = append(m.texts, id...)
	m.ids = append(m.ids, m.texts[begin:len(m.texts):len(m.texts)])
}

// forget drops the earlier half of the matches and keeps only their number.
func (n *Narrow) forget() {
	n.times = n.times[:0]
	for _, m := range n.matches {
		n.times = append(n.times, m.first)
	}
	slices.Sort(n.times)
	middle := n.times[len(n.times)/2]
	for h, m := range n.matches {
		if m.first < middle {
			n.drop(h, m)
		}
	}
	if len(n.matches) <= n.most*3/4 {
		return
	}
	for _, m := range n.sorted()[n.most/2:] { // many have the same time
		n.drop(hash(maphash.Bytes(n.seed, m.ids[0])), m)
	}
}

// drop forgets what was found.
func (n *Narrow) drop(h hash, m *match) {
	n.earlier.add(h, m.first)
	delete(n.matches, h)
	n.free = append(n.free, m)
}

// hash is the hash of the first id of an event. Two ids have the same one with a probability of
// 1 in 2^64.
type hash uint64

// earlier is a set of calls, by the first id of their event, that were found and forgotten
// because others began later. Its zero value is empty and ready for use.
type earlier struct {
	slots  []hash // a power of two, at most three quarters of them in use; 0 is free
	n      int
	latest int64 // when the latest of them was found
	over   bool  // there were more than maxEarlier
}

// maxEarlier bounds the calls that are counted.
const maxEarlier = 1_000_000

// find returns the slot of h, or the free slot where it would be. There must be slots.
func (s *earlier) find(h hash) int {
	mask := len(s.slots) - 1
	i := int(h) & mask
	for s.slots[i] != h && s.slots[i] != 0 {
		i = (i + 1) & mask
	}
	return i
}

// add adds the call that was found first at that time.
func (s *earlier) add(h hash, at int64) {
	s.latest = max(s.latest, at)
	h = max(h, 1)
	if 4*s.n >= 3*len(s.slots) {
		old := s.slots
		s.slots = make([]hash, max(2*len(old), 1024))
		for _, h := range old {
			if h != 0 {
				s.slots[s.find(h)] = h
			}
		}
	}
	i := s.find(h)
	if s.slots[i] == h {
		return
	}
	if s.over = s.over || s.n == maxEarlier; !s.over {
		s.slots[i] = h
		s.n++
	}
}

// has reports whether a call is in the set, or is earlier than the latest one in it: then has
// adds it. at is the time of the event that was found.
func (s *earlier) has(h hash, at int64) bool {
	switch {
	case s.n == 0:
		return false
	case s.slots[s.find(max(h, 1))] != 0:
		return true
	case at <= s.latest:
		s.add(h, at)
		return true
	}
	return false
}

// count returns the number of calls in the set that have none of the hashes.
func (s *earlier) count(others map[hash]bool) int {
	n := s.n
	for h := range others {
		if n > 0 && s.slots[s.find(max(h, 1))] != 0 {
			n--
		}
	}
	return n
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
