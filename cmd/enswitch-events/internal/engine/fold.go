package engine

import (
	"cmp"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/fault"
)

// maxWorkers bounds the goroutines that map: more are of no use.
const maxWorkers = 8

// maxEnds bounds the kept events whose output waits for more: a sink may write nothing for
// most of them.
const maxEnds = 16 << 10

// maxPending bounds how long output waits for more: a slow filter may take minutes for
// the next 64 KiB.
const maxPending = 50 * time.Millisecond

// outcome is an End and the error that belongs to it.
type outcome struct {
	end End
	err error
}

func (o outcome) over() bool { return o.end != EndOfInput || o.err != nil }

// folder takes blocks from a source, has them mapped, and folds them in order. run
// is for one goroutine, which also maps; helpers are the other goroutines that map.
type folder struct {
	*Config
	src     Source
	pace    *pace // nil for a capture
	own     *mapper
	stop    atomic.Bool   // set when nothing more is to be mapped
	done    chan struct{} // closed then
	once    sync.Once     // guards done
	anyKept atomic.Bool   // set when an event was kept

	queue    []*Block // taken and not folded yet, in order
	maxQueue int
	ended    bool       // the source has no more blocks
	results  resultPool // for the blocks in queue
	jobs     chan *Block
	helpers  sync.WaitGroup

	folding *Block
	single  *mapper // maps one event of folding again, into scratch
	scratch *Block
	remap   func(Place) *Block // remapEvent

	ticker   Ticker // the sink, nil if it is no Ticker
	timer    *time.Timer
	lastFold time.Time
	extra    Output // of ticker
	absence  *absence

	writeEarly func()  // putEarly
	early      outcome // of what the sink has written while it folds the block

	pending   []byte // output to be written together with more
	lastWrite time.Time
	ends      []int // offset after each kept event in pending
	unbooked  Ledger
	kept      int64         // events that were folded and kept
	written   int64         // kept events that were written in full
	booked    int64         // events that were booked as kept
	wrote     time.Duration // time spent in writes for the block that is being folded

	// Read when the run is over.
	untimed         atomic.Int64 // events without a timestamp to compare with the bounds
	back, unordered int64        // see Captures.Disorder

	writing stopwatch  // runs during a write
	writes  sync.Mutex // held during a write
	silent  bool       // nothing is to be written any more
}

// newFolder returns a folder of src.
func newFolder(c *Config, src Source) (*folder, error) {
	workers := c.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = min(workers, maxWorkers)
	if c.Sink.InOrder() {
		workers = 1
	}
	f := &folder{
		Config: c, src: src, done: make(chan struct{}), maxQueue: 1,
		pending: append(make([]byte, 0, 2*writeSize), c.Header...),
		timer:   newTimer(0),
	}
	f.writeEarly = f.putEarly
	f.ticker, _ = c.Sink.(Ticker)
	var err error
	if f.absence, err = newAbsence(c.Absence, f); err != nil {
		return nil, err
	}
	var mappers []*mapper
	for range workers {
		m, err := newMapper(c, src, &f.stop, &f.anyKept)
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
	// stop does not stop it: the event that it maps again has been counted.
	if f.single, err = newMapper(c, src, new(atomic.Bool), &f.anyKept); err != nil {
		return nil, err
	}
	f.single.single = true
	f.scratch, f.remap = &Block{}, f.remapEvent
	f.maxQueue = 2*workers + 2
	f.jobs = make(chan *Block, f.maxQueue)
	for _, m := range mappers {
		f.helpers.Go(func() {
			for b := range f.jobs {
				if b.claim() {
					b.fell = m.try(b, c.Count)
					b.ready <- struct{}{}
				}
			}
		})
	}
	return f, nil
}

// start runs run in a goroutine. The channel gets its outcome when everything that
// maps has ended.
func (f *folder) start() <-chan outcome {
	folded := make(chan outcome, 1)
	go func() {
		o := f.try()
		f.end()
		if f.jobs != nil {
			close(f.jobs)
		}
		f.helpers.Wait()
		folded <- o
	}()
	return folded
}

// try is like run but turns a panic into an outcome.
func (f *folder) try() (o outcome) {
	var err error
	defer func() {
		if err != nil {
			o = outcome{EndFault, err}
		}
	}()
	defer fault.Catch(&err)
	return f.run()
}

// try maps b like run but turns a panic into an error.
func (m *mapper) try(b *Block, count int64) (err error) {
	defer fault.Catch(&err)
	m.run(b, false, count)
	return nil
}

// end makes run end after the event that is being mapped.
func (f *folder) end() {
	f.once.Do(func() {
		f.stop.Store(true)
		close(f.done)
	})
}

// run folds until the run or the source ends, or end is called.
func (f *folder) run() outcome {
	for !f.stop.Load() {
		if f.Turn != nil {
			f.Turn()
		}
		behind := f.behind() // before take: what a feed puts in before it catches up is old
		f.absence.look()
		f.take()
		if len(f.queue) > 0 {
			if o := f.foldFirst(); o.over() {
				return o
			}
			continue
		}
		if f.ended {
			return f.finishRun()
		}
		if o := f.flush(); o.over() {
			return o
		}
		if o := f.tick(behind); o.over() {
			return o
		}
		if o := f.absence.idle(behind); o.over() {
			return o
		}
		select {
		case <-f.timer.C:
		case <-f.absence.due():
		case <-f.src.Wake():
			// Sources that are ready now run first, so that their events share a write.
			// An event that is alone does not wait.
			runtime.Gosched()
		case <-f.done:
		}
	}
	o := f.flush()
	if !o.over() {
		o.end = EndSignal
	}
	return o
}

// tick gives the sink the time when nothing comes, if it wants it.
func (f *folder) tick(behind bool) outcome {
	if f.ticker == nil {
		return outcome{}
	}
	if behind {
		f.timer.Stop()
		f.lastFold = time.Now()
		return outcome{}
	}
	if f.lastFold.IsZero() {
		f.lastFold = time.Now()
	}
	next, end := f.ticker.Tick(time.Since(f.lastFold), &f.extra)
	if f.timer.Stop(); next > 0 {
		f.timer.Reset(next)
	}
	o := f.putExtra()
	o.end = cmp.Or(o.end, end)
	return o
}

// behind reports whether the events that come are old.
func (f *folder) behind() bool { return f.Behind != nil && f.Behind() }

// finishRun writes what the sink adds at the end of the input.
func (f *folder) finishRun() outcome {
	if f.ticker != nil {
		var o outcome
		f.extra.write = func() {
			if !o.over() {
				o = f.put(&f.extra)
			}
			f.extra.Reset(nil)
		}
		f.ticker.Finish(&f.extra)
		f.extra.Flush()
		if f.extra.write = nil; o.over() {
			return o
		}
	}
	return f.flush()
}

// putExtra writes the output that belongs to no block.
func (f *folder) putExtra() outcome {
	o := f.put(&f.extra)
	f.extra.Reset(nil)
	if o.over() {
		return o
	}
	return f.flush()
}

// take takes the blocks that the source has. The helpers may map all but the first.
func (f *folder) take() {
	for len(f.queue) < f.maxQueue && !f.ended {
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
			continue // a helper that still has b from an earlier use must not map it
		}
		b.toMap.Store(true)
		if len(f.queue) > 1 {
			f.jobs <- b // does not block: helpers also take out what run has mapped
		}
	}
}
