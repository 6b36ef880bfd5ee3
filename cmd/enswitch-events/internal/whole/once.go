package whole

import (
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// once is the sink of a run that reads the events once. One goroutine maps and folds.
type once struct {
	*engine.Text
	calls  *Calls
	worker *onceWorker
}

// InOrder implements [engine.Sink].
func (s *once) InOrder() bool { return true }

// Worker implements [engine.Sink].
func (s *once) Worker(m engine.Mapping) (engine.Worker, error) {
	text, err := s.TextWorker(m)
	w := &onceWorker{TextWorker: text, reader: s.calls.meanings.NewReader()}
	o := s.calls.options
	o.Hold, o.KeepEvents, o.OnEvent, o.OnJoin = -1, true, w.follow, w.join
	w.tracker = call.NewTracker(&o)
	s.worker = w
	return w, err
}

// Fold implements [engine.Sink].
func (s *once) Fold(b *engine.Block, remap func(engine.Place) *engine.Block) bool {
	s.calls.note(s.worker.tracker, s.worker.unkept)
	return s.Text.Fold(b, remap)
}

// onceWorker is the worker of once.
type onceWorker struct {
	*engine.TextWorker
	reader  *call.Reader
	tracker *call.Tracker
	unkept  int64

	e       *engine.Event // that is being mapped
	own     call.Event    // the same
	printed bool          // e was printed
	earlier engine.Event  // another one that is printed
}

// shown is the Data of a call whose events are printed as they come.
const shown = 1

// Event implements [engine.Worker].
func (w *onceWorker) Event(e *engine.Event) bool {
	w.Skip(e)
	w.e, w.printed = e, false
	w.own.Received, w.own.Source, w.own.Seq = e.Received, e.Source, w.own.Seq+1
	w.own.Chosen = w.Filter.Keeps(&e.X)
	w.reader.Read(&w.own, e.Raw, &e.X)
	w.tracker.Add(&w.own)
	return w.printed
}

// Show implements [engine.Worker].
func (w *onceWorker) Show(e *engine.Event) bool {
	return !e.Block().Full() && w.TextWorker.Show(e)
}

// follow prints event e of call c, which is w.own, and the earlier events of c, if c is to be
// printed.
func (w *onceWorker) follow(c *call.Call, e *call.Event, twice bool) {
	switch {
	case c == nil:
		if !e.Chosen {
			return
		}
	case twice || !c.Chosen():
		return
	case c.Data == 0:
		c.Data = shown
		w.printEarlier(c.Events(), c.Count())
	}
	if !w.e.Block().Full() {
		w.printed = w.Print(w.e, 1)
	}
}

// join is called when two calls become one. If the events of only one of them have been
// printed, it prints those of the other.
func (w *onceWorker) join(into, from *call.Call) {
	switch {
	case into.Data == 0 && from.Data == shown:
		into.Data = shown
		done := map[*call.Event]bool{}
		for _, e := range from.Events() {
			done[e] = true
		}
		var events []*call.Event
		for _, e := range into.Events() { // of both
			if !done[e] {
				events = append(events, e)
			}
		}
		w.printEarlier(events, into.Count()-from.Count())
	case into.Data == shown && from.Data == 0:
		w.printEarlier(from.Events(), from.Count())
	}
}

// printEarlier prints events that came before the one that is being mapped. count is their
// number, including those that are no longer in memory.
func (w *onceWorker) printEarlier(events []*call.Event, count int) {
	w.unkept += int64(count - len(events))
	b := w.e.Block()
	for _, e := range events {
		if e.Seq == w.own.Seq {
			continue
		}
		if b.Full() {
			return
		}
		w.earlier.Set(event.Event{Raw: e.Raw, Received: e.Received, Source: e.Source})
		if w.earlier.X.Scan(e.Raw) == nil && w.Print(&w.earlier, e.Times) { // it has been scanned before
			b.KeepEarlier(1)
		}
	}
}
