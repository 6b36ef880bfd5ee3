package engine

import (
	"sync"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// Text is the sink that writes the events that the filters keep in one of the text
// formats.
//
// How an event looks may depend on those before it: the time since the last one,
// the date where it changes, the width of a column. A block that is mapped on
// another core is rendered on a guess: what was known when its mapping began.
// Where Fold finds that the time was guessed wrong, the one event that it matters
// to, the first one with a time, is rendered again. A width that was guessed wrong
// has the block mapped again.
type Text struct {
	// OnKept is told of each event that is kept, after it was written. Whatever
	// comes later waits for it to return. What it is given is valid during the
	// call.
	OnKept func(ev *event.Event, x *event.Index)

	newFilter   func(onError func(error)) (*filter.Filter, error)
	newRenderer func(onError func(error)) (*render.Renderer, error)
	renderer    *render.Renderer // of no worker

	mu    sync.Mutex
	state render.State // behind the last block folded
}

// NewText returns a Text. newFilter and newRenderer make the filter and the renderer
// of one worker, which tell onError of events that they fail on.
func NewText(newFilter func(onError func(error)) (*filter.Filter, error), newRenderer func(onError func(error)) (*render.Renderer, error)) (*Text, error) {
	r, err := newRenderer(nil)
	if err != nil {
		return nil, err
	}
	return &Text{newFilter: newFilter, newRenderer: newRenderer, renderer: r, state: r.State()}, nil
}

// Header is what comes before the first event.
func (s *Text) Header() []byte { return s.renderer.Header(nil) }

// InOrder implements Sink.
func (s *Text) InOrder() bool { return s.OnKept != nil || !s.renderer.Parallel() }

// Worker implements Sink.
func (s *Text) Worker(m Mapping) (Worker, error) { return s.TextWorker(m) }

// TextWorker returns a worker for a sink that writes text beside what else it
// does.
func (s *Text) TextWorker(m Mapping) (*TextWorker, error) {
	w := &TextWorker{text: s, mapping: m}
	w.emit = w.print
	var err error
	if w.renderer, err = s.newRenderer(func(err error) { m.Failed("--template", err) }); err != nil {
		return nil, err
	}
	w.Filter, err = s.newFilter(func(err error) { m.Failed("jq", err) })
	return w, err
}

// Fold implements Sink.
func (s *Text) Fold(b *Block, again func(at Place) *Block) bool {
	p := b.Part.(*textPart)
	if p.before != s.state { // which only Fold changes
		switch {
		case !p.before.SameWidth(s.state):
			return false
		case p.timed:
			// What came before it in the block may have widened a column.
			s.setState(s.state.Widened(p.widths))
			b.Out.Replace(p.outBegin, p.outEnd, again(p.first).Out.Bytes())
		default:
			p.after = s.state.Widened(p.after)
		}
	}
	s.setState(p.after)
	return true
}

func (s *Text) setState(state render.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state
}

// textPart is what Fold has to know of a block.
type textPart struct {
	before, after render.State
	// The first event whose look depends on the time before, its place in the
	// output, and the state before it.
	timed            bool
	first            Place
	outBegin, outEnd int
	widths           render.State
}

// TextWorker is the worker of a Text.
type TextWorker struct {
	// Filter is what the sink's filters are compiled to.
	Filter   *filter.Filter
	text     *Text
	mapping  Mapping
	renderer *render.Renderer
	emit     func(filter.Output) bool

	inOrder bool
	part    *textPart
	b       *Block
	e       *Event
	kept    bool // the event was written
	done    bool // it has been rendered, though perhaps as nothing
	givenUp bool // in the middle: what was written of it is taken back
}

// Begin implements Worker.
func (w *TextWorker) Begin(b *Block, inOrder bool) {
	p, ok := b.Part.(*textPart)
	if !ok {
		p = &textPart{}
		b.Part = p
	}
	w.text.mu.Lock()
	*p = textPart{before: w.text.state}
	w.text.mu.Unlock()
	w.renderer.SetState(p.before)
	w.part, w.b, w.inOrder = p, b, inOrder
}

// End implements Worker.
func (w *TextWorker) End(*Block) {
	w.part.after = w.renderer.State()
	w.part, w.b, w.e = nil, nil, nil
}

// Event implements Worker.
func (w *TextWorker) Event(e *Event) bool {
	w.begin(e)
	out, before := w.b.Out.Len(), w.renderer.State()
	w.Filter.Run(&e.X, w.emit)
	w.see(out, before)
	if w.kept && w.text.OnKept != nil && w.mapping.Write() {
		w.text.OnKept(&e.Event, &e.X)
	}
	return w.kept
}

// Show implements Worker.
func (w *TextWorker) Show(e *Event) bool {
	if w.e != e || !w.done {
		w.begin(e)
		out, before := w.b.Out.Len(), w.renderer.State()
		w.print(filter.Output{Event: true})
		w.see(out, before)
	}
	return w.kept
}

func (w *TextWorker) begin(e *Event) { w.e, w.kept, w.done, w.givenUp = e, false, false, false }

// see looks at what has become of the event, whose output begins at out. before
// is the state before it.
func (w *TextWorker) see(out int, before render.State) {
	p := w.part
	switch {
	case w.done && (!w.kept || w.givenUp):
		w.renderer.SetState(before) // what nobody sees leaves nothing behind
	case !p.timed && w.renderer.TimeShown():
		p.timed, p.first, p.widths = true, w.e.place(), before
		p.outBegin, p.outEnd = out, w.b.Out.Len()
	}
}

// print writes something of the event.
func (w *TextWorker) print(o filter.Output) bool {
	e, out := w.e, &w.b.Out
	w.done = true
	if o.Event && w.renderer.Verbatim(&e.X) && e.Verbatim() {
		w.kept = true
		return true
	}
	text := out.Text()
	before := len(text)
	if o.Event {
		text = w.renderer.Event(text, &e.Event, &e.X)
	} else {
		text = w.renderer.Value(text, &e.Event, o.JSON)
	}
	// A template may print nothing, or fail.
	w.kept = w.kept || len(text) > before
	out.Set(text)
	w.givenUp = !w.mapping.Grown()
	return !w.givenUp
}
