package engine

import (
	"sync"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/pseudonym"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// Text is the sink that writes the events that the filters keep, in one of the text
// formats.
//
// How an event is rendered may depend on earlier ones: the time since the last event,
// the date where it changes, the width of a column. A block that is mapped ahead is
// rendered from the state that was known when its mapping began. If the time in it
// was wrong, Fold renders the one event again that shows it, the first with a time.
// If the width was wrong, the block is mapped again.
type Text struct {
	// OnKept is called for each kept event after it was written. Later events wait
	// until it returns. The arguments are valid during the call.
	OnKept func(ev *event.Event, x *event.Index)
	// Pseudonyms, unless nil, replace originals in what is written and in what OnKept gets.
	// The filters see the originals. A jq expression that makes a value is evaluated again,
	// on the event with made-up values, by a filter that NewQuery returns; NewQuery is nil
	// if there is no expression. Both are set before the run.
	Pseudonyms *pseudonym.Pseudonyms
	NewQuery   func(onError func(error)) (*filter.Filter, error)
	// Encoder returns the Encode of one worker, for a run whose output is no text; nil is
	// for text.
	Encoder func() Encode

	newFilter   func(onError func(error)) (*filter.Filter, error)
	newRenderer func(onError func(error)) (*render.Renderer, error)
	renderer    *render.Renderer // not used by a worker

	mu    sync.Mutex
	state render.State // after the last folded block
}

// Encode replaces out[begin:], which is one event as text, or a value in its place, with a
// newline. nth is 0 for the first value of an event, 1 for the second. It returns out with
// the replacement. The arguments are valid during the call.
type Encode func(out []byte, begin int, e *Event, nth int) []byte

// NewText returns a Text. newFilter and newRenderer return the filter and the renderer
// of one worker; they call onError for each event on which they fail.
func NewText(newFilter func(onError func(error)) (*filter.Filter, error), newRenderer func(onError func(error)) (*render.Renderer, error)) (*Text, error) {
	r, err := newRenderer(nil)
	if err != nil {
		return nil, err
	}
	return &Text{newFilter: newFilter, newRenderer: newRenderer, renderer: r, state: r.State()}, nil
}

// Header is the output before the first event.
func (s *Text) Header() []byte { return s.renderer.Header(nil) }

// NewFilter returns a filter for a worker of another sink. It counts an event on which the
// jq expression fails as failed.
func (s *Text) NewFilter(m Mapping) (*filter.Filter, error) {
	return s.newFilter(func(err error) { m.Failed("jq", err) })
}

// NewRenderer returns a renderer for another sink. It calls onError for each event on
// which the template fails.
func (s *Text) NewRenderer(onError func(error)) (*render.Renderer, error) {
	return s.newRenderer(onError)
}

// InOrder implements Sink.
func (s *Text) InOrder() bool { return s.OnKept != nil || !s.renderer.Parallel() }

// Worker implements Sink.
func (s *Text) Worker(m Mapping) (Worker, error) { return s.TextWorker(m) }

// TextWorker returns a worker for another sink that also writes text.
func (s *Text) TextWorker(m Mapping) (*TextWorker, error) {
	w := &TextWorker{text: s, mapping: m}
	w.emit = w.print
	if s.Encoder != nil {
		w.encode = s.Encoder()
	}
	var err error
	if w.renderer, err = s.newRenderer(func(err error) { m.Failed("--template", err) }); err != nil {
		return nil, err
	}
	if w.Filter, err = s.NewFilter(m); err != nil || s.Pseudonyms == nil {
		return w, err
	}
	w.hidden = &hiding{rewriter: s.Pseudonyms.Events()}
	if s.NewQuery != nil {
		w.hidden.query, err = s.NewQuery(func(err error) { m.Failed("jq", err) })
	}
	return w, err
}

// Fold implements Sink.
func (s *Text) Fold(b *Block, remap func(Place) *Block) bool {
	p := b.Part.(*textPart)
	if p.before != s.state { // which only Fold changes
		switch {
		case !p.before.SameWidth(s.state):
			return false
		case p.timed:
			// Events before it in the block may have widened a column.
			s.setState(s.state.Widened(p.widths))
			b.Out.Replace(p.outBegin, p.outEnd, remap(p.first).Out.Bytes())
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

// textPart is what Fold needs to know about a block.
type textPart struct {
	before, after render.State
	// The first event that shows a time which depends on earlier events, if timed is
	// set: its place, its output, and the state before it.
	timed            bool
	first            Place
	outBegin, outEnd int
	widths           render.State
}

// TextWorker is the worker of a Text.
type TextWorker struct {
	// Filter is the worker's own filter.
	Filter   *filter.Filter
	text     *Text
	mapping  Mapping
	renderer *render.Renderer
	emit     func(filter.Output) bool
	hidden   *hiding // nil without Pseudonyms
	encode   Encode  // nil for text
	values   int     // of the event so far

	inOrder  bool
	part     *textPart
	b        *Block
	e        *Event
	kept     bool         // something was written for the event
	rendered bool         // it was rendered and not just copied, perhaps as nothing
	before   render.State // before it was rendered
	givenUp  bool         // it was given up, and its output will be taken back
}

// Begin implements Worker.
func (w *TextWorker) Begin(b *Block, inOrder bool) {
	p := PartOf[textPart](b)
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
	out := w.b.Out.Len()
	if w.hidden != nil && w.hidden.query != nil {
		w.query(e)
	} else {
		w.Filter.Run(&e.X, w.emit)
	}
	w.noteState(out)
	return w.notify()
}

// Print writes an event, which came that many times, whatever the filters say, and reports
// whether it is kept: a template may print nothing of it.
func (w *TextWorker) Print(e *Event, times int) bool {
	w.renderer.SetTimes(times)
	w.show(e)
	w.renderer.SetTimes(0)
	return w.notify()
}

// Skip says that e is not kept: Show writes it if need be.
func (w *TextWorker) Skip(e *Event) { w.begin(e) }

// Show implements Worker.
func (w *TextWorker) Show(e *Event) bool {
	if w.e != e || !w.rendered && !w.kept {
		w.show(e)
	}
	return w.kept
}

func (w *TextWorker) show(e *Event) {
	w.begin(e)
	out := w.b.Out.Len()
	w.print(filter.Output{Event: true})
	w.noteState(out)
}

// notify calls OnKept if the event is kept, and reports whether it is.
func (w *TextWorker) notify() bool {
	if w.kept && w.text.OnKept != nil && w.mapping.Flush() {
		w.text.OnKept(w.shownEvent())
	}
	return w.kept
}

func (w *TextWorker) begin(e *Event) {
	w.e, w.kept, w.rendered, w.givenUp, w.values = e, false, false, false, 0
	if w.hidden != nil {
		w.hidden.done = false
	}
}

// noteState notes how the event depends on earlier ones and later ones on it. Its
// output begins at out.
func (w *TextWorker) noteState(out int) {
	p := w.part
	switch {
	case !w.rendered:
	case !w.kept || w.givenUp:
		w.renderer.SetState(w.before) // an event that is not shown changes nothing
	case !p.timed && w.renderer.TimeShown():
		p.timed, p.first, p.widths = true, w.e.place(), w.before
		p.outBegin, p.outEnd = out, w.b.Out.Len()
	}
}

// print writes the event, or a value that takes its place.
func (w *TextWorker) print(o filter.Output) bool {
	e, out := w.e, &w.b.Out
	ev, x := w.shownEvent()
	if o.Event && w.encode == nil && x == &e.X && w.renderer.Verbatim(x) && e.WriteVerbatim() {
		w.kept = true
		return true
	}
	if !w.rendered {
		w.rendered, w.before = true, w.renderer.State()
	}
	text := out.Text()
	before := len(text)
	if o.Event {
		text = w.renderer.Event(text, ev, x)
	} else {
		text = w.renderer.Value(text, ev, o.JSON)
	}
	// A template that fails prints nothing.
	w.kept = w.kept || len(text) > before
	if w.encode != nil && len(text) > before {
		text = w.encode(text, before, e, w.values)
		w.values++
	}
	out.SetText(text)
	w.givenUp = !w.mapping.Continue()
	return !w.givenUp
}
