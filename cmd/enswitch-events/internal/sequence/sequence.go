// Package sequence has the sink of the command wait: it finds one event or a sequence of
// events.
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
)

// New compiles a sequence. If sequence is empty, it is a single event: any that the
// filters keep. If same is not empty, only events with the same text in that field belong
// together; [SameCall] needs FollowCalls. The Sequence counts the events that it gets in
// counts, and calls warn when it gives up unfinished sequences.
func New(sequence, same string, counts *tally.Tally, warn func(msg string, args ...any)) (*Sequence, error) {
	s := &Sequence{tally: counts, sequence: sequence, same: same, warn: warn}
	if sequence == "" {
		return s, nil
	}
	var err error
	if s.steps, err = compileSteps(sequence); err != nil {
		return nil, cli.Usage("", "%w", err)
	}
	return s, nil
}

// The limits of unfinished sequences that are kept, and of what Seen shows.
const (
	maxPartial      = 10_000
	maxPartialBytes = 16 << 20
	shownPartial    = 5
	shownLast       = 5
	shownBytes      = 200
)

// Sequence is the event, or the sequence of events, that wait waits for. It implements
// [engine.Sink] and report.Awaiter. One goroutine at a time may use it.
type Sequence struct {
	steps    []step       // empty for a single event
	sequence string       // the source of steps
	text     *engine.Text // writes the events
	same     string       // the field that events of one sequence share, or empty
	warn     func(msg string, args ...any)

	partial map[string]*partial
	order   []*partial // those in partial, oldest first
	bytes   int        // of all events in partial
	givenUp int64

	tally *tally.Tally
	calls *follower // nil if no calls are followed
	last  [][]byte  // the beginnings of the last events, newest last
	value []byte    // of the field same, reused
}

// partial is an unfinished sequence.
type partial struct {
	same   string
	events []event.Event
	bytes  int
}

// Sink makes w the sink of a run. The events are written to text.
func (s *Sequence) Sink(text *engine.Text) engine.Sink {
	s.text = text
	return s
}

// InOrder implements [engine.Sink].
func (s *Sequence) InOrder() bool { return true }

// Fold implements [engine.Sink].
func (s *Sequence) Fold(*engine.Block, func(engine.Place) *engine.Block) bool { return true }

// Worker implements [engine.Sink].
func (s *Sequence) Worker(m engine.Mapping) (engine.Worker, error) {
	t, err := s.text.TextWorker(m)
	return &waiter{TextWorker: t, sequence: s}, err
}

// waiter is the worker of a Sequence.
type waiter struct {
	*engine.TextWorker
	sequence *Sequence
}

// Event implements [engine.Worker].
func (w *waiter) Event(e *engine.Event) bool {
	events := w.sequence.match(&e.Event, &e.X, w.Filter.Keeps(&e.X))
	if len(events) == 0 {
		return false
	}
	own, c := e.Event, w.sequence.calls
	for i := range events {
		e.Set(events[i])
		switch {
		case e.X.Scan(e.Raw) != nil: // it has been scanned before, so this does not happen
		case c != nil && c.whole:
			w.Print(e, c.times(i))
		default:
			w.TextWorker.Event(e)
		}
	}
	e.Set(own)
	_ = e.X.Scan(e.Raw) // likewise
	// The earlier ones have been counted as filtered.
	e.Block().KeepEarlier(int64(len(events) - 1))
	e.Block().Stop(engine.EndAwaited)
	return true
}

// match returns the events to print if ev is the last one of a sequence, or nil. kept
// says whether the filters keep ev.
func (s *Sequence) match(ev *event.Event, x *event.Index, kept bool) []event.Event {
	s.record(ev, x)
	if s.calls == nil {
		return s.complete(ev, x, kept)
	}
	events := s.calls.follow(ev, x, kept)
	if events == nil {
		events = s.complete(ev, x, kept)
	}
	if events == nil {
		return nil
	}
	return s.calls.allOf(events)
}

// complete returns all events of a sequence if ev is its last one, or nil.
func (s *Sequence) complete(ev *event.Event, x *event.Index, kept bool) []event.Event {
	switch {
	case !kept:
		return nil
	case len(s.steps) == 0:
		return []event.Event{*ev}
	case !s.setValue(x):
		return nil
	}
	return s.advance(ev, x)
}

// advance continues the sequence of the current value, if ev is its next event. It returns
// all events of the sequence if ev is its last one, or else nil.
func (s *Sequence) advance(ev *event.Event, x *event.Index) []event.Event {
	var before []event.Event
	b := s.partial[string(s.value)]
	if b != nil {
		before = b.events
	}
	if !s.steps[len(before)].filter.Keeps(x) {
		return nil
	}
	if len(before)+1 == len(s.steps) {
		return append(before, *ev)
	}
	if b == nil {
		b = s.start(string(s.value))
	}
	b.events = append(b.events, event.Event{Raw: bytes.Clone(ev.Raw), Received: ev.Received, Source: ev.Source})
	b.bytes += len(ev.Raw)
	s.bytes += len(ev.Raw)
	for len(s.order) > maxPartial || s.bytes > maxPartialBytes {
		s.giveUp()
	}
	return nil
}

// setValue sets value to what the events of one sequence share. It returns false if the
// event belongs to none.
func (s *Sequence) setValue(x *event.Index) bool {
	s.value = s.value[:0]
	switch s.same {
	case "":
		return true
	case SameCall:
		if s.calls.call == nil || s.calls.twice {
			return false
		}
		s.value = append(s.value, keyOf(s.calls.call)...)
		return true
	}
	v := x.Get(s.same)
	if v.Kind == event.Absent || v.Kind == event.Null {
		return false
	}
	s.value = v.AppendText(s.value)
	return len(s.value) > 0
}

func (s *Sequence) start(same string) *partial {
	b := &partial{same: same, bytes: len(same)}
	if s.partial == nil {
		s.partial = map[string]*partial{}
	}
	s.partial[same] = b
	s.order = append(s.order, b)
	s.bytes += b.bytes
	return b
}

// drop drops the unfinished sequence of that value, and reports whether there was one.
func (s *Sequence) drop(same string) bool {
	b := s.partial[same]
	if b == nil {
		return false
	}
	i := slices.Index(s.order, b)
	s.order = slices.Delete(s.order, i, i+1)
	s.bytes -= b.bytes
	delete(s.partial, same)
	return true
}

// giveUp drops the oldest unfinished sequence.
func (s *Sequence) giveUp() {
	if s.givenUp == 0 {
		s.warn(fmt.Sprintf("more than %s sequences, or %s of events, are unfinished: the oldest are given up",
			humanize.Comma(maxPartial), humanize.IBytes(maxPartialBytes)))
	}
	s.givenUp++
	oldest := s.order[0]
	s.order[0] = nil
	s.order = s.order[1:]
	s.bytes -= oldest.bytes
	delete(s.partial, oldest.same)
}

// record keeps what Seen shows of an event.
func (s *Sequence) record(ev *event.Event, x *event.Index) {
	s.tally.Count(x)
	var oldest []byte
	if len(s.last) == shownLast {
		oldest = s.last[0]
		copy(s.last, s.last[1:])
		s.last = s.last[:shownLast-1]
	}
	s.last = append(s.last, excerpt(oldest[:0], ev.Raw))
}

// Missing implements report.Awaiter.
func (s *Sequence) Missing() string {
	if len(s.steps) == 0 {
		return "the event has not come"
	}
	return "the sequence " + s.sequence + " has not come"
}

// excerpt appends the beginning of an event, and … if that is not all of it.
func excerpt(dst, raw []byte) []byte {
	if len(raw) <= shownBytes {
		return append(dst, raw...)
	}
	return append(append(dst, raw[:shownBytes]...), "…"...)
}

// Seen implements report.Awaiter: the kinds of events that came, the unfinished sequences,
// and the last events.
func (s *Sequence) Seen() string {
	_, kinds, unmet := s.tally.Report()
	if len(kinds) == 0 {
		return "no event came at all"
	}
	lines := []string{"came instead: " + strings.Join(kinds, ", ")}
	for _, part := range unmet {
		lines = append(lines, "none:         "+part)
	}
	lines = append(lines, s.unfinished()...)
	for i, raw := range s.last {
		title := "the last:     "
		if i > 0 {
			title = "              "
		}
		lines = append(lines, title+safe.String(string(raw)))
	}
	return strings.Join(lines, "\n")
}

// unfinished returns a line for each of the unfinished sequences that have come furthest.
func (s *Sequence) unfinished() []string {
	all := slices.Clone(s.order)
	slices.Reverse(all) // the newest of equals first
	slices.SortStableFunc(all, func(a, b *partial) int { return cmp.Compare(len(b.events), len(a.events)) })
	var lines []string
	for i, b := range all[:min(len(all), shownPartial)] {
		title := "unfinished:   "
		if i > 0 {
			title = "              "
		}
		if s.same != "" && s.same != SameCall {
			title += s.same + "=" + safe.String(b.same[:min(len(b.same), shownBytes)]) + ": "
		}
		var came []string
		for _, step := range s.steps[:len(b.events)] {
			came = append(came, step.text)
		}
		lines = append(lines, title+strings.Join(came, " > ")+", but no "+s.steps[len(came)].text)
	}
	if more := len(all) - shownPartial; more > 0 {
		lines = append(lines, "              and "+humanize.Comma(int64(more))+" more")
	}
	if s.givenUp > 0 {
		lines = append(lines, "given up:     "+humanize.Comma(s.givenUp)+" that were unfinished, the oldest")
	}
	return lines
}
