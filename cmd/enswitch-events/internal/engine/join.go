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
