package engine

import (
	"math"
	"time"
)

// foldFirst folds the first block of the queue and takes it out.
func (f *folder) foldFirst() outcome {
	b := f.queue[0]
	f.folding, f.wrote = b, 0
	began := time.Now()
	f.lastFold = began
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

// fold folds b, in pieces if it is not mapped at once.
func (f *folder) fold(b *Block) outcome {
	if !b.claim() {
		if o := f.await(b); o.over() {
			return o
		}
		if b.fell != nil {
			return outcome{EndFault, b.fell}
		}
		// A block in which the count is reached is mapped again up to there: nothing
		// after it counts.
		if (f.Count == 0 || b.ledger.Kept < f.Count-f.kept) && f.foldSink(b) {
			if o := f.finish(b); o.over() {
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
		f.foldSink(b)
		if o := f.finish(b); o.over() {
			return o
		}
	}
	if !f.stop.Load() {
		f.report(b, nil, math.MaxInt)
	}
	return outcome{}
}

// await waits until a helper has mapped b, and maps other blocks in the meantime.
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

// remapEvent maps the event at p in the block that is being folded again, in order.
func (f *folder) remapEvent(p Place) *Block {
	b, s := f.folding, f.scratch
	s.data, s.items, s.files, s.from = b.data, b.items, b.files, p
	f.single.run(s, true, 1)
	return s
}

// finish reports the notes about a piece of b, counts its events, writes its output
// and goes on to the next piece.
func (f *folder) finish(b *Block) outcome {
	f.report(b, b.notes, b.to.at)
	if o := f.absence.folded(b); o.over() {
		return o
	}
	f.count(b)
	o := f.putRest(b)
	if !o.over() && b.end != EndOfInput {
		if o = f.flush(); !o.over() {
			o.end = b.end
		}
	}
	b.from = b.to
	return o
}

// count counts the events of a piece of b.
func (f *folder) count(b *Block) {
	f.untimed.Add(b.untimed)
	f.unbooked.Add(&b.ledger)
	f.kept += b.ledger.Kept
}

// gap reports the gap that b marks, and writes its record.
func (f *folder) gap(b *Block) outcome {
	if f.OnGap != nil {
		f.OnGap(*b.gap)
	}
	if !f.ReportGaps {
		return outcome{}
	}
	f.own.gap(b)
	f.foldSink(b)
	return f.finish(b)
}
