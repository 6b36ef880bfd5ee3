package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

// liveOptions are the flags that tail and listen have in common.
type liveOptions struct {
	filter filterOptions
	output outputOptions
	end    endOptions
	buffer bufferOptions
	record recordOptions
	exec   execOptions
	await  *awaited // set by wait, or nil
}

func (o *liveOptions) bind(cmd *cobra.Command) {
	group(cmd, "Filters", o.filter.bind)
	group(cmd, "Output", o.output.bind)
	group(cmd, "How long", o.end.bind)
	group(cmd, "Buffer and losses", o.buffer.bind)
	group(cmd, "Recording", o.record.bind)
	group(cmd, "Running a command", o.exec.bind)
}

// spillDir is where events wait that have no room in memory. Where TMPDIR does
// not say, it is not /tmp, which is memory on many systems.
func spillDir() string {
	if os.Getenv("TMPDIR") == "" && runtime.GOOS != "windows" {
		if st, err := os.Stat("/var/tmp"); err == nil && st.IsDir() {
			return "/var/tmp"
		}
	}
	return os.TempDir()
}

// live is a run of the engine with everything compiled.
type live struct {
	a      *app
	end    endOptions
	loss   bool
	config engine.Config
	buffer *engine.Buffer
	faults *faults
	feeds  []feed
	drops  drops
	record *recorder // nil if nothing is recorded
	await  *awaited  // nil: everything that the filters keep
	exec   *commands // nil if none are run
	tally  *tally.Tally

	rejected sync.Once
}

// compile makes everything that can be wrong in the flags, before anything is
// opened.
func (o *liveOptions) compile(a *app, cmd *cobra.Command) (*live, error) {
	l := &live{a: a, await: o.await, drops: drops{say: a.talk.Warn}, end: o.end, loss: o.buffer.failOnLoss, faults: &faults{say: a.talk.Warn}}
	if err := o.end.validate(cmd.Flags().Changed); err != nil {
		return nil, err
	}
	if err := o.record.validate(cmd.Flags().Changed); err != nil {
		return nil, err
	}
	if o.buffer.buffer < 1 {
		return nil, usage("the default is 64MiB", "--buffer: at least 1 byte")
	}
	vars, err := o.filter.variables()
	if err != nil {
		return nil, err
	}
	l.config = engine.Config{
		Out: a.out, Count: o.end.count, For: o.end.duration, Idle: o.end.idle,
		ReportGaps: o.buffer.reportGaps,
		OnReject:   func(r engine.Rejected) { l.reject(r.Source, r.Err, r.Excerpt, int64(r.Size)) },
		OnFailure:  l.faults.failed,
	}
	c := &l.config
	keep, err := o.filter.compile(vars, nil)
	if err != nil {
		return nil, err
	}
	newFilter := func(onError func(error)) (*filter.Filter, error) {
		return o.filter.compile(vars, onError)
	}
	if l.exec, err = o.exec.compile(a, cmd.Flags().Changed, l.faults.add); err != nil {
		return nil, err
	}
	if engine := keep.Engine(); engine != "" {
		a.talk.Debug("--jq runs by " + engine)
	}
	if c.Until, c.FailIf, err = o.end.queries(vars, o.filter.engine); err != nil {
		return nil, err
	}
	if a.line != nil && terminal(a.out) != nil {
		c.Out = a.line.Above(a.out)
	}
	o.output.onBlank = func() {
		l.tally.Note("the template printed nothing of what the filters keep")
	}
	text, err := engine.NewText(newFilter, func(onError func(error)) (*render.Renderer, error) {
		return o.output.compile(a.out, onError)
	})
	if err != nil {
		return nil, err
	}
	c.Header = text.Header()
	if l.exec != nil {
		text.OnKept = l.exec.take
	}
	if c.Sink = text; l.await != nil {
		l.await.text = text
		c.Sink = l.await
	}
	if a.needless != nil {
		return nil, a.needless
	}
	if l.record, err = o.record.open(l.faults.add); err != nil {
		return nil, err
	}
	var record func([]byte)
	if l.record != nil {
		record = l.record.write
	}
	if l.await == nil {
		l.tally = o.filter.tally()
	}
	c.Tally = l.tally
	l.buffer = engine.NewBuffer(engine.BufferOptions{
		Size: int64(o.buffer.buffer), Record: record,
		OnOverflow: func(engine.Gap) {
			l.drops.begin()
		},
		Spill: engine.Spill{
			Dir: spillDir(), Size: int64(o.buffer.spill),
			OnSpill: func() {
				a.talk.Debug("events come faster than they can be filtered and written: events wait on disk, in " + spillDir())
			},
			OnFault: func(err error) {
				a.talk.Warn("events cannot wait on disk, and past --buffer they will be dropped: " + line(err))
			},
		},
	})
	// What the collector leaves lying around counts, too: the memory in use
	// shall stay near what was asked for.
	debug.SetMemoryLimit(int64(o.buffer.buffer) + 24<<20)
	c.OnGap = func(g engine.Gap) {
		if g.Dropped > 0 {
			l.drops.end(g)
		}
	}
	return l, nil
}

// reject says once what kind of thing was rejected, and with -v each time. The
// count comes with the ledger. Raw is the beginning of what was received, which
// has that size.
func (l *live) reject(source string, err error, raw []byte, size int64) {
	msg := "rejected, no event " + rejection(err, raw, size)
	if source != "" {
		msg = source + ": " + msg
	}
	first := false
	l.rejected.Do(func() { first = true })
	if first {
		l.a.talk.Warn(msg, "source", source)
		return
	}
	l.a.talk.Debug(msg, "source", source)
}

// tooSlow is what to try where the filters were.
const tooSlow = "a simpler --jq, or filters before it (-c, -e, -w), take less time"

// shownExcerpt is how many bytes of something rejected are shown.
const shownExcerpt = 80

// rejection is why something of that size, which begins with raw, is no event. How
// large what is too long would have been is not known.
func rejection(err error, raw []byte, size int64) string {
	if errors.Is(err, event.ErrTooLong) || errors.Is(err, messaged.ErrTooLong) {
		return fmt.Sprintf("(longer than --max-message): %s…", raw[:min(len(raw), shownExcerpt)])
	}
	return fmt.Sprintf("(%v): %s", err, excerptOf(raw, size))
}

// excerpt quotes the beginning of what was received.
func excerpt(raw []byte) string { return excerptOf(raw, int64(len(raw))) }

// excerptOf is excerpt of what has that size, of which raw is the beginning.
func excerptOf(raw []byte, size int64) string {
	if len(raw) == 0 {
		return "(empty)"
	}
	if shown := raw[:min(len(raw), shownExcerpt)]; size > int64(len(shown)) {
		return string(shown) + "… (" + humanize.IBytes(uint64(size)) + ")"
	}
	return string(raw)
}

// run runs the sources to one of the ends and says how it went.
func (l *live) run(ctx context.Context, sources ...engine.Input) error {
	beside, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	onUSR1(beside, &running, func() { l.say(l.buffer.Ledger()) })
	if l.a.line != nil {
		l.a.line.Start(newStatus(l).text)
	}
	runCtx, stop := context.WithCancel(ctx)
	defer stop()
	if l.record != nil {
		l.record.endedBy(ctx, stop)
	}
	if l.exec != nil {
		l.exec.start(runCtx)
	}
	late, lateStop := after(ctx, recordDrain)
	defer lateStop()
	end, err := l.buffer.Run(runCtx, &l.config, sources...)
	if l.exec != nil {
		l.exec.finish()
	}
	if l.a.line != nil {
		l.a.line.Stop()
	}
	cancel()
	running.Wait()
	ledger := l.buffer.Ledger()
	if err := l.buffer.Release(); err != nil {
		l.a.talk.Warn("what waited on disk could not be removed: " + line(err))
	}
	l.drops.mu.Lock()
	l.drops.flush()
	l.drops.mu.Unlock()
	l.faults.sum()
	never := l.missing(end)
	empty(l.a, l.tally, ledger)
	if end != engine.EndInput || ledger.Received > 0 {
		l.say(ledger)
	}
	outcome := l.outcome(end, err, ledger)
	if never != nil {
		outcome = never
	}
	unrecorded := int64(0)
	if l.record != nil {
		if unrecorded, err = l.record.close(late, outcome); err != nil {
			return err
		}
		if unrecorded > 0 {
			l.a.talk.Warn(plural(unrecorded, "event") + " not recorded: the disk was too slow")
		}
	}
	if outcome != nil {
		return outcome
	}
	if l.loss && (ledger.Lost() || unrecorded > 0) {
		return &exitError{exitLoss, fmt.Errorf("events were lost: %d dropped, %s", ledger.Dropped, plural(ledger.Gaps, "gap")), ""}
	}
	return nil
}

// after returns a context that is done that long after ctx.
func after(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(d, cancel) })
	return late, cancel
}

// say says the ledger.
func (l *live) say(ledger engine.Ledger) {
	msg, attrs := summary(&ledger), []any{
		"received", ledger.Received, "kept", ledger.Kept, "filtered", ledger.Filtered, "rejected", ledger.Rejected,
		"dropped", ledger.Dropped, "waiting", ledger.Waiting, "repaired", ledger.Repaired,
		"duplicates", ledger.Duplicates, "failed", ledger.Failed, "gaps", ledger.Gaps,
	}
	if c := l.exec; c != nil {
		msg += c.summary()
		attrs = append(attrs, "commands", c.run.Load(), "commands_failed", c.failed.Load(), "commands_not_run", c.left.Load())
	}
	l.a.talk.Info(msg, attrs...)
}

// missing says which feeds are not connected at an end that does not come from the
// feed itself. If none ever was, it says nothing of the first and returns why.
func (l *live) missing(end engine.End) (never *exitError) {
	switch end {
	case engine.EndFor, engine.EndIdle, engine.EndSignal, engine.EndOfInput:
	default:
		return nil
	}
	var said []*exitError
	anyEver := false
	for _, f := range l.feeds {
		ever, why := f.missing()
		anyEver = anyEver || ever
		if why != nil {
			said = append(said, why)
		}
	}
	if !anyEver && len(said) > 0 {
		never, said = said[0], said[1:]
	}
	for _, why := range said {
		l.a.talk.Warn(why.Error())
	}
	switch {
	case never == nil:
	case end == engine.EndFor, end == engine.EndIdle:
		never.err = fmt.Errorf("%s: %w", l.over(end), never.err)
	case l.await != nil:
		never.err = fmt.Errorf("interrupted: %w", never.err)
	}
	return never
}

// over says which time ran out.
func (l *live) over(end engine.End) string {
	if end == engine.EndIdle {
		return fmt.Sprintf("no event for %v", l.end.idle)
	}
	return fmt.Sprintf("time ran out after %v", l.end.duration)
}

func (l *live) outcome(end engine.End, err error, ledger engine.Ledger) error {
	switch end {
	case engine.EndFailIf:
		hint := ""
		if l.await != nil {
			hint = l.await.instead()
		}
		return &exitError{exitFailure, errors.New("--fail-if was true of the last event"), hint}
	case engine.EndInput:
		return failure(err)
	case engine.EndOutput:
		return written(err)
	case engine.EndStuck:
		lost, stuck := both(err)
		if lost != nil {
			l.a.talk.Error(lost.Error())
		}
		return &exitError{exitOutput, stuck, ""}
	case engine.EndSlow:
		lost, slow := both(err)
		if lost != nil {
			l.a.talk.Error(slow.Error())
			return failure(lost)
		}
		return &exitError{exitFailure, slow, tooSlow}
	case engine.EndFor, engine.EndIdle:
		why := l.over(end)
		switch {
		case l.await != nil:
			return &exitError{exitTime, fmt.Errorf("%s: %s", why, l.await.missing()), l.await.instead()}
		case l.end.count > 0:
			return &exitError{exitTime, fmt.Errorf("%s: %d of %s came", why, ledger.Kept, plural(l.end.count, "event")), ""}
		case l.end.until != "":
			return &exitError{exitTime, fmt.Errorf("%s: --until was not reached", why), ""}
		}
	case engine.EndSignal, engine.EndOfInput:
		if l.await != nil { // a script must not take it for what it waited for
			return &exitError{exitFailure, errors.New("interrupted: " + l.await.missing()), l.await.instead()}
		}
	}
	return nil
}

// both returns the two errors that err wraps; of one that wraps no two the first
// is nil.
func both(err error) (first, last error) {
	pair, ok := err.(interface{ Unwrap() []error })
	if !ok || len(pair.Unwrap()) != 2 {
		return nil, err
	}
	return pair.Unwrap()[0], pair.Unwrap()[1]
}

// summary is the ledger in words, what is zero left out.
func summary(l *engine.Ledger) string {
	parts := []string{humanize.Comma(l.Kept) + " kept"}
	for _, c := range []struct {
		n    int64
		what string
	}{
		{l.Filtered, "filtered out"}, {l.Rejected, "rejected"}, {l.Dropped, "dropped"}, {l.Waiting, "left"},
	} {
		if c.n > 0 {
			parts = append(parts, humanize.Comma(c.n)+" "+c.what)
		}
	}
	s := plural(l.Received, "event") + " received: " + strings.Join(parts, ", ")
	var notes []string
	for _, c := range []struct {
		n    int64
		what string
	}{
		{l.Repaired, "repaired"}, {l.Duplicates, "sent twice"}, {l.Failed, "failed"},
	} {
		if c.n > 0 {
			notes = append(notes, humanize.Comma(c.n)+" "+c.what)
		}
	}
	if l.Gaps > 0 {
		notes = append(notes, plural(l.Gaps, "gap"))
	}
	if len(notes) > 0 {
		s += " (" + strings.Join(notes, ", ") + ")"
	}
	return s
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return humanize.Comma(n) + " " + noun + "s"
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }

// drops says that events were dropped, once a second at most.
type drops struct {
	say func(msg string, args ...any)

	mu    sync.Mutex
	begun time.Time // when it was said that events are dropped
	ended time.Time // when it was said how many
	sum   engine.Gap
}

const dropsApart = time.Second

func (d *drops) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.begun) >= dropsApart {
		d.begun = time.Now()
		d.say("events come faster than they can be filtered and written, and --buffer and --spill are full: dropping events")
	}
}

func (d *drops) end(g engine.Gap) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sum.Dropped == 0 {
		d.sum = g
	} else {
		d.sum.Dropped += g.Dropped
		d.sum.To = g.To
	}
	if time.Since(d.ended) >= dropsApart {
		d.flush()
	}
}

// flush says what has not been said.
func (d *drops) flush() {
	if g := d.sum; g.Dropped > 0 {
		d.say(fmt.Sprintf("dropped %s between %s and %s", plural(g.Dropped, "event"), clock(g.From), clock(g.To)),
			"dropped", g.Dropped, "from", g.From, "to", g.To)
		d.sum, d.ended = engine.Gap{}, time.Now()
	}
}

// faults says the first messages of each kind when they come, and counts the
// others. It is safe for concurrent use.
type faults struct {
	say func(msg string, args ...any)

	mu    sync.Mutex
	kinds map[string]*faultKind
	order []*faultKind
	other int64
}

// faultKind is what has come of one kind of message.
type faultKind struct {
	kind     string
	messages []string // different ones, at most maxExamples
	counts   []int64  // of messages
	n        int64
	more     bool // there were other messages
}

// maxExamples is how many different messages of one kind are said.
const maxExamples = 3

// maxFaults bounds the kinds that are remembered: an expression can make any
// number of them.
const maxFaults = 20

// add adds a message that is its own kind.
func (f *faults) add(msg string) { f.addKind(msg, msg, 1) }

// failed adds a failure of a kind of an expression or a template. flag says which
// one.
func (f *faults) failed(flag, kind, text string) {
	f.addKind(flag+": "+kind, flag+": "+text, 1)
}

// addKind adds n messages of a kind, all of which are msg; an empty one stands
// for any.
func (f *faults) addKind(kind, msg string, n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := f.kinds[kind]
	if k == nil {
		if len(f.kinds) >= maxFaults {
			f.other += n
			return
		}
		if f.kinds == nil {
			f.kinds = map[string]*faultKind{}
		}
		k = &faultKind{kind: kind}
		f.kinds[kind] = k
		f.order = append(f.order, k)
	}
	k.n += n
	switch i := slices.Index(k.messages, msg); {
	case i >= 0:
		k.counts[i] += n
	case msg == "" || len(k.messages) == maxExamples:
		k.more = true
	default:
		k.messages, k.counts = append(k.messages, msg), append(k.counts, n)
		f.say(msg)
	}
}

// once says msg if it is the first of its kind, and counts the others.
func (f *faults) once(kind, msg string) {
	f.mu.Lock()
	known := f.kinds[kind] != nil
	f.mu.Unlock()
	if known {
		msg = ""
	}
	f.addKind(kind, msg, 1)
}

// sum says how often each message came, or the kind where there were too many.
func (f *faults) sum() {
	f.mu.Lock()
	defer f.mu.Unlock()
	total := func(msg string, n int64) {
		if n > 1 {
			f.say(fmt.Sprintf("%s (%s in all)", msg, humanize.Comma(n)), slog.Int64("count", n))
		}
	}
	for _, k := range f.order {
		if k.more {
			total(k.kind, k.n)
			continue
		}
		for i, msg := range k.messages {
			total(msg, k.counts[i])
		}
	}
	if f.other > 0 {
		f.say(fmt.Sprintf("%s of other kinds, not shown", plural(f.other, "failure")), slog.Int64("count", f.other))
	}
}
