package files

import (
	"bytes"
	"container/heap"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"sync/atomic"

	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// source fills slots with lines.
type source interface {
	// fill puts the next lines into s, and what was found wrong in between. It
	// reports false at the end.
	fill(ctx context.Context, s *slot) bool
	// position is how many bytes have been read or left out.
	position() int64
	close()
}

// opener opens files for a source.
type opener struct {
	c    *Config
	into *slot        // which what is found wrong is noted in
	left atomic.Int64 // bytes that are not read because of the bounds
}

// open opens a file. If it cannot be opened, that is noted.
func (o *opener) open(ctx context.Context, name string) *capture.Reader {
	shown := name
	if name == "-" {
		shown = "stdin"
	}
	options := &capture.Options{
		Name: shown, MaxLine: o.c.MaxLine,
		OnReject: func(line []byte, offset int64, err error) { o.into.rejected(shown, line, offset, err) },
		OnDamage: func(d capture.Damage) { o.damaged(d) },
	}
	var r *capture.Reader
	if name == "-" {
		r = capture.NewReader(interruptible(ctx, o.c.Stdin), options)
	} else {
		var err error
		if r, err = capture.Open(name, options); err != nil {
			o.damaged(err)
			return nil
		}
	}
	if o.c.Narrow {
		left, err := r.Narrow(o.c.From, o.c.To)
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

func newSequence(c *Config) *sequence { return &sequence{opener: opener{c: c}, names: c.Names} }

func (q *sequence) fill(ctx context.Context, s *slot) bool {
	q.into = s
	for q.cur == nil {
		if len(q.names) == 0 {
			return len(s.readNotes) > 0
		}
		q.cur = q.open(ctx, q.names[0])
		q.names = q.names[1:]
		q.now.Store(q.cur)
	}
	lines, offset, err := q.cur.Next(s.text)
	if err != nil {
		if !errors.Is(err, io.EOF) && ctx.Err() == nil {
			q.damaged(err)
		}
		q.close()
		s.text = s.text[:0]
		return ctx.Err() == nil
	}
	s.text = lines
	s.runs = append(s.runs, run{name: q.cur.Name(), offset: offset})
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
}

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
}

func newMerged(c *Config) *merged { return &merged{opener: opener{c: c}} }

func (m *merged) fill(ctx context.Context, s *slot) bool {
	m.into = s
	if !m.opened {
		m.opened = true
		for i, name := range m.c.Names {
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
	for len(m.cursors) > 0 && len(s.text) < capture.BlockSize/2 {
		cur := m.cursors[0]
		if n := len(s.runs); n == 0 || s.runs[n-1].name != cur.r.Name() || s.runs[n-1].offset+int64(len(s.text)-s.runs[n-1].begin) != cur.offset {
			s.runs = append(s.runs, run{begin: len(s.text), name: cur.r.Name(), offset: cur.offset})
		}
		s.text = append(s.text, cur.line...)
		if cur.line[len(cur.line)-1] != '\n' {
			s.text = append(s.text, '\n') // the last line of a file
		}
		if m.advance(ctx, cur) {
			heap.Fix(&m.cursors, 0)
		} else {
			heap.Pop(&m.cursors)
		}
	}
	return (len(s.text) > 0 || len(s.readNotes) > 0) && ctx.Err() == nil
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
		if m.x.Scan(line) == nil {
			if usec, ok := capture.Time(&m.x); ok {
				cur.usec = usec
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
