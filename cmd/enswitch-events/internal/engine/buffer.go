package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// leastFree is how many empty blocks are kept however small the buffer is.
const leastFree = 8

// BufferOptions says how a Buffer is bounded and whom it tells.
type BufferOptions struct {
	// Size bounds the bytes of memory that waiting events take.
	Size int64
	// OnOverflow is called when the first event of a stretch is dropped, with
	// no events counted yet. It must not call the Buffer.
	OnOverflow func(Gap)
	// Record gets every event before anything else is done with it, whatever
	// becomes of it then. It must not wait, and must be safe for concurrent use
	// if there are several feeds. Nil: nobody.
	Record func(raw []byte)
	// Spill is where events go past Size, before any is dropped.
	Spill Spill
}

// Buffer stands between the sources, which must not wait, and the filters,
// which may. Sources put events in through a [Feed]; one goroutine takes
// them out. Past its size events go to disk, and past what is allowed there
// they are dropped and counted, and a Gap marks the place. It keeps the ledger.
type Buffer struct {
	o      BufferOptions
	wake   chan struct{} // holds a value when there may be something to take
	start  time.Time
	lastIn atomic.Int64 // when the last event came, after start; not by a clock that is set
	pace   pace

	mu       sync.Mutex
	queue    []*Block
	bytes    int64
	free     []*Block
	closed   bool
	ledger   Ledger
	overflow *Gap // the stretch of dropped events that is under way
	sources  []string
	numbers  map[string]int32 // of the sources
	brought  []int64          // events, by feed, see keepLevel
	spill    *spiller         // nil without
}

// NewBuffer returns an empty Buffer. The caller ends it with Release.
func NewBuffer(o BufferOptions) *Buffer {
	b := &Buffer{
		o: o, wake: make(chan struct{}, 1), start: time.Now(), numbers: map[string]int32{},
		pace: pace{finished: make(chan struct{}, 1)},
	}
	if o.Spill.Size > 0 {
		b.spill = newSpiller(o.Spill)
		go b.spillLoop()
	}
	return b
}

// Feed is one source's way into a Buffer. It is for one goroutine; a source
// with many uses [Feed.Put].
type Feed struct {
	b      *Buffer
	number int32
	source int32
	level  int64 // the count of feeds that were silent, see keepLevel
	name   string
	cur    *Block
	putBy  string // the source of that number, once there is one by Put
	mu     sync.Mutex
}

// Feed returns a new way in for the source of that name.
func (b *Buffer) Feed(name string) *Feed {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.brought = append(b.brought, 0)
	return &Feed{b: b, number: int32(len(b.brought)) - 1, level: -1, source: b.number(name), name: name, cur: b.block()}
}

// number returns the number of the source called name. The mutex is held.
func (b *Buffer) number(name string) int32 {
	n, known := b.numbers[name]
	switch {
	case known:
		return n
	case len(b.sources) >= maxSources-1 && name != otherSource:
		return b.number(otherSource)
	}
	n = int32(len(b.sources))
	b.sources, b.numbers[name] = append(b.sources, name), n
	return n
}

// maxSources bounds the table of names, as whoever POSTs adds to it. The last of
// them is otherSource, the name of every source that came after the others.
const (
	maxSources  = 4096
	otherSource = "other"
)

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
	c.items = append(c.items, item{end: len(c.data), received: ev.Received.UnixNano(), source: f.source, feed: f.number})
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
	f.cur = b.push(f.cur)
	b.mu.Unlock()
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

// push puts c at the end of the queue and returns an empty block to go on
// with. The mutex is held.
func (b *Buffer) push(c *Block) *Block {
	n := int64(len(c.items))
	b.ledger.Received += n
	// A trickle of small blocks behind a slow reader would cost a whole block
	// each, so they are put together.
	if last := len(b.queue) - 1; last >= 0 {
		t := b.queue[last]
		if t.gap == nil && b.overflow == nil && cap(t.data)-len(t.data) >= len(c.data) && cap(t.items)-len(t.items) >= len(c.items) {
			base := len(t.data)
			t.data = append(t.data, c.data...)
			for _, it := range c.items {
				it.end += base
				t.items = append(t.items, it)
			}
			b.ledger.Waiting += n
			return c.reset()
		}
	}
	if b.noRoom(c) {
		at := time.Unix(0, c.items[0].received)
		if b.overflow == nil {
			b.overflow = &Gap{Reason: "overflow", From: at}
			b.ledger.Gaps++
			if b.o.OnOverflow != nil {
				b.o.OnOverflow(*b.overflow)
			}
		}
		b.overflow.To = time.Unix(0, c.items[n-1].received)
		b.overflow.Dropped += n
		b.ledger.Dropped += n
		if c.size() > 2*blockSize {
			return b.block()
		}
		return c.reset()
	}
	if b.overflow != nil {
		b.queue = append(b.queue, &Block{gap: b.overflow})
		b.overflow = nil
	}
	b.ledger.Waiting += n
	c.held = c.size()
	b.bytes += c.held
	b.queue = append(b.queue, c)
	if b.spillWanted(b.o.Size / 4 * 3) {
		b.wakeSpiller()
	}
	return b.block()
}

// noRoom reports whether there is no memory for c. The size may be passed by one
// block if the disk will make room: for an event so large that this could not be
// done in time, and because a small buffer has no more than one or two blocks. The
// mutex is held.
func (b *Buffer) noRoom(c *Block) bool {
	if b.bytes+c.size() <= b.o.Size || len(b.queue) == 0 {
		return false
	}
	disk := b.spill != nil && !b.spill.failed && !b.spill.full
	return !disk || b.bytes > max(b.o.Size, 2*blockSize)
}

// block returns an empty block. The mutex is held.
func (b *Buffer) block() *Block {
	if n := len(b.free); n > 0 {
		c := b.free[n-1]
		b.free = b.free[:n-1]
		return c
	}
	return &Block{data: make([]byte, 0, blockSize), items: make([]item, 0, blockSize/128)}
}

func (b *Buffer) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Close says that no source will put anything in any more. What waits can
// still be taken.
func (b *Buffer) Close() {
	b.mu.Lock()
	b.closed = true
	if b.overflow != nil {
		b.queue = append(b.queue, &Block{gap: b.overflow})
		b.overflow = nil
	}
	b.mu.Unlock()
	b.signal()
}

// Wake holds a value when there may be something to take.
func (b *Buffer) Wake() <-chan struct{} { return b.wake }

// Take returns the next block, or nil if none is to be had now; end says that
// none will come. With more, a small block that may still grow stays.
func (b *Buffer) Take(more bool) (c *Block, end bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, wait := b.takeSpilled(); c != nil || wait {
		return c, false
	}
	switch {
	case len(b.queue) == 0:
		return nil, b.closed
	case more && len(b.queue) == 1 && len(b.queue[0].data) < moreSize && b.queue[0].gap == nil && !b.closed:
		return nil, false
	}
	return b.shift(), false
}

// moreSize is how large a block should be to be worth the way to another
// goroutine.
const moreSize = blockSize / 8

// shift takes the front of queue. The mutex is held.
func (b *Buffer) shift() *Block {
	if b.spill != nil {
		b.spill.full = false
	}
	c := b.queue[0]
	b.queue[0] = nil
	if b.queue = b.queue[1:]; len(b.queue) == 0 {
		b.queue = nil
	}
	return c
}

// Done takes a block back.
func (b *Buffer) Done(c *Block) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recycle(c)
	b.pace.finish()
}

// recycle keeps the memory of a block that is no longer queued. The mutex is
// held.
func (b *Buffer) recycle(c *Block) {
	if c.gap != nil {
		return
	}
	b.bytes -= c.held
	// Blocks are kept up to the size of the buffer, so that a burst after a
	// burst takes the same memory and not the same amount once more.
	if c.size() <= 2*blockSize && b.bytes+int64(len(b.free)+1)*c.size() <= max(b.o.Size, leastFree*c.size()) {
		b.free = append(b.free, c.reset())
	}
}

// Book adds l to the ledger and takes what it accounts for off Waiting. What was
// received has been counted when it came.
func (b *Buffer) Book(l Ledger) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.Received, l.Waiting = 0, 0
	b.ledger.Add(&l)
	b.ledger.Waiting -= l.Kept + l.Filtered + l.Rejected
}

// Name returns the name of the source of that number.
func (b *Buffer) Name(n int32) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sources[n]
}

// Ledger returns the counts as they are now.
func (b *Buffer) Ledger() Ledger {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ledger
}

// LastReceived is when the last event came in, the zero time if none has.
func (b *Buffer) LastReceived() time.Time {
	if n := b.lastIn.Load(); n != 0 {
		return b.start.Add(time.Duration(n))
	}
	return time.Time{}
}

func (b *Buffer) feedCount() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.brought)
}
