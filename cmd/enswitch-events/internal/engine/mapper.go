package engine

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/needle"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

const (
	// maxOut bounds the output of a piece of a block: a jq expression may print any
	// amount for an event.
	maxOut = 512 << 10
	// mapTime bounds the time for a piece of a block that is mapped in order, and
	// guessTime for one that is mapped ahead.
	mapTime   = 10 * time.Millisecond
	guessTime = 100 * time.Millisecond
	// clockStride is the number of events between two looks at the clock.
	clockStride = 32
	// maxExcerpt bounds the bytes that are kept of something rejected.
	maxExcerpt = 128
)

// mapper maps blocks. It is used by one goroutine.
type mapper struct {
	*Config
	src           Source
	worker        Worker
	until, failIf *filter.Query
	needles       *needle.Search
	sampler       Sampler      // nil if the lines without a needle are only counted
	nextSample    int          // offset from which on the next sample is taken
	stop          *atomic.Bool // set when nothing more is to be mapped
	anyKept       *atomic.Bool // set when an event was kept
	tally         *tally.Tally
	single        bool // map one event of a block only
	// write writes the output of a block that is mapped in order: at once if now is
	// set, else when there is enough for a write.
	write func(b *Block, now bool) error

	// The block that is being mapped.
	b       *Block
	inOrder bool
	count   int       // events so far
	began   time.Time // after the first event
	clock   clock
	source  int32 // number of ev.Source

	// The event that is being mapped.
	ev       Event
	before   int   // length of the output before it
	tooLarge bool  // its output is too large to be kept in memory
	failed   bool  // it has been counted as failed
	err      error // of write
}

func newMapper(c *Config, src Source, stop, anyKept *atomic.Bool) (*mapper, error) {
	m := &mapper{Config: c, src: src, stop: stop, anyKept: anyKept, tally: c.Tally.Part(), source: -1}
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
	if len(c.Needles) > 0 || c.Digits != "" {
		m.needles = needle.NewSearch(c.Needles, c.Digits)
		m.sampler, _ = m.worker.(Sampler)
	}
	return m, nil
}

// run maps b from b.from on: to its end, to an end of the run, or until its output
// or the time is enough for one piece. InOrder says that all events before have been
// folded; limit is the number of events that may still be kept, 0 for any number.
func (m *mapper) run(b *Block, inOrder bool, limit int64) {
	b.begin()
	b.limit = limit
	m.b, m.inOrder, m.count = b, inOrder, 0
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
		_ = m.ev.X.Scan(nil) // so that a large block can be freed
	}
}

// items maps the events of a live feed.
func (m *mapper) items() {
	b, e := m.b, &m.ev
	for i := b.from.item; i < len(b.items); i++ {
		it := &b.items[i]
		begin := 0
		if i > 0 {
			begin = b.items[i-1].end
		}
		if it.source != m.source {
			m.source, e.Source = it.source, m.src.Name(it.source)
		}
		e.Raw = b.data[begin : it.end-1 : it.end-1]
		e.Received = m.clock.at(it.received)
		e.begin, e.end, e.verbatim, e.item = begin, it.end, true, i
		if !m.event(Place{it.end, i + 1}) {
			return
		}
	}
}

// event maps the event in m.ev, which next follows, and reports whether to go on.
func (m *mapper) event(next Place) bool {
	b, e := m.b, &m.ev
	l := &b.ledger
	if m.stop.Load() {
		return false
	}
	text, err := capture.Scan(&e.X, e.Raw)
	if err != nil {
		l.Received++
		l.Rejected++
		m.reject(err)
		return m.goOn(next)
	}
	if len(text) < len(e.Raw) {
		e.Raw, e.verbatim = text, false
	}
	m.before, m.tooLarge, m.failed = b.Out.Len(), false, false
	notes, failed := len(b.notes), l.Failed
	kept := false
	if m.Look != nil && m.count%clockStride == 0 {
		m.Look(e)
	}
	in, timed := m.inTime()
	if !timed {
		b.untimed++
	}
	if in {
		kept = m.worker.Event(e)
		m.checkEnds()
		if b.end != EndOfInput && !kept {
			kept = m.worker.Show(e)
		}
	}
	switch {
	case m.err != nil:
		l.Received++
		l.Waiting++
		return false
	case m.tooLarge:
		// The event is mapped again in order, where its output is written in parts.
		b.Out.Truncate(m.before)
		b.notes, l.Failed, b.end = b.notes[:notes], failed, EndOfInput
		return false
	}
	l.Received++
	if e.X.Repaired() {
		l.Repaired++
	}
	if kept {
		m.keep()
	} else {
		l.Filtered++
		m.tallyDropped()
	}
	return m.goOn(next)
}

// keep accounts for an event that is kept.
func (m *mapper) keep() {
	b := m.b
	if !m.anyKept.Load() { // a store would take the line from the other processors
		m.anyKept.Store(true)
	}
	b.Out.mark()
	if len(b.items) > 0 {
		b.lastKept = b.items[m.ev.item].received
		if b.ledger.Kept == 0 {
			b.firstKept = b.lastKept
		}
		b.untilKept = b.ledger.Received
	}
	if b.ledger.Kept++; b.ledger.Kept == b.limit && b.end == EndOfInput {
		b.end = EndCount
	}
}

// tallyDropped tallies an event that was dropped, as long as none has been kept.
// With needles the lines of the sample have been counted already.
func (m *mapper) tallyDropped() {
	switch {
	case m.tally == nil || m.anyKept.Load():
	case m.needles != nil:
		m.tally.Fit(&m.ev.X)
	default:
		m.tally.Count(&m.ev.X)
	}
}

// goOn accounts for the event before next and reports whether to map the one there.
func (m *mapper) goOn(next Place) bool {
	b := m.b
	b.to = next
	if m.single || b.end != EndOfInput || b.Out.Len()+b.noteSize > maxOut {
		return false
	}
	// Look at the clock more often in the beginning: one event may take long.
	if m.count++; m.count%clockStride != 0 && m.count&(m.count-1) != 0 {
		return true
	}
	if m.began.IsZero() {
		m.began = time.Now()
		return true
	}
	maxTime := mapTime
	if !m.inOrder {
		maxTime = guessTime
	}
	return time.Since(m.began) < maxTime
}

// Continue implements Mapping.
func (m *mapper) Continue() bool {
	switch n := m.b.Out.Len(); {
	case n < writeSize:
	case m.inOrder && m.write != nil:
		m.err = m.write(m.b, false)
	case !m.single && n-m.before > maxOut:
		m.tooLarge = true
	}
	return !m.tooLarge && m.err == nil
}

// Flush implements Mapping.
func (m *mapper) Flush() bool {
	m.err = m.write(m.b, true)
	return m.err == nil
}

// inTime reports whether the event's time is within the bounds, and whether it has one
// if there are bounds.
func (m *mapper) inTime() (in, timed bool) {
	if m.From == 0 && m.To == 0 {
		return true, true
	}
	usec, ok := m.ev.X.Get("timestamp").Timestamp()
	return ok && usec >= m.From && (m.To == 0 || usec < m.To), ok
}

// checkEnds finds out whether the run ends at the event. --fail-if goes before all
// other ends.
func (m *mapper) checkEnds() {
	if m.failIf != nil && m.isTrue("--fail-if", m.failIf) {
		m.b.end = EndFailIf
	} else if m.b.end == EndOfInput && m.until != nil && m.isTrue("--until", m.until) {
		m.b.end = EndUntil
	}
}

func (m *mapper) isTrue(flag string, q *filter.Query) bool {
	yes, err := q.True(&m.ev.X)
	if err != nil {
		m.noteFailure(flag, err)
	}
	return yes
}

// Failed implements Mapping.
func (m *mapper) Failed(what string, err error) {
	if !m.failed {
		m.failed = true
		m.b.ledger.Failed++
	}
	m.noteFailure(what, err)
}

// noteFailure adds a note about a failure on the event. The texts of err must stay
// valid.
func (m *mapper) noteFailure(what string, err error) {
	kind := err.Error()
	if failure, ok := errors.AsType[*filter.Failure](err); ok {
		kind = failure.Kind
	}
	m.b.notes = append(m.b.notes, note{kind: noteFailure, n: 1, at: m.ev.begin, name: what, failure: kind, err: err})
	m.b.noteSize += len(kind) + noteOverhead
}

// reject adds a note about something that is no event.
func (m *mapper) reject(err error) {
	e := &m.ev
	offset := int64(0)
	if len(m.b.files) > 0 {
		_, offset = e.Origin()
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

// gap makes the record of the gap that b marks.
func (m *mapper) gap(b *Block) {
	g := b.gap
	b.data = append(g.appendRecord(b.data[:0]), '\n')
	b.begin()
	b.to.at = len(b.data)
	m.b, m.inOrder, m.before, m.tooLarge, m.failed = b, true, 0, false, false
	b.showRecord(m.worker, &m.ev, g.To, g.Source)
	m.source = -1
	m.b, b.ledger = nil, Ledger{} // the record is no event that was received
}

// clock converts Unix nanoseconds to times. It remembers the last one: events of one
// read share their time, and a conversion takes longer than a comparison.
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
