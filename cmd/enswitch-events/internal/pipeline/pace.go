package pipeline

import (
	"sync/atomic"
	"time"
)

// paceTime is the longest that a source waits before it hands over a block.
const paceTime = 10 * time.Millisecond

// pace keeps a source from outrunning the worker. One that is faster would fill
// the buffer and then the disk, and have events dropped in the end, which nobody
// needs: what is not read yet waits in the connection. So when the buffer is half
// full, a source waits until the worker has finished a block.
//
// It waits for nothing else: neither for who reads the output, so only as long as
// the worker spends more time on its work than on writing, nor for an event that
// takes long, so no longer than paceTime, and not again until blocks take less.
type pace struct {
	finished chan struct{} // holds a value when a block has been finished
	brisk    atomic.Bool   // the worker works, and does not wait for its output
}

// keep waits for the worker to finish a block, if that is to be awaited.
func (p *pace) keep() {
	if !p.brisk.Load() {
		return
	}
	t := time.NewTimer(paceTime)
	defer t.Stop()
	select {
	case <-p.finished:
	case <-t.C:
		p.brisk.Store(false)
	}
}

// finish says that the worker has finished a block.
func (p *pace) finish() {
	select {
	case p.finished <- struct{}{}:
	default:
	}
}
