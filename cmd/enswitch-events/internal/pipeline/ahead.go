package pipeline

import (
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
	// aheadPause is how many blocks are left alone after one that was not
	// rendered and of which most events were kept: those are filtered a second
	// time by the worker.
	aheadPause = 64
	// renderFrom is the least that a block to be rendered ahead holds, in bytes.
	// Smaller ones are put together.
	renderFrom = blockSize / 4
)

// ahead is what a Feed needs to work ahead.
type ahead struct {
	filter   *filter.Filter
	renderer *render.Renderer // nil where only the worker can render
	x        event.Index
	made     made          // room for the next
	last     render.Memory // what the renderer remembers before the block
	chained  bool          // because the one before was rendered here
	pause    int
}

// made is what a source has made of a block. It is of use if the renderer
// remembers before when the block has its turn.
type made struct {
	ok            bool
	asItStands    bool // out is what is in the block, and empty
	out           []byte
	before, after render.Memory
	kept          int64
	repaired      int64
	rejected      []rejection
}

// rejection is an item of a block that is no event.
type rejection struct {
	item int
	err  error
}

func (m *made) reset() { *m = made{asItStands: true, out: m.out[:0], rejected: m.rejected[:0]} }

// differs says that what is to be written is no longer what is in the block,
// which is data so far.
func (m *made) differs(data []byte) {
	if m.asItStands {
		m.asItStands, m.out = false, append(m.out, data...)
	}
}

// workAheadBy lets feeds do for c what changes nothing but who does it.
func (b *Buffer) workAheadBy(c *Config) {
	if c.inTurn() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ahead = &ahead{filter: c.Filter.Clone()}
	// What is counted, handed on, or changed by a jq expression is rendered in
	// its turn.
	if r, ok := c.Renderer.(*render.Renderer); ok && c.Count == 0 && c.OnKept == nil && c.Filter.Engine() == "" {
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
		a.filter = b.ahead.filter.Clone()
		if b.ahead.renderer != nil {
			a.renderer = b.ahead.renderer.Twin()
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
// are no longer in it. What a jq expression may fail on is for the worker, who
// tells of it.
func (f *Feed) workAhead() (done Ledger) {
	a := &f.ahead
	a.chained = false
	switch {
	case a.pause > 0:
		a.pause--
		return done
	case a.renderer == nil || len(f.cur.data) < renderFrom:
		all := len(f.cur.items)
		if done = f.work(nil); 2*len(f.cur.items) > all && a.renderer == nil {
			a.pause = aheadPause
		}
		return done
	}
	before := a.last
	a.renderer.Recall(before)
	a.made.reset()
	done = f.work(&a.made)
	if len(f.cur.data) < renderFrom {
		return done
	}
	a.chained, a.last = true, a.renderer.Memory()
	a.made.ok, a.made.before, a.made.after = true, before, a.last
	f.cur.made, a.made = a.made, made{}
	return done
}

// work takes what the filters drop out of the current block, and renders what
// they keep into m unless that is nil.
func (f *Feed) work(m *made) (done Ledger) {
	a, c := &f.ahead, f.cur
	ev := event.Event{Source: f.name}
	source, received := f.source, clock{}
	items, data, start := c.items[:0], c.data[:0], 0
	for _, it := range c.items {
		begin := start
		start = it.end
		ev.Raw = c.raw(begin, it.end)
		err := a.x.Scan(ev.Raw)
		repaired := int64(0)
		if a.x.Repaired() {
			repaired = 1
		}
		switch {
		case err == nil && a.filter.Drops(&a.x):
			done.Received++
			done.Filtered++
			done.Repaired += repaired
			continue
		case m == nil:
		case err != nil:
			m.differs(data)
			m.rejected = append(m.rejected, rejection{len(items), err})
		default:
			m.kept++
			m.repaired += repaired
			if m.asItStands && a.renderer.AsItStands(&a.x) {
				break
			}
			m.differs(data)
			if it.source != source {
				source, ev.Source = it.source, f.b.source(it.source)
			}
			ev.Received = received.at(it.received)
			m.out = a.renderer.Event(m.out, &ev, &a.x)
		}
		if done.Received > 0 {
			data = append(data, c.data[begin:it.end]...)
			it.end = len(data)
		} else {
			data = c.data[:it.end]
		}
		items = append(items, it)
	}
	c.items, c.data = items, data
	return done
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
	for _, j := range c.made.rejected {
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
	w.l.Kept, w.l.Repaired = c.made.kept, c.made.repaired
	end, err = w.write()
	return true, end, err
}
