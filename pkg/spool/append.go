package spool

import (
	"errors"
	"fmt"
	"os"
)

// Append adds records to the queue, all or none. Small ones are one write: a batch
// of 1,024 costs little more than a single record. Append does not keep the slices.
// A record may be empty; it has at most MaxRecord bytes.
//
// The error is ErrFull if the records do not fit beside the waiting ones, and another
// one if they would not fit into an empty queue. After these errors, and after one of
// the file system such as a full disk, the queue is as before: it can be read, and
// Append may be tried again. But a durable queue that could not be synced takes no
// more records, as nobody knows what of it is on disk.
//
// A process that is killed during Append leaves some of the records, from the first
// one on. For a loss of power see Sync.
func (q *Queue) Append(records ...[]byte) error {
	q.appending.Lock()
	defer q.appending.Unlock()
	if err := q.checkOpen(); err != nil {
		return err
	}
	if q.failed != nil {
		return q.failed
	}
	var need int64
	for _, data := range records {
		if len(data) > MaxRecord {
			return fmt.Errorf("spool: record of %d bytes is over the limit of %d", len(data), MaxRecord)
		}
		need += recordHeader + int64(len(data))
	}
	if need > q.o.MaxBytes-segmentHeader {
		return fmt.Errorf("spool: records of %d bytes are over the queue's limit of %d", need, q.o.MaxBytes)
	}
	if need == 0 {
		return nil
	}
	off, err := q.prepare(need)
	if err != nil {
		return err
	}
	if err := q.write(off, records); err != nil {
		// If this fails, the next Append overwrites the rest.
		_ = q.w.Truncate(off)
		return fmt.Errorf("spool: %w", err)
	}
	q.mu.Lock()
	seg := &q.segs[len(q.segs)-1]
	seg.size += need
	q.bytes += need
	q.endOffset += uint64(len(records))
	seg.next = q.endOffset
	q.mu.Unlock()
	return nil
}

// prepare makes room for need bytes in the newest segment, or in a new one, and
// returns where in the file they go.
func (q *Queue) prepare(need int64) (off int64, err error) {
	q.mu.Lock()
	grows, idle := need, q.neededFrom() == q.endOffset
	off = segmentHeader
	fresh := true
	if q.open {
		seg := q.segs[len(q.segs)-1]
		off, fresh = seg.size, seg.next > seg.first && seg.size+need > q.o.segmentBytes
	}
	if fresh {
		grows += segmentHeader
	}
	full := q.bytes+grows > q.o.MaxBytes
	q.mu.Unlock()
	if !full && !fresh {
		return off, nil
	}
	if full && !idle {
		return 0, ErrFull
	}
	// If no record is needed, all files can be removed.
	if err := q.endSegment(); err != nil {
		return 0, err
	}
	q.reading.Lock()
	err = q.reclaim()
	q.reading.Unlock()
	if err != nil && full {
		return 0, err
	}
	return segmentHeader, q.beginSegment()
}

func (q *Queue) write(off int64, records [][]byte) error {
	q.out = cursor{file: q.w, off: off}
	q.bw.Reset(&q.out)
	for _, data := range records {
		putHeader(&q.head, data)
		_, _ = q.bw.Write(q.head[:]) // Flush returns the error
		_, _ = q.bw.Write(data)
	}
	return q.bw.Flush()
}

// beginSegment makes the file for the next records.
func (q *Queue) beginSegment() error {
	name := segmentName(q.endOffset)
	f, err := q.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	_, err = f.WriteAt(encodeOffset(segmentMagic, q.endOffset), 0)
	if err == nil && q.o.Durable {
		err = syncDirectory(q.root)
	}
	if err != nil {
		_ = f.Close()
		_ = q.root.Remove(name)
		return fmt.Errorf("spool: %w", err)
	}
	q.w = f
	q.mu.Lock()
	q.segs = append(q.segs, segment{first: q.endOffset, next: q.endOffset, size: segmentHeader})
	q.open = true
	q.bytes += segmentHeader
	q.mu.Unlock()
	return nil
}

// endSegment closes the newest file. In a durable queue it syncs it, so that only
// the newest segment can lose records to a loss of power.
func (q *Queue) endSegment() error {
	if q.w == nil {
		return nil
	}
	err := q.sync()
	if e := q.w.Close(); e != nil {
		err = errors.Join(err, fmt.Errorf("spool: %w", e))
	}
	q.w = nil
	q.mu.Lock()
	q.open = false
	q.mu.Unlock()
	return err
}

// Sync writes all records of a durable queue to the disk, where they survive a loss
// of power. After an error the queue takes no more records. For a plain queue it does
// nothing.
func (q *Queue) Sync() error {
	q.appending.Lock()
	defer q.appending.Unlock()
	if err := q.checkOpen(); err != nil {
		return err
	}
	return q.sync()
}

func (q *Queue) sync() error {
	if !q.o.Durable || q.w == nil {
		return q.failed
	}
	if q.failed == nil {
		if err := q.w.Sync(); err != nil {
			// A second sync may succeed without the data of the first.
			q.failed = fmt.Errorf("spool: %w", err)
		}
	}
	return q.failed
}
