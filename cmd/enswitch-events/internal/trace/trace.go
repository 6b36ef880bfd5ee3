// Package trace follows one call, or a few: it finds the calls with an event that is
// searched for, and shows them with all their events.
//
// What is searched for is in what.go; trace.go is the sink, which follows all calls, with its
// worker in worker.go, and show.go shows those that are found; call.go is a call as it is shown,
// story.go what a person would say of it; line.go, mermaid.go and html.go are the formats, and
// ladder.go is for the screen of calls. narrow.go, with find.go, look.go and search.go, reads a
// large capture in several passes; hide.go puts pseudonyms in.
package trace

import (
	"slices"
	"strings"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// Options say what is traced and how it is shown.
type Options struct {
	What *What
	Map  *call.Map
	// Tracker is without its functions.
	Tracker call.Options
	// Having chooses calls by their records; nil is all.
	Having *filter.Filter
	// Count is the number of calls to show, 0 for all: live those that are up or the
	// next ones, of a capture the latest.
	Count int
	// Live says that the events come as they happen.
	Live   bool
	Format Format
	// Tally counts the events that come while no call is found.
	Tally *tally.Tally
	// Named is called at the end of a capture with the number of calls that were found
	// and are not shown, the latest of them, and whether there are even more.
	Named func(calls int, latest []string, more bool)
}

// Format writes calls.
type Format interface {
	// Header and Footer append what is before the first call and after the last one.
	Header(dst []byte) []byte
	Footer(dst []byte) []byte
	// Call appends a call.
	Call(dst []byte, c *Call) []byte
}

// follower is a Format that can show a call event by event.
type follower interface {
	Format
	begin(dst []byte, c *Call) []byte
	// event appends an event of c, whose legs are legs so far.
	event(dst []byte, c *Call, legs []string, e *Event) []byte
	end(dst []byte, c *Call) []byte
}

// displayHold is how long the events of a live feed are held to be put in the order of their
// timestamps, if they are shown as they come: a person sees the phone ring within half a
// second. Events that are later than that are shown out of order.
const displayHold = 300 * time.Millisecond

// maxNamedCalls is how many other calls are named.
const maxNamedCalls = 5

// passes is the Source of an event that passes the filters.
const passes = "passes"

// Trace is the sink. It implements [engine.Ticker] and report.Awaiter. One goroutine at a
// time may use it.
type Trace struct {
	o         Options
	text      *engine.Text
	hide      *hiding // nil to show what there is
	tracker   *call.Tracker
	out       []byte
	header    bool // was written
	over      bool
	matched   int64 // events that are searched for
	count     int   // calls that were found
	uncounted bool  // there are more than count
	done      int   // calls that were shown

	follow  follower // nil to show calls whole
	current *call.Call
	shown   *Call // current as it was shown last
	legs    []string
	fresh   []*call.Event // of current, not shown yet

	picked []int64         // numbers of the calls to show of a live feed
	found  map[int64]*Call // calls to show at the end
	others map[int64]other // those that are not shown, some of them
	x      event.Index

	narrow  *Narrow // of a pass that follows a part of the events, else nil
	certain bool    // what was shown does not depend on the rest
	twice   bool    // another pass has counted what is searched for
	partly  bool    // Tally has a sample
}

// other is a call that is named.
type other struct {
	begin int64
	name  string
}

// New returns the sink.
func New(o *Options) *Trace {
	t := &Trace{o: *o}
	if f, ok := o.Format.(follower); ok && o.Live && o.Count == 1 && o.Having == nil {
		t.follow = f
	}
	t.restart()
	return t
}

// restart begins with an empty tracker.
func (t *Trace) restart() {
	tracker := t.o.Tracker
	tracker.KeepEvents = true
	if t.follow != nil {
		if tracker.Hold = displayHold; tracker.Linger > 0 && tracker.Linger < displayHold {
			tracker.Hold = tracker.Linger
		}
	}
	tracker.OnEvent, tracker.OnJoin, tracker.OnEnd = t.onEvent, t.onJoin, t.onEnd
	t.tracker = call.NewTracker(&tracker)
	t.count, t.narrow = 0, nil
	t.found, t.others = map[int64]*Call{}, map[int64]other{}
}

// Sink makes t the sink of a run. The filters are those of text.
func (t *Trace) Sink(text *engine.Text) engine.Sink {
	t.text = text
	return t
}

// InOrder implements [engine.Sink].
func (t *Trace) InOrder() bool { return false }

// Worker implements [engine.Sink].
func (t *Trace) Worker(m engine.Mapping) (engine.Worker, error) {
	return t.newWorker(m)
}

func (t *Trace) newWorker(m engine.Mapping) (*worker, error) {
	if t.hide == nil {
		t.hide = newHiding(t.text.Pseudonyms)
	}
	w, err := t.text.TextWorker(m)
	if err != nil {
		return nil, err
	}
	return &worker{filter: w.Filter, what: t.o.What.Clone(), reader: t.o.Map.NewReader(), tally: t.o.Tally.Part()}, nil
}

// Fold implements [engine.Sink].
func (t *Trace) Fold(b *engine.Block, _ func(engine.Place) *engine.Block) bool {
	p := b.Part.(*part)
	for i := range p.events {
		if t.over {
			break
		}
		if p.events[i].Chosen && !t.twice {
			t.matched++
		}
		t.tracker.Add(&p.events[i])
	}
	t.flush(&b.Out)
	if t.over {
		b.Stop(engine.EndAwaited)
	}
	return true
}

// Tick implements [engine.Ticker].
func (t *Trace) Tick(quiet time.Duration, out *engine.Output) (next time.Duration, end engine.End) {
	if !t.o.Live {
		return 0, engine.EndOfInput
	}
	if linger := max(t.o.Tracker.Linger, 0); t.follow == nil && quiet < linger {
		return linger - quiet, engine.EndOfInput // the clocks of machines may differ by that
	}
	t.tracker.Quiet(quiet)
	t.flush(out)
	if t.over {
		return 0, engine.EndAwaited
	}
	if t.tracker.Waiting() {
		next = displayHold / 3
	}
	return next, engine.EndOfInput
}

// Gap says that events are missing here: the calls that are up are doubtful.
func (t *Trace) Gap(engine.Gap) { t.tracker.Gap() }

// Finish implements [engine.Ticker].
func (t *Trace) Finish(out *engine.Output) {
	t.tracker.Finish()
	switch {
	case t.over:
	case t.current != nil:
		t.endCurrent()
	default:
		t.choose()
	}
	t.footer()
	t.flush(out)
}

// flush moves the pending output to out.
func (t *Trace) flush(out *engine.Output) {
	t.showEvents()
	if len(t.out) > 0 {
		out.SetText(append(out.Text(), t.out...))
		t.out = t.out[:0]
	}
}

// onEvent finds the calls to show of a live feed, and notes the events of the one that is
// followed.
func (t *Trace) onEvent(c *call.Call, e *call.Event, twice bool) {
	if t.narrow != nil {
		t.narrow.watch.event(c, e)
	}
	switch {
	case c == nil || !t.o.Live || t.over:
	case c == t.current:
		if !twice {
			t.fresh = append(t.fresh, e)
		}
	case t.o.Having != nil || len(t.picked) == t.o.Count || slices.Contains(t.picked, c.Number()) || !t.fits(c):
	default:
		t.picked = append(t.picked, c.Number())
		if t.follow != nil {
			t.current = c
			t.fresh = append(t.fresh[:0], c.Events()...)
		}
	}
}

// fits reports whether the call is one that is searched for and passes the filters.
func (t *Trace) fits(c *call.Call) bool {
	return c.Chosen() && slices.ContainsFunc(c.Events(), func(e *call.Event) bool { return e.Source == passes })
}

// onJoin notes that two calls have become one.
func (t *Trace) onJoin(into, from *call.Call) {
	if t.narrow != nil {
		t.narrow.watch.join(into.Number(), from.Number())
	}
	if t.current != nil && (t.current == from || t.current == into) {
		t.current = into
		for _, e := range into.Events() {
			if !slices.Contains(t.fresh, e) && (t.shown == nil || !t.shown.has(e)) {
				t.fresh = append(t.fresh, e)
			}
		}
	}
	if i := slices.Index(t.picked, from.Number()); i >= 0 {
		t.picked = slices.Delete(t.picked, i, i+1)
		if !slices.Contains(t.picked, into.Number()) {
			t.picked = append(t.picked, into.Number())
		}
	}
	if t.found[from.Number()] != nil || t.others[from.Number()].name != "" {
		t.count--
	}
	delete(t.found, from.Number())
	delete(t.others, from.Number())
}

// onEnd takes a call that is over, or open at the end of the input.
func (t *Trace) onEnd(c *call.Call) {
	if t.narrow != nil {
		delete(t.narrow.watch.due, c.Number())
	}
	switch {
	case t.over:
	case t.follow != nil:
		if c == t.current && c.State() != call.Open {
			t.endCurrent()
			t.stop()
		}
	case t.o.Live && t.o.Count > 0 && t.o.Having == nil && !slices.Contains(t.picked, c.Number()) || !t.fits(c):
	default:
		s := Copy(c, t.o.Map)
		if t.o.Having == nil || t.x.Scan(s.Record) == nil && t.o.Having.Keeps(&t.x) {
			t.find(s)
		}
	}
}

// find takes a call that was found.
func (t *Trace) find(s *Call) {
	if t.found[s.Number] == nil && t.others[s.Number].name == "" {
		t.count++
	}
	if t.o.Count == 0 || t.o.Live && s.State != call.Open {
		t.show(s)
		if t.o.Live && t.done == t.o.Count {
			t.stop()
		}
		return
	}
	t.found[s.Number] = s
	if len(t.found) > t.o.Count {
		s := t.earliest()
		delete(t.found, s.Number)
		t.others[s.Number] = other{s.Begin, t.hide.call(s).short()}
		if len(t.others) == 2*maxOthers { // a sort for each would take long
			for _, n := range t.latest()[maxOthers:] {
				delete(t.others, n)
			}
		}
	}
}

// Missing implements report.Awaiter.
func (t *Trace) Missing() string {
	if t.done > 0 {
		return ""
	}
	if t.hide != nil {
		return "no such call"
	}
	return "no call with " + safe.String(t.o.What.String())
}

// Seen implements report.Awaiter: what came instead.
func (t *Trace) Seen() string {
	_, kinds, _ := t.o.Tally.Report()
	var lines []string
	if t.matched > 0 {
		lines = append(lines, cli.Plural(t.matched, "event")+" with it came, but of no call that the flags choose")
	}
	switch {
	case len(kinds) > 0:
		text := "came instead: "
		if t.partly {
			text = "came instead, in a sample: "
		}
		lines = append(lines, text+strings.Join(kinds, ", "))
	case t.matched == 0:
		lines = append(lines, "no event came at all")
	}
	return strings.Join(lines, "\n")
}
