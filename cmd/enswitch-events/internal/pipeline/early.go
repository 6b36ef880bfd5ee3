package pipeline

import (
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// When the worker is behind, a source does a share of its work on the way into
// the buffer: it drops what the filters drop. It waits for nobody, so it takes
// only the time of the filter, a second processor gets something to do, and
// what is dropped here takes no room in the buffer.

const (
	// earlyBehind is how many blocks must be waiting.
	earlyBehind = 4
	// earlyPause is how many blocks are left alone after one of which most
	// events were kept: those are filtered a second time by the worker.
	earlyPause = 64
)

// early is what a Feed needs to filter.
type early struct {
	filter *filter.Filter
	x      event.Index
	pause  int
}

// filterEarlyBy lets feeds drop what f drops, where that changes nothing but
// who does it.
func (b *Buffer) filterEarlyBy(c *Config) {
	if c.inTurn() {
		return
	}
	b.mu.Lock()
	b.early = c.Filter.Clone()
	b.mu.Unlock()
}

// filterEarly takes out of the current block what the filters drop, if the
// worker is behind, and returns how many events that were. What is no event, or
// is to be repaired, stays for the worker, and so does what a jq expression may
// fail on, for it is the worker who tells.
func (f *Feed) filterEarly() (filtered int64) {
	b, e := f.b, &f.early
	b.mu.Lock()
	// Events of several feeds are for the worker to compare: the first of two
	// that are the same counts, even if the filters drop it.
	wanted := b.early != nil && b.feeds == 1 && len(b.queue) >= earlyBehind
	if wanted && e.filter == nil {
		e.filter = b.early.Clone()
	}
	b.mu.Unlock()
	if !wanted {
		return 0
	}
	if e.pause > 0 {
		e.pause--
		return 0
	}
	c := f.cur
	all, items, data, start := len(c.items), c.items[:0], c.data[:0], 0
	for _, it := range c.items {
		raw := c.data[start:it.end]
		start = it.end
		if e.x.Scan(raw) == nil && !e.x.Repaired() && e.filter.Drops(&e.x) {
			filtered++
			continue
		}
		data = append(data, raw...)
		it.end = len(data)
		items = append(items, it)
	}
	c.items, c.data = items, data
	if 2*len(items) > all {
		e.pause = earlyPause
	}
	return filtered
}
