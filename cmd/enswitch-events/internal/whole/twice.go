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
	// The places of events that the tracker holds, by their Seq modulo the length, which
	// is a power of two.
	places []place
	seq    int64
	oldest int64 // Seq of an event that is held, or of the next one
}

// place is where an event is.
type place struct {
	file   int
	offset int64
	done   bool // it is not held any more
}

// found is the Part of a block: its events, and where each is.
type found struct {
	events []call.Event
	places []place
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
	p.events, p.places = p.events[:0], p.places[:0]
	w.part = p
}

// Event implements [engine.Worker].
func (w *findWorker) Event(e *engine.Event) bool {
	p := w.part
	p.events = append(p.events, call.Event{Chosen: w.filter.Keeps(&e.X)})
	ev := &p.events[len(p.events)-1]
	w.reader.Read(ev, e.Raw, &e.X)
	file, offset := e.Origin()
	p.places = append(p.places, place{file: file, offset: offset})
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
		p.events[i].Seq = f.hold(p.places[i])
		f.tracker.Add(&p.events[i])
	}
	return true
}

// hold remembers the place of the next event, and returns its Seq.
func (f *finder) hold(p place) int64 {
	if n := int64(len(f.places)); f.seq-f.oldest == n {
		grown := make([]place, max(2*n, 1024))
		for seq := f.oldest; seq < f.seq; seq++ {
			grown[seq&int64(len(grown)-1)] = f.places[seq&(n-1)]
		}
		f.places = grown
	}
	f.places[f.seq&int64(len(f.places)-1)] = p
	f.seq++
	return f.seq - 1
}

// follow notes the call of an event.
func (f *finder) follow(c *call.Call, e *call.Event, twice bool) {
	mask := int64(len(f.places) - 1)
	p := &f.places[e.Seq&mask]
	p.done = true
	switch {
	case twice:
	case c != nil:
		f.choice.add(p.file, p.offset, c.Number(), c.Chosen())
	case e.Chosen:
		f.choice.choice.add(p.file, p.offset)
	}
	for f.oldest < f.seq && f.places[f.oldest&mask].done {
		f.oldest++
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
	if !w.choice.has(e.Origin()) {
		w.Skip(e)
		return false
	}
	return w.Print(e)
}
