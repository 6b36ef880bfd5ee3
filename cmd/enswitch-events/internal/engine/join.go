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
	levelEvents = join.MaxEvents / 4
	// A feed that is ahead looks at the others each levelPoll. It waits for
	// levelPatience at most, or for levelTime if the other feed has other events. It
	// waits longer only for one that brings levelRate events a second.
	levelPoll     = 2 * time.Millisecond
	levelTime     = 50 * time.Millisecond
	levelPatience = time.Second
	levelRate     = 2000
)

// keepLevel waits while f is far ahead of another feed, so that the events that both
// deliver are recognised. It does not wait for one that is down, nor again for one that
// is silent. The mutex is held, but not while it waits.
func (b *Buffer) keepLevel(f *Feed) {
	for !b.closed {
		last, behind := f.joined.Behind()
		if behind <= levelEvents {
			return
		}
		if last.Silent() || !b.await(f, last) {
			last.Excuse()
		}
	}
}

// await waits for a feed that f is far ahead of, and reports whether that feed has come
// nearer, or is about to. The mutex is held, but not while it waits.
func (b *Buffer) await(f *Feed, last *join.Feed) bool {
	patience, before := levelTime, last.Delivered()
	if last.Common() {
		patience = levelPatience
	}
	for waited := time.Duration(0); waited < patience; waited += levelPoll {
		b.mu.Unlock()
		time.Sleep(levelPoll)
		b.mu.Lock()
		if _, behind := f.joined.Behind(); behind <= levelEvents || b.closed {
			return true
		}
	}
	return float64(last.Delivered()-before) >= levelRate*patience.Seconds()
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
