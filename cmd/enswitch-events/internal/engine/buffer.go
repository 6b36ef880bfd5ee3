package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/join"
)

// minFree is the number of empty blocks that are kept for reuse however small the
// buffer is.
const minFree = 8

// BufferOptions are the bounds of a Buffer and the functions that it calls.
type BufferOptions struct {
	// Size bounds the memory for waiting events, in bytes.
	Size int64
	// OnOverflow is called when events begin to be dropped, with none counted yet. It
	// must not call the Buffer.
	OnOverflow func(Gap)
	// Record gets every event first, whatever happens to it later. It must not block,
	// and with several feeds it must be safe for concurrent use. It may be nil.
	Record func(raw []byte)
	// Spill is where events go that have no room in memory.
	Spill Spill
	// Guard runs the goroutine that writes to disk; nil to just run it. See [cli.App.Guard].
	Guard func(func())
}

// Buffer is between the sources, which must not wait, and the filters, which may.
// Sources put events in through a [Feed], and Run takes them out. When the memory is
// full, events go to disk; when that is full too, they are dropped and counted, and
// a [Gap] marks the place. The Buffer keeps the ledger.
type Buffer struct {
	o      BufferOptions
	wake   chan struct{} // holds a value when there may be a block to take
	start  time.Time
	lastIn atomic.Int64 // time from start to the last event, by the monotonic clock
	pace   pace

	mu       sync.Mutex
	queue    []*Block
	bytes    int64
	free     []*Block
	closed   bool
	ledger   Ledger
	overflow *Gap             // not nil while events are being dropped
	sources  []string         // names by number
	numbers  map[string]int32 // of the names
	received []int64          // number of events by name
	progress progress
	joined   *join.Set
	spill    *spiller // nil without
}

// NewBuffer returns an empty Buffer. The caller must call Release at the end.
func NewBuffer(o BufferOptions) *Buffer {
	b := &Buffer{
		o: o, wake: make(chan struct{}, 1), start: time.Now(), numbers: map[string]int32{},
		joined: join.NewSet(), pace: pace{finished: make(chan struct{}, 1)},
	}
	if o.Spill.Size > 0 {
		b.spill = newSpiller(o.Spill)
		if o.Guard == nil {
			go b.spillLoop()
		} else {
			go o.Guard(b.spillLoop)
		}
	}
	return b
}

// number returns the number of a source's name. The mutex is held.
func (b *Buffer) number(name string) int32 {
	n, known := b.numbers[name]
	switch {
	case known:
		return n
	case len(b.sources) >= maxSources-1 && name != otherSource:
		return b.number(otherSource)
	}
	n = int32(len(b.sources))
	b.sources, b.numbers[name], b.received = append(b.sources, name), n, append(b.received, 0)
	return n
}

// maxSources bounds the table of names: anyone who POSTs adds to it. Sources past that
// share the last name, otherSource.
const (
	maxSources  = 4096
	otherSource = "other"
)

// push puts f.cur at the end of the queue and returns an empty block to replace it. The
// mutex is held.
func (b *Buffer) push(f *Feed) *Block {
	c := f.cur
	b.ledger.Received += int64(len(c.items))
	last := b.lastFor(c)
	if last == nil && b.noRoom(c) {
		b.drop(c)
		return b.emptied(c)
	}
	if b.joined.Several() {
		b.leaveOut(f)
	}
	b.ledger.Waiting += int64(len(c.items))
	f.placed = [2]int64{b.progress.placed, b.progress.placed + int64(len(c.items))}
	b.progress.placed = f.placed[1]
	switch {
	case len(c.items) == 0:
		return b.emptied(c)
	case last != nil:
		last.add(c)
		return c.reset()
	case b.overflow != nil:
		b.queue = append(b.queue, &Block{gap: b.overflow})
		b.overflow = nil
	}
	c.held = c.size()
	b.bytes += c.held
	b.queue = append(b.queue, c)
	if b.spillWanted(b.o.Size / 4 * 3) {
		b.wakeSpiller()
	}
	return b.block()
}

// lastFor returns the last block of the queue if it has room for c, else nil. Small
// blocks are put together like this because each takes the memory of a large one. The
// mutex is held.
func (b *Buffer) lastFor(c *Block) *Block {
	if len(b.queue) == 0 || b.overflow != nil {
		return nil
	}
	last := b.queue[len(b.queue)-1]
	if last.gap != nil || cap(last.data)-len(last.data) < len(c.data) || cap(last.items)-len(last.items) < len(c.items) {
		return nil
	}
	return last
}

// drop counts the events of c as dropped. The mutex is held.
func (b *Buffer) drop(c *Block) {
	n := int64(len(c.items))
	if b.overflow == nil {
		b.overflow = &Gap{Reason: "overflow", From: time.Unix(0, c.items[0].received)}
		b.ledger.Gaps++
		if b.o.OnOverflow != nil {
			b.o.OnOverflow(*b.overflow)
		}
	}
	b.overflow.To = time.Unix(0, c.items[n-1].received)
	b.overflow.Dropped += n
	b.ledger.Dropped += n
}

// emptied returns c, or another block if it is large, for other events. The mutex
// is held.
func (b *Buffer) emptied(c *Block) *Block {
	if c.size() > 2*blockSize {
		return b.block()
	}
	return c.reset()
}

// noRoom reports whether there is no memory for c. One block may go past the size if
// the disk will make room: a large event cannot be moved there in time, and a small
// buffer consists of one or two blocks. The mutex is held.
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

// notify puts a value into ch, which has room for one, unless it holds one already.
func notify(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// Close says that no more events will be put in. Those that wait can still be taken.
func (b *Buffer) Close() {
	b.mu.Lock()
	b.closed = true
	if b.overflow != nil {
		b.queue = append(b.queue, &Block{gap: b.overflow})
		b.overflow = nil
	}
	b.mu.Unlock()
	b.Poke()
}

// Poke starts a new turn of the loop that folds, even if no event has come.
func (b *Buffer) Poke() { notify(b.wake) }

// Wake implements Source.
func (b *Buffer) Wake() <-chan struct{} { return b.wake }

// Take implements Source.
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

// moreSize is the size from which a block is worth handing to another goroutine.
const moreSize = blockSize / 8

// shift takes the first block of queue. The mutex is held.
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

// Done implements Source.
func (b *Buffer) Done(c *Block) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recycle(c)
	b.pace.finish()
}

// recycle keeps the memory of a block for other events. The mutex is held.
func (b *Buffer) recycle(c *Block) {
	if c.gap != nil {
		return
	}
	b.bytes -= c.held
	// As many are kept as the buffer may hold, so that one burst after the other uses
	// the same memory.
	if c.size() <= 2*blockSize && b.bytes+int64(len(b.free)+1)*c.size() <= max(b.o.Size, minFree*c.size()) {
		b.free = append(b.free, c.reset())
	}
}

// Book implements Source. Events count as received when they come in, and as waiting
// until they are booked.
func (b *Buffer) Book(l Ledger) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.progress.book(&l)
	l.Received, l.Waiting = 0, 0
	b.ledger.Add(&l)
	b.ledger.Waiting -= l.Kept + l.Filtered + l.Rejected
}

// Name implements Source.
func (b *Buffer) Name(n int32) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sources[n]
}

// Ledger returns the counts so far. They add up.
func (b *Buffer) Ledger() Ledger {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ledger
}

// SourceCount is how many events came from a source.
type SourceCount struct {
	Source string
	Events int64
}

// Received returns how many events came from each source, in the order in which the sources
// were first seen. At most some 4,000 are told apart; the last one, "other", has the rest.
func (b *Buffer) Received() []SourceCount {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]SourceCount, len(b.sources))
	for i, name := range b.sources {
		all[i] = SourceCount{name, b.received[i]}
	}
	return all
}

// LastReceived is the time at which the last event came in, zero if none has.
func (b *Buffer) LastReceived() time.Time {
	if n := b.lastIn.Load(); n != 0 {
		return b.start.Add(time.Duration(n))
	}
	return time.Time{}
}
