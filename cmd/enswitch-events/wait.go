package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// waitOptions are the flags of wait: those of tail, but for how long.
type waitOptions struct {
	tail           tailOptions
	sequence, same string
}

func newWait(a *app) *cobra.Command {
	o := &waitOptions{}
	cmd := &cobra.Command{
		Use:   "wait [ADDRESS…]",
		Short: "Until an event, or a sequence of events, has come",
		Long: `Wait for an event that the filters keep, print it, and end with exit code 0.
ADDRESS is as for tail.

With --sequence wait for several events, one after the other, whatever comes in
between, and print them all once the last has come. Its steps are written as
for --event, with > between them. With --same only events that have the same
text in that field go together, so that calls that overlap are told apart; an
event without that field, or with nothing in it, does not count. The filters
choose the events that the sequence is looked for in.

A sequence begins with the first event for its first step. Of those begun,
10,000 are remembered with at most 16 MiB of events; then the oldest are given
up, and that is said.

The exit code is 6 when --timeout is over, 1 when --fail-if was true or the
waiting was interrupted, and as for tail when there is no connection. Then
stderr says what has come instead.`,
		Example: `  enswitch-events wait 10.0.0.5 -e call.start -w callid=1234567890.100000 --timeout 1m
  enswitch-events wait --sequence 'call.start > call.answer > call.end' --same callid --timeout 30s
  enswitch-events wait --sequence 'start > answer,end' --same callid --fail-if '.machine == 3'`,
		RunE: func(cmd *cobra.Command, addresses []string) error {
			return o.run(cmd.Context(), a, cmd, addresses)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	live := &o.tail.live
	group(cmd, "Filters", live.filter.bind)
	group(cmd, "Waiting", func(f *pflag.FlagSet) {
		f.StringVar(&o.sequence, "sequence", "", "wait for these events, one after the other: `STEPS` like 'call.start > call.answer > call.end'")
		f.StringVar(&o.same, "same", "", "the events of a sequence have the same text in the field `NAME`")
		f.DurationVar(&live.end.duration, "timeout", 0, "give up after this `TIME`, with exit code 6 (default: never)")
		f.StringVar(&live.end.failIf, "fail-if", "", "end after the first event for which the jq `EXPR` is true, print it, and exit with code 1")
	})
	group(cmd, "Output", live.output.bind)
	group(cmd, "Buffer and losses", live.buffer.bind)
	group(cmd, "Recording", live.record.bind)
	o.tail.bindConnection(cmd)
	return cmd
}

func (o *waitOptions) run(ctx context.Context, a *app, cmd *cobra.Command, addresses []string) error {
	changed := cmd.Flags().Changed
	switch {
	case changed("timeout") && o.tail.live.end.duration <= 0:
		return usage("it is written like 90s or 5m", "--timeout %v: more than nothing", o.tail.live.end.duration)
	case changed("same") && o.same == "":
		return usage("it is the name of a field, like callid", "--same: the name is empty")
	}
	w := &awaited{tally: o.tail.live.filter.tally(), sequence: o.sequence, same: o.same, say: a.talk.Warn}
	if changed("sequence") {
		var err error
		if w.steps, err = compileSteps(o.sequence); err != nil {
			return usage("", "%w", err)
		}
	}
	o.tail.live.await = w
	return o.tail.run(ctx, a, cmd, addresses)
}

// compileSteps returns a filter for each step of a sequence.
func compileSteps(text string) ([]*filter.Filter, error) {
	var steps []*filter.Filter
	at := 0
	for part := range strings.SplitSeq(text, ">") {
		name := strings.TrimSpace(part)
		offset := at + strings.Index(part, name)
		bad := func(n int, reason string) error {
			return &filter.SyntaxError{Flag: "--sequence", Text: text, Offset: offset + n, Reason: reason}
		}
		if name == "" {
			return nil, bad(len(part), "a step is missing here")
		}
		if n := strings.LastIndexByte(name, '-'); n >= 0 && n == len(name)-1 && at+len(part) < len(text) {
			return nil, bad(n, "steps have a > between them, without a dash")
		}
		n := 0
		for item := range strings.SplitSeq(name, ",") {
			trimmed := strings.TrimSpace(item)
			if space := strings.IndexAny(trimmed, " \t\n"); space >= 0 {
				return nil, bad(n+strings.Index(item, trimmed)+space, "a > or a comma is missing here")
			}
			n += len(item) + 1
		}
		f, err := filter.Compile(&filter.Options{Event: []string{name}})
		if e, ok := errors.AsType[*filter.SyntaxError](err); ok {
			return nil, bad(e.Offset, e.Reason)
		}
		if err != nil {
			return nil, err
		}
		steps = append(steps, f)
		at += len(part) + 1
	}
	return steps, nil
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

// awaited is what wait waits for: one event, or a sequence. It is used by one
// goroutine.
type awaited struct {
	steps    []*filter.Filter // none: any event that the filters keep
	sequence string           // the steps as they were written
	text     *engine.Text     // writes what has come
	same     string           // the field that tells sequences apart, empty for none
	say      func(msg string, args ...any)

	begun   map[string]*begun
	order   []*begun // the oldest first
	bytes   int      // of all of them
	givenUp int64

	tally *tally.Tally
	last  [][]byte // the beginnings of the last events, the newest last
	value []byte   // scratch
}

// begun is a sequence of which some events have come.
type begun struct {
	same   string
	events []event.Event
	bytes  int
}

// InOrder implements engine.Sink.
func (w *awaited) InOrder() bool { return true }

// Fold implements engine.Sink.
func (w *awaited) Fold(*engine.Block, func(engine.Place) *engine.Block) bool { return true }

// Worker implements engine.Sink.
func (w *awaited) Worker(m engine.Mapping) (engine.Worker, error) {
	t, err := w.text.TextWorker(m)
	return &waiter{TextWorker: t, awaited: w}, err
}

// waiter maps for an awaited.
type waiter struct {
	*engine.TextWorker
	awaited *awaited
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
	e.Block().Instead(int64(len(events) - 1))
	e.Block().Stop(engine.EndAwaited)
	return true
}

// take gets an event and whether the filters keep it, and returns the events
// that were waited for once ev is the last of them.
func (w *awaited) take(ev *event.Event, x *event.Index, kept bool) []event.Event {
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
	b := w.begun[string(w.value)]
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

func (w *awaited) begin(same string) *begun {
	b := &begun{same: same, bytes: len(same)}
	if w.begun == nil {
		w.begun = map[string]*begun{}
	}
	w.begun[same] = b
	w.order = append(w.order, b)
	w.bytes += b.bytes
	return b
}

// giveUp forgets the oldest sequence.
func (w *awaited) giveUp() {
	if w.givenUp == 0 {
		w.say(fmt.Sprintf("more than %s sequences, or %s of events, are unfinished: the oldest are given up",
			humanize.Comma(maxBegun), humanize.IBytes(maxBegunBytes)))
	}
	w.givenUp++
	oldest := w.order[0]
	w.order[0] = nil
	w.order = w.order[1:]
	w.bytes -= oldest.bytes
	delete(w.begun, oldest.same)
}

// note remembers what has come.
func (w *awaited) note(ev *event.Event, x *event.Index) {
	w.tally.Count(x)
	var oldest []byte
	if len(w.last) == shownLast {
		oldest = w.last[0]
		copy(w.last, w.last[1:])
		w.last = w.last[:shownLast-1]
	}
	w.last = append(w.last, append(oldest[:0], ev.Raw[:min(len(ev.Raw), shownBytes)]...))
}

// missing says what has not come.
func (w *awaited) missing() string {
	if len(w.steps) == 0 {
		return "the event has not come"
	}
	return "the sequence " + w.sequence + " has not come"
}

// instead says what has come, a few lines.
func (w *awaited) instead() string {
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
		lines = append(lines, title+safe(string(raw)))
	}
	return strings.Join(lines, "\n")
}

// unfinished tells of the sequences that have come furthest.
func (w *awaited) unfinished() []string {
	all := slices.Clone(w.order)
	slices.Reverse(all) // the newest of equals first
	slices.SortStableFunc(all, func(a, b *begun) int { return cmp.Compare(len(b.events), len(a.events)) })
	steps := strings.Split(w.sequence, ">")
	var lines []string
	for i, b := range all[:min(len(all), shownBegun)] {
		title := "unfinished:   "
		if i > 0 {
			title = "              "
		}
		if w.same != "" {
			title += w.same + "=" + safe(b.same[:min(len(b.same), shownBytes)]) + ": "
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

// safe is text from outside as it can be shown.
func safe(text string) string { return string(render.AppendSafe(nil, []byte(text))) }
