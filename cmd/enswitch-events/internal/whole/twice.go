package whole

import (
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// Twice is the sinks of a run that reads captures twice.
type Twice struct {
	calls  *Calls
	text   *engine.Text
	choice choice
}

// Twice returns the sinks of a run that reads captures twice. The events that pass the
// filters are printed by text.
func (c *Calls) Twice(text *engine.Text) *Twice { return &Twice{calls: c, text: text} }

// First returns the sink of the first pass. Its events are to come in the order of their
// timestamps as far as that is known. Done must be called when all of them have come.
func (t *Twice) First() (s engine.Sink, done func()) {
	f := &finder{twice: t}
	o := t.calls.options
	o.OnEvent, o.OnJoin = f.follow, f.choice.join
	f.tracker = call.NewTracker(&o)
	return f, func() {
		f.tracker.Finish()
		t.calls.note(f.tracker, 0)
		f.choice.finish()
		t.choice = f.choice.choice
	}
}

// Second returns the sink of the second pass, over the same files.
func (t *Twice) Second() engine.Sink { return &printer{t.text, &t.choice} }

// finder is the sink of the first pass.
type finder struct {
	twice   *Twice
	tracker *call.Tracker
	choice  undecided
}

// found is the Part of a block: its events. The Seq of an event is its place.
type found struct{ events []call.Event }

// offsetBits are the bits of a place that are the offset: a file may have 16 TiB.
const offsetBits = 44

// placeOf returns the place of an event in one number.
func placeOf(file int, offset int64) int64 { return int64(file)<<offsetBits | offset }

// originOf returns the file and the offset of a place.
func originOf(place int64) (file int, offset int64) {
	return int(place >> offsetBits), place & (1<<offsetBits - 1)
}

// InOrder implements [engine.Sink].
func (f *finder) InOrder() bool { return false }

// Worker implements [engine.Sink].
func (f *finder) Worker(m engine.Mapping) (engine.Worker, error) {
	text, err := f.twice.text.TextWorker(m)
	if err != nil {
		return nil, err
	}
	return &findWorker{filter: text.Filter, reader: f.twice.calls.meanings.NewReader()}, nil
}

// findWorker is the worker of the first pass. It writes nothing.
type findWorker struct {
	filter *filter.Filter
	reader *call.Reader
	part   *found
}

// Begin implements [engine.Worker].
func (w *findWorker) Begin(b *engine.Block, _ bool) {
	p := engine.PartOf[found](b)
	p.events = p.events[:0]
	w.part = p
}

// Event implements [engine.Worker].
func (w *findWorker) Event(e *engine.Event) bool {
	p := w.part
	p.events = append(p.events, call.Event{Chosen: w.filter.Keeps(&e.X), Seq: placeOf(e.Origin())})
	ev := &p.events[len(p.events)-1]
	w.reader.Read(ev, e.Raw, &e.X)
	return ev.Chosen
}

// Show implements [engine.Worker].
func (w *findWorker) Show(*engine.Event) bool { return false }

// End implements [engine.Worker].
func (w *findWorker) End(*engine.Block) { w.part = nil }

// Fold implements [engine.Sink].
func (f *finder) Fold(b *engine.Block, _ func(engine.Place) *engine.Block) bool {
	p := b.Part.(*found)
	for i := range p.events {
		f.tracker.Add(&p.events[i])
	}
	return true
}

// follow notes the call of an event, and once more for each time that it comes again.
func (f *finder) follow(c *call.Call, e *call.Event, twice bool) {
	seq := e.Seq
	if twice {
		seq = e.First
	}
	file, offset := originOf(seq)
	switch {
	case c != nil:
		f.choice.add(file, offset, c.Number(), c.Chosen())
	case e.Chosen:
		f.choice.choice.add(file, offset)
	}
}

// printer is the sink of the second pass.
type printer struct {
	*engine.Text
	choice *choice
}

// Worker implements [engine.Sink].
func (p *printer) Worker(m engine.Mapping) (engine.Worker, error) {
	w, err := p.TextWorker(m)
	return &printWorker{w, p.choice}, err
}

// printWorker is the worker of the second pass.
type printWorker struct {
	*engine.TextWorker
	choice *choice
}

// Event implements [engine.Worker].
func (w *printWorker) Event(e *engine.Event) bool {
	times := w.choice.times(e.Origin())
	if times == 0 {
		w.Skip(e)
		return false
	}
	return w.Print(e, times)
}
