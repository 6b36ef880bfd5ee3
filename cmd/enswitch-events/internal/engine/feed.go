package engine

import (
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Feed is one source's way into a Buffer. It is for one goroutine; a source
// with many uses [Feed.Put].
type Feed struct {
	b      *Buffer
	number int   // of the feed
	source int32 // number of the name of the source
	level  int64 // the count of feeds that were silent, see keepLevel
	name   string
	cur    *Block
	putBy  string // the source of that number, once there is one by Put
	mu     sync.Mutex

	// Of one of several feeds.
	x      event.Index
	hasher *event.Hasher
	ids    []identity // of the events in cur
}

// Feed returns a new way in for the source of that name. Feeds are made before any
// events are put in.
func (b *Buffer) Feed(name string) *Feed {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := &Feed{b: b, number: len(b.feeds), level: -1, source: b.number(name), name: name, cur: b.block()}
	b.feeds, b.brought = append(b.feeds, f), append(b.brought, 0)
	if n := len(b.feeds); n > 1 {
		hasher := event.NewHasher()
		b.window = event.NewWindow(mergeCount, n, mergeAge)
		for _, f := range b.feeds {
			f.hasher = hasher.Clone()
		}
	}
	return f
}

// Add copies ev into the feed. It is seen by the other side after Flush, or
// when a block is full.
func (f *Feed) Add(ev event.Event) {
	if f.b.o.Record != nil {
		f.b.o.Record(ev.Raw)
	}
	c := f.cur
	if len(c.items) > 0 && (len(c.data)+len(ev.Raw) >= cap(c.data) || len(c.items) == cap(c.items)) {
		f.Flush()
		c = f.cur
	}
	c.data = append(append(c.data, ev.Raw...), '\n')
	c.items = append(c.items, item{end: len(c.data), received: ev.Received.UnixNano(), source: f.source})
	if f.hasher != nil {
		f.ids = append(f.ids, f.identify(ev.Raw))
	}
}

// Flush hands over what was added and reports whether there was anything. It
// never waits for who reads the output, nor for longer than some 20 ms, or
// levelTime if another feed is far behind, or
// diskTime if the memory is full and the disk is being written to.
func (f *Feed) Flush() bool { return f.flush(true) }

// flush is Flush. If patient is not set it waits for nothing, and for no jq
// expression that gojq runs either.
func (f *Feed) flush(patient bool) bool {
	if len(f.cur.items) == 0 {
		return false
	}
	b := f.b
	b.mu.Lock()
	if patient && b.bytes > b.pace.backlog(b.o.Size) {
		b.keepPace(f.cur)
	}
	b.brought[f.number] += int64(len(f.cur.items))
	if patient && len(b.brought) > 1 {
		b.keepLevel(f)
	}
	f.cur = b.push(f)
	b.mu.Unlock()
	f.ids = f.ids[:0]
	b.lastIn.Store(int64(max(time.Since(b.start), 1)))
	b.signal()
	return true
}

// Put adds one event and hands it over at once: when it returns, the event has
// its place in the stream. Unlike Add it is safe for concurrent use, it waits for
// nobody unless the event is large, and it takes the source's name from the event.
func (f *Feed) Put(ev event.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ev.Source != f.putBy {
		f.b.mu.Lock()
		f.source, f.putBy = f.b.number(ev.Source), ev.Source
		f.b.mu.Unlock()
	}
	f.Add(ev)
	f.flush(len(ev.Raw) > blockSize/2) // one so large has been answered before
}

// Gap marks a stretch of time in which the source was away, at this place in
// the stream.
func (f *Feed) Gap(g Gap) {
	f.Flush()
	g.Source = f.name
	b := f.b
	b.mu.Lock()
	b.ledger.Gaps++
	b.queue = append(b.queue, &Block{gap: &g})
	b.mu.Unlock()
	b.signal()
}

// Reject counts something received that is no event and went no further.
func (f *Feed) Reject() {
	f.b.mu.Lock()
	f.b.ledger.Received++
	f.b.ledger.Rejected++
	f.b.mu.Unlock()
}
