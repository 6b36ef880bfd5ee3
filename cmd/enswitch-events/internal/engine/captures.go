package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"sync/atomic"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/fault"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
)

// CaptureOptions say what is read of captures.
type CaptureOptions struct {
	// Names are the files to be read, "-" for Stdin.
	Names []string
	Stdin io.Reader
	// Merge reads all files at the same time, the event with the least timestamp
	// first; otherwise one file after the other.
	Merge bool
	// MaxLine is the longest line in bytes.
	MaxLine int
	// SeekTime skips the parts of large files that are outside of From and To, in
	// microseconds since 1970; see capture.Reader.SeekTime.
	SeekTime bool
	From, To int64
	// Follow keeps reading what is appended to the files. It excludes Merge.
	Follow bool
}

// Pass is one of several passes over captures: what it is for, the bounds of the
// timestamps, and what a line must contain, as in [Config].
type Pass struct {
	Sink     Sink
	From, To int64
	Needles  []string
}

// Captures is a source of events: captures, which are read as fast as their events
// are folded. It takes a fixed number of blocks of memory.
type Captures struct {
	lines  lines
	free   chan *Block
	full   chan *Block
	wake   chan struct{}
	mu     sync.Mutex
	ledger Ledger

	back, unordered int64 // see Disorder
}

// lines fills blocks.
type lines interface {
	// fill puts the next lines into b, and notes about what could not be read between
	// them. It reports false at the end.
	fill(ctx context.Context, b *Block) bool
	// position is the number of bytes that have been read or skipped.
	position() int64
	close()
}

// captureBlocks is the largest number of blocks.
const captureBlocks = 2*maxWorkers + 8

// NewCaptures returns a source that Run reads.
func NewCaptures(o *CaptureOptions) *Captures {
	c := &Captures{
		free: make(chan *Block, captureBlocks), full: make(chan *Block, captureBlocks), wake: make(chan struct{}, 1),
	}
	if o.Follow {
		c.lines = &followed{o: o}
	} else if o.Merge {
		c.lines = &merged{opener: opener{o: o}}
	} else {
		c.lines = &sequence{opener: opener{o: o}, names: o.Names}
	}
	return c
}

// Take implements Source.
func (c *Captures) Take(bool) (b *Block, end bool) {
	select {
	case b, ok := <-c.full:
		return b, !ok
	default:
		return nil, false
	}
}

// Wake implements Source.
func (c *Captures) Wake() <-chan struct{} { return c.wake }

// Done implements Source.
func (c *Captures) Done(b *Block) {
	if cap(b.data) > 4*capture.BlockSize {
		b.data = nil
	}
	c.free <- b.reset()
}

// Name implements Source. It is not called: blocks have the names of their files.
func (c *Captures) Name(int32) string { return "" }

// Book implements Source.
func (c *Captures) Book(l Ledger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ledger.Add(&l)
}

// Ledger returns the counts so far.
func (c *Captures) Ledger() Ledger {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ledger
}

// Disorder returns, after Run with Merge, the number of events that are more than a
// minute older than an earlier one in their file, and the number of events that have
// no timestamp. If both are 0, all events were in the order of their timestamps.
func (c *Captures) Disorder() (back, untimed int64) { return c.back, c.unordered }

// Position is the number of bytes of the files, as they are stored, that have been
// read or skipped because of the bounds. It is safe for concurrent use.
func (c *Captures) Position() int64 { return c.lines.position() }

// Run reads the captures into the sink of cfg until their end, one of the ends of
// cfg, or until ctx is done. The current write may then take 5 s. Files that are
// followed end with For, Idle and ctx; what they contain then is written, in 5 s at most.
//
// When it returns, everything that it started has ended, except a Read of Stdin or a
// Write that blocks, and the filtering of one event. Untimed is the number of
// events that were dropped because they have no timestamp to compare with the bounds.
// The error belongs to EndOutput, EndClosed, EndStuck, EndSlow and EndFault. Run can be called
// once.
func (c *Captures) Run(parent context.Context, cfg *Config) (end End, untimed int64, err error) {
	f, err := newFolder(cfg, c)
	if err != nil {
		return EndOutput, 0, err
	}
	for range f.maxQueue + 2 {
		c.free <- &Block{}
	}
	ctx, stop := context.WithCancel(parent)
	follow, following := c.lines.(*followed)
	if following {
		stop()
		ctx, stop = follow.begin(parent, cfg)
	}
	read := make(chan struct{})
	var fell error
	go func() {
		defer close(read)
		defer fault.Catch(&fell)
		c.read(ctx)
	}()
	// What such a sink adds at the end is written also after a signal.
	o := f.drain(parent, f.start(), following || f.ticker != nil)
	stop()
	<-read
	c.lines.close()
	if fell != nil && !o.over() {
		o = outcome{EndFault, fell}
	}
	if o == (outcome{}) && following {
		o.end = follow.ended()
	} else if o == (outcome{}) && parent.Err() != nil {
		o.end = EndSignal // it also ended the reading
	}
	switch o.end {
	case EndStuck:
		o.err = fmt.Errorf("the reader of stdout took nothing for %v", drainTime)
	case EndSlow:
		o.err = fmt.Errorf("the events that were read were not processed within %v of the signal", drainTime)
	}
	if o.end != EndSlow && o.end != EndStuck { // else the fold may still be running
		c.back, c.unordered = f.back, f.unordered
	}
	return o.end, f.untimed.Load(), o.err
}

// read fills blocks as long as there are free ones.
func (c *Captures) read(ctx context.Context) {
	defer notify(c.wake)
	defer close(c.full)
	for {
		var b *Block
		select {
		case b = <-c.free:
		case <-ctx.Done():
			return
		}
		if ctx.Err() != nil || !c.lines.fill(ctx, b) {
			return
		}
		c.full <- b // does not block: there is room for all blocks
		notify(c.wake)
	}
}

// opener opens files.
type opener struct {
	o       *CaptureOptions
	skipped atomic.Int64 // bytes that are not read because of the bounds
}

// open opens a file. It adds notes about what cannot be read, now and later, with
// offsets in the uncompressed file. It returns nil if the file cannot be opened.
func (o *opener) open(ctx context.Context, name string, notes *[]note) *capture.Reader {
	shown := shownName(name)
	add := func(n note) { *notes = addRead(*notes, n) }
	options := &capture.Options{
		Name: shown, MaxLine: o.o.MaxLine,
		OnReject: func(line []byte, offset int64, err error) { add(rejection(shown, line, offset, err)) },
		OnDamage: func(d capture.Damage) { add(damage(shown, d)) },
	}
	var r *capture.Reader
	if name == "-" {
		r = capture.NewReaderContext(ctx, o.o.Stdin, options)
	} else {
		var err error
		if r, err = capture.OpenContext(ctx, name, options); err != nil {
			add(damage(shown, err))
			return nil
		}
	}
	if o.o.SeekTime {
		skipped, err := r.SeekTime(o.o.From, o.o.To)
		if err != nil {
			add(damage(shown, err))
		}
		if skipped > 0 {
			o.skipped.Add(skipped)
			*notes = append(*notes, note{kind: noteSkip, name: shown, offset: skipped})
		}
	}
	return r
}

// shownName is the name of a file in messages.
func shownName(name string) string {
	if name == "-" {
		return "stdin"
	}
	return name
}

// sequence reads one file after the other.
type sequence struct {
	opener
	names []string // of the files that are not read yet
	cur   *capture.Reader
	notes []note
	done  atomic.Int64                   // bytes of the files before cur
	now   atomic.Pointer[capture.Reader] // cur, for position
}

func (q *sequence) fill(ctx context.Context, b *Block) bool {
	for q.cur == nil {
		if len(q.names) == 0 || ctx.Err() != nil {
			return len(b.readNotes) > 0 && ctx.Err() == nil
		}
		q.cur = q.open(ctx, q.names[0], &q.notes)
		q.names = q.names[1:]
		q.now.Store(q.cur)
		q.notes = b.addNotes(q.notes, math.MaxInt64)
	}
	lines, offset, err := q.cur.Next(b.data)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			q.notes = addRead(q.notes, damage(q.cur.Name(), err))
		}
		q.close()
		b.data = b.data[:0]
		q.notes = b.addNotes(q.notes, math.MaxInt64)
		return ctx.Err() == nil
	}
	b.data = lines
	b.files = append(b.files, span{name: q.cur.Name(), file: len(q.o.Names) - len(q.names) - 1, offset: offset})
	q.notes = b.addNotes(q.notes, offset)
	return true
}

func (q *sequence) position() int64 {
	n := q.skipped.Load() + q.done.Load()
	if r := q.now.Load(); r != nil {
		n += r.Position()
	}
	return n
}

func (q *sequence) close() {
	if q.cur != nil {
		q.now.Store(nil)
		q.done.Add(q.cur.Position())
		_ = q.cur.Close() // it was only read
		q.cur = nil
	}
}
