package engine

import (
	"slices"
	"sync/atomic"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// blockSize is how many bytes of events travel between goroutines at once. A
// hand-over costs the same for one event as for a thousand.
const blockSize = 128 << 10

// itemSize is what an event costs in a block beside its bytes.
const itemSize = 24

// Block is some events in a row, each with its newline, or the mark of a gap
// between them, and what was made of them.
type Block struct {
	data  []byte
	items []item // of a live feed; the lines of a capture are found by Map
	files []span // of a capture
	gap   *Gap
	held  int64 // of the buffer's memory

	// What the reading of a capture found between the lines.
	readNotes []note
	readTold  int // of readNotes

	state atomic.Int32
	ready chan struct{} // holds a value once another goroutine has mapped it

	from Place // where the piece begins that result is about
	result
}

// result is what was made of a block, or of a piece of it.
type result struct {
	// Out is what is to be written.
	Out Output
	// Part is the sink's own.
	Part any

	to       Place // behind the last event that is accounted for
	end      End
	ledger   Ledger
	untimed  int64
	notes    []note
	noteSize int
}

// item is one event of a live feed.
type item struct {
	end      int   // of its bytes in data and a newline
	received int64 // Unix nanoseconds
	source   int32 // number of its name
}

// span is lines in a row of one file, up to the begin of the next span.
type span struct {
	begin  int // in data
	name   string
	offset int64 // of begin in the text of the file
}

// Place is a place between two events of a block.
type Place struct {
	at   int // in data
	item int // number of the item, or of the span
}

// The states of a block.
const (
	idle    = iota // not in the engine's hands
	waiting        // to be mapped
	claimed        // by a goroutine that maps it
)

// claim reports whether the caller is the one to map b.
func (b *Block) claim() bool { return b.state.CompareAndSwap(waiting, claimed) }

func (b *Block) size() int64 { return int64(cap(b.data) + itemSize*cap(b.items)) }

// reset makes b ready for other events, in the same memory unless that is large.
func (b *Block) reset() *Block {
	b.state.Store(idle)
	b.data, b.items, b.files, b.gap = b.data[:0], b.items[:0], b.files[:0], nil
	b.readNotes, b.readTold = b.readNotes[:0], 0
	b.from = Place{}
	b.begin()
	return b
}

// add adds the events of c, for which b has room.
func (b *Block) add(c *Block) {
	base := len(b.data)
	b.data = append(b.data, c.data...)
	for _, it := range c.items {
		it.end += base
		b.items = append(b.items, it)
	}
}

// results is memory for what is made of blocks. A block has some only between
// being taken and being folded: blocks that wait may be many, and each would keep
// what its output took.
type results struct{ free []result }

// lend gives memory to b.
func (r *results) lend(b *Block) {
	if n := len(r.free); n > 0 {
		b.result = r.free[n-1]
		r.free = r.free[:n-1]
	}
}

// takeBack takes the memory of b, unless that is large.
func (r *results) takeBack(b *Block) {
	mem := result{Out: b.Out, Part: b.Part, notes: b.notes}
	mem.Out.Reset(nil)
	if cap(mem.Out.text) > maxOut {
		mem.Out.text = nil
	}
	r.free = append(r.free, mem)
	b.result = result{}
}

// begin forgets what was made of b from b.from on.
func (b *Block) begin() {
	b.Out.Reset(b.data)
	b.result = result{Out: b.Out, Part: b.Part, to: b.from, notes: b.notes[:0]}
}

// Stop ends the run behind the event that is being mapped.
func (b *Block) Stop(end End) { b.end = end }

// Instead counts n events as kept that have been counted as filtered before.
func (b *Block) Instead(n int64) {
	b.ledger.Kept += n
	b.ledger.Filtered -= n
	for range n {
		b.Out.mark()
	}
}

// Output is text to be written: some rows of a block's data as they are, or
// text of its own. Rows are copied only if something else follows, so of a block
// that is kept as a whole nothing is.
type Output struct {
	data       []byte
	text       []byte
	begin, end int   // of the rows that follow text
	ends       []int // of the kept events in what is to be written
}

// mark notes that a kept event ends here.
func (o *Output) mark() { o.ends = append(o.ends, o.Len()) }

// Reset empties o. The rows to come are of data.
func (o *Output) Reset(data []byte) {
	*o = Output{data: data, text: o.text[:0], ends: o.ends[:0]}
}

// Len is how many bytes are to be written.
func (o *Output) Len() int { return len(o.text) + o.end - o.begin }

// Row adds data[begin:end].
func (o *Output) Row(begin, end int) {
	if begin != o.end {
		o.settle()
		o.begin = begin
	}
	o.end = end
}

// Text returns all there is to be written so far; Set takes it back with more
// appended.
func (o *Output) Text() []byte {
	o.settle()
	return o.text
}

// Set makes text what is to be written.
func (o *Output) Set(text []byte) { o.text = text }

// Truncate leaves the first n bytes.
func (o *Output) Truncate(n int) {
	if n >= len(o.text) {
		o.end = o.begin + n - len(o.text)
		return
	}
	o.text, o.begin, o.end = o.text[:n], 0, 0
}

// Replace puts other in the place of the bytes from begin to end.
func (o *Output) Replace(begin, end int, other []byte) {
	o.text = slices.Replace(o.Text(), begin, end, other...)
	for i := len(o.ends) - 1; i >= 0 && o.ends[i] >= end; i-- {
		o.ends[i] += len(other) - (end - begin)
	}
}

// Bytes returns what is to be written.
func (o *Output) Bytes() []byte {
	if len(o.text) == 0 {
		return o.data[o.begin:o.end]
	}
	return o.Text()
}

func (o *Output) settle() {
	o.text = append(o.text, o.data[o.begin:o.end]...)
	o.begin = o.end
}

// Event is an event that is being mapped. It is valid during the call.
type Event struct {
	event.Event
	X event.Index

	block      *Block
	begin, end int  // in the block's data, its newline included
	verbatim   bool // the bytes from begin to end are Raw and a newline
	item       int
}

// Block is the block that e belongs to.
func (e *Event) Block() *Block { return e.block }

// place is where e begins.
func (e *Event) place() Place { return Place{e.begin, e.item} }

// Set makes e an event that is not in the block.
func (e *Event) Set(ev event.Event) { e.Event, e.verbatim = ev, false }

// Verbatim writes e as it is in the block, with its newline, and reports whether
// that was possible.
func (e *Event) Verbatim() bool {
	if e.verbatim {
		e.block.Out.Row(e.begin, e.end)
	}
	return e.verbatim
}
