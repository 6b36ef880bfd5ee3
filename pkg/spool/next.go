package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"sort"
)

// Next takes the oldest record that it has not returned yet, copies it into
// dst, which grows if it must, and returns it; false when there is none. What
// dst held is lost. A plain queue is then done with the record; a durable one
// keeps it for the next Open until it is acknowledged.
//
// A *CorruptError says that records were lost and are skipped: call again. After
// other errors, such as too many open files, nothing is skipped.
func (q *Queue) Next(dst []byte) (record []byte, ok bool, err error) {
	q.reading.Lock()
	defer q.reading.Unlock()
	dst = dst[:0]
	seg, ok, err := q.oldest()
	if !ok || err != nil {
		return dst, false, err
	}
	if q.r.file == nil || q.r.first != seg.first {
		if skips, err := q.enter(seg); err != nil {
			if skips {
				return dst, false, q.lose(seg, err)
			}
			return dst, false, fmt.Errorf("spool: %w", err)
		}
	}
	if dst, err = q.r.record(dst, seg.size); err != nil {
		return dst, false, q.lose(seg, err)
	}
	q.take(q.taken + 1)
	return dst, true, nil
}

// oldest returns the segment of the oldest record that is not taken.
func (q *Queue) oldest() (seg segment, ok bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return seg, false, ErrClosed
	}
	if q.taken == q.next {
		return seg, false, nil
	}
	i := sort.Search(len(q.segs), func(i int) bool { return q.segs[i].next > q.taken })
	return q.segs[i], true, nil
}

// enter opens a segment at the record to be taken next. Of an error it says
// whether it lies in the file, so that its records are to be skipped.
func (q *Queue) enter(seg segment) (skips bool, err error) {
	q.r.close()
	q.r.off = 0
	f, err := q.root.Open(segmentName(seg.first))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist), err
	}
	q.r.open(f, seg.first)
	if err := checkHeader(f, seg.first); err != nil {
		q.r.off = 0
		return true, err
	}
	for range q.taken - seg.first {
		if err := q.r.skip(seg.size); err != nil {
			return true, err
		}
	}
	return false, nil
}

// lose skips what is left of a segment.
func (q *Queue) lose(seg segment, cause error) error {
	e := &CorruptError{
		File:    q.path(seg.first),
		Offset:  q.r.off,
		Bytes:   seg.size - q.r.off,
		Records: int64(seg.next - q.taken),
		Err:     cause,
	}
	if q.r.file != nil {
		// If it is the newest one, it goes on here.
		q.r.seek(seg.size)
	}
	q.take(seg.next)
	return e
}

// take moves the position of the record to be taken next. reading is held.
func (q *Queue) take(position uint64) {
	q.mu.Lock()
	q.taken = position
	q.mu.Unlock()
	if !q.o.Durable {
		// A file that cannot be removed is tried again, and counts in Bytes.
		_ = q.reclaim()
	}
}

// Ack says that all records before a position, which Taken returned, are done
// with: the queue will not hold them when it is opened again. It is written at
// once, so a killed process loses no acknowledgement; a loss of power can cost
// those of about the last half minute, whose records then come again. Of a
// plain queue it does nothing.
func (q *Queue) Ack(position uint64) error {
	q.reading.Lock()
	defer q.reading.Unlock()
	if err := q.usable(); err != nil {
		return err
	}
	if position > q.taken {
		return fmt.Errorf("spool: position %d is not taken yet", position)
	}
	if !q.o.Durable || position <= q.acked {
		return nil
	}
	if err := q.writeAcked(position); err != nil {
		return err
	}
	q.mu.Lock()
	q.acked = position
	q.mu.Unlock()
	return q.reclaim()
}

func (q *Queue) writeAcked(position uint64) error {
	_, err := q.acks.WriteAt(stamp(ackedMagic, position), int64(q.slot)*slotDistance)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	q.slot = 1 - q.slot
	return nil
}
