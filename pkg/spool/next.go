package spool

import (
	"errors"
	"fmt"
	"io/fs"
)

// Next returns the oldest record that it has not returned yet, or false if there is
// none. It copies the record into dst, which it grows if needed; the old content of
// dst is lost. A plain queue is then done with the record. A durable queue keeps it
// until it is acknowledged, for the next Open.
//
// A [*CorruptError] says that records were lost and are skipped: call Next again.
// After other errors, such as too many open files, nothing is skipped.
func (q *Queue) Next(dst []byte) (record []byte, ok bool, err error) {
	q.reading.Lock()
	defer q.reading.Unlock()
	dst = dst[:0]
	for {
		seg, ok, err := q.unreadSegment()
		if !ok || err != nil {
			return dst, false, err
		}
		damaged := true
		if q.r.file == nil || q.r.first != seg.first {
			damaged, err = q.openSegment(seg)
		}
		if err == nil {
			dst, err = q.r.record(dst, seg.size)
		}
		if err == nil {
			q.setReadOffset(q.readOffset + 1)
			return dst, true, nil
		}
		if !damaged {
			return dst, false, fmt.Errorf("spool: %w", err)
		}
		if e := q.skipDamage(seg, err); e.Records > 0 {
			return dst, false, e
		}
	}
}

// unreadSegment returns the segment of the record to be read next.
func (q *Queue) unreadSegment() (seg segment, ok bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return seg, false, ErrClosed
	}
	if q.readOffset == q.endOffset {
		return seg, false, nil
	}
	return q.segs[q.segmentOf(q.readOffset)], true, nil
}

// openSegment opens a segment at the record to be read next. With an error, damaged
// says that the file is at fault, so that its records are lost.
func (q *Queue) openSegment(seg segment) (damaged bool, err error) {
	q.r.close()
	q.r.off = 0
	f, err := q.root.Open(segmentName(seg.first))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist), err
	}
	if err := q.r.open(f, seg.first, q.salt); err != nil {
		return true, err
	}
	for q.r.next < q.readOffset {
		if err := q.r.skip(seg.size); err != nil {
			return true, err
		}
	}
	return true, nil
}

// skipDamage goes to the first whole record after damage, or after the segment, and returns
// the CorruptError for what it skips.
func (q *Queue) skipDamage(seg segment, cause error) *CorruptError {
	e := &CorruptError{File: q.path(seg.first), FileOffset: q.r.off, Err: cause}
	q.r.next = q.readOffset
	next, off := seg.next, seg.size
	if q.r.file != nil {
		if q.r.f.version > 1 && q.r.find(q.r.file, seg.size, seg.next) {
			next, off = q.r.next, q.r.off
		} else {
			q.r.seek(off) // the newest segment may still grow
			q.r.next = next
		}
	}
	e.Bytes, e.Records = off-e.FileOffset, int64(next-q.readOffset)
	if e.Records > 0 {
		q.setReadOffset(next)
	}
	return e
}

// setReadOffset sets the offset of the record to be read next. reading is held.
func (q *Queue) setReadOffset(offset uint64) {
	q.mu.Lock()
	q.readOffset = offset
	q.mu.Unlock()
	if !q.o.Durable {
		// A file that cannot be removed is tried again later. Until then Bytes
		// includes it.
		_ = q.reclaim()
	}
}

// Ack acknowledges all records before offset, which may be at most ReadOffset: the
// next Open does not return them. The acknowledgement is written at once, so a killed
// process loses none. A loss of power can lose those of about the last half minute;
// their records then come again. For a plain queue Ack does nothing.
func (q *Queue) Ack(offset uint64) error {
	q.reading.Lock()
	defer q.reading.Unlock()
	if err := q.checkOpen(); err != nil {
		return err
	}
	if offset > q.readOffset {
		return fmt.Errorf("spool: offset %d has not been read yet", offset)
	}
	if !q.o.Durable || offset <= q.ackOffset {
		return nil
	}
	if err := q.writeAcked(offset); err != nil {
		return err
	}
	q.mu.Lock()
	q.ackOffset = offset
	q.mu.Unlock()
	return q.reclaim()
}

func (q *Queue) writeAcked(offset uint64) error {
	_, err := q.acks.WriteAt(encode(ackedMagic, offset), int64(q.slot)*slotDistance)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	q.slot = 1 - q.slot
	return nil
}
