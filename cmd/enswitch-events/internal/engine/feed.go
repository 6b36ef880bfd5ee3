package engine

import (
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/join"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Feed puts the events of one source into a Buffer. It is for one goroutine; a source
// with several goroutines uses [Feed.Put].
type Feed struct {
	b      *Buffer
	source int32 // number of the name of the source
	name   string
	cur    *Block
	putBy  string   // the name with the number source, set by Put
	placed [2]int64 // see Place
	mu     sync.Mutex
	joined *join.Feed
	ids    []join.ID // of the events in cur, if there are several feeds
}

// Feed returns a Feed for the source of that name. All feeds must be made before the
// first event is put in.
func (b *Buffer) Feed(name string) *Feed {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := &Feed{
		b: b, source: b.number(name), name: name, cur: b.block(), joined: b.joined.Add(name),
	}
	return f
}

// Add copies ev into the feed. It is handed over by Flush, or when a block is full.
func (f *Feed) Add(ev event.Event) {
	if f.b.o.Record != nil {
		f.b.o.Record(ev.Raw)
	}
	if f.Full(&ev) {
		f.Flush()
	}
	c := f.cur
	c.data = append(append(c.data, ev.Raw...), '\n')
	c.items = append(c.items, item{end: len(c.data), received: ev.Received.UnixNano(), source: f.source})
	if f.b.joined.Several() {
		f.ids = append(f.ids, f.joined.Identify(ev.Raw))
	}
}

// Full reports whether f is flushed before ev is added.
func (f *Feed) Full(ev *event.Event) bool {
	c := f.cur
	return len(c.items) > 0 && (len(c.data)+len(ev.Raw) >= cap(c.data) || len(c.items) == cap(c.items))
}

// Flush hands over the events that were added, and reports whether there were any. It
// never waits for the reader of the output. It may wait for the filters, for some
// 20 ms; for another feed that is far behind, for [join.Patience]; and for the disk when
// the memory is full, for diskTime.
func (f *Feed) Flush() bool { return f.flush(true) }

// flush is Flush. If patient is false it does not wait at all.
func (f *Feed) flush(patient bool) bool {
	if len(f.cur.items) == 0 {
		return false
	}
	b := f.b
	b.mu.Lock()
	if patient && b.bytes > b.pace.backlog(b.o.Size) {
		b.keepPace(f.cur)
	}
	f.handOver(patient)
	return true
}

// handOver hands over f.cur, and unlocks the buffer's mutex, which is held.
func (f *Feed) handOver(patient bool) {
	b := f.b
	b.received[f.source] += int64(len(f.cur.items))
	if patient && b.joined.Several() {
		f.joined.KeepLevel(&b.mu, &b.closed)
	}
	f.cur = b.push(f)
	b.mu.Unlock()
	f.ids = f.ids[:0]
	b.lastIn.Store(int64(max(time.Since(b.start), 1)))
	b.Poke()
}

// Put adds one event and hands it over: when it returns, the event has its place in
// the stream. It is safe for concurrent use, does not wait unless the event is
// large, and takes the name of the source from the event.
func (f *Feed) Put(ev event.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ev.Source != f.putBy {
		f.b.mu.Lock()
		f.source, f.putBy = f.b.number(ev.Source), ev.Source
		f.b.mu.Unlock()
	}
	f.Add(ev)
	f.flush(len(ev.Raw) > blockSize/2) // a POST so large has been answered already
}

// Gap marks a period without a connection to the source, at this place in the stream.
func (f *Feed) Gap(g Gap) {
	f.Flush()
	g.Source = f.name
	b := f.b
	b.mu.Lock()
	b.ledger.Gaps++
	b.queue = append(b.queue, &Block{gap: &g})
	b.mu.Unlock()
	b.Poke()
}

// Reject counts something that was received and is no event.
func (f *Feed) Reject() {
	f.b.mu.Lock()
	f.b.ledger.Received++
	f.b.ledger.Rejected++
	f.b.received[f.source]++
	f.b.mu.Unlock()
}
