// Package pipeline is the path of an event through the program: sources put
// events into a buffer, one goroutine takes them out, filters them, renders
// what is kept and writes it.
//
// A source never waits for the output: the phone system comes first. So a slow
// reader of stdout fills the buffer, and past its size events are dropped,
// counted, and the place is marked. What comes faster than the program can filter
// and render waits in the connection, see pace.
package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// writeSize is how many bytes share a write when more events are waiting.
const writeSize = 64 << 10

// Renderer turns an event into what is written. Package render has it.
type Renderer interface {
	// Header appends what comes before the first event.
	Header(dst []byte) []byte
	// Event appends the event, its line end included.
	Event(dst []byte, ev *event.Event, x *event.Index) []byte
	// Value appends the JSON value that a jq expression made of the event.
	Value(dst []byte, ev *event.Event, json []byte) []byte
}

// Source delivers events into the buffer until its feed ends, an error ends
// it, or ctx is done. A source that ends by ctx returns ctx's error or nil.
type Source func(ctx context.Context) error

// Config says what becomes of the events.
type Config struct {
	Filter   *filter.Filter
	Renderer Renderer
	Out      io.Writer

	// Count ends after so many kept events, 0 never.
	Count int64
	// For ends after that time, Idle after that time without any event.
	For, Idle time.Duration
	// Until ends after the first event for which it is true, FailIf too. That
	// event is written even if the filters drop it.
	Until, FailIf *filter.Query
	// Await ends when what it waits for has come; nil waits for nothing. Then
	// nothing else is written, but what FailIf is true of.
	Await Await
	// Drain bounds the time for writing what waits once the context is done.
	// Default 5 s.
	Drain time.Duration
	// ReportGaps writes a record of class enswitch-events, event gap, where
	// the feed was away or events were dropped.
	ReportGaps bool

	// OnReject is told of what is no event. Raw is valid during the call.
	OnReject func(ev *event.Event, err error)
	// OnQueryError is told when Until or FailIf fails on an event, flag being
	// the command line's name for it.
	OnQueryError func(flag string, err error)
	// OnKept is told of each event that is kept, after it was written. Whatever
	// comes later waits for it to return. What it is given is valid during the
	// call.
	OnKept func(ev *event.Event, x *event.Index)
	// OnGap is told of a gap when its place in the stream is reached.
	OnGap func(Gap)
	// Failures returns how often the jq expression and the renderer have failed.
	Failures func() int64
}

// ErrEnough is the cause of a source's context when nothing more is wanted of
// it: what happens to the feed now is of no matter.
var ErrEnough = errors.New("enough events")

// End says why a run ended.
type End int

// The ends of a run.
const (
	EndOfInput End = iota
	EndCount
	EndUntil
	EndAwaited
	EndFailIf
	EndFor
	EndIdle
	EndSignal // the context was cancelled
	EndClosed // the reader of the output has gone
	EndSource // a source failed
	EndOutput // the output could not be written
	EndStuck  // the output took nothing until Drain was over
)

// With more than one feed an event that another feed has delivered already is
// dropped. So many identities are remembered, for so long.
const (
	mergeCount = 1 << 17
	mergeAge   = 2 * time.Minute
)

// Run runs the sources into buf and out of it into c.Out until one of the
// ends of Config is reached, a source fails, all sources have ended, or ctx is
// done. Then it writes what waits: as long as it takes, but once ctx is done for
// c.Drain at most. It returns when everything that was started has ended, but
// for a write that still blocks then. The error belongs to EndSource, EndOutput
// and EndStuck.
func Run(parent context.Context, c *Config, buf *Buffer, sources ...Source) (End, error) {
	ctx, cancel := context.WithCancelCause(parent)
	stop := func() { cancel(nil) }
	defer stop()

	buf.workAheadBy(c)
	failed := make(chan error, len(sources))
	var running sync.WaitGroup
	for _, s := range sources {
		running.Go(func() {
			if err := s(ctx); err != nil && ctx.Err() == nil {
				failed <- err
			}
		})
	}
	ended := make(chan struct{})
	go func() { running.Wait(); close(ended) }()

	w := newWorker(c, buf)
	worked := make(chan outcome, 1)
	go func() {
		end, err := w.work()
		worked <- outcome{end, err}
	}()

	var limit <-chan time.Time
	if c.For > 0 {
		t := time.NewTimer(c.For)
		defer t.Stop()
		limit = t.C
	}
	idle := newIdle(c.Idle, buf)
	defer idle.stop()

	end, err := EndOfInput, error(nil)
wait:
	for {
		select {
		case o := <-worked:
			cancel(ErrEnough)
			<-ended
			return o.end, o.err
		case <-ctx.Done():
			end = EndSignal
			break wait
		case err = <-failed:
			end = EndSource
			break wait
		case <-ended:
			select {
			case err = <-failed:
				end = EndSource
			default:
			}
			break wait
		case <-limit:
			end = EndFor
			break wait
		case <-idle.c():
			if idle.over() {
				end = EndIdle
				break wait
			}
		}
	}

	stop()
	<-ended
	buf.Close()
	var over <-chan time.Time
	asked := parent.Done()
	for {
		select {
		case o := <-worked:
			// What was still waiting may have reached an end of its own, or
			// failed to be written.
			if o.end != EndOfInput {
				return o.end, o.err
			}
			return end, err
		case <-asked:
			asked = nil
			drain := cmp.Or(c.Drain, 5*time.Second)
			t := time.NewTimer(drain)
			defer t.Stop()
			over = t.C
		case <-over:
			return EndStuck, errors.Join(err, fmt.Errorf("stdout was too slow: %d events were not written", buf.Ledger().Waiting))
		}
	}
}

// idleTimer fires when no event has come for a time.
type idleTimer struct {
	after time.Duration
	since time.Time
	buf   *Buffer
	t     *time.Timer
}

func newIdle(after time.Duration, buf *Buffer) *idleTimer {
	i := &idleTimer{after: after, since: time.Now(), buf: buf}
	if after > 0 {
		i.t = time.NewTimer(after)
	}
	return i
}

func (i *idleTimer) c() <-chan time.Time {
	if i.t == nil {
		return nil
	}
	return i.t.C
}

// over reports whether the time is really over; if an event has come since the
// timer was set, it is set anew.
func (i *idleTimer) over() bool {
	if last := i.buf.LastReceived(); last.After(i.since) {
		i.since = last
	}
	left := i.after - time.Since(i.since)
	if left <= 0 {
		return true
	}
	i.t.Reset(left)
	return false
}

func (i *idleTimer) stop() {
	if i.t != nil {
		i.t.Stop()
	}
}

// outcome is an End and the error that belongs to it.
type outcome struct {
	end End
	err error
}

// worker takes blocks out of the buffer, one event after another.
type worker struct {
	*Config
	buf  *Buffer
	x    event.Index
	ev   event.Event
	out  []byte
	emit func(filter.Output) bool
	kept bool    // the event at hand was written
	done bool    // it has been rendered, though perhaps as nothing
	fail outcome // of a write in the middle of an event
	l    Ledger
	sure int64 // of l.Kept, what has been written
	n    int64 // kept in all
	seen *event.Window
	hash *event.Hasher

	memory render.Memory // of the renderer, as the sources know it
	// The event at hand is at.data[begin:end], with its newline. Behind out
	// comes what is in a row there, at.data[rowBegin:rowEnd].
	at               *block
	begin, end       int
	rowBegin, rowEnd int
	asItStands       func(*event.Index) bool // nil for never

	timing bool // how long the block at hand takes
	wrote  time.Duration

	clock      clock
	source     int32
	feed       int32
	sourceName string
	failures   int64
}

func newWorker(c *Config, buf *Buffer) *worker {
	w := &worker{Config: c, buf: buf, source: -1, out: make([]byte, 0, 2*writeSize)}
	if feeds := buf.feedCount(); feeds > 1 {
		w.seen, w.hash = event.NewWindow(mergeCount, feeds, mergeAge), event.NewHasher()
	}
	if r, ok := c.Renderer.(*render.Renderer); ok && c.Await == nil {
		w.asItStands = r.AsItStands
	}
	w.emit = func(o filter.Output) bool {
		w.done = true
		if o.Event && w.asItStands != nil && w.asItStands(&w.x) {
			w.stands()
			w.kept = true
			return true
		}
		w.settle()
		before := len(w.out)
		if o.Event {
			w.out = w.Renderer.Event(w.out, &w.ev, &w.x)
		} else {
			w.out = w.Renderer.Value(w.out, &w.ev, o.JSON)
		}
		// A template may print nothing, or fail.
		w.kept = w.kept || len(w.out) > before
		// One jq expression can make any number of values of one event.
		if len(w.out) >= writeSize {
			w.fail.end, w.fail.err = w.write()
		}
		return w.fail.err == nil
	}
	return w
}

// work runs until an end of its own or the end of the buffer.
func (w *worker) work() (End, error) {
	w.out = w.Renderer.Header(w.out)
	if end, err := w.write(); err != nil {
		return end, err
	}
	for {
		c, last := w.buf.take()
		switch {
		case c != nil:
		case last:
			return EndOfInput, nil
		default:
			<-w.buf.wake
			// Sources that are ready now run first, so that what they bring
			// shares a write; an event that is alone waits for nobody.
			runtime.Gosched()
			continue
		}
		end, err := w.timed(c)
		w.book(c)
		if end != EndOfInput {
			return end, err
		}
	}
}

// timed handles a block, and tells the sources by a large one whether they are to
// keep pace.
func (w *worker) timed(c *block) (End, error) {
	if w.timing = len(c.data) >= blockSize/2; !w.timing {
		return w.block(c)
	}
	began := time.Now()
	w.wrote = 0
	end, err := w.block(c)
	took := time.Since(began)
	w.buf.pace.brisk.Store(2*w.wrote < took || took < briskTime)
	return end, err
}

func (w *worker) book(c *block) {
	w.remember()
	w.buf.done(c, w.l)
	w.l, w.sure = Ledger{}, 0
}

// block handles the events of c and writes what they became. An event counts
// as kept once it is in out, and no longer if out cannot be written; the block
// is booked after that.
func (w *worker) block(c *block) (End, error) {
	if c.gap != nil {
		w.gap(c.gap)
		return w.write()
	}
	if ok, end, err := w.adopt(c); ok {
		return end, err
	}
	end, err := w.events(c)
	if err != nil {
		return end, err
	}
	if failed, err := w.write(); err != nil {
		return failed, err
	}
	return end, nil
}

// events renders the events of c, up to an end of its own.
func (w *worker) events(c *block) (End, error) {
	start := 0
	for i := range c.items {
		w.item(c, i, start)
		start = c.items[i].end
		end := w.event()
		if w.fail.err != nil {
			return w.fail.end, w.fail.err
		}
		if end != EndOfInput {
			return end, nil
		}
	}
	return EndOfInput, nil
}

// item makes the i-th item of c, which begins at start, the event at hand.
func (w *worker) item(c *block, i, start int) {
	it := &c.items[i]
	w.at, w.begin, w.end = c, start, it.end
	if it.source != w.source {
		w.source, w.sourceName = it.source, w.buf.source(it.source)
	}
	w.feed = it.feed
	w.ev = event.Event{Raw: c.raw(start, it.end), Received: w.clock.at(it.received), Source: w.sourceName}
}

// clock makes times of Unix nanoseconds. Events of one read share theirs, and to
// divide it anew for each takes longer than to remember it.
type clock struct {
	unix int64
	time time.Time
}

func (c *clock) at(unix int64) time.Time {
	if c.unix != unix || c.time.IsZero() {
		c.unix, c.time = unix, time.Unix(0, unix)
	}
	return c.time
}

// reject tells of the event at hand, which is none.
func (w *worker) reject(err error) {
	w.l.Rejected++
	if w.OnReject != nil {
		w.OnReject(&w.ev, err)
	}
}

func (w *worker) event() End {
	if err := w.x.Scan(w.ev.Raw); err != nil {
		w.reject(err)
		return EndOfInput
	}
	if w.x.Repaired() {
		w.l.Repaired++
	}
	if w.seen != nil && w.seen.Seen(w.hash.Identity(&w.x), int(w.feed), time.Now()) {
		w.l.Filtered++
		w.l.Duplicates++
		return EndOfInput
	}
	w.kept, w.done = false, false
	end := EndOfInput
	if w.Await == nil {
		w.Filter.Run(&w.x, w.emit)
	} else if w.await() {
		end = EndAwaited
	}
	if w.FailIf != nil && w.ask("--fail-if", w.FailIf) {
		end = EndFailIf
	} else if w.Until != nil && w.ask("--until", w.Until) {
		end = EndUntil
	}
	if end != EndOfInput && !w.done {
		w.emit(filter.Output{Event: true})
	}
	if w.newFailures() > 0 {
		w.l.Failed++
	}
	if !w.kept {
		w.l.Filtered++
		w.buf.missed(&w.x)
		return end
	}
	w.l.Kept++
	if w.n++; w.n == w.Count && end == EndOfInput {
		end = EndCount
	}
	if w.OnKept != nil {
		w.took()
	}
	return end
}

// newFailures returns how many failures there were since it was called last.
func (w *worker) newFailures() (n int64) {
	if w.Failures != nil {
		n = w.Failures() - w.failures
		w.failures += n
	}
	return n
}

func (w *worker) ask(flag string, q *filter.Query) bool {
	yes, err := q.True(&w.x)
	if err != nil && w.OnQueryError != nil {
		w.OnQueryError(flag, err)
	}
	return yes
}

// gap tells of a gap and writes the record of it.
func (w *worker) gap(g *Gap) {
	if w.OnGap != nil {
		w.OnGap(*g)
	}
	if !w.ReportGaps {
		return
	}
	stamp := func(t time.Time) string { return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000) }
	raw := []byte(`{"class":"enswitch-events","event":"gap","timestamp":"` + stamp(g.To) + `","reason":"` + g.Reason + `","source":`)
	raw = event.AppendString(raw, []byte(g.Source))
	raw = fmt.Appendf(raw, `,"from":"%s","to":"%s","dropped":%d}`, stamp(g.From), stamp(g.To), g.Dropped)
	w.ev = event.Event{Raw: raw, Received: g.To, Source: g.Source}
	if w.x.Scan(raw) == nil {
		w.out = w.Renderer.Event(w.out, &w.ev, &w.x)
	}
}

// stands has the event at hand written as it stands in its block.
func (w *worker) stands() {
	if w.begin != w.rowEnd {
		w.settle()
		w.rowBegin = w.begin
	}
	w.rowEnd = w.end
}

// settle makes out all that is to be written so far.
func (w *worker) settle() {
	if w.rowBegin < w.rowEnd {
		w.out = append(w.out, w.at.data[w.rowBegin:w.rowEnd]...)
	}
	w.rowBegin, w.rowEnd = 0, 0
}

// write writes what was rendered.
func (w *worker) write() (End, error) {
	out := w.out
	switch row := w.rowBegin < w.rowEnd; {
	case row && len(out) == 0:
		out = w.at.data[w.rowBegin:w.rowEnd]
		w.rowBegin, w.rowEnd = 0, 0
	case row:
		w.settle()
		out = w.out
	case len(out) == 0:
		return EndOfInput, nil
	}
	began := time.Time{}
	if w.timing {
		began = time.Now()
	}
	w.buf.pace.writing.Store(true)
	_, err := w.Out.Write(out)
	w.buf.pace.writing.Store(false)
	if w.timing {
		w.wrote += time.Since(began)
	}
	if err != nil {
		w.l.Kept = w.sure // what was in out goes on waiting
	}
	w.sure = w.l.Kept
	if w.out = w.out[:0]; cap(w.out) > 64*writeSize {
		w.out = make([]byte, 0, 2*writeSize) // a giant came by
	}
	switch {
	case err == nil:
		return EndOfInput, nil
	case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		return EndClosed, err
	}
	return EndOutput, err
}
