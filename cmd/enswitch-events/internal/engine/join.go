package engine

import (
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Several feeds may deliver the same events, and each is to be printed once. A Buffer
// with several feeds drops an event that another feed has delivered before. It does
// so when events get their place in the stream, so that everything behind the buffer
// sees one feed. Events that are dropped because the buffer is full do not count as
// delivered.

const (
	// mergeCount and mergeAge bound the events that are remembered. A duplicate that
	// comes after more events, or later, is printed twice.
	mergeCount = 1 << 17
	mergeAge   = 2 * time.Minute
)

// identity is what tells a duplicate, and whether it counts as repaired.
type identity struct {
	event.Identity       // zero if it is no event
	repaired       bool  // see Ledger.Repaired
	machine        int32 // its number in the comparison
}

// identify returns the identity of the event in raw.
func (f *Feed) identify(raw []byte) (id identity) {
	if _, err := scan(&f.x, raw); err == nil {
		id = identity{f.hasher.Identity(&f.x), f.x.Repaired(), f.machine(f.x.Field("machine"))}
	}
	if len(raw) > 2*blockSize {
		f.x, f.hasher = event.Index{}, f.hasher.Clone() // frees the memory of a giant event
	}
	return id
}

// machine returns the number of a machine in the comparison of feeds.
func (f *Feed) machine(v event.Value) int32 {
	var buf [32]byte
	name := v.AppendText(buf[:0])
	name = name[:min(len(name), len(buf))]
	if n, known := f.machines[string(name)]; known {
		return n
	}
	f.b.mu.Lock()
	defer f.b.mu.Unlock()
	n := f.b.compared.group(string(name))
	if len(f.machines) < maxCompared {
		f.machines[string(name)] = n
	}
	return n
}

// scan has x scan the event in text, without marks and NULs around it if need be, and
// returns its bytes.
func scan(x *event.Index, text []byte) ([]byte, error) {
	err := x.Scan(text)
	if err != nil {
		if clean := capture.Clean(text); len(clean) < len(text) && x.Scan(clean) == nil {
			return clean, nil
		}
	}
	return text, err
}

// leaveOut removes the events from f.cur that another feed has delivered before. The
// mutex is held.
func (b *Buffer) leaveOut(f *Feed) {
	c, now := f.cur, time.Now()
	data, items, begin := c.data[:0], c.items[:0], 0
	for i, it := range c.items {
		text, id := c.data[begin:it.end], &f.ids[i]
		begin = it.end
		duplicate := false
		if id.Identity != (event.Identity{}) {
			var m *event.Memo
			var times int
			if m, times, duplicate = b.window.Deliver(id.Identity, f.number, now); times == 1 {
				b.compared.delivered(f.number, m, id.machine, it.received)
			}
		}
		if duplicate {
			b.ledger.Filtered++
			b.ledger.Duplicates++
			if id.repaired {
				b.ledger.Repaired++
			}
			continue
		}
		data = append(data, text...)
		it.end = len(data)
		items = append(items, it)
	}
	c.data, c.items = data, items
}

const (
	// levelEvents is the number of events by which a feed may be ahead of another one,
	// well below mergeCount.
	levelEvents = mergeCount / 2
	// levelPoll is the time between two looks of a feed that is ahead at the others,
	// and levelTime the longest that it waits for one that brings fewer than levelMoved
	// events in that time.
	levelPoll  = 2 * time.Millisecond
	levelTime  = 50 * time.Millisecond
	levelMoved = 100
)

// keepLevel waits while f is far ahead of another feed, so that the events that both
// deliver are recognised. It waits for levelTime at most for a feed that is silent,
// down or slow, and not again for a silent one. The mutex is held, but not while it
// waits.
func (b *Buffer) keepLevel(f *Feed) {
	for b.lead(f) > levelEvents {
		before := b.least(f)
		silent := before == f.level
		for waited := time.Duration(0); !silent && waited < levelTime && b.lead(f) > levelEvents; waited += levelPoll {
			b.mu.Unlock()
			time.Sleep(levelPoll)
			b.mu.Lock()
		}
		if b.closed || b.least(f)-before < levelMoved {
			f.level = b.brought[f.number]
			for i := range b.brought { // assume that the missing events will not come
				b.brought[i] = max(b.brought[i], f.level)
			}
		}
	}
}

// lead is the number of events by which f is ahead of the last feed.
func (b *Buffer) lead(f *Feed) int64 { return b.brought[f.number] - b.least(f) }

// least is the number of events of the feed that has brought the fewest, without f.
func (b *Buffer) least(f *Feed) int64 {
	least := int64(-1)
	for i, n := range b.brought {
		if i != f.number && (least < 0 || n < least) {
			least = n
		}
	}
	return least
}
