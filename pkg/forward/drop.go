package forward

import (
	"errors"

	"github.com/enswitch-events/enswitch-events/pkg/oserr"
	"github.com/enswitch-events/enswitch-events/pkg/spool"
)

// append appends records, in several steps if they are too large for one.
func (f *Forwarder) append(records [][]byte) {
	for {
		err := f.q.Append(records...)
		if err == nil {
			return
		}
		reason := DropDisk
		if errors.Is(err, spool.ErrFull) {
			reason = DropFull
		} else {
			f.report(err)
		}
		if reason == DropFull || oserr.IsDiskFull(err) {
			if f.dropOldest(reason) {
				continue
			}
		}
		if n := len(records); n > 1 { // perhaps they are too large together
			f.append(records[:n/2])
			records = records[n/2:]
			continue
		}
		f.drop(reason, 1)
		return
	}
}

// dropOldest makes room in the queue. It reports false if the queue is empty.
func (f *Forwarder) dropOldest(reason DropReason) bool {
	f.mu.Lock()
	f.note()
	before := f.acked
	if _, err := f.q.DropOldest(); err != nil {
		f.mu.Unlock()
		f.report(err)
		return false
	}
	end := f.q.AckOffset()
	if end <= before {
		f.mu.Unlock()
		return false
	}
	n := int64(end-before) - int64(f.done.removeBefore(end))
	f.window.forget(func(e *entry) bool { return e.offset < end })
	for e := range f.delivering {
		if e.offset < end && e.dropped == "" {
			e.dropped = reason
			n-- // it may still be delivered
		}
	}
	f.acked = end
	f.countDropped(n)
	f.mu.Unlock()
	f.sayDropped(reason, n)
	return true
}

// drop counts items as dropped, and says so.
func (f *Forwarder) drop(reason DropReason, n int64) {
	f.mu.Lock()
	f.countDropped(n)
	f.mu.Unlock()
	f.sayDropped(reason, n)
}

// countDropped counts items as dropped and writes that down. mu is held.
func (f *Forwarder) countDropped(n int64) {
	if n <= 0 {
		return
	}
	f.totals.Dropped += n
	f.changed = true
	if f.done.writeDelivered(f.delivered, f.totals) != nil { // a full disk
		f.noteLater(1)
	}
}

func (f *Forwarder) sayDropped(reason DropReason, n int64) {
	if n > 0 && f.o.OnDrop != nil {
		f.o.OnDrop(reason, n)
	}
}
