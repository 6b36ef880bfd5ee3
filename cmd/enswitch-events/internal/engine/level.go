package engine

import "time"

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
		if i != int(f.number) && (least < 0 || n < least) {
			least = n
		}
	}
	return least
}
