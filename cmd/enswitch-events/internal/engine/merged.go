package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"sync/atomic"

	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// merged reads several files at the same time, the line with the least time first. A
// line without a time follows the line before it in its file; of lines with the same
// time the file that is named first comes first. The lines of a file keep their order
// even if the file is not sorted.
type merged struct {
	opener
	opened  bool
	stale   bool      // cursors[0] must move to its next line
	cursors []*cursor // of the files that have more lines, sorted
	all     []*cursor
	read    atomic.Int64 // bytes
	x       event.Index
}

// slack is the time in microseconds by which the events of a sorted capture may be out
// of order: machines have their own clocks.
const slack = 60_000_000

// cursor is a place in a file, at a line.
type cursor struct {
	r      *capture.Reader
	number int
	buf    []byte   // what Next has returned
	rest   []byte   // of buf, after the line
	line   []byte   // with its newline
	offset int64    // of line
	next   int64    // offset of rest
	usec   int64    // time of the line
	latest int64    // greatest usec so far
	order  noteKind // noteBack, noteUntimed, or 0 for a line in order
	notes  []note   // about what is after the line
}

func (m *merged) fill(ctx context.Context, b *Block) bool {
	if !m.opened {
		m.opened = true
		m.openAll(ctx, b)
	}
	m.goOn(b)
	for len(m.cursors) > 0 && len(b.data) < capture.BlockSize/2 {
		cur := m.cursors[0]
		if n := len(b.files); n == 0 || b.files[n-1].file != cur.number || b.files[n-1].offset+int64(len(b.data)-b.files[n-1].begin) != cur.offset {
			b.files = append(b.files, span{begin: len(b.data), name: cur.r.Name(), file: cur.number, offset: cur.offset})
		}
		if cur.order != 0 {
			b.readNotes = append(b.readNotes, note{kind: cur.order, at: len(b.data)})
		}
		b.data = append(b.data, cur.line...)
		if cur.line[len(cur.line)-1] != '\n' {
			b.data = append(b.data, '\n') // the last line of a file
		}
		m.stale = true
		if len(cur.rest) == 0 {
			break // reading more may take time
		}
		m.goOn(b)
	}
	return (len(b.data) > 0 || len(b.readNotes) > 0) && ctx.Err() == nil
}

// openAll opens the files. It adds notes to b about those that cannot be opened.
func (m *merged) openAll(ctx context.Context, b *Block) {
	for i, name := range m.o.Names {
		cur := &cursor{number: i, usec: math.MinInt64}
		if cur.r = m.open(ctx, name, &cur.notes); cur.r == nil {
			cur.moveNotes(b, math.MaxInt64)
			continue
		}
		m.all = append(m.all, cur)
		if m.advance(cur, b) {
			m.cursors = append(m.cursors, cur)
		}
	}
	slices.SortFunc(m.cursors, (*cursor).compare)
}

// goOn moves to the next line of the file whose line was handed out last.
func (m *merged) goOn(b *Block) {
	if !m.stale {
		return
	}
	m.stale = false
	cur, others := m.cursors[0], m.cursors[1:]
	if !m.advance(cur, b) {
		m.cursors = others
		return
	}
	i, _ := slices.BinarySearchFunc(others, cur, (*cursor).compare)
	copy(m.cursors, others[:i])
	m.cursors[i] = cur
}

// advance moves to the next line of a file that is not blank. It adds notes to b about
// what is before that line. It reports false at the end.
func (m *merged) advance(cur *cursor, b *Block) bool {
	for {
		for len(cur.rest) == 0 {
			lines, offset, err := cur.r.Next(cur.buf)
			if err != nil {
				if !errors.Is(err, io.EOF) {
					cur.notes = addRead(cur.notes, damage(cur.r.Name(), err))
				}
				cur.moveNotes(b, math.MaxInt64)
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
		cur.moveNotes(b, cur.offset)
		cur.order = 0
		if _, err := capture.Scan(&m.x, line); err == nil {
			switch usec, ok := m.x.Get("timestamp").Timestamp(); {
			case !ok:
				cur.order = noteUntimed
			case usec < cur.latest-slack:
				cur.order, cur.usec = noteBack, usec
			default:
				cur.usec, cur.latest = usec, max(cur.latest, usec)
			}
		}
		return true
	}
}

// compare orders cursors as their lines are to come.
func (c *cursor) compare(other *cursor) int {
	return cmp.Or(cmp.Compare(c.usec, other.usec), cmp.Compare(c.number, other.number))
}

// moveNotes moves the notes about what is before that offset to b.
func (c *cursor) moveNotes(b *Block, offset int64) {
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

func (m *merged) position() int64 { return m.skipped.Load() + m.read.Load() }

func (m *merged) close() {
	for _, cur := range m.all {
		_ = cur.r.Close() // it was only read
	}
}
