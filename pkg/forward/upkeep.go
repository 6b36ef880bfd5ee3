package forward

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// syncAll syncs what was added.
func (f *Forwarder) syncAll() {
	for {
		select {
		case <-f.dirty:
		case <-f.ended:
			return
		}
		if f.o.Sync > 0 {
			select {
			case <-time.After(f.o.Sync):
			case <-f.ended: // closing the queue syncs it
				return
			}
		}
		if err := f.q.Sync(); err != nil {
			f.report(fmt.Errorf("what was added is in the queue, but perhaps not on the disk: %w", err))
			select { // each failure costs a file
			case <-time.After(time.Second):
			case <-f.ended:
				return
			}
		}
	}
}

// errRemoved says that the queue does not keep its items any longer.
var errRemoved = errors.New("the queue was removed: what waits is lost when it is closed")

// keep writes the status file, drops what is too old, and checks that the queue is still
// there.
func (f *Forwarder) keep() {
	t := time.NewTicker(statusEvery)
	defer t.Stop()
	f.writeStatus()
	for {
		select {
		case <-t.C:
		case <-f.ended:
			return
		}
		f.expire()
		if f.q.Removed() {
			f.report(errRemoved)
		}
		f.writeStatus()
	}
}

// expire drops the items in memory that are too old.
func (f *Forwarder) expire() {
	f.mu.Lock()
	now := time.Now()
	var old []*entry
	n := f.window.forget(func(e *entry) bool {
		if !f.tooOld(e, now) {
			return false
		}
		old = append(old, e)
		return true
	})
	slices.SortFunc(old, func(a, b *entry) int { return cmp.Compare(a.offset, b.offset) })
	for _, e := range slices.Compact(old) { // gone is asked twice
		f.finish(e)
	}
	if n > 0 {
		f.cond.Broadcast()
	}
	f.countDropped(int64(n))
	f.mu.Unlock()
	f.sayDropped(DropAge, int64(n))
}

// tooOld reports whether an item is too old at the time now: by this machine's clock, and also
// by the monotonic clock since the start, so that a clock that jumps drops nothing.
func (f *Forwarder) tooOld(e *entry, now time.Time) bool {
	return f.o.MaxAge > 0 && f.tooOldAt(e, now.Round(0), now)
}

// tooOldAt is tooOld at the time wall of the machine's clock. now has a monotonic time.
func (f *Forwarder) tooOldAt(e *entry, wall, now time.Time) bool {
	steady := f.start.Round(0).Add(now.Sub(f.start))
	return wall.Sub(e.Received) > f.o.MaxAge && steady.Sub(e.Received) > f.o.MaxAge
}

// finish notes that an item is done with. mu is held.
func (f *Forwarder) finish(e *entry) {
	if e.offset < f.acked {
		return // dropped meanwhile
	}
	f.done.add(e.offset, e.offset+1)
	f.noteLater(1)
}

// noteLater says that n more items are done with. mu is held.
func (f *Forwarder) noteLater(n int) {
	if f.unnoted == 0 {
		f.noteDue = time.Now().Add(noteAfter)
	}
	f.unnoted += n
	f.changed = true
}
