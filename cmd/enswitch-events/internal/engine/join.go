package engine

import (
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Several feeds may deliver the same events, and each is to come out once. A Buffer
// with several feeds leaves out what another feed has delivered before: where
// events get their place in the stream, so that nothing behind it knows of more
// than one feed. What is dropped for want of room does not count as delivered.

const (
	// mergeCount and mergeAge bound what is remembered of events: what comes again
	// after more events, or later, comes out twice.
	mergeCount = 1 << 17
	mergeAge   = 2 * time.Minute
)

// identity tells an event from others.
type identity struct {
	event.Identity      // zero for what is no event
	repaired       bool // see Ledger.Repaired
}

// identify returns the identity of what was received as raw.
func (f *Feed) identify(raw []byte) (id identity) {
	if _, err := scan(&f.x, raw); err == nil {
		id = identity{f.hasher.Identity(&f.x), f.x.Repaired()}
	}
	if len(raw) > 2*blockSize {
		f.x, f.hasher = event.Index{}, f.hasher.Clone() // a giant needs no room for ever
	}
	return id
}

// scan has x scan an event that is text, or what others have left text around. It
// returns the bytes of the event.
func scan(x *event.Index, text []byte) ([]byte, error) {
	err := x.Scan(text)
	if err != nil {
		if clean := capture.Clean(text); len(clean) < len(text) && x.Scan(clean) == nil {
			return clean, nil
		}
	}
	return text, err
}

// leaveOut takes the events out of f.cur that another feed has delivered already.
// The mutex is held.
func (b *Buffer) leaveOut(f *Feed) {
	c, now := f.cur, time.Now()
	data, items, begin := c.data[:0], c.items[:0], 0
	for i, it := range c.items {
		text, id := c.data[begin:it.end], &f.ids[i]
		begin = it.end
		if id.Identity != (event.Identity{}) && b.window.Seen(id.Identity, f.number, now) {
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
	// levelEvents is how many events a feed may be ahead of another one. It is well
	// below mergeCount: what two feeds deliver further apart comes out twice.
	levelEvents = mergeCount / 2
	// levelPoll is how often a feed that is ahead looks at the others, and levelTime
	// how long it waits for one that brings fewer than levelMoved events meanwhile.
	levelPoll  = 2 * time.Millisecond
	levelTime  = 50 * time.Millisecond
	levelMoved = 100
)

// keepLevel has a feed wait that is ahead of another one, so that the events both
// deliver are recognised. It waits for a feed that is silent, down or slow for
// levelTime at most, and for a silent one not again. The mutex is held, but not while
// it waits.
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
			for i := range b.brought { // what is missing is not going to come
				b.brought[i] = max(b.brought[i], f.level)
			}
		}
	}
}

// lead is how many events f is ahead of the feed that has brought the fewest.
func (b *Buffer) lead(f *Feed) int64 { return b.brought[f.number] - b.least(f) }

// least is how many events the feed has brought that is furthest behind, but for f.
func (b *Buffer) least(f *Feed) int64 {
	least := int64(-1)
	for i, n := range b.brought {
		if i != f.number && (least < 0 || n < least) {
			least = n
		}
	}
	return least
}
