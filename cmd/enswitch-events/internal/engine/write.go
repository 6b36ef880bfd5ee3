package engine

import (
	"slices"
	"sync"
	"time"
)

// writePart writes the output of b in the middle of an event.
func (f *folder) writePart(b *Block, now bool) error {
	if a := f.absence; a != nil {
		if o := a.kept(b.items[f.own.ev.item].received); o.over() {
			return o.err
		}
	}
	o := f.put(&b.Out)
	b.Out.Reset(b.data)
	if now && !o.over() {
		o = f.flush()
	}
	return o.err
}

// foldSink has the sink fold b, which may write before it returns.
func (f *folder) foldSink(b *Block) bool {
	f.early, b.Out.write = outcome{}, f.writeEarly
	done := f.Sink.Fold(b, f.remap)
	b.Out.write = nil
	return done
}

// putEarly writes the output of the block that is being folded, as far as there is any.
func (f *folder) putEarly() {
	b := f.folding
	if !f.early.over() {
		f.early = f.put(&b.Out)
	}
	b.Out.Reset(b.data)
}

// putRest puts the output of b that was not written early.
func (f *folder) putRest(b *Block) outcome {
	if f.early.over() {
		return f.early
	}
	return f.put(&b.Out)
}

// put writes o, or adds it to pending if it is small and can wait.
func (f *folder) put(o *Output) outcome {
	out, before := o.Bytes(), len(f.pending)
	for _, end := range o.ends {
		f.ends = append(f.ends, before+end)
	}
	if before == 0 && len(out) >= writeSize {
		return f.write(out)
	}
	if f.pending = append(f.pending, out...); !f.Prompt && len(f.pending) < writeSize && len(f.ends) < maxEnds && time.Since(f.lastWrite) < maxPending {
		return outcome{}
	}
	return f.flush()
}

// flush writes pending.
func (f *folder) flush() outcome {
	o := f.write(f.pending)
	if f.pending = f.pending[:0]; cap(f.pending) > 64*writeSize {
		f.pending = make([]byte, 0, 2*writeSize) // frees the memory of a giant event
	}
	return o
}

// write writes out and books its events. Kept events are booked as waiting before the
// write and as kept after it; if it fails, only those that were written in full.
func (f *folder) write(out []byte) outcome {
	f.writes.Lock()
	defer f.writes.Unlock()
	if f.silent {
		return outcome{end: EndSignal}
	}
	f.book()
	written := len(f.ends)
	var o outcome
	if len(out) > 0 {
		f.setWriting(true)
		n, err := f.Out.Write(out)
		f.wrote += f.setWriting(false)
		if err != nil {
			written, _ = slices.BinarySearch(f.ends, n+1)
			o = outcome{outputEnd(err), err}
		}
	}
	f.lastWrite = time.Now()
	f.written += int64(written)
	f.ends = f.ends[:0]
	f.book()
	return o
}

// book books the events that were counted since the last call.
func (f *folder) book() {
	l := f.unbooked
	// An event of which a part was written early may be written before it is counted.
	kept := min(f.written, f.kept) - f.booked
	l.Kept, l.Waiting = kept, l.Waiting+l.Kept-kept
	if l != (Ledger{}) {
		f.src.Book(l)
	}
	f.unbooked, f.booked = Ledger{}, f.booked+kept
}

// setWriting notes that a write begins, or that it has ended after that time.
func (f *folder) setWriting(on bool) (took time.Duration) {
	if f.pace != nil {
		f.pace.writing.Store(on)
	}
	return f.writing.set(on)
}

// stopwatch sums up the time between starts and stops. Its methods can be called by several
// goroutines.
type stopwatch struct {
	mu    sync.Mutex
	total time.Duration
	began time.Time // zero while it is stopped
}

// set starts the watch, or stops it after the time that it returns.
func (w *stopwatch) set(on bool) (ran time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if on {
		w.began = time.Now()
		return 0
	}
	ran = time.Since(w.began)
	w.total, w.began = w.total+ran, time.Time{}
	return ran
}

// read returns the sum so far.
func (w *stopwatch) read() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.began.IsZero() {
		return w.total
	}
	return w.total + time.Since(w.began)
}
