package engine

import (
	"sync/atomic"
	"time"
)

const (
	// paceTime is the longest that a source waits before it hands over a block.
	paceTime = 10 * time.Millisecond
	// briskTime is so short for a block that the output is no slow reader, but a
	// file.
	briskTime = time.Millisecond
	// fastTime is how long a fast worker takes for a block at most, and fastBacklog
	// how many bytes may wait for one: more would only leave the processor's caches.
	fastTime    = paceTime / 2
	fastBacklog = 4 << 20
	// diskTime is the longest that a source waits for the disk when the memory is
	// full, before events are dropped. Then it does not wait again before there
	// is room.
	diskTime = time.Second
)

// pace keeps a source from outrunning the worker. One that is faster would fill
// the buffer and then the disk, and have events dropped in the end, which nobody
// needs: what is not read yet waits in the connection. So when the buffer is half
// full, or fastBacklog waits for a worker that is fast, a source waits until the
// worker has finished a block.
//
// When the buffer is three quarters full, and there is room on the disk, it waits in
// the same way for a block to get there: a burst may be faster than any disk.
//
// It waits for nothing else: not for a slow reader of the output, so only as long as
// the worker spends more time on its work than on writing, or little on both; and
// for no block longer than paceTime, so that no event that takes long holds up the
// feed.
type pace struct {
	finished chan struct{} // holds a value when a block has been finished, or spilled
	brisk    atomic.Bool   // the worker works, and does not wait for its output
	fast     atomic.Bool   // it takes no longer than fastTime for a block
	writing  atomic.Bool   // at this moment
}

// backlog is how many bytes may wait in a buffer of that size before a source
// waits.
func (p *pace) backlog(size int64) int64 {
	if p.fast.Load() {
		return min(size/2, fastBacklog)
	}
	return size / 2
}

// keep waits for a block to be finished, if that is to be awaited: by the worker, or
// by the disk if blocks are being spilled.
func (p *pace) keep(spilling bool) {
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

// finish says that a block has been finished, or spilled.
func (p *pace) finish() {
	select {
	case p.finished <- struct{}{}:
	default:
	}
}

// folded says how long a block of size bytes took, and how much of that time the
// output needed.
func (p *pace) folded(size int, took, wrote time.Duration) {
	if size >= blockSize/2 {
		p.brisk.Store(2*wrote < took || took < briskTime)
		p.fast.Store(took <= fastTime)
	}
}

// keepPace has a source wait before it hands over c. The mutex is held, but not
// while it waits.
func (b *Buffer) keepPace(c *Block) {
	wait := func(spilling bool) {
		b.mu.Unlock()
		b.pace.keep(spilling)
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
