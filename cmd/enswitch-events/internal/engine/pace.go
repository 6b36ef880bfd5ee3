package engine

import (
	"sync/atomic"
	"time"
)

const (
	// paceTime is the longest wait of a source before it hands over a block.
	paceTime = 10 * time.Millisecond
	// briskTime is a time for a block so short that the output is a file, or a fast
	// reader.
	briskTime = time.Millisecond
	// A worker that takes no longer than fastTime for a block is fast. For such a
	// worker at most fastBacklog bytes wait, so that they stay in the processor's caches.
	fastTime    = paceTime / 2
	fastBacklog = 4 << 20
	// diskTime is the longest wait of a source for the disk when the memory is full.
	// After that events are dropped, and the source does not wait again until there is
	// room.
	diskTime = time.Second
)

// pace slows down a source that is faster than the worker, that is the fold with its
// mappers. Otherwise a burst would fill the buffer and the disk, and events would be
// dropped that could have waited in the connection. So when the buffer is half full,
// or fastBacklog waits for a fast worker, a source waits until the worker has
// finished a block.
//
// When the buffer is three quarters full, and there is room on the disk, a source
// waits in the same way until a block was written there.
//
// A source does not wait for a slow reader of the output: only while the worker spends
// more time on its work than on writing, or little time on both. And it never waits
// longer than paceTime for a block, so that an event that takes long does not hold up
// the feed.
type pace struct {
	finished chan struct{} // holds a value when a block was finished, or spilled
	brisk    atomic.Bool   // the worker is not waiting for its output
	fast     atomic.Bool   // the worker takes no longer than fastTime for a block
	writing  atomic.Bool   // the worker is writing now
}

// backlog is the number of bytes that may wait in a buffer of that size before a
// source waits.
func (p *pace) backlog(size int64) int64 {
	if p.fast.Load() {
		return min(size/2, fastBacklog)
	}
	return size / 2
}

// wait waits until a block is finished by a brisk worker, or spilled if spilling is
// set.
func (p *pace) wait(spilling bool) {
	if !spilling && !p.brisk.Load() {
		return
	}
	t := time.NewTimer(paceTime)
	defer t.Stop()
	select {
	case <-p.finished:
	case <-t.C:
		p.fast.Store(false)
		if p.writing.Load() {
			p.brisk.Store(false)
		}
	}
}

// finish says that a block was finished, or spilled.
func (p *pace) finish() { notify(p.finished) }

// folded says how long a block of size bytes took, and how much of that time was
// spent in writes.
func (p *pace) folded(size int, took, wrote time.Duration) {
	if size >= blockSize/2 {
		p.brisk.Store(2*wrote < took || took < briskTime)
		p.fast.Store(took <= fastTime)
	}
}

// keepPace makes a source wait before it hands over c. The mutex is held, but not
// while it waits.
func (b *Buffer) keepPace(c *Block) {
	wait := func(spilling bool) {
		b.mu.Unlock()
		b.pace.wait(spilling)
		b.mu.Lock()
	}
	wait(b.spillWanted(b.o.Size / 4 * 3))
	for range diskTime / paceTime {
		writing := b.spill != nil && b.spill.transit != nil || b.spillWanted(b.o.Size/4*3)
		if b.overflow != nil || !writing || !b.noRoom(c) {
			return
		}
		wait(true)
	}
}
