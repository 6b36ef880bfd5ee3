// Package files is the path of events that stand in captures: blocks of lines
// are read one after another, filtered and rendered on all cores, and written
// in the order in which they stand in the files.
//
// The rules: nothing is lost, because a file can wait. What comes out does not
// depend on how many workers there are or where blocks end. Memory is bounded by
// a fixed number of blocks, whatever the size of the files.
package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/pipeline"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

const (
	// maxWorkers is how many cores are of use: eight filter faster than blocks
	// can be read.
	maxWorkers = 8
	// writeSize is how much output waits for company at most.
	writeSize = 64 << 10
	// drain is how long a reader of stdout that takes nothing holds up the end.
	drain = 5 * time.Second
)

// Config says what becomes of the events.
type Config struct {
	// Names are the files to be read, "-" for Stdin.
	Names []string
	Stdin io.Reader
	// Merge reads all files side by side, the event with the least timestamp
	// first; otherwise one file follows the other.
	Merge bool
	// MaxLine is the longest line in bytes.
	MaxLine int
	// From and To bound the timestamps of the events that are kept, from From
	// on and before To, in microseconds since 1970; zero is no bound. An event
	// without a timestamp is in no bounds.
	From, To int64
	// Narrow leaves out the parts of large files that are outside the bounds,
	// see capture.Reader.Narrow.
	Narrow bool

	// Filter makes the filter of one worker, which tells onError of events that
	// the jq expression failed on.
	Filter func(onError func(error)) (*filter.Filter, error)
	// Needles are texts of which each line that the filters keep has at least
	// one; see Needles. Lines without are counted as filtered and not looked at.
	// Until and FailIf see every line, so they must not go with it.
	Needles []string
	// Until ends after the first event for which it is true, FailIf too. That
	// event is written even if the filters drop it.
	Until, FailIf *filter.Query
	// Count ends after so many kept events, 0 never.
	Count int64
	// Tally counts what is dropped as long as nothing is kept; nil does not. Of the
	// lines without a needle it counts a sample.
	Tally *tally.Tally

	// Renderer makes a renderer: one for each worker, or with InOrder a single
	// one, because it keeps state from one event to the next. onError is told of
	// events that could not be rendered.
	Renderer func(onError func(error)) (pipeline.Renderer, error)
	InOrder  bool
	// Selective says that a renderer may print nothing of an event, which is not
	// kept then.
	Selective bool
	Out       io.Writer

	// Workers is how many blocks are filtered at the same time. The default is
	// the number of cores, at most 8.
	Workers int

	// The On functions are called by the goroutine that writes, one at a time
	// and in the order of the events. All must be set.

	// OnReject is told of lines that are no events, of at most 100 of a block.
	OnReject func(name string, line []byte, offset int64, err error)
	// OnDamage is told of what could not be read, whole files or parts.
	OnDamage func(error)
	// OnSkip is told how many bytes of a file are not read, because of its
	// bounds.
	OnSkip func(name string, bytes int64)
	// OnFilterError and OnQueryError are told of expressions that failed on an
	// event, OnRenderError of an event that could not be rendered.
	OnFilterError, OnQueryError, OnRenderError func(error)
}

// Run is one reading of files.
type Run struct {
	c       *Config
	source  source
	workers []*worker

	free  chan *slot
	jobs  chan *slot // to be filtered
	order chan *slot // to be written, in the order of reading

	// Of the goroutine that writes.
	found    atomic.Bool // an event was kept
	again    *worker     // filters a block once more, up to where the count is reached
	renderer pipeline.Renderer
	waiting  []byte // output
	kept     int64

	mu      sync.Mutex
	ledger  pipeline.Ledger
	untimed int64
}

// New makes a Run, and everything that can be wrong with the filter and the
// renderer.
func New(c *Config) (*Run, error) {
	n := c.Workers
	if n <= 0 {
		n = min(runtime.GOMAXPROCS(0), maxWorkers)
	}
	slots := 2*n + 2
	r := &Run{c: c, free: make(chan *slot, slots), jobs: make(chan *slot, slots), order: make(chan *slot, slots)}
	for range n + 1 {
		w, err := newWorker(c, &r.found)
		if err != nil {
			return nil, err
		}
		r.workers = append(r.workers, w)
	}
	r.again, r.workers = r.workers[n], r.workers[:n]
	var err error
	// What fails has failed in a worker before.
	if r.renderer, err = c.Renderer(func(error) {}); err != nil {
		return nil, err
	}
	for range cap(r.free) {
		r.free <- &slot{ready: make(chan struct{}, 1)}
	}
	if c.Merge {
		r.source = newMerged(c)
	} else {
		r.source = newSequence(c)
	}
	return r, nil
}

// Ledger returns the counts of what was written so far.
func (r *Run) Ledger() pipeline.Ledger {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ledger
}

// Untimed returns how many events were left out because they have no timestamp
// to compare with the bounds.
func (r *Run) Untimed() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.untimed
}

// Position is how many bytes of the files have been read or left out because of
// the bounds, as they are stored.
// It is safe for concurrent use.
func (r *Run) Position() int64 { return r.source.position() }

// Do reads the files to their end or to one of the other ends of Config, or
// until ctx is done. When it returns, everything that was started has ended,
// except a Read of Stdin and a Write to Out that block. The error belongs to
// EndOutput and EndStuck. Do can be called once.
func (r *Run) Do(ctx context.Context) (pipeline.End, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var working sync.WaitGroup
	working.Go(func() { r.read(ctx) })
	for _, w := range r.workers {
		working.Go(func() { r.work(w) })
	}
	type outcome struct {
		end pipeline.End
		err error
	}
	written := make(chan outcome, 1)
	go func() {
		end, err := r.write(ctx)
		written <- outcome{end, err}
	}()
	var o outcome
	select {
	case o = <-written:
	case <-ctx.Done():
		t := time.NewTimer(drain)
		defer t.Stop()
		select {
		case o = <-written:
		case <-t.C:
			o = outcome{pipeline.EndStuck, fmt.Errorf("the reader of stdout took nothing for %v", drain)}
		}
	}
	stop()
	working.Wait()
	r.source.close()
	return o.end, o.err
}

// read reads blocks, as far ahead as there are slots.
func (r *Run) read(ctx context.Context) {
	defer close(r.order)
	defer close(r.jobs)
	for {
		var s *slot
		select {
		case s = <-r.free:
		case <-ctx.Done():
			return
		}
		s.reset()
		if ctx.Err() != nil || !r.source.fill(ctx, s) {
			return
		}
		// There is room for all slots.
		r.order <- s
		r.jobs <- s
	}
}

// work filters blocks.
func (r *Run) work(w *worker) {
	for s := range r.jobs {
		w.filter(s, r.c.Count)
		s.ready <- struct{}{}
	}
}

// write writes what the workers have made of the blocks, in order.
func (r *Run) write(ctx context.Context) (pipeline.End, error) {
	r.waiting = r.renderer.Header(r.waiting)
	for {
		s, ok, err := r.next(ctx)
		if err != nil {
			return outputEnd(err), err
		}
		if !ok {
			if err := r.flush(); err != nil {
				return outputEnd(err), err
			}
			if ctx.Err() != nil {
				return pipeline.EndSignal, nil //nolint:nilerr // to be told to end is no failure
			}
			return pipeline.EndOfInput, nil
		}
		if n := r.c.Count - r.kept; r.c.Count > 0 && s.ledger.Kept >= n {
			// The count is reached in this block: what a worker has found
			// behind that is taken back.
			r.again.filter(s, n)
		}
		r.tell(s)
		out := s.output()
		if r.c.InOrder {
			out = r.render(s)
		}
		if len(r.waiting) > 0 || len(out) < writeSize {
			r.waiting = append(r.waiting, out...)
			out = nil
		}
		if len(r.waiting) >= writeSize || s.end != pipeline.EndOfInput {
			err = r.flush()
		}
		if err == nil && len(out) > 0 {
			_, err = r.c.Out.Write(out)
		}
		if err != nil {
			return outputEnd(err), err
		}
		r.book(s)
		if s.end != pipeline.EndOfInput {
			return s.end, nil
		}
		r.free <- s
	}
}

// next returns the next block once it has been filtered. Before it waits for
// one it writes what there is.
func (r *Run) next(ctx context.Context) (s *slot, ok bool, err error) {
	select {
	case s, ok = <-r.order:
	default:
		if err := r.flush(); err != nil {
			return nil, false, err
		}
		select {
		case s, ok = <-r.order:
		case <-ctx.Done():
			return nil, false, nil
		}
	}
	if !ok || ctx.Err() != nil {
		return nil, false, nil //nolint:nilerr // write asks the context, too
	}
	select {
	case <-s.ready:
	default:
		if err := r.flush(); err != nil {
			return nil, false, err
		}
		<-s.ready
	}
	return s, true, nil
}

// tell passes on what was found in a block.
func (r *Run) tell(s *slot) {
	for _, notes := range [][]note{s.readNotes, s.notes} {
		for i := range notes {
			switch n := &notes[i]; n.kind {
			case noteReject:
				r.c.OnReject(n.name, n.line, n.offset, n.err)
			case noteDamage:
				r.c.OnDamage(n.err)
			case noteSkip:
				r.c.OnSkip(n.name, n.offset)
			case noteFilter:
				r.c.OnFilterError(n.err)
			case noteQuery:
				r.c.OnQueryError(n.err)
			case noteRender:
				r.c.OnRenderError(n.err)
			}
		}
	}
}

// render renders what is kept of a block with the one renderer there is.
func (r *Run) render(s *slot) []byte {
	w := r.again
	for _, it := range s.items {
		w.ev.Raw, w.ev.Source = s.text[it.begin:it.end:it.end], s.runs[it.run].name
		if it.value {
			s.out = r.renderer.Value(s.out, &w.ev, s.values[it.valueBegin:it.valueEnd])
		} else if w.x.Scan(w.ev.Raw) == nil { // as it was before
			s.out = r.renderer.Event(s.out, &w.ev, &w.x)
		}
	}
	return s.out
}

func (r *Run) flush() error {
	if len(r.waiting) == 0 {
		return nil
	}
	_, err := r.c.Out.Write(r.waiting)
	r.waiting = r.waiting[:0]
	return err
}

func (r *Run) book(s *slot) {
	r.kept += s.ledger.Kept
	r.mu.Lock()
	defer r.mu.Unlock()
	t, l := &r.ledger, &s.ledger
	t.Received += l.Received + s.readRejects
	t.Kept += l.Kept
	t.Filtered += l.Filtered
	t.Rejected += l.Rejected + s.readRejects
	t.Repaired += l.Repaired
	t.Failed += l.Failed
	r.untimed += s.untimed
}

// outputEnd tells a reader that has gone from other failures to write.
func outputEnd(err error) pipeline.End {
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return pipeline.EndClosed
	}
	return pipeline.EndOutput
}
