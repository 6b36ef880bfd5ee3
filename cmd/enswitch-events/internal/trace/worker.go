package trace

import (
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// part is what Fold needs of a block.
type part struct {
	events  []call.Event
	samples []byte // texts of events, see searchWorker.Sample
}

// worker maps events: it reads what the tracker needs of them.
type worker struct {
	filter *filter.Filter
	what   *What
	reader *call.Reader
	tally  *tally.Tally
	part   *part
}

// Begin implements [engine.Worker].
func (w *worker) Begin(b *engine.Block, _ bool) {
	w.part = engine.PartOf[part](b)
	w.part.events, w.part.samples = w.part.events[:0], w.part.samples[:0]
}

// Event implements [engine.Worker]. An event that is searched for counts as kept.
func (w *worker) Event(e *engine.Event) bool {
	ev := w.add(e)
	if ev.Chosen = w.what.Matches(&e.X); !ev.Chosen {
		w.tally.Count(&e.X)
	}
	if w.filter.Keeps(&e.X) {
		ev.Source = passes
	}
	return ev.Chosen
}

// add reads an event.
func (w *worker) add(e *engine.Event) *call.Event {
	w.part.events = append(w.part.events, call.Event{Received: e.Received})
	ev := &w.part.events[len(w.part.events)-1]
	w.reader.Read(ev, e.Raw, &e.X)
	return ev
}

// Show implements [engine.Worker].
func (w *worker) Show(*engine.Event) bool { return false }

// End implements [engine.Worker].
func (w *worker) End(*engine.Block) {}
