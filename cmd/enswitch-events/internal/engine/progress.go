package engine

import (
	"context"
	"sync/atomic"
	"time"
)

// A source that can wait, and that must know which of its events are written, uses
// [Feed.FlushWait], [Feed.Place] and [Buffer.Written]. Events leave the buffer in the order in
// which they came in, whatever feed they are of, so that a number says which are written.

// progress is how far the events of a buffer are. It is guarded by the buffer's mutex, but
// for written.
type progress struct {
	placed    int64 // events that were put in
	folded    int64 // events that were taken out and counted
	unwritten int64 // events that were counted and kept, and are not written
	written   atomic.Int64
	watchers  []chan struct{}
}

// book notes what a ledger says of events that were taken.
func (p *progress) book(l *Ledger) {
	p.folded += l.Received
	if p.unwritten += l.Waiting; p.unwritten > 0 || p.folded == p.written.Load() {
		return
	}
	p.written.Store(p.folded)
	for _, ch := range p.watchers {
		notify(ch)
	}
}

// Written returns how many of the events that were put in are written, or were dropped by
// the filters or as no event: the first ones, in the order of [Feed.Place]. What a sink holds
// in memory, as the events of a call, counts as written. It is safe for concurrent use.
func (b *Buffer) Written() int64 { return b.progress.written.Load() }

// OnWritten returns a channel that holds a value when [Buffer.Written] may have changed.
func (b *Buffer) OnWritten() <-chan struct{} {
	ch := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.progress.watchers = append(b.progress.watchers, ch)
	return ch
}

// waitPoll is the time between two looks of a source that waits for room.
const waitPoll = time.Millisecond

// FlushWait is Flush for a source whose events can wait: it waits until the buffer has room,
// so that nothing is dropped and other sources find room, too. It reports whether there was
// anything to hand over. Once ctx is done it returns its error, and hands over nothing.
func (f *Feed) FlushWait(ctx context.Context) (bool, error) {
	if len(f.cur.items) == 0 {
		return false, nil
	}
	b := f.b
	b.mu.Lock()
	for b.bytes > min(b.o.Size/4, fastBacklog) || b.noRoom(f.cur) {
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(waitPoll):
		}
		b.mu.Lock()
	}
	f.handOver(true)
	return true, nil
}

// Place returns the places of the events that were handed over last: from+1 to to, in order.
// There are fewer than were added if another feed had delivered some before.
func (f *Feed) Place() (from, to int64) { return f.placed[0], f.placed[1] }

// SetSource changes the name of the source of the events to come.
func (f *Feed) SetSource(name string) {
	f.b.mu.Lock()
	defer f.b.mu.Unlock()
	f.source = f.b.number(name)
}
