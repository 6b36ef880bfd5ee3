package call

import (
	"bytes"
	"cmp"
	"slices"
)

// hold keeps events for a time, so that they leave it in the order of their timestamps.
// It is a ring of slots, each for a span of time; a slot is sorted when it leaves.
type hold struct {
	time  int64 // microseconds
	width int64 // of a slot, in microseconds
	slots [holdSlots][]*Event
	first int64 // number of the oldest slot, which is the time in it divided by width
	count int
	bytes int
	free  []*Event
}

const (
	holdSlots = 256
	// maxHeld and maxHeldBytes bound the events that are held; the oldest leave early
	// then.
	maxHeld      = 1 << 17
	maxHeldBytes = 16 << 20
)

func newHold(usec int64) *hold { return &hold{time: usec, width: max(usec*2/holdSlots, 1)} }

// add adds a copy of e, to leave as of e.at. It reports false if that time has left.
func (h *hold) add(e *Event) bool {
	slot := e.at / h.width
	if h.count == 0 {
		h.first = max(h.first, slot-holdSlots/2)
	}
	if slot < h.first || slot >= h.first+holdSlots {
		return false
	}
	i := slot % holdSlots
	c := h.copy(e)
	h.slots[i] = append(h.slots[i], c)
	h.count++
	h.bytes += len(c.json)
	return true
}

// copy returns a copy of e that owns its bytes, in memory of an event that has left if there
// is one.
func (h *hold) copy(e *Event) *Event {
	if n := len(h.free); n > 0 {
		c := h.free[n-1]
		h.free = h.free[:n-1]
		return e.copyTo(c)
	}
	return e.copyTo(&Event{})
}

// copyTo makes c, whose Raw is used again, a copy of e that owns its bytes, and returns it.
func (e *Event) copyTo(c *Event) *Event {
	raw := c.Raw
	same := len(e.Raw) == len(e.json) && (len(e.Raw) == 0 || &e.Raw[0] == &e.json[0])
	*c = *e
	c.Raw, c.own = append(raw[:0], e.Raw...), true
	if c.json = c.Raw; !same {
		c.json = bytes.Clone(e.json)
	}
	return c
}

// reuse gives back an event that left and is not kept by a call.
func (h *hold) reuse(e *Event) {
	if len(h.free) < 1024 && cap(e.Raw) <= 4096 {
		h.free = append(h.free, e)
	}
}

// release calls leave with the events that are due at that time, and with those for
// which there is no room, in order.
func (h *hold) release(now int64, leave func(*Event)) {
	for h.count > 0 && ((h.first+1)*h.width+h.time <= now || h.count > maxHeld || h.bytes > maxHeldBytes) {
		i := h.first % holdSlots
		h.first++
		if len(h.slots[i]) == 0 {
			continue
		}
		slot := h.slots[i]
		h.slots[i] = nil
		slices.SortStableFunc(slot, compareEvents)
		for j, e := range slot {
			h.count--
			h.bytes -= len(e.json)
			slot[j] = nil
			leave(e)
		}
		h.slots[i] = slot[:0]
	}
}

// compareEvents orders events by time, then by machine, then by bytes.
func compareEvents(a, b *Event) int {
	if c := cmp.Compare(a.Time, b.Time); c != 0 {
		return c
	}
	if c := bytes.Compare(a.text(a.machine), b.text(b.machine)); c != 0 {
		return c
	}
	return bytes.Compare(a.json, b.json)
}
