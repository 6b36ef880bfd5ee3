// Package sequence is the sink of wait: an event, or a sequence of events, that is
// waited for.
package sequence

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// New returns what waits for the events of a sequence that have the same
// text in the field same, if that is not empty, or for a single event if sequence
// is empty. counts is given what came instead, say what is given up.
func New(sequence, same string, counts *tally.Tally, say func(msg string, args ...any)) (*Sequence, error) {
	w := &Sequence{tally: counts, sequence: sequence, same: same, say: say}
	if sequence == "" {
		return w, nil
	}
	var err error
	if w.steps, err = compileSteps(sequence); err != nil {
		return nil, cli.Usage("", "%w", err)
	}
	return w, nil
}

// Bounds of what is remembered of events that may still be part of what is
// awaited, and of those that are told of in the end.
const (
	maxBegun      = 10_000
	maxBegunBytes = 16 << 20
	shownBegun    = 5
	shownLast     = 5
	shownBytes    = 200
)

// Sequence is what wait waits for: one event, or a sequence. It is used by one
// goroutine.
type Sequence struct {
	steps    []*filter.Filter // none: any event that the filters keep
	sequence string           // the steps as they were written
	text     *engine.Text     // writes what has come
	same     string           // the field that tells sequences apart, empty for none
	say      func(msg string, args ...any)

	partial map[string]*partial
	order   []*partial // the oldest first
	bytes   int        // of all of them
	givenUp int64

	tally *tally.Tally
	last  [][]byte // the beginnings of the last events, the newest last
	value []byte   // scratch
}

// partial is a sequence of which some events have come.
type partial struct {
	same   string
	events []event.Event
	bytes  int
}

func (w *Sequence) Sink(text *engine.Text) engine.Sink {
	w.text = text
	return w
}

// InOrder implements engine.Sink.
func (w *Sequence) InOrder() bool { return true }

// Fold implements engine.Sink.
func (w *Sequence) Fold(*engine.Block, func(engine.Place) *engine.Block) bool { return true }

// Worker implements engine.Sink.
func (w *Sequence) Worker(m engine.Mapping) (engine.Worker, error) {
	t, err := w.text.TextWorker(m)
	return &waiter{TextWorker: t, awaited: w}, err
}

// waiter maps for an awaited.
type waiter struct {
	*engine.TextWorker
	awaited *Sequence
}

// Event implements engine.Worker.
func (w *waiter) Event(e *engine.Event) bool {
	events := w.awaited.take(&e.Event, &e.X, w.Filter.Keeps(&e.X))
	if len(events) == 0 {
		return false
	}
	for i := range events {
		e.Set(events[i])
		if e.X.Scan(e.Raw) == nil { // it has been scanned before
			w.TextWorker.Event(e)
		}
	}
	// The others have been counted as filtered when they came.
	e.Block().KeepEarlier(int64(len(events) - 1))
	e.Block().Stop(engine.EndAwaited)
	return true
}

// take gets an event and whether the filters keep it, and returns the events
// that were waited for once ev is the last of them.
func (w *Sequence) take(ev *event.Event, x *event.Index, kept bool) []event.Event {
	w.note(ev, x)
	switch {
	case !kept:
		return nil
	case len(w.steps) == 0:
		return []event.Event{*ev}
	}
	w.value = w.value[:0]
	if w.same != "" {
		v := x.Get(w.same)
		if v.Kind == event.Absent || v.Kind == event.Null {
			return nil
		}
		if w.value = v.AppendText(w.value); len(w.value) == 0 {
			return nil
		}
	}
	var before []event.Event
	b := w.partial[string(w.value)]
	if b != nil {
		before = b.events
	}
	if !w.steps[len(before)].Keeps(x) {
		return nil
	}
	if len(before)+1 == len(w.steps) {
		return append(before, *ev)
	}
	if b == nil {
		b = w.begin(string(w.value))
	}
	b.events = append(b.events, event.Event{Raw: bytes.Clone(ev.Raw), Received: ev.Received, Source: ev.Source})
	b.bytes += len(ev.Raw)
	w.bytes += len(ev.Raw)
	for len(w.order) > maxBegun || w.bytes > maxBegunBytes {
		w.giveUp()
	}
	return nil
}

func (w *Sequence) begin(same string) *partial {
	b := &partial{same: same, bytes: len(same)}
	if w.partial == nil {
		w.partial = map[string]*partial{}
	}
	w.partial[same] = b
	w.order = append(w.order, b)
	w.bytes += b.bytes
	return b
}

// giveUp forgets the oldest sequence.
func (w *Sequence) giveUp() {
	if w.givenUp == 0 {
		w.say(fmt.Sprintf("more than %s sequences, or %s of events, are unfinished: the oldest are given up",
			humanize.Comma(maxBegun), humanize.IBytes(maxBegunBytes)))
	}
	w.givenUp++
	oldest := w.order[0]
	w.order[0] = nil
	w.order = w.order[1:]
	w.bytes -= oldest.bytes
	delete(w.partial, oldest.same)
}

// note remembers what has come.
func (w *Sequence) note(ev *event.Event, x *event.Index) {
	w.tally.Count(x)
	var oldest []byte
	if len(w.last) == shownLast {
		oldest = w.last[0]
		copy(w.last, w.last[1:])
		w.last = w.last[:shownLast-1]
	}
	w.last = append(w.last, append(oldest[:0], ev.Raw[:min(len(ev.Raw), shownBytes)]...))
}

// Missing says what has not come.
func (w *Sequence) Missing() string {
	if len(w.steps) == 0 {
		return "the event has not come"
	}
	return "the sequence " + w.sequence + " has not come"
}

// Instead says what has come, a few lines.
func (w *Sequence) Instead() string {
	_, kinds, unmet := w.tally.Report()
	if len(kinds) == 0 {
		return "no event came at all"
	}
	lines := []string{"came instead: " + strings.Join(kinds, ", ")}
	for _, part := range unmet {
		lines = append(lines, "none:         "+part)
	}
	lines = append(lines, w.unfinished()...)
	for i, raw := range w.last {
		title := "the last:     "
		if i > 0 {
			title = "              "
		}
		lines = append(lines, title+safe.String(string(raw)))
	}
	return strings.Join(lines, "\n")
}

// unfinished tells of the sequences that have come furthest.
func (w *Sequence) unfinished() []string {
	all := slices.Clone(w.order)
	slices.Reverse(all) // the newest of equals first
	slices.SortStableFunc(all, func(a, b *partial) int { return cmp.Compare(len(b.events), len(a.events)) })
	steps := strings.Split(w.sequence, ">")
	var lines []string
	for i, b := range all[:min(len(all), shownBegun)] {
		title := "unfinished:   "
		if i > 0 {
			title = "              "
		}
		if w.same != "" {
			title += w.same + "=" + safe.String(b.same[:min(len(b.same), shownBytes)]) + ": "
		}
		n := len(b.events)
		lines = append(lines, title+strings.TrimSpace(strings.Join(steps[:n], ">"))+", but no "+strings.TrimSpace(steps[n]))
	}
	if more := len(all) - shownBegun; more > 0 {
		lines = append(lines, "              and "+humanize.Comma(int64(more))+" more")
	}
	if w.givenUp > 0 {
		lines = append(lines, "given up:     "+humanize.Comma(w.givenUp)+" that were unfinished, the oldest")
	}
	return lines
}
