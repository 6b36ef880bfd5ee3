package pipeline

import (
	"cmp"
	"errors"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// When the worker is behind, a source does the work on a block itself before it
// hands it over: it drops what the filters drop, and renders the rest. It waits
// for nobody, so it takes only the time of the work, a second processor gets
// something to do, what is dropped takes no room in the buffer, and what comes
// faster than both can work waits in the socket.
//
// How an event looks may depend on those before it. So the source goes on from
// what the worker's renderer remembered last; if it remembers something else when
// the block has its turn, the block is rendered again.

const (
	// aheadFrom is how many blocks must be waiting.
	aheadFrom = 4
	// aheadPause is how many blocks are left alone after one that cannot be
	// rendered and of which most events were kept: those are filtered a second
	// time by the worker. After one that was given up, so many are not rendered.
	aheadPause = 64
	// renderFrom is the least that a block to be rendered ahead holds, in bytes.
	// Smaller ones are put together.
	renderFrom = blockSize / 4
	// aheadTime bounds the work on a block by gojq, and on each event of it: what
	// feeds a source is not to wait for long. A block that takes longer is the
	// worker's.
	aheadTime = 10 * time.Millisecond
	// mostAhead is the most bytes that are made of a block beyond those that it
	// has. A jq expression may make any number.
	mostAhead = 4 * blockSize
)

// ahead is what a Feed needs to work ahead.
type ahead struct {
	filter   *filter.Filter
	gojq     time.Duration    // how long it may work on a block, 0 if it does not
	renderer *render.Renderer // nil where only the worker can render
	emit     func(filter.Output) bool
	x        event.Index
	made     made          // room for the next
	last     render.Memory // what the renderer remembers before the block
	chained  bool          // because the one before was rendered here
	pause    int
	most     int // of what is made of the block

	// Of the event at hand, while emit renders it:
	ev    event.Event
	data  []byte // of the block before it
	stood bool   // it is to be written as it stands, and asItStands holds
	kept  bool
}

// made is what a source has made of a block. It is of use if the renderer
// remembers before when the block has its turn.
type made struct {
	ok            bool
	asItStands    bool // out is what is in the block, and empty
	out           []byte
	before, after render.Memory
	kept          int64
	filtered      int64 // because jq failed
	repaired      int64
	faults        []fault
	failureBytes  int // of the texts of what failed in jq
}

// fault is an item of a block that is no event, or on which jq failed.
type fault struct {
	item int
	jq   bool
	err  error
}

// reset makes m ready for another block, in the same room unless that is large.
func (m *made) reset() {
	out := m.out[:0]
	if cap(out) > 2*mostAhead {
		out = nil
	}
	*m = made{asItStands: true, out: out}
}

// size is the memory that m takes, or what matters of it.
func (m *made) size() int64 { return int64(cap(m.out) + m.failureBytes) }

// differs says that what is to be written is no longer what is in the block,
// which is data so far.
func (m *made) differs(data []byte) {
	if m.asItStands {
		m.asItStands, m.out = false, append(m.out, data...)
	}
}

// render is what the filter calls for each thing to print of the event at hand. It
// reports false when that becomes too much.
func (a *ahead) render(o filter.Output) bool {
	m := &a.made
	if o.Event && m.asItStands && !a.stood && a.renderer.AsItStands(&a.x) {
		a.stood, a.kept = true, true
		return true
	}
	m.differs(a.data)
	if a.stood {
		a.stood, m.out = false, append(append(m.out, a.ev.Raw...), '\n')
	}
	before := len(m.out)
	if o.Event {
		m.out = a.renderer.Event(m.out, &a.ev, &a.x)
	} else {
		m.out = a.renderer.Value(m.out, &a.ev, o.JSON)
	}
	a.kept = a.kept || len(m.out) > before
	return !a.tooMuch()
}

// tooMuch reports whether too much has been made of the block.
func (a *ahead) tooMuch() bool { return len(a.made.out)+a.made.failureBytes > a.most }

// workAheadBy lets feeds do for c what changes nothing but who does it.
func (b *Buffer) workAheadBy(c *Config) {
	if c.inTurn() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ahead = &ahead{filter: c.Filter}
	if c.Filter.Engine() != "" && !c.Filter.Native() {
		b.ahead.gojq = aheadTime
	}
	// What is counted or handed on is rendered in its turn.
	if r, ok := c.Renderer.(*render.Renderer); ok && c.Count == 0 && c.OnKept == nil {
		b.ahead.renderer = r.Twin()
		b.memory = r.Memory()
	}
}

// behind reports whether the worker is, and makes ready for workAhead then. The
// buffer's mutex is held.
func (f *Feed) behind() bool {
	b, a := f.b, &f.ahead
	// Events of several feeds are for the worker to compare: the first of two
	// that are the same counts, even if the filters drop it.
	if b.ahead == nil || b.feeds > 1 || len(b.queue) < aheadFrom {
		a.chained = false
		return false
	}
	if a.filter == nil {
		// Without gojq it may still be asked about an event of which the native
		// engine is not sure.
		a.gojq = b.ahead.gojq
		a.filter = b.ahead.filter.CloneWithin(cmp.Or(a.gojq, aheadTime))
		if b.ahead.renderer != nil {
			a.renderer = b.ahead.renderer.Twin()
			a.emit = a.render
		}
	}
	if n := len(b.outs); a.made.out == nil && n > 0 {
		a.made.out, b.outs = b.outs[n-1], b.outs[:n-1]
	}
	if !a.chained {
		a.last = b.memory
	}
	return true
}

// workAhead works on the current block. It returns what became of the events that
// are no longer in it. Whatever is to be told of the others, the worker tells.
func (f *Feed) workAhead() (done Ledger) {
	a := &f.ahead
	a.chained = false
	switch {
	case a.pause > 0:
		if a.pause--; a.renderer != nil {
			done, _ = f.work(false, time.Time{})
		}
		return done
	case a.renderer == nil || len(f.cur.data) < renderFrom || a.gojq > 0 && len(f.cur.data) > blockSize:
		all := len(f.cur.items)
		if done, _ = f.work(false, time.Time{}); 2*len(f.cur.items) > all && a.renderer == nil {
			a.pause = aheadPause
		}
		return done
	}
	before := a.last
	a.renderer.Recall(before)
	a.made.reset()
	a.most = len(f.cur.data) + mostAhead
	var until time.Time
	if a.gojq > 0 {
		until = time.Now().Add(a.gojq)
	}
	done, rendered := f.work(true, until)
	if !rendered {
		a.pause = aheadPause
		a.made.reset()
		return done
	}
	if len(f.cur.data) < renderFrom {
		return done
	}
	a.chained, a.last = true, a.renderer.Memory()
	a.made.ok, a.made.before, a.made.after = true, before, a.last
	f.cur.made, a.made = a.made, made{}
	return done
}

// work takes what the filters drop out of the current block, and, if render is
// set, renders what they keep. It reports whether it has rendered all of it, which
// it gives up at the time until, if that is one, and when it becomes too much.
func (f *Feed) work(render bool, until time.Time) (done Ledger, rendered bool) {
	a, c, m := &f.ahead, f.cur, &f.ahead.made
	source, received := int32(-1), clock{}
	items, data, start := c.items[:0], c.data[:0], 0
	for _, it := range c.items {
		begin := start
		start = it.end
		a.ev.Raw = c.raw(begin, it.end)
		err := a.x.Scan(a.ev.Raw)
		repaired := int64(0)
		if a.x.Repaired() {
			repaired = 1
		}
		drops := false
		switch {
		case err != nil:
			if render {
				m.differs(data)
				m.faults = append(m.faults, fault{item: len(items), err: err})
			}
		case render:
			if it.source != source {
				source, a.ev.Source = it.source, f.b.source(it.source)
			}
			a.ev.Received = received.at(it.received)
			a.data, a.stood, a.kept = data, false, false
			failure := a.filter.Try(&a.x, a.emit)
			if failure != nil {
				m.faults = append(m.faults, fault{len(items), true, failure})
				m.failureBytes += len(failure.Error())
			}
			switch {
			case a.tooMuch() || errors.Is(failure, filter.ErrTooLong) || !until.IsZero() && time.Now().After(until):
				render = false
			case a.kept:
				m.kept++
				m.repaired += repaired
			case failure != nil:
				m.differs(data)
				m.filtered++
				m.repaired += repaired
				f.b.missed(&a.x)
			default:
				drops = true
			}
		default:
			drops = a.filter.Drops(&a.x)
		}
		if drops {
			f.b.missed(&a.x)
			done.Received++
			done.Filtered++
			done.Repaired += repaired
			continue
		}
		if done.Received > 0 {
			data = append(data, c.data[begin:it.end]...)
			it.end = len(data)
		} else {
			data = c.data[:it.end]
		}
		items = append(items, it)
	}
	if a.ev, a.data = (event.Event{}), nil; len(c.data) > 2*blockSize {
		_ = a.x.Scan(nil) // lets go of a giant
	}
	c.items, c.data = items, data
	return done, render
}

// remember tells the sources what the renderer remembers now.
func (w *worker) remember() {
	r, ok := w.Renderer.(*render.Renderer)
	if !ok || r.Memory() == w.memory {
		return
	}
	w.memory = r.Memory()
	w.buf.mu.Lock()
	w.buf.memory = w.memory
	w.buf.mu.Unlock()
}

// adopt writes what a source has made of c, if that is still what c looks like.
func (w *worker) adopt(c *block) (ok bool, end End, err error) {
	r, _ := w.Renderer.(*render.Renderer)
	if !c.made.ok || r.Memory() != c.made.before {
		return false, EndOfInput, nil
	}
	for _, j := range c.made.faults {
		if j.jq {
			w.Filter.Report(j.err)
			continue
		}
		start := 0
		if j.item > 0 {
			start = c.items[j.item-1].end
		}
		w.item(c, j.item, start)
		w.reject(j.err)
	}
	r.Recall(c.made.after)
	if c.made.asItStands {
		w.at, w.rowEnd = c, len(c.data)
	} else {
		w.out, c.made.out = c.made.out, w.out
	}
	w.l.Failed = w.newFailures() // at most one of each event
	w.l.Kept, w.l.Filtered, w.l.Repaired = c.made.kept, c.made.filtered, c.made.repaired
	end, err = w.write()
	return true, end, err
}
