package engine

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// blockSize is the number of bytes that are handed from one goroutine to another at
// once: it costs the same for one event as for a thousand.
const blockSize = 128 << 10

// itemSize is the memory that an event takes in a block besides its bytes.
const itemSize = 24

// Block is a number of consecutive events, each followed by a newline, or the mark of
// a gap between events; and the result of mapping them.
type Block struct {
	data  []byte
	items []item // the events of a live feed
	files []span // the lines of a capture, which are split while they are mapped
	gap   *Gap   // of a block that marks a gap
	held  int64  // bytes of the buffer's memory

	// What was found while a capture was read.
	readNotes    []note
	readReported int // of readNotes

	toMap atomic.Bool   // set until a goroutine claims the block to map it
	ready chan struct{} // holds a value once another goroutine has mapped the block
	fell  error         // the panic of that goroutine

	from Place // where the piece begins that result belongs to
	result
}

// result is the result of mapping a block, or a piece of one.
type result struct {
	// Out is the output.
	Out Output
	// Part is for the sink.
	Part any

	to     Place // where the piece ends: after the last event that is counted
	end    End
	limit  int64 // number of events that may still be kept, 0 for any number
	ledger Ledger
	// When the first and the last kept event of a live feed were received, in Unix
	// nanoseconds.
	firstKept, lastKept int64
	untilKept           int64 // events up to the last kept one

	untimed  int64 // events without a timestamp to compare with the bounds
	notes    []note
	noteSize int
}

// item is one event of a live feed.
type item struct {
	end      int   // offset in data, after its newline
	received int64 // Unix nanoseconds
	source   int32 // number of the name
}

// span is consecutive lines of one file. It ends where the next span begins.
type span struct {
	begin  int // offset in data
	name   string
	file   int   // number of the file in CaptureOptions.Names
	offset int64 // of begin in the uncompressed file
}

// Place is a place between two events of a block.
type Place struct {
	at   int // offset in data
	item int // index of the item, or of the span
}

// claim reports whether the caller is the one that maps b.
func (b *Block) claim() bool { return b.toMap.CompareAndSwap(true, false) }

func (b *Block) size() int64 { return int64(cap(b.data) + itemSize*cap(b.items)) }

// reset empties b for other events, in the same memory.
func (b *Block) reset() *Block {
	b.toMap.Store(false)
	b.data, b.items, b.files, b.gap = b.data[:0], b.items[:0], b.files[:0], nil
	b.readNotes, b.readReported = b.readNotes[:0], 0
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

// resultPool is memory for results. A block has some only from the time it is taken
// until it is folded: thousands of blocks may wait, and each would keep the memory
// of its output.
type resultPool struct{ free []result }

// lend gives memory to b.
func (p *resultPool) lend(b *Block) {
	if n := len(p.free); n > 0 {
		b.result = p.free[n-1]
		p.free = p.free[:n-1]
	}
}

// takeBack takes the memory of b, unless it is large.
func (p *resultPool) takeBack(b *Block) {
	mem := result{Out: b.Out, Part: b.Part, notes: b.notes}
	mem.Out.Reset(nil)
	if cap(mem.Out.text) > maxOut {
		mem.Out.text = nil
	}
	p.free = append(p.free, mem)
	b.result = result{}
}

// begin begins a new result, for the events from b.from on.
func (b *Block) begin() {
	b.Out.Reset(b.data)
	b.result = result{Out: b.Out, Part: b.Part, to: b.from, notes: b.notes[:0]}
}

// PartOf returns the Part of b, which is a *T for a sink: a new one for a block that has
// none yet, and else the one of an earlier block, for its memory.
func PartOf[T any](b *Block) *T {
	p, ok := b.Part.(*T)
	if !ok {
		p = new(T)
		b.Part = p
	}
	return p
}

// Stop ends the run after the event that is being mapped.
func (b *Block) Stop(end End) { b.end = end }

// KeepEarlier counts n events as kept that were counted as filtered earlier. It ends the
// run if no more may be kept.
func (b *Block) KeepEarlier(n int64) {
	b.ledger.Kept += n
	b.ledger.Filtered -= n
	for range n {
		b.Out.mark()
	}
	if b.Full() && b.end == EndOfInput {
		b.end = EndCount
	}
}

// Full reports whether as many events of b are kept as the run may keep.
func (b *Block) Full() bool { return b.limit > 0 && b.ledger.Kept >= b.limit }

// Output is the bytes to write for a piece of a block: lines of the block's data
// as they are, and text. Lines that follow each other in data are copied only when
// text follows, so a block that is kept whole is written without a copy.
type Output struct {
	data       []byte
	text       []byte
	begin, end int    // data[begin:end] follows text
	ends       []int  // offset after each kept event
	write      func() // writes what there is so far and empties it; nil if it is to be kept
}

// Flush writes what Fold or Finish has written so far, so that all of it need not be in
// memory.
func (o *Output) Flush() {
	if o.write != nil {
		o.write()
	}
}

// mark marks the end of a kept event.
func (o *Output) mark() { o.ends = append(o.ends, o.Len()) }

// Reset empties o. Verbatim then adds bytes of data.
func (o *Output) Reset(data []byte) {
	*o = Output{data: data, text: o.text[:0], ends: o.ends[:0], write: o.write}
}

// Len is the number of bytes.
func (o *Output) Len() int { return len(o.text) + o.end - o.begin }

// Verbatim adds data[begin:end].
func (o *Output) Verbatim(begin, end int) {
	if begin != o.end {
		o.copyVerbatim()
		o.begin = begin
	}
	o.end = end
}

// Text returns the whole output as text. The caller may append to it and hands the
// result to SetText.
func (o *Output) Text() []byte {
	o.copyVerbatim()
	return o.text
}

// SetText makes text the whole output.
func (o *Output) SetText(text []byte) { o.text = text }

// Truncate keeps the first n bytes.
func (o *Output) Truncate(n int) {
	if n >= len(o.text) {
		o.end = o.begin + n - len(o.text)
		return
	}
	o.text, o.begin, o.end = o.text[:n], 0, 0
}

// Replace replaces the bytes from begin to end by other.
func (o *Output) Replace(begin, end int, other []byte) {
	o.text = slices.Replace(o.Text(), begin, end, other...)
	for i := len(o.ends) - 1; i >= 0 && o.ends[i] >= end; i-- {
		o.ends[i] += len(other) - (end - begin)
	}
}

// Bytes returns the output. It is valid until o changes.
func (o *Output) Bytes() []byte {
	if len(o.text) == 0 {
		return o.data[o.begin:o.end]
	}
	return o.Text()
}

// copyVerbatim copies the bytes of data that follow text to its end.
func (o *Output) copyVerbatim() {
	o.text = append(o.text, o.data[o.begin:o.end]...)
	o.begin = o.end
}

// Texts calls yield with the parts of captures in b: the number of the file, the offset in
// it, uncompressed, and the lines. It is for Fold; of a block that is folded in pieces the
// first has them all.
func (b *Block) Texts(yield func(file int, offset int64, text []byte)) {
	if b.from != (Place{}) {
		return
	}
	for i, s := range b.files {
		end := len(b.data)
		if i+1 < len(b.files) {
			end = b.files[i+1].begin
		}
		yield(s.file, s.offset, b.data[s.begin:end])
	}
}

// showRecord has w write the record that is all of b, as e: an event of the program's own.
func (b *Block) showRecord(w Worker, e *Event, at time.Time, source string) {
	e.block, e.begin, e.end, e.verbatim = b, 0, len(b.data), true
	e.Event = event.Event{Raw: b.data[:len(b.data)-1], Received: at, Source: source}
	w.Begin(b, true)
	if e.X.Scan(e.Raw) == nil {
		w.Show(e)
	}
	w.End(b)
}

// Event is an event that is being mapped. It is valid during the call.
type Event struct {
	event.Event
	// X has scanned Raw.
	X event.Index

	block      *Block
	begin, end int  // in the block's data, its newline included
	verbatim   bool // data[begin:end] is Raw and a newline
	item       int
}

// Block is the block that contains e.
func (e *Event) Block() *Block { return e.block }

// Origin returns where in the captures e begins: the number of the file, and the offset
// in it, uncompressed. The same event of the same file has the same origin in each run.
func (e *Event) Origin() (file int, offset int64) {
	f := &e.block.files[e.item]
	return f.file, f.offset + int64(e.begin-f.begin)
}

// place is where e begins.
func (e *Event) place() Place { return Place{e.begin, e.item} }

// Set makes e an event that is not in the block. X is not changed.
func (e *Event) Set(ev event.Event) { e.Event, e.verbatim = ev, false }

// WriteVerbatim writes e as it is in the block, with its newline. It reports false if
// the block does not have it so, and nothing was written.
func (e *Event) WriteVerbatim() bool {
	if e.verbatim {
		e.block.Out.Verbatim(e.begin, e.end)
	}
	return e.verbatim
}
