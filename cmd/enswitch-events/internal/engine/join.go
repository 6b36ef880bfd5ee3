package engine

import (
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/join"
)

// Several feeds may deliver the same events, and each is to be printed once. A Buffer
// with several feeds drops an event that another feed has delivered before. It does
// so when events get their place in the stream, so that everything behind the buffer
// sees one feed. Events that are dropped because the buffer is full do not count as
// delivered.

// leaveOut removes the events from f.cur that another feed has delivered before. The
// mutex is held.
func (b *Buffer) leaveOut(f *Feed) {
	c, now := f.cur, time.Now()
	data, items, begin := c.data[:0], c.items[:0], 0
	for i, it := range c.items {
		text, id := c.data[begin:it.end], &f.ids[i]
		begin = it.end
		if f.joined.Deliver(id, it.received, now) {
			b.ledger.Filtered++
			b.ledger.Duplicates++
			if id.Repaired {
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
	// well below the number of events that are remembered.
	levelEvents = join.MaxEvents / 2
	// A feed that is ahead looks at the others each levelPoll. It waits for levelTime at
	// most for one that brings fewer than levelMoved events in that time.
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

// Connected says whether the feed is connected from now on. At first it is.
func (f *Feed) Connected(yes bool) {
	f.b.mu.Lock()
	defer f.b.mu.Unlock()
	f.joined.Connected(yes, time.Now().UnixNano())
}

// Compare returns how the feeds compare so far, nil if there is only one. It is safe for
// concurrent use, and holds up the feeds for some milliseconds at most.
func (b *Buffer) Compare() *join.Comparison {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.joined.Compare()
}
