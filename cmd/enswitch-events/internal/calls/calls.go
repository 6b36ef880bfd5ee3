// Package calls has the sink of the command calls: it follows calls and prints a record of
// each as it ends.
package calls

import (
	"bytes"
	"errors"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/pseudonym"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// MaxMemory is about how much memory a Sink holds at most, in bytes: the calls, and the
// events that are held to be put in order.
const MaxMemory = 96 << 20

// Options are the options of a Sink.
type Options struct {
	// Map says what events and fields mean.
	Map *call.Map
	// Tracker are the options of following calls. Its functions must be nil.
	Tracker call.Options
	// Having keeps calls by their records; nil keeps all.
	Having *filter.Filter
	// Count is the number of records after which the run ends; 0 is no limit.
	Count int64
	// Live says that the events are live: calls end also while none comes.
	Live bool
	// ForReaders says that the records are made to be read by a person.
	ForReaders bool
	// Screen shows the calls; nil to print records.
	Screen *Screen
	Log    *log.Logger
}

// Sink follows calls and prints their records. It implements [engine.Ticker] and
// [report.Account]. All but its workers and the methods for a screen is for one goroutine at a
// time.
type Sink struct {
	o        Options
	mu       sync.Mutex // guards what a screen reads: tracker, guesses and lags
	text     *engine.Text
	tracker  *call.Tracker
	renderer *render.Renderer
	failures *report.Sampler

	out    []byte         // what is to be written
	last   *engine.Output // of Finish
	record []byte
	x      event.Index
	// verbatim says that records are written as they are, and nothing looks into them.
	verbatim bool
	hide     *pseudonym.Rewriter // of records, nil to show what there is
	printed  int64
	counts   counts
	guesses  report.Guesses
	lags     lags             // for a screen
	clock    clock            // for a live screen
	now      func() time.Time // of the clock here
	ahead    time.Duration    // the Tracker's newest timestamp is ahead of clock by that
	figures  *call.Figures
}

// New returns a Sink.
func New(o *Options) *Sink {
	s := &Sink{o: *o, now: time.Now, failures: &report.Sampler{Log: o.Log.Warn}}
	s.restart()
	return s
}

// restart begins with no calls.
func (s *Sink) restart() {
	options := s.o.Tracker
	options.OnEnd, options.OnJoin = s.ended, s.joined
	if s.o.Screen != nil { // it shows what is, at once, and events of a call
		s.figures = call.NewFigures(&call.FiguresOptions{Map: s.o.Map})
		options.Hold, options.KeepEvents, options.DropEvents, options.Figures = -1, true, true, []*call.Figures{s.figures}
	}
	s.tracker = call.NewTracker(&options)
}

// Sink makes s the sink of a run that prints in the format of text.
func (s *Sink) Sink(text *engine.Text) engine.Sink {
	s.text = text
	return s
}

// InOrder implements [engine.Sink]: so that the run can end after an event.
func (s *Sink) InOrder() bool { return s.o.Count > 0 }

// Fold implements [engine.Sink].
func (s *Sink) Fold(b *engine.Block, _ func(engine.Place) *engine.Block) bool {
	p := b.Part.(*part)
	s.follow(p)
	s.write(&b.Out)
	return true
}

// write moves the pending output to out.
func (s *Sink) write(out *engine.Output) {
	if len(s.out) > 0 {
		out.SetText(append(out.Text(), s.out...))
		s.out = s.out[:0]
	}
}

// Gap says that events are missing, or may be.
func (s *Sink) Gap(engine.Gap) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tracker.Gap()
	s.changed()
}

// Tick implements [engine.Ticker].
func (s *Sink) Tick(quiet time.Duration, out *engine.Output) (next time.Duration, end engine.End) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.o.Live {
		next = report.EndQuietCalls(s.tracker, s.o.Tracker.Linger, quiet)
		s.changed()
	}
	s.write(out)
	return next, s.reached()
}

// Finish implements [engine.Ticker].
func (s *Sink) Finish(out *engine.Output) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = out
	s.tracker.Finish()
	s.changed()
	s.write(out)
}

// reached returns the end of the run, if there are as many records as asked for.
func (s *Sink) reached() engine.End {
	if s.o.Count > 0 && s.printed >= s.o.Count {
		return engine.EndCount
	}
	return engine.EndOfInput
}

// joined is called when a call becomes part of another one: it no longer counts.
func (s *Sink) joined(_, from *call.Call) { s.counts.replace(from, 0) }

// ended prints the record of a call, unless the filters or --having leave it out.
func (s *Sink) ended(c *call.Call) {
	if !c.Chosen() || s.reached() != engine.EndOfInput {
		return
	}
	if s.o.Screen == nil || s.o.Having != nil {
		s.record = c.AppendRecord(s.record[:0])
		if err := s.scan(); err != nil {
			s.o.Log.Error("the record of a call is broken: " + err.Error()) // its values have been scanned before
			return
		}
	}
	if s.o.Having != nil && !s.o.Having.Keeps(&s.x) {
		s.counts.replace(c, 0)
		return
	}
	if s.o.ForReaders {
		s.guesses.Log(s.o.Log)
	}
	s.counts.replace(c, summarize(c))
	s.printed++
	if s.o.Screen != nil {
		return
	}
	ev := event.Event{Raw: s.record}
	if s.hide != nil {
		if record, changed := s.hide.Event(&s.x); changed && s.x.Scan(record) == nil { // it is valid JSON
			ev.Raw = record
		}
	}
	if s.o.Live {
		ev.Received = time.Now()
	}
	if s.verbatim {
		s.out = append(append(s.out, s.record...), '\n')
	} else {
		s.out = s.renderer.Event(s.out, &ev, &s.x)
		s.verbatim = s.o.Having == nil && s.hide == nil && s.renderer.Verbatim(&s.x)
	}
	if s.last != nil && len(s.out) >= portion {
		s.write(s.last)
		s.last.Flush()
	}
}

// scan looks into the record, unless nothing needs that.
func (s *Sink) scan() error {
	if s.verbatim {
		return nil
	}
	return s.x.Scan(s.record)
}

// portion is how much of the records that follow the last event is written at once.
const portion = 64 << 10

// part is what Fold needs of a block: its events.
type part struct {
	events  []call.Event
	guesses []report.Guess
}

// worker is a worker of a Sink.
type worker struct {
	sink   *Sink
	filter *filter.Filter
	reader *call.Reader
	part   *part
	// What events have of the values of from and to in other fields is hidden before a
	// record can have it.
	hide *pseudonym.Rewriter
	x    event.Index
}

// Worker implements [engine.Sink].
func (s *Sink) Worker(m engine.Mapping) (engine.Worker, error) {
	var err error
	if s.renderer == nil {
		s.renderer, err = s.text.NewRenderer(s.failed)
		if err != nil {
			return nil, err
		}
	}
	w := &worker{sink: s, reader: s.o.Map.NewReader()}
	if p := s.text.Pseudonyms; p != nil {
		s.hide, w.hide = p.Records(), p.Events()
		w.hide.Others = true
	}
	w.reader.OnGuess = func(name, item string) { w.part.guesses = append(w.part.guesses, report.Guess{Name: name, Item: item}) }
	w.filter, err = s.text.NewFilter(m)
	return w, err
}

// failed counts a record on which the template failed.
func (s *Sink) failed(err error) {
	if s.hide != nil {
		s.failures.AddFailure(report.Failure("--template", "", "", true))
		return
	}
	kind := err.Error()
	if failure, ok := errors.AsType[*filter.Failure](err); ok {
		kind = failure.Kind
	}
	s.failures.AddFailure("--template", kind, err.Error())
}

// Begin implements [engine.Worker].
func (w *worker) Begin(b *engine.Block, _ bool) {
	p := engine.PartOf[part](b)
	p.events, p.guesses = p.events[:0], p.guesses[:0]
	w.part = p
}

// Event implements [engine.Worker].
func (w *worker) Event(e *engine.Event) bool {
	s, p := w.sink, w.part
	p.events = append(p.events, call.Event{Received: e.Received, Source: e.Source, Chosen: w.filter.Keeps(&e.X)})
	ev := &p.events[len(p.events)-1]
	raw, x := e.Raw, &e.X
	if w.hide != nil {
		if other, changed := w.hide.Event(x); changed && w.x.Scan(other) == nil { // it is valid JSON
			raw, x = bytes.Clone(other), &w.x
			_ = x.Scan(raw)
		}
	}
	w.reader.Read(ev, raw, x)
	if s.o.Count > 0 {
		s.follow(p)
		e.Block().Stop(s.reached())
		p.events, p.guesses = p.events[:0], p.guesses[:0]
	}
	return ev.Chosen
}

// Show implements [engine.Worker]: it writes the record of a gap.
func (w *worker) Show(e *engine.Event) bool {
	out := &e.Block().Out
	out.SetText(w.sink.renderer.Event(out.Text(), &e.Event, &e.X))
	return true
}

// End implements [engine.Worker].
func (w *worker) End(*engine.Block) { w.part = nil }
