// Package schemas has the sinks of the command schema: one learns which events and fields
// there are, the other reports what is new. It also prints what was learned.
package schemas

import (
	"fmt"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
	"github.com/enswitch-events/enswitch-events/pkg/schema"
)

// MaxMemory is about how much memory a sink holds at most, in bytes.
const MaxMemory = 64 << 20

// saveEvery is how often what was learned live is saved.
const saveEvery = 30 * time.Second

// Learner is the sink that learns. It implements [engine.Ticker].
type Learner struct {
	file     string
	examples schema.Examples
	live     bool
	log      *log.Logger

	text   *engine.Text
	calls  *schema.Calls
	fresh  *schema.Schema // what is not in the file yet
	before *schema.Schema // what was in the file when it was saved first
	total  *schema.Schema // what is in the file
	saved  time.Time
}

// NewLearner returns a Learner that adds what it learns to a file. Live says that the events
// are live, so that it saves while they come.
func NewLearner(file string, examples schema.Examples, live bool, l *log.Logger) *Learner {
	return &Learner{file: file, examples: examples, live: live, log: l, calls: schema.NewCalls(), fresh: &schema.Schema{}, saved: time.Now()}
}

// Sink makes l the sink of a run with the filters of text.
func (l *Learner) Sink(text *engine.Text) engine.Sink {
	l.text = text
	return l
}

// Used reports whether l was made the sink of a run: the flags were right.
func (l *Learner) Used() bool { return l.text != nil }

// InOrder implements [engine.Sink].
func (l *Learner) InOrder() bool { return false }

// Worker implements [engine.Sink].
func (l *Learner) Worker(m engine.Mapping) (engine.Worker, error) {
	keep, err := l.text.NewFilter(m)
	return &learnWorker{filter: keep, learner: schema.NewLearner(&schema.Options{Examples: l.examples, Calls: l.calls})}, err
}

// learnWorker is a worker of a Learner.
type learnWorker struct {
	filter  *filter.Filter
	learner *schema.Learner
}

// Begin implements [engine.Worker].
func (w *learnWorker) Begin(*engine.Block, bool) {}

// Event implements [engine.Worker].
func (w *learnWorker) Event(e *engine.Event) bool {
	if !w.filter.Keeps(&e.X) {
		return false
	}
	w.learner.Add(&e.X)
	return true
}

// Show implements [engine.Worker].
func (w *learnWorker) Show(*engine.Event) bool { return false }

// End implements [engine.Worker].
func (w *learnWorker) End(b *engine.Block) { w.learner.Take(engine.PartOf[schema.Part](b)) }

// Fold implements [engine.Sink].
func (l *Learner) Fold(b *engine.Block, _ func(engine.Place) *engine.Block) bool {
	l.fresh.Add(b.Part.(*schema.Part), nil)
	l.saveInTime()
	return true
}

// Tick implements [engine.Ticker]: it saves live what was learned.
func (l *Learner) Tick(time.Duration, *engine.Output) (next time.Duration, end engine.End) {
	l.saveInTime()
	if !l.live || l.fresh.Empty() {
		return 0, engine.EndOfInput
	}
	return saveEvery, engine.EndOfInput
}

// Finish implements [engine.Ticker].
func (l *Learner) Finish(*engine.Output) {}

// saveInTime saves now and then while events come. If that fails it is tried again.
func (l *Learner) saveInTime() {
	if l.live && time.Since(l.saved) >= saveEvery {
		if err := l.save(false); err != nil {
			l.log.Warn("what was learned could not be saved: " + cli.OneLine(err))
		}
	}
}

// save adds what was learned to the file, at the end with the calls that were followed, whose
// events may have been saved before.
func (l *Learner) save(atEnd bool) error {
	l.saved = time.Now()
	if l.fresh.Empty() && (!atEnd || l.total == nil) {
		return nil
	}
	if l.before == nil {
		l.before = before(l.file)
	}
	total, err := schema.Update(l.file, func(s *schema.Schema) {
		s.Merge(l.fresh)
		if atEnd {
			l.calls.AddTo(s)
		}
	})
	if err != nil {
		return err
	}
	l.total, l.fresh = total, &schema.Schema{}
	return nil
}

// before returns what is in a file, an empty schema if there is none.
func before(file string) *schema.Schema {
	s, err := schema.Read(file)
	if err != nil {
		return &schema.Schema{} // Update says why
	}
	return s
}

// Learned returns what was learned and is not saved, with the calls that were followed.
func (l *Learner) Learned() *schema.Schema {
	l.calls.AddTo(l.fresh)
	return l.fresh
}

// Close saves what was learned, and says what is new. If the run failed it does not say that
// nothing was learned.
func (l *Learner) Close(failed bool) error {
	if err := l.save(true); err != nil {
		return cli.NewError(cli.ExitFailure, fmt.Errorf("what was learned could not be saved: %w", err), "--schema FILE names another file")
	}
	if l.total == nil {
		if failed {
			return nil
		}
		l.log.Warn("no event was learned: " + l.file + " is as it was")
		return nil
	}
	kinds, fields := size(l.total)
	oldKinds, oldFields := size(l.before)
	l.log.Info(fmt.Sprintf("%s: %s with %s, learned from %s; new: %s, %s", l.file, cli.Plural(kinds, "kind"), cli.Plural(fields, "field"),
		cli.Plural(l.total.Events(), "event"), cli.Plural(kinds-oldKinds, "kind"), cli.Plural(fields-oldFields, "field")),
		"file", l.file, "events", l.total.Events(), "kinds", kinds, "fields", fields, "new_kinds", kinds-oldKinds, "new_fields", fields-oldFields)
	LogLeft(l.log, l.total.Left())
	return nil
}

// size returns the number of kinds and fields of s.
func size(s *schema.Schema) (kinds, fields int64) {
	for _, k := range s.Kinds() {
		kinds++
		k.Root.Walk(func([]string, *schema.Field, *schema.Field) { fields++ })
	}
	return kinds, fields
}

// LogLeft says what the limits left out.
func LogLeft(l *log.Logger, left schema.Left) {
	cli.WarnCount(l, left.Events, "event", "left out: there are more than 2,000 kinds")
	cli.WarnCount(l, left.Fields, "field", "left out: there are more than 20,000 different ones")
	cli.WarnCount(l, left.Long, "name", "of more than 256 bytes left out")
	cli.WarnCount(l, left.Deep, "value", "nested more than 16 deep not looked into")
}
