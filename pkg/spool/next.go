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
	seg, ok, err := q.unreadSegment()
	if !ok || err != nil {
		return dst, false, err
	}
	if q.r.file == nil || q.r.first != seg.first {
		if damaged, err := q.openSegment(seg); err != nil {
			if damaged {
				return dst, false, q.skipRest(seg, err)
			}
			return dst, false, fmt.Errorf("spool: %w", err)
		}
	}
	if dst, err = q.r.record(dst, seg.size); err != nil {
		return dst, false, q.skipRest(seg, err)
	}
	q.setReadOffset(q.readOffset + 1)
	return dst, true, nil
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
	q.r.open(f, seg.first)
	if err := checkHeader(f, seg.first); err != nil {
		q.r.off = 0
		return true, err
	}
	for range q.readOffset - seg.first {
		if err := q.r.skip(seg.size); err != nil {
			return true, err
		}
	}
	return false, nil
}

// skipRest skips the rest of a segment and returns the CorruptError for it.
func (q *Queue) skipRest(seg segment, cause error) error {
	e := &CorruptError{
		File:       q.path(seg.first),
		FileOffset: q.r.off,
		Bytes:      seg.size - q.r.off,
		Records:    int64(seg.next - q.readOffset),
		Err:        cause,
	}
	if q.r.file != nil {
		// The newest segment may still grow.
		q.r.seek(seg.size)
	}
	q.setReadOffset(seg.next)
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
	_, err := q.acks.WriteAt(encodeOffset(ackedMagic, offset), int64(q.slot)*slotDistance)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	q.slot = 1 - q.slot
	return nil
}
