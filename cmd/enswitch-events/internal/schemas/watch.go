package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
	"github.com/enswitch-events/enswitch-events/pkg/schema"
)

// Watch is the sink that reports what is new. It implements [engine.Sink] and
// report.Account.
type Watch struct {
	known  *schema.Schema
	before schema.Left // what was left out of known before
	count  int64       // of lines after which the run ends, 0 for no limit
	ndjson bool
	log    *log.Logger

	text   *engine.Text
	out    []byte
	lines  int64
	counts [3]int64 // of events, fields and types
}

// NewWatch returns a Watch, which changes known.
func NewWatch(known *schema.Schema, count int64, ndjson bool, l *log.Logger) *Watch {
	return &Watch{known: known, before: known.Left(), count: count, ndjson: ndjson, log: l}
}

// Sink makes w the sink of a run with the filters of text.
func (w *Watch) Sink(text *engine.Text) engine.Sink {
	w.text = text
	return w
}

// Counted implements report.Account.
func (w *Watch) Counted() (n int64, what string) { return w.lines, "line" }

// Log implements report.Account.
func (w *Watch) Log() {
	w.log.Info(w.summary(), "events", w.counts[0], "fields", w.counts[1], "types", w.counts[2])
	LogLeft(w.log, w.left())
}

// left returns what was left out since the beginning.
func (w *Watch) left() schema.Left {
	left := w.known.Left()
	left.Events -= w.before.Events
	left.Fields -= w.before.Fields
	left.Long -= w.before.Long
	left.Deep -= w.before.Deep
	return left
}

func (w *Watch) summary() string {
	return fmt.Sprintf("new: %s, %s, %s", cli.Plural(w.counts[0], "event"), cli.Plural(w.counts[1], "field"), cli.Plural(w.counts[2], "type"))
}

// Drift returns an error if anything was new, or if that cannot be told.
func (w *Watch) Drift() error {
	if left := w.left(); w.lines == 0 && left.Events+left.Fields+left.Long > 0 {
		return cli.NewError(cli.ExitFailure, errors.New("--fail-on-drift: some events and fields could not be compared, because a schema has room for 2,000 kinds of events, 20,000 fields, and names of 256 bytes"), "filters (-c, -e) leave out what need not be compared")
	}
	if w.lines == 0 {
		return nil
	}
	return cli.NewError(cli.ExitFailure, fmt.Errorf("--fail-on-drift: %s", w.summary()), "'enswitch-events schema learn' adds to what is known")
}

// InOrder implements [engine.Sink]: so that the run can end after an event.
func (w *Watch) InOrder() bool { return w.count > 0 }

// Worker implements [engine.Sink].
func (w *Watch) Worker(m engine.Mapping) (engine.Worker, error) {
	keep, err := w.text.NewFilter(m)
	return &watchWorker{watch: w, filter: keep, learner: schema.NewLearner(&schema.Options{Examples: schema.NoExamples})}, err
}

// watchPart is what Fold needs of a block: a part for each event that had something which
// the worker had not seen, and one for the others.
type watchPart struct {
	fresh []freshPart
	n     int // of fresh
	rest  schema.Part
}

type freshPart struct {
	part      schema.Part
	timestamp []byte
}

// watchWorker is a worker of a Watch.
type watchWorker struct {
	watch   *Watch
	filter  *filter.Filter
	learner *schema.Learner
	part    *watchPart
}

// Begin implements [engine.Worker].
func (w *watchWorker) Begin(b *engine.Block, _ bool) {
	w.part = engine.PartOf[watchPart](b)
	w.part.n = 0
}

// Event implements [engine.Worker].
func (w *watchWorker) Event(e *engine.Event) bool {
	if !w.filter.Keeps(&e.X) {
		return false
	}
	w.learner.Add(&e.X)
	if !w.learner.Fresh() {
		return true
	}
	p := w.part
	if p.n == len(p.fresh) {
		p.fresh = append(p.fresh, freshPart{})
	}
	f := &p.fresh[p.n]
	f.timestamp = e.X.Field("timestamp").AppendText(f.timestamp[:0])
	w.learner.Take(&f.part)
	if w.watch.count == 0 {
		p.n++
		return true
	}
	w.watch.add(f)
	w.watch.write(&e.Block().Out)
	if w.watch.lines >= w.watch.count {
		e.Block().Stop(engine.EndCount)
	}
	return true
}

// Show implements [engine.Worker].
func (w *watchWorker) Show(*engine.Event) bool { return false }

// End implements [engine.Worker].
func (w *watchWorker) End(*engine.Block) {
	w.learner.Take(&w.part.rest)
	w.part = nil
}

// Fold implements [engine.Sink].
func (w *Watch) Fold(b *engine.Block, _ func(engine.Place) *engine.Block) bool {
	p := b.Part.(*watchPart)
	for i := range p.fresh[:p.n] {
		w.add(&p.fresh[i])
	}
	w.known.Add(&p.rest, nil) // the worker has had all of it before
	w.write(&b.Out)
	return true
}

// add adds the part of an event, and makes lines of what is new.
func (w *Watch) add(f *freshPart) {
	w.known.Add(&f.part, func(n schema.News) {
		if w.count == 0 || w.lines < w.count {
			w.lines++
			w.line(&n, f.timestamp)
		}
	})
}

// write moves the pending output to out.
func (w *Watch) write(out *engine.Output) {
	if len(w.out) > 0 {
		out.SetText(append(out.Text(), w.out...))
		w.out = w.out[:0]
	}
}

// line adds a line about what is new.
func (w *Watch) line(n *schema.News, timestamp []byte) {
	what, i := "event", 0
	switch {
	case n.Type != event.Absent:
		what, i = "type", 2
	case n.Path != nil:
		what, i = "field", 1
	}
	w.counts[i]++
	if w.ndjson {
		w.out = append(append(w.out, newsRecord(n, what, timestamp)...), '\n')
		return
	}
	at := "-"
	if usec, ok := event.Timestamp(timestamp); ok {
		at = time.UnixMicro(usec).Format("2006-01-02 15:04:05")
	}
	w.out = fmt.Appendf(w.out, "%s  new %-5s  %s", at, what, safe.String(n.Name.String()))
	if n.Path != nil {
		w.out = append(append(w.out, ' '), safe.String(schema.PathText(n.Path))...)
	}
	if n.Type != event.Absent {
		w.out = fmt.Appendf(w.out, ": %s, was %s", n.Type, typesText(n.Types))
	}
	w.out = append(w.out, '\n')
}

// newsRecord is a line of ndjson.
func newsRecord(n *schema.News, what string, timestamp []byte) []byte {
	r := struct {
		New       string   `json:"new"`
		Class     string   `json:"class"`
		Event     string   `json:"event"`
		Field     string   `json:"field,omitempty"`
		Type      string   `json:"type,omitempty"`
		Was       []string `json:"was,omitempty"`
		Timestamp string   `json:"timestamp,omitempty"`
	}{New: what, Class: n.Name.Class, Event: n.Name.Event, Field: schema.PathText(n.Path), Type: n.Type.String(), Timestamp: string(timestamp)}
	for _, k := range n.Types {
		r.Was = append(r.Was, k.String())
	}
	return encode(r)
}

// encode returns v as JSON on one line.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return nil // texts and numbers can be written
	}
	return b
}

func typesText(types []event.Kind) (text string) {
	for i, k := range types {
		if i > 0 {
			text += " or "
		}
		text += k.String()
	}
	return text
}
