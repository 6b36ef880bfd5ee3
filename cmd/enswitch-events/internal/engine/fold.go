package engine

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxWorkers is how many processors are of use.
const maxWorkers = 8

// outcome is an End and the error that belongs to it.
type outcome struct {
	end End
	err error
}

func (o outcome) over() bool { return o.end != EndOfInput || o.err != nil }

// folder takes blocks from a source, has them mapped, and folds them in order.
// run is for one goroutine.
type folder struct {
	*Config
	src   Source
	pace  *pace // nil for a capture
	own   *mapper
	stop  atomic.Bool   // nothing more is to be mapped
	found atomic.Bool   // an event was kept
	done  chan struct{} // closed then
	once  sync.Once

	queue   []*Block // taken and not folded, in order
	most    int      // blocks in queue
	results results  // of the blocks in queue
	jobs    chan *Block
	helpers sync.WaitGroup

	folding *Block
	single  *mapper // maps an event of folding again, into scratch
	scratch *Block
	again   func(Place) *Block // mapAgain

	pending  []byte // output that waits for company
	ends     []int  // of the kept events in pending
	unbooked Ledger
	kept     int64 // events that were folded and kept
	sent     int64 // kept events that were written whole, booked those of them that are booked as kept
	booked   int64
	untimed  atomic.Int64
	ended    bool          // the source
	wrote    time.Duration // of the time for the block that is being folded
	writing  atomic.Bool
	writes   sync.Mutex // held by write
	silent   bool       // nothing is to be written any more
}

// newFolder returns a folder of src.
func newFolder(c *Config, src Source) (*folder, error) {
	workers := c.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = min(workers, maxWorkers)
	if c.Sink.InOrder() {
		workers = 1 // each event may depend on those before
	}
	f := &folder{
		Config: c, src: src, done: make(chan struct{}), most: 1,
		pending: append(make([]byte, 0, 2*writeSize), c.Header...),
	}
	var mappers []*mapper
	for range workers {
		m, err := newMapper(c, src, &f.stop, &f.found)
		if err != nil {
			return nil, err
		}
		mappers = append(mappers, m)
	}
	f.own, mappers = mappers[0], mappers[1:]
	f.own.write = f.writePart
	if workers == 1 {
		return f, nil
	}
	var err error
	// It finishes what it has begun: what it maps has been counted.
	if f.single, err = newMapper(c, src, new(atomic.Bool), &f.found); err != nil {
		return nil, err
	}
	f.single.once = true
	f.scratch, f.again = &Block{}, f.mapAgain
	f.most = 2*workers + 2
	f.jobs = make(chan *Block, f.most)
	for _, m := range mappers {
		f.helpers.Go(func() {
			for b := range f.jobs {
				if b.claim() {
					m.run(b, false, c.Count)
					b.ready <- struct{}{}
				}
			}
		})
	}
	return f, nil
}

// start folds in a goroutine of its own.
func (f *folder) start() <-chan outcome {
	folded := make(chan outcome, 1)
	go func() {
		o := f.run()
		f.end()
		if f.jobs != nil {
			close(f.jobs)
		}
		f.helpers.Wait()
		folded <- o
	}()
	return folded
}

// end has run end behind the event that is being mapped.
func (f *folder) end() {
	f.once.Do(func() {
		f.stop.Store(true)
		close(f.done)
	})
}

// run folds until an end of the run, the end of the source, or end.
func (f *folder) run() outcome {
	for !f.stop.Load() {
		f.take()
		if len(f.queue) > 0 {
			if o := f.first(); o.over() {
				return o
			}
			continue
		}
		if o := f.flush(); o.over() || f.ended {
			return o
		}
		select {
		case <-f.src.Wake():
		case <-f.done:
		}
	}
	o := f.flush()
	if !o.over() {
		o.end = EndSignal
	}
	return o
}

// take takes what the source has. All but the first block are for others to map.
func (f *folder) take() {
	for len(f.queue) < f.most && !f.ended {
		b, end := f.src.Take(len(f.queue) > 0)
		if b == nil {
			f.ended = end
			return
		}
		if b.ready == nil {
			b.ready = make(chan struct{}, 1)
		}
		f.results.lend(b)
		f.queue = append(f.queue, b)
		if b.gap != nil {
			continue // a goroutine that holds an old pointer to b must not map it
		}
		b.state.Store(waiting)
		if len(f.queue) > 1 {
			f.jobs <- b // it has room: what others have claimed is taken out again
		}
	}
}

// first folds the first block of the queue.
func (f *folder) first() outcome {
	b := f.queue[0]
	f.folding, f.wrote = b, 0
	began := time.Now()
	var o outcome
	if b.gap != nil {
		o = f.gap(b)
	} else {
		o = f.fold(b)
	}
	if f.pace != nil {
		f.pace.folded(len(b.data), time.Since(began), f.wrote)
	}
	f.queue[0] = nil
	if f.queue = f.queue[1:]; len(f.queue) == 0 {
		f.queue = nil
	}
	f.results.takeBack(b)
	f.src.Done(b)
	return o
}

func (f *folder) fold(b *Block) outcome {
	if !b.claim() {
		if o := f.await(b); o.over() {
			return o
		}
		// A block in which the count is reached is mapped again: what was found
		// behind that place does not count.
		if (f.Count == 0 || b.ledger.Kept < f.Count-f.kept) && f.Sink.Fold(b, f.again) {
			if o := f.piece(b); o.over() {
				return o
			}
		}
	}
	for b.from.at < len(b.data) && !f.stop.Load() {
		limit := int64(0)
		if f.Count > 0 {
			limit = f.Count - f.kept
		}
		f.own.run(b, true, limit)
		if f.own.err != nil {
			f.count(b)
			f.book()
			return outcome{outputEnd(f.own.err), f.own.err}
		}
		f.Sink.Fold(b, f.again)
		if o := f.piece(b); o.over() {
			return o
		}
	}
	if !f.stop.Load() {
		f.tell(b, nil, math.MaxInt)
	}
	return outcome{}
}

// tell passes on what was found in b, and by the reading before the place at.
func (f *folder) tell(b *Block, found []note, at int) {
	rejected := f.Config.tell(b, found, at)
	f.unbooked.Received += rejected
	f.unbooked.Rejected += rejected
}

// await waits for b, which another goroutine maps, and maps other blocks in the
// meantime.
func (f *folder) await(b *Block) outcome {
	for _, other := range f.queue[1:] {
		select {
		case <-b.ready:
			return outcome{}
		default:
		}
		if other.gap == nil && other.claim() {
			f.own.run(other, false, f.Count)
			other.ready <- struct{}{}
		}
	}
	select {
	case <-b.ready:
		return outcome{}
	default:
	}
	o := f.flush()
	<-b.ready
	return o
}

// mapAgain maps one event of the block that is being folded in order.
func (f *folder) mapAgain(p Place) *Block {
	b, s := f.folding, f.scratch
	s.data, s.items, s.files, s.from = b.data, b.items, b.files, p
	f.single.run(s, true, 1)
	return s
}

// piece tells of what has been made of a piece of b, writes it, and goes on behind
// it.
func (f *folder) piece(b *Block) outcome {
	f.tell(b, b.notes, b.to.at)
	f.count(b)
	o := f.put(&b.Out)
	if !o.over() && b.end != EndOfInput {
		if o = f.flush(); !o.over() {
			o.end = b.end
		}
	}
	b.from = b.to
	return o
}

// count counts what has been made of a piece of b.
func (f *folder) count(b *Block) {
	f.untimed.Add(b.untimed)
	f.unbooked.Add(&b.ledger)
	f.kept += b.ledger.Kept
}

// gap tells of a gap, and writes the record of it.
func (f *folder) gap(b *Block) outcome {
	if f.OnGap != nil {
		f.OnGap(*b.gap)
	}
	if !f.ReportGaps {
		return outcome{}
	}
	f.own.gap(b)
	f.Sink.Fold(b, f.again)
	return f.piece(b)
}

// writePart writes what there is of b in the middle of an event.
func (f *folder) writePart(b *Block, now bool) error {
	o := f.put(&b.Out)
	b.Out.Reset(b.data)
	if now && !o.over() {
		o = f.flush()
	}
	return o.err
}

// put writes o, or has it wait for company.
func (f *folder) put(o *Output) outcome {
	out, before := o.Bytes(), len(f.pending)
	for _, end := range o.ends {
		f.ends = append(f.ends, before+end)
	}
	if before == 0 && len(out) >= writeSize {
		return f.write(out)
	}
	if f.pending = append(f.pending, out...); len(f.pending) < writeSize {
		return outcome{}
	}
	return f.flush()
}

// flush writes what waits for company.
func (f *folder) flush() outcome {
	o := f.write(f.pending)
	if f.pending = f.pending[:0]; cap(f.pending) > 64*writeSize {
		f.pending = make([]byte, 0, 2*writeSize) // a giant came by
	}
	return o
}

// write writes out, and books the events that belong to it: those that are kept
// as waiting before, and as kept when they are written. Of a write that fails
// those are kept that went out whole.
func (f *folder) write(out []byte) outcome {
	f.writes.Lock()
	defer f.writes.Unlock()
	if f.silent {
		return outcome{end: EndSignal}
	}
	f.book()
	sent := len(f.ends)
	var o outcome
	if len(out) > 0 {
		began := time.Now()
		f.setWriting(true)
		n, err := f.Out.Write(out)
		f.setWriting(false)
		f.wrote += time.Since(began)
		if err != nil {
			sent, _ = slices.BinarySearch(f.ends, n+1)
			o = outcome{outputEnd(err), err}
		}
	}
	f.sent += int64(sent)
	f.ends = f.ends[:0]
	f.book()
	return o
}

// book books what has been counted since the last time.
func (f *folder) book() {
	l := f.unbooked
	sent := min(f.sent, f.kept) - f.booked // of an event that is still mapped more may be written than counted
	l.Kept, l.Waiting = sent, l.Waiting+l.Kept-sent
	if l != (Ledger{}) {
		f.src.Book(l)
	}
	f.unbooked, f.booked = Ledger{}, f.booked+sent
}

// setWriting says whether the output is being written.
func (f *folder) setWriting(on bool) {
	f.writing.Store(on)
	if f.pace != nil {
		f.pace.writing.Store(on)
	}
}
