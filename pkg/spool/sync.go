package spool

import (
	"errors"
	"fmt"
	"os"
)

// maxEnded is how many files may wait for a sync: each is an open file.
const maxEnded = 8

// endedFile is a segment that takes no more records.
type endedFile struct {
	file *os.File
	size int64 // of its records and header
}

// Sync writes to the disk all records of a durable queue that were appended before it,
// so that they survive a loss of power. Append and Next go on meanwhile: on a busy disk a
// sync takes long. For a plain queue it does nothing.
//
// After an error the records that were appended since the last Sync, until this one returned,
// are in doubt: they can be read, but a loss of power may take any of them. Syncing them again
// would prove nothing, because the system may have discarded what it could not write. Records
// appended later are in a new file, and the next Sync is about those only.
func (q *Queue) Sync() error {
	q.syncing.Lock()
	defer q.syncing.Unlock()
	q.appending.Lock()
	err := q.checkOpen()
	if err != nil || !q.o.Durable {
		q.appending.Unlock()
		return err
	}
	ended, newest, newName, before := q.ended, q.w, q.newName, q.failed
	q.ended, q.newName, q.failed = nil, false, nil
	q.appending.Unlock()

	if err = q.syncFiles(ended, newest, newName); err != nil {
		q.appending.Lock()
		defer q.appending.Unlock()
		q.endSegment()
		for _, f := range q.ended {
			q.cut(f)
			err = errors.Join(err, f.file.Close())
		}
		q.ended = nil
	}
	return errors.Join(before, err)
}

// cut removes the room after the records of a segment.
func (q *Queue) cut(f endedFile) {
	if q.reserves() {
		_ = f.file.Truncate(f.size) // zeros after it do no harm
	}
}

// syncFiles syncs the newest file, which may be nil, and the ended ones, which it closes,
// and with newName the directory. syncing is held, so that no other call closes a file.
func (q *Queue) syncFiles(ended []endedFile, newest *os.File, newName bool) (err error) {
	for _, f := range ended {
		q.cut(f)
		err = errors.Join(err, q.syncFile(f.file), f.file.Close())
	}
	if newest != nil {
		err = errors.Join(err, q.syncFile(newest))
	}
	if newName {
		err = errors.Join(err, syncDirectory(q.root))
	}
	if err != nil {
		err = fmt.Errorf("spool: %w", err)
	}
	return err
}

// endSegment ends the newest file. That of a durable queue stays open until it is synced.
// appending is held.
func (q *Queue) endSegment() {
	if q.w == nil {
		return
	}
	q.mu.Lock()
	q.open = false
	size := q.segs[len(q.segs)-1].size
	q.mu.Unlock()
	if q.o.Durable {
		q.ended = append(q.ended, endedFile{q.w, size})
	} else {
		_ = q.w.Close() // the file lives no longer than the queue
	}
	q.w = nil
}

// DropOldest removes the oldest file that holds records which are not done with, those
// that have been read but not acknowledged included, so that a full queue or a full disk
// takes new ones. It returns the number of these records; 0 means that there are none.
// Acknowledging them does nothing. Next continues with the records after them.
func (q *Queue) DropOldest() (records int64, err error) {
	q.appending.Lock()
	defer q.appending.Unlock()
	q.reading.Lock()
	defer q.reading.Unlock()
	if err := q.checkOpen(); err != nil {
		return 0, err
	}
	q.mu.Lock()
	needed := q.neededFrom()
	if needed == q.endOffset {
		q.mu.Unlock()
		return 0, nil
	}
	at := q.segmentOf(needed)
	seg, newest := q.segs[at], at == len(q.segs)-1
	q.readOffset = max(q.readOffset, seg.next)
	q.ackOffset = max(q.ackOffset, seg.next)
	q.mu.Unlock()
	if newest {
		q.endSegment()
	}
	if q.o.Durable {
		// On a full disk this can fail. Then Open goes by the files that are there.
		_ = q.writeAcked(seg.next)
	}
	return int64(seg.next - max(seg.first, needed)), q.reclaim()
}
