package engine

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

const (
	// maxOut bounds what is made of a block before it is written: a jq
	// expression may make any amount of an event.
	maxOut = 512 << 10
	// mapTime bounds the work on a block before what was made of it is written.
	mapTime = 10 * time.Millisecond
	// guessTime bounds it where the block is not the first in turn.
	guessTime = 100 * time.Millisecond
	// clockStride is for how many events that time is not looked at.
	clockStride = 32
	// sampled is how many lines of a block are counted to say what came, where only
	// lines with a needle are looked at.
	sampled = 16
	// maxExcerpt is how much of something rejected is kept to be shown.
	maxExcerpt = 128
)

// mapper maps blocks. It is for one goroutine.
type mapper struct {
	*Config
	src           Source
	worker        Worker
	until, failIf *filter.Query
	needles       *search
	stop          *atomic.Bool // set when nothing more is to be mapped
	found         *atomic.Bool // set when an event was kept
	tally         *tally.Tally
	once          bool // map one event of a block only

	// Of the block that is being mapped.
	b       *Block
	inOrder bool
	limit   int64
	began   time.Time
	count   int // of events
	before  int // bytes of output before the event
	whole   bool
	failed  bool
	write   func(b *Block, now bool) error // in order: writes what there is, or with now unset has it wait for company
	err     error                          // of write
	ev      Event
	clock   clock
	source  int32
}

func newMapper(c *Config, src Source, stop, found *atomic.Bool) (*mapper, error) {
	m := &mapper{Config: c, src: src, stop: stop, found: found, tally: c.Tally.Part(), source: -1}
	var err error
	if m.worker, err = c.Sink.Worker(m); err != nil {
		return nil, err
	}
	if c.Until != nil {
		m.until = c.Until.Clone()
	}
	if c.FailIf != nil {
		m.failIf = c.FailIf.Clone()
	}
	if len(c.Needles) > 0 {
		m.needles = newSearch(c.Needles)
	}
	return m, nil
}

// run maps b from b.from on: to its end, to an end of the run, or as far as is
// reasonable before what was made of it is written. In order says that
// everything before has been folded, so that nothing is guessed and limit, the
// number of events to be kept, 0 for all, is exact.
func (m *mapper) run(b *Block, inOrder bool, limit int64) {
	b.begin()
	m.b, m.inOrder, m.limit, m.count = b, inOrder, limit, 0
	m.began = time.Time{}
	m.ev.block = b
	m.worker.Begin(b, inOrder)
	if len(b.files) == 0 {
		m.items()
	} else {
		m.lines()
	}
	m.worker.End(b)
	m.b = nil
	if len(b.data) > 2*blockSize {
		_ = m.ev.X.Scan(nil) // lets go of a giant
	}
}

// items maps the events of a live feed.
func (m *mapper) items() {
	b := m.b
	for i := b.from.item; i < len(b.items); i++ {
		it := &b.items[i]
		begin := 0
		if i > 0 {
			begin = b.items[i-1].end
		}
		m.item(i, begin)
		if !m.event(Place{it.end, i + 1}) {
			return
		}
	}
}

func (m *mapper) item(i, begin int) {
	it := &m.b.items[i]
	e := &m.ev
	if it.source != m.source {
		m.source, e.Source = it.source, m.src.Name(it.source)
	}
	e.Raw = m.b.data[begin : it.end-1 : it.end-1]
	e.Received = m.clock.at(it.received)
	e.begin, e.end, e.verbatim, e.item = begin, it.end, true, i
}

// lines maps the lines of a capture.
func (m *mapper) lines() {
	b := m.b
	for i := b.from.item; i < len(b.files); i++ {
		end := len(b.data)
		if i+1 < len(b.files) {
			end = b.files[i+1].begin
		}
		begin := max(b.files[i].begin, b.from.at)
		m.ev.Source, m.ev.item = b.files[i].name, i
		var more bool
		if m.needles != nil {
			more = m.candidates(begin, end)
		} else {
			more = m.each(begin, end)
		}
		if !more {
			return
		}
		b.to = Place{end, i + 1}
	}
}

// each maps every line of data[begin:end] and reports whether to go on.
func (m *mapper) each(begin, end int) bool {
	for begin < end {
		next := end
		line := m.b.data[begin:end]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line, next = line[:i:i], begin+i+1
		}
		if !m.line(line, begin, next) {
			return false
		}
		begin = next
	}
	return true
}

// candidates maps the lines of data[begin:end] that have one of the needles. All
// others are counted as filtered.
func (m *mapper) candidates(begin, end int) bool {
	data := m.b.data[:end]
	m.sample(data[begin:])
	m.needles.begin(data[begin:])
	for at := begin; at < end; {
		hit := m.needles.next(data, at)
		if hit < 0 {
			m.passed(data[at:])
			break
		}
		start := lineBegin(data, at, hit)
		stop, next := end, end
		if i := bytes.IndexByte(data[hit:], '\n'); i >= 0 {
			stop, next = hit+i, hit+i+1
		}
		m.passed(data[at:start])
		if start > at {
			m.b.to = Place{start, m.ev.item}
		}
		if !m.line(data[start:stop:stop], start, next) {
			return false
		}
		at = next
	}
	return true
}

// passed counts lines that are not looked at.
func (m *mapper) passed(lines []byte) {
	n := countLines(lines)
	m.b.ledger.Received += n
	m.b.ledger.Filtered += n
}

// line maps a line of a capture, which goes from begin to next.
func (m *mapper) line(line []byte, begin, next int) bool {
	line = capture.TrimLine(line)
	if len(line) == 0 {
		m.b.to = Place{next, m.ev.item}
		return true
	}
	e := &m.ev
	e.Raw, e.begin, e.end = line, begin, next
	e.verbatim = begin+len(line)+1 == next && m.b.data[next-1] == '\n'
	return m.event(Place{next, e.item})
}

// event maps the event in m.ev and reports whether to go on. behind is the place
// behind it.
func (m *mapper) event(behind Place) bool {
	b, e := m.b, &m.ev
	l := &b.ledger
	if m.stop.Load() {
		return false
	}
	m.before, m.whole, m.failed = b.Out.Len(), true, false
	text, err := scan(&e.X, e.Raw)
	if err != nil {
		l.Received++
		l.Rejected++
		m.reject(err)
		return m.next(behind)
	}
	if len(text) < len(e.Raw) {
		e.Raw, e.verbatim = text, false
	}
	repaired := int64(0)
	if e.X.Repaired() {
		repaired = 1
	}
	kept := false
	notes, failed := len(b.notes), l.Failed
	if m.inBounds() {
		kept = m.worker.Event(e)
		m.ask()
		if b.end != EndOfInput && !kept {
			kept = m.worker.Show(e)
		}
	}
	switch {
	case m.err != nil:
		l.Received++
		l.Waiting++
		return false
	case !m.whole:
		// Too much has been made of this event to be kept in memory: it is mapped
		// again in order, where it can be written as it is made.
		b.Out.Truncate(m.before)
		b.notes, l.Failed, b.end = b.notes[:notes], failed, EndOfInput
		return false
	}
	l.Received++
	l.Repaired += repaired
	switch {
	case kept:
		m.found.Store(true)
		b.Out.mark()
		if l.Kept++; l.Kept == m.limit && b.end == EndOfInput {
			b.end = EndCount
		}
	default:
		l.Filtered++
		m.missed()
	}
	return m.next(behind)
}

// missed counts an event that was dropped, as long as none was kept. Where there
// are needles the sample has counted it, or one like it.
func (m *mapper) missed() {
	switch {
	case m.tally == nil || m.found.Load():
	case m.needles != nil:
		m.tally.Fit(&m.ev.X)
	default:
		m.tally.Count(&m.ev.X)
	}
}

// sample counts some of the lines that may not be looked at for want of a needle, as
// long as nothing was kept.
func (m *mapper) sample(text []byte) {
	if m.tally == nil || m.found.Load() {
		return
	}
	for n := 0; n < sampled && len(text) > 0; n++ {
		line, rest, _ := bytes.Cut(text, []byte{'\n'})
		if line = capture.TrimLine(line); len(line) > 0 && m.ev.X.Scan(line) == nil {
			m.tally.Count(&m.ev.X)
		}
		text = rest
	}
}

// next moves behind the event and reports whether to go on.
func (m *mapper) next(behind Place) bool {
	b := m.b
	b.to = behind
	if m.once || b.end != EndOfInput || b.Out.Len()+b.noteSize > maxOut {
		return false
	}
	// At first it is looked at more often: one event may take long.
	if m.count++; m.count%clockStride != 0 && m.count&(m.count-1) != 0 {
		return true
	}
	if m.began.IsZero() {
		m.began = time.Now()
		return true
	}
	most := mapTime
	if !m.inOrder {
		most = guessTime
	}
	return time.Since(m.began) < most
}

// Grown implements Mapping.
func (m *mapper) Grown() bool {
	switch n := m.b.Out.Len(); {
	case n < writeSize:
	case m.inOrder && m.write != nil:
		m.err = m.write(m.b, false)
	case !m.once && n-m.before > maxOut:
		m.whole = false
	}
	return m.whole && m.err == nil
}

// Write implements Mapping.
func (m *mapper) Write() bool {
	m.err = m.write(m.b, true)
	return m.err == nil
}

// inBounds reports whether the event's time is within the bounds.
func (m *mapper) inBounds() bool {
	if m.From == 0 && m.To == 0 {
		return true
	}
	usec, ok := m.ev.X.Get("timestamp").Timestamp()
	if !ok {
		m.b.untimed++
		return false
	}
	return usec >= m.From && (m.To == 0 || usec < m.To)
}

// ask asks whether the run ends at the event. --fail-if goes before all other ends.
func (m *mapper) ask() {
	if m.failIf != nil && m.true("--fail-if", m.failIf) {
		m.b.end = EndFailIf
	} else if m.b.end == EndOfInput && m.until != nil && m.true("--until", m.until) {
		m.b.end = EndUntil
	}
}

func (m *mapper) true(flag string, q *filter.Query) bool {
	yes, err := q.True(&m.ev.X)
	if err != nil {
		m.fail(flag, err)
	}
	return yes
}

// Failed implements Mapping.
func (m *mapper) Failed(what string, err error) {
	if !m.failed {
		m.failed = true
		m.b.ledger.Failed++
	}
	m.fail(what, err)
}

// fail notes a failure, whose error has texts of its own.
func (m *mapper) fail(what string, err error) {
	kind := err.Error()
	if failure, ok := errors.AsType[*filter.Failure](err); ok {
		kind = failure.Kind
	}
	m.b.notes = append(m.b.notes, note{kind: noteFailure, n: 1, at: m.ev.begin, name: what, failure: kind, err: err})
	m.b.noteSize += len(kind) + noteOverhead
}

func (m *mapper) reject(err error) {
	e := &m.ev
	offset := int64(0)
	if len(m.b.files) > 0 {
		f := &m.b.files[e.item]
		offset = f.offset + int64(e.begin-f.begin)
	}
	n := rejection(e.Source, e.Raw, offset, err)
	n.at = e.begin
	m.b.notes = append(m.b.notes, n)
	m.b.noteSize += maxExcerpt + noteOverhead
}

func rejection(source string, raw []byte, offset int64, err error) note {
	return note{
		kind: noteReject, n: 1, name: source, err: err, size: len(raw), offset: offset,
		excerpt: slices.Clone(raw[:min(len(raw), maxExcerpt)]),
	}
}

// gap makes the record of a gap of b.
func (m *mapper) gap(b *Block) {
	g := b.gap
	b.data = append(gapRecord(b.data[:0], g), '\n')
	b.begin()
	b.to.at = len(b.data)
	m.b, m.inOrder, m.before, m.whole, m.failed = b, true, 0, true, false
	m.worker.Begin(b, true)
	e := &m.ev
	e.block, e.begin, e.end, e.verbatim = b, 0, len(b.data), true
	e.Event = event.Event{Raw: b.data[:len(b.data)-1], Received: g.To, Source: g.Source}
	m.source = -1
	if e.X.Scan(e.Raw) == nil {
		m.worker.Show(e)
	}
	m.worker.End(b)
	m.b, b.ledger = nil, Ledger{} // it is no event
}

// gapRecord appends the event that stands for a gap.
func gapRecord(dst []byte, g *Gap) []byte {
	stamp := func(t time.Time) string { return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000) }
	dst = append(dst, `{"class":"enswitch-events","event":"gap","timestamp":"`+stamp(g.To)+`","reason":"`+g.Reason+`","source":`...)
	dst = event.AppendString(dst, g.Source)
	return fmt.Appendf(dst, `,"from":"%s","to":"%s","dropped":%d}`, stamp(g.From), stamp(g.To), g.Dropped)
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

// countLines counts the lines that are not blank.
func countLines(text []byte) (n int64) {
	for range capture.Lines(text) {
		n++
	}
	return n
}
