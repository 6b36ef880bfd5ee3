package spool

import (
	"fmt"
	"os"
)

// Append adds records to the queue, all or none. Small ones are one write: a batch
// of 1,024 costs little more than a single record. Append does not keep the slices.
// A record may be empty; it has at most MaxRecord bytes.
//
// The error is ErrFull if the records do not fit besides the waiting ones, and another
// one if they would not fit into an empty queue. After these errors, and after one of
// the file system such as a full disk, the queue is as before: it can be read, and
// Append may be tried again.
//
// Append does not wait for a Sync and does not sync, with one exception: the Append that
// ends the eighth file since the last Sync syncs these files before it returns. If that
// fails, the next Sync returns the error.
func (q *Queue) Append(records ...[]byte) error {
	behind, err := q.append(records)
	if err == nil && behind {
		if failed := q.Sync(); failed != nil { // the records are in the queue all the same
			q.appending.Lock()
			q.failed = failed
			q.appending.Unlock()
		}
	}
	return err
}

// append is like Append. behind says that many files wait for a sync.
func (q *Queue) append(records [][]byte) (behind bool, err error) {
	q.appending.Lock()
	defer q.appending.Unlock()
	if err := q.checkOpen(); err != nil {
		return false, err
	}
	var need int64
	for _, data := range records {
		if len(data) > MaxRecord {
			return false, fmt.Errorf("spool: record of %d bytes is over the limit of %d", len(data), MaxRecord)
		}
		need += recordHeader + int64(len(data))
	}
	if need > q.o.MaxBytes-segmentHeader {
		return false, fmt.Errorf("spool: records of %d bytes are over the queue's limit of %d", need, q.o.MaxBytes)
	}
	if need == 0 {
		return false, nil
	}
	off, err := q.prepare(need)
	if err != nil {
		return false, err
	}
	if err := q.write(off, records); err != nil {
		// If this fails, the next Append overwrites the rest.
		_ = q.w.Truncate(off)
		return false, fmt.Errorf("spool: %w", err)
	}
	q.mu.Lock()
	seg := &q.segs[len(q.segs)-1]
	seg.size += need
	q.bytes += need
	q.endOffset += uint64(len(records))
	seg.next = q.endOffset
	q.mu.Unlock()
	return len(q.ended) >= maxEnded, nil
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
	q.endSegment()
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
	f := format{version: 2, salt: q.salt}
	for i, data := range records {
		f.putHeader(&q.head, q.endOffset+uint64(i), data)
		_, _ = q.bw.Write(q.head[:]) // Flush returns the error
		_, _ = q.bw.Write(data)
	}
	return q.bw.Flush()
}

// reserves reports whether segments are made with their whole size.
func (q *Queue) reserves() bool { return q.o.Durable && q.o.segmentBytes >= minReserved }

// beginSegment makes the file for the next records.
func (q *Queue) beginSegment() error {
	name := segmentName(q.endOffset)
	f, err := q.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if _, err = f.WriteAt(encode(segmentMagic, q.endOffset, q.salt), 0); err != nil {
		_ = f.Close()
		_ = q.root.Remove(name)
		return fmt.Errorf("spool: %w", err)
	}
	if q.reserves() {
		_ = reserve(f, q.o.segmentBytes) // it is merely slower without
	}
	q.w, q.newName = f, true
	q.mu.Lock()
	q.segs = append(q.segs, segment{first: q.endOffset, next: q.endOffset, size: segmentHeader})
	q.open = true
	q.bytes += segmentHeader
	q.mu.Unlock()
	return nil
}
