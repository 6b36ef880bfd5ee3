package engine

import (
	"bytes"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"sync/atomic"

	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// CaptureOptions say what is read of captures.
type CaptureOptions struct {
	// Names are the files to be read, "-" for Stdin.
	Names []string
	Stdin io.Reader
	// Merge reads all files side by side, the event with the least timestamp
	// first; otherwise one file follows the other.
	Merge bool
	// MaxLine is the longest line in bytes.
	MaxLine int
	// Narrow leaves out the parts of large files that are outside From and To, in
	// microseconds since 1970; see capture.Reader.Narrow.
	Narrow   bool
	From, To int64
}

// Captures is the source of events that stand in captures. A capture can wait, so
// nothing is lost, and memory is bounded by a fixed number of blocks.
type Captures struct {
	lines  lines
	free   chan *Block
	full   chan *Block
	wake   chan struct{}
	mu     sync.Mutex
	ledger Ledger
}

// lines fills blocks.
type lines interface {
	// fill puts the next lines into b, and what was found wrong in between. It
	// reports false at the end.
	fill(ctx context.Context, b *Block) bool
	// position is how many bytes have been read or left out.
	position() int64
	close()
}

// captureBlocks is how many blocks are on their way.
const captureBlocks = 2*maxWorkers + 8

// NewCaptures returns a source that Run reads.
func NewCaptures(o *CaptureOptions) *Captures {
	c := &Captures{
		free: make(chan *Block, captureBlocks), full: make(chan *Block, captureBlocks), wake: make(chan struct{}, 1),
	}
	if o.Merge {
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

// Name implements Source: the blocks have the names of their files.
func (c *Captures) Name(int32) string { return "" }

// Book implements Source.
func (c *Captures) Book(l Ledger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ledger.Add(&l)
}

// Ledger returns the counts of what was written so far.
func (c *Captures) Ledger() Ledger {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ledger
}

// Disorder returns how many events that were merged are more than a minute before
// another one ahead of them in their file, and how many have no timestamp: where
// there are any, the order of the whole is not that of the timestamps.
func (c *Captures) Disorder() (back, untimed int64) {
	if m, ok := c.lines.(*merged); ok {
		return m.back.Load(), m.untimed.Load()
	}
	return 0, 0
}

// Position is how many bytes of the files have been read or left out because of
// the bounds, as they are stored. It is safe for concurrent use.
func (c *Captures) Position() int64 { return c.lines.position() }

// Run reads the captures into f's sink, to their end, to one of the ends of cfg, or
// until ctx is done; then what is being written may take 5 s. When it returns,
// everything that was started has ended, except a Read of Stdin and a Write that
// block. The error belongs to EndOutput, EndClosed and EndStuck. untimed is how many
// events were left out because they have no timestamp to compare with the bounds.
// Run can be called once.
func (c *Captures) Run(parent context.Context, cfg *Config) (end End, untimed int64, err error) {
	f, err := newFolder(cfg, c, nil)
	if err != nil {
		return EndOutput, 0, err
	}
	for range f.most + 2 {
		c.free <- &Block{}
	}
	ctx, stop := context.WithCancel(parent)
	read := make(chan struct{})
	go func() {
		defer close(read)
		c.read(ctx)
	}()
	o := f.drain(parent, f.start(), false)
	stop()
	<-read
	c.lines.close()
	if o == (outcome{}) && parent.Err() != nil {
		o.end = EndSignal // which ended the reading, too
	}
	if o.end == EndStuck || o.end == EndSlow {
		o = outcome{EndStuck, fmt.Errorf("the reader of stdout took nothing for %v", drainTime)}
	}
	return o.end, f.untimed.Load(), o.err
}

// read reads blocks, as far ahead as there are free ones.
func (c *Captures) read(ctx context.Context) {
	defer c.signal()
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
		c.full <- b // there is room for all
		c.signal()
	}
}

func (c *Captures) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// opener opens files for a source.
type opener struct {
	o    *CaptureOptions
	into *Block       // which what is found wrong is noted in
	left atomic.Int64 // bytes that are not read because of the bounds
}

// open opens a file. If it cannot be opened, that is noted.
func (o *opener) open(ctx context.Context, name string) *capture.Reader {
	shown := name
	if name == "-" {
		shown = "stdin"
	}
	options := &capture.Options{
		Name: shown, MaxLine: o.o.MaxLine,
		OnReject: func(line []byte, offset int64, err error) {
			o.into.readRejects++
			o.into.readNotes = append(o.into.readNotes, rejection(shown, line, offset, err))
		},
		OnDamage: func(d capture.Damage) { o.damaged(d) },
	}
	var r *capture.Reader
	if name == "-" {
		r = capture.NewReader(interruptible(ctx, o.o.Stdin), options)
	} else {
		var err error
		if r, err = capture.Open(name, options); err != nil {
			o.damaged(err)
			return nil
		}
	}
	if o.o.Narrow {
		left, err := r.Narrow(o.o.From, o.o.To)
		if err != nil {
			o.damaged(err)
		}
		if left > 0 {
			o.left.Add(left)
			o.into.readNotes = append(o.into.readNotes, note{kind: noteSkip, name: shown, offset: left})
		}
	}
	return r
}

func (o *opener) damaged(err error) {
	o.into.readNotes = append(o.into.readNotes, note{kind: noteDamage, err: err})
}

// interruptible returns a reader of r that gives up when ctx is done. A file on
// disk does not block and is returned as it is. For another one r is read by a
// goroutine, which is left behind if it blocks.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	if f, ok := r.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			return r
		}
	}
	in, out := io.Pipe()
	context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })
	go func() {
		// Hidden, so that the size of the buffer is ours.
		_, err := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{r}, make([]byte, 64<<10))
		out.CloseWithError(err)
	}()
	return in
}

// sequence reads one file after the other.
type sequence struct {
	opener
	names []string
	cur   *capture.Reader
	done  atomic.Int64 // bytes of the files before
	now   atomic.Pointer[capture.Reader]
}

func (q *sequence) fill(ctx context.Context, s *Block) bool {
	q.into = s
	for q.cur == nil {
		if len(q.names) == 0 {
			return len(s.readNotes) > 0
		}
		q.cur = q.open(ctx, q.names[0])
		q.names = q.names[1:]
		q.now.Store(q.cur)
	}
	lines, offset, err := q.cur.Next(s.data)
	if err != nil {
		if !errors.Is(err, io.EOF) && ctx.Err() == nil {
			q.damaged(err)
		}
		q.close()
		s.data = s.data[:0]
		return ctx.Err() == nil
	}
	s.data = lines
	s.files = append(s.files, span{name: q.cur.Name(), offset: offset})
	return true
}

func (q *sequence) position() int64 {
	n := q.left.Load() + q.done.Load()
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

// merged reads several files side by side, the line with the least time first.
// Lines without a time go with the one before in their file, and of lines with
// the same time that of the file named first is first. A file that is not
// sorted stays in its order.
type merged struct {
	opener
	opened  bool
	cursors cursors
	all     []*cursor
	read    atomic.Int64
	x       event.Index

	back, untimed atomic.Int64 // see Captures.Disorder
}

// slack is how far, in microseconds, the events of a sorted capture may be out of
// order: machines have their own clocks.
const slack = 60_000_000

// cursor stands at a line of a file.
type cursor struct {
	r      *capture.Reader
	number int
	buf    []byte // what Next has returned
	rest   []byte // of buf, behind the line
	line   []byte // with its end
	offset int64  // of line
	next   int64  // of rest
	usec   int64
	latest int64 // the greatest usec so far
}

func (m *merged) fill(ctx context.Context, s *Block) bool {
	m.into = s
	if !m.opened {
		m.opened = true
		for i, name := range m.o.Names {
			if r := m.open(ctx, name); r != nil {
				cur := &cursor{r: r, number: i, usec: math.MinInt64}
				m.all = append(m.all, cur)
				if m.advance(ctx, cur) {
					m.cursors = append(m.cursors, cur)
				}
			}
		}
		heap.Init(&m.cursors)
	}
	for len(m.cursors) > 0 && len(s.data) < capture.BlockSize/2 {
		cur := m.cursors[0]
		if n := len(s.files); n == 0 || s.files[n-1].name != cur.r.Name() || s.files[n-1].offset+int64(len(s.data)-s.files[n-1].begin) != cur.offset {
			s.files = append(s.files, span{begin: len(s.data), name: cur.r.Name(), offset: cur.offset})
		}
		s.data = append(s.data, cur.line...)
		if cur.line[len(cur.line)-1] != '\n' {
			s.data = append(s.data, '\n') // the last line of a file
		}
		if m.advance(ctx, cur) {
			heap.Fix(&m.cursors, 0)
		} else {
			heap.Pop(&m.cursors)
		}
	}
	return (len(s.data) > 0 || len(s.readNotes) > 0) && ctx.Err() == nil
}

// advance goes to the next line of a file that is not blank. It reports false at
// the end.
func (m *merged) advance(ctx context.Context, cur *cursor) bool {
	for {
		for len(cur.rest) == 0 {
			lines, offset, err := cur.r.Next(cur.buf)
			if err != nil {
				if !errors.Is(err, io.EOF) && ctx.Err() == nil {
					m.damaged(err)
				}
				return false
			}
			cur.buf, cur.rest, cur.next = lines, lines, offset
			n := int64(0)
			for _, c := range m.all {
				n += c.r.Position()
			}
			m.read.Store(n)
		}
		end := len(cur.rest)
		if i := bytes.IndexByte(cur.rest, '\n'); i >= 0 {
			end = i + 1
		}
		cur.line, cur.rest = cur.rest[:end], cur.rest[end:]
		cur.offset, cur.next = cur.next, cur.next+int64(end)
		line := capture.TrimLine(bytes.TrimSuffix(cur.line, []byte{'\n'}))
		if len(line) == 0 {
			continue
		}
		if m.x.Scan(line) == nil || m.x.Scan(capture.Clean(line)) == nil {
			switch usec, ok := capture.Time(&m.x); {
			case !ok:
				m.untimed.Add(1)
			case usec < cur.latest-slack:
				m.back.Add(1)
				cur.usec = usec
			default:
				cur.usec, cur.latest = usec, max(cur.latest, usec)
			}
		}
		return true
	}
}

func (m *merged) position() int64 { return m.left.Load() + m.read.Load() }

func (m *merged) close() {
	for _, cur := range m.all {
		_ = cur.r.Close() // it was only read
	}
}

// cursors is a heap.
type cursors []*cursor

func (c cursors) Len() int { return len(c) }
func (c cursors) Less(i, j int) bool {
	if c[i].usec != c[j].usec {
		return c[i].usec < c[j].usec
	}
	return c[i].number < c[j].number
}
func (c cursors) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *cursors) Push(x any)   { *c = append(*c, x.(*cursor)) }
func (c *cursors) Pop() any {
	old := *c
	last := old[len(old)-1]
	*c = old[:len(old)-1]
	return last
}
