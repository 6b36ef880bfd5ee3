package engine

import (
	"bytes"
	"container/heap"
	"context"
	"errors"
	"io"
	"math"
	"sync/atomic"

	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// merged reads several files side by side, the line with the least time first.
// Lines without a time go with the one before in their file, and of lines with
// the same time that of the file named first is first. A file that is not
// sorted stays in its order.
type merged struct {
	opener
	opened  bool
	stale   bool // the first of cursors is to go on to its next line
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
	latest int64  // the greatest usec so far
	notes  []note // of what the reading has found behind the line
}

func (m *merged) fill(ctx context.Context, b *Block) bool {
	if !m.opened {
		m.opened = true
		m.openAll(ctx, b)
	}
	m.goOn(ctx, b)
	for len(m.cursors) > 0 && len(b.data) < capture.BlockSize/2 {
		cur := m.cursors[0]
		if n := len(b.files); n == 0 || b.files[n-1].name != cur.r.Name() || b.files[n-1].offset+int64(len(b.data)-b.files[n-1].begin) != cur.offset {
			b.files = append(b.files, span{begin: len(b.data), name: cur.r.Name(), offset: cur.offset})
		}
		b.data = append(b.data, cur.line...)
		if cur.line[len(cur.line)-1] != '\n' {
			b.data = append(b.data, '\n') // the last line of a file
		}
		m.stale = true
		if len(cur.rest) == 0 {
			break // to read on may take time
		}
		m.goOn(ctx, b)
	}
	return (len(b.data) > 0 || len(b.readNotes) > 0) && ctx.Err() == nil
}

// openAll opens the files. What is wrong with one is noted in b.
func (m *merged) openAll(ctx context.Context, b *Block) {
	for i, name := range m.o.Names {
		cur := &cursor{number: i, usec: math.MinInt64}
		if cur.r = m.open(ctx, name, &cur.notes); cur.r == nil {
			cur.noted(b, math.MaxInt64)
			continue
		}
		m.all = append(m.all, cur)
		if m.advance(ctx, cur, b) {
			m.cursors = append(m.cursors, cur)
		}
	}
	heap.Init(&m.cursors)
}

// goOn goes on in the file whose line was put out.
func (m *merged) goOn(ctx context.Context, b *Block) {
	if !m.stale {
		return
	}
	m.stale = false
	if m.advance(ctx, m.cursors[0], b) {
		heap.Fix(&m.cursors, 0)
	} else {
		heap.Pop(&m.cursors)
	}
}

// advance goes to the next line of a file that is not blank. What was found before
// it is noted in b. It reports false at the end.
func (m *merged) advance(_ context.Context, cur *cursor, b *Block) bool {
	for {
		for len(cur.rest) == 0 {
			lines, offset, err := cur.r.Next(cur.buf)
			if err != nil {
				if !errors.Is(err, io.EOF) {
					cur.notes = addRead(cur.notes, damage(cur.r.Name(), err))
				}
				cur.noted(b, math.MaxInt64)
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
		cur.noted(b, cur.offset)
		if _, err := scan(&m.x, line); err == nil {
			switch usec, ok := m.x.Get("timestamp").Timestamp(); {
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

// noted moves the notes of what was found before that offset to the block b.
func (c *cursor) noted(b *Block, offset int64) {
	late := c.notes[:0]
	for _, n := range c.notes {
		if n.offset > offset && n.kind != noteSkip {
			late = append(late, n)
			continue
		}
		n.at = len(b.data)
		b.readNotes = append(b.readNotes, n)
	}
	c.notes = late
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
