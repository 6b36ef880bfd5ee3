// Package spool is a queue of records on disk: first in, first out, of bounded
// size, with a checksum for each record.
//
// There are two kinds. A plain queue extends a buffer in memory: it lives as long
// as its Queue, does not wait for the disk, and Close removes its files. A durable
// queue outlives the process: Open continues where the last process stopped. It
// survives a process that is killed at any moment, and after Sync a loss of power.
// It keeps a record until it is acknowledged.
//
// # Files
//
// Records are appended to segment files. A segment is removed when all its records
// are done with: read in a plain queue, acknowledged in a durable one. Its name is
// the offset of its first record, 16 hexadecimal digits, and ".seg". All numbers
// are little-endian, all checksums CRC-32C.
//
//	segment  "esspool", version 2 (1 byte), offset of the first record (8), salt (8),
//	         checksum of the bytes before (4), then records
//	record   length of the data (4), number (4), checksum (4), data
//
// The salt is a random number of the queue. The checksum of a record begins with the low half
// of the salt as its state, and is of length, number and data. The number is the low half of the
// record's offset, XOR the checksum of the length alone, XOR the high half of the salt. So Next
// finds the next record after damage, and takes nothing inside the data of a record for one.
//
// Version 1, which is read and no longer written, has no salt and no numbers.
//
// In a durable queue zeros may follow the last record of a segment: room on the disk that
// is not used yet. A file of 1 MiB and more gets its whole size when it is made, where the
// system can do that, because a write that makes a file larger waits for a sync of it.
//
// A durable queue also has the file "acked" with two slots, at byte 0 and at byte
// 4096. Each is "esacked", version 1 (1 byte), the offset up to which records are
// acknowledged (8), checksum (4). They are written in turn; the higher offset with
// a good checksum counts. At byte 8192 it has the salt again, for a segment whose header is
// damaged: "essalt", 0, version 1 (1 byte), salt (8), checksum (4). The file "lock" is
// locked while the queue is open, and has the number of the process. Files have the mode 0600.
//
// # What a crash may do
//
// If a process is killed, all records of the Appends that have returned are kept, and
// perhaps the first records of one that has not. What is acknowledged does not come again.
//
// After a loss of power all records of the last Sync that has returned are there. Of later
// records any may be missing, because the disk writes in an order of its own. Open cuts the
// newest segment after its last whole record. Next finds the whole records after damage, and
// reports the lost ones as a [*CorruptError]. In a segment of version 1 damage costs all records
// after it. Records that were acknowledged within the last half minute may come again.
//
// A full disk is an error of Append, which leaves the queue as before. DropOldest makes
// room. After an error of Sync it is unknown which of the records before it are on the disk:
// they can be read, but a loss of power may take any of them. The queue continues in a new
// file.
package spool

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"sync"
)

const (
	// MaxRecord is the size in bytes of the largest record.
	MaxRecord = 64 << 20

	defaultMaxBytes  = 1 << 30
	maxSegment       = 16 << 20
	segmentsPerQueue = 64
	bufferSize       = 64 << 10
)

var (
	// ErrFull says that the records do not fit now. They will when enough of the
	// waiting records are done with.
	ErrFull = errors.New("spool: full")
	// ErrClosed is returned by a queue after Close.
	ErrClosed = errors.New("spool: closed")
	// ErrInUse says that another Queue, usually of another process, has the
	// directory open. An [*InUseError] names the process.
	ErrInUse = errors.New("directory in use by another process")
)

// InUseError is an ErrInUse.
type InUseError struct {
	PID int // number of the process that has the directory open, 0 if it is not known
}

func (e *InUseError) Error() string {
	if e.PID == 0 {
		return ErrInUse.Error()
	}
	return fmt.Sprintf("directory in use by process %d", e.PID)
}

// Unwrap returns ErrInUse.
func (e *InUseError) Unwrap() error { return ErrInUse }

// CorruptError reports records that were in the queue and can no longer be read.
// They are skipped: the queue goes on with the first whole record after them.
type CorruptError struct {
	File       string // path of the segment file
	FileOffset int64  // where in the file the first damaged record begins, in bytes
	Bytes      int64  // how much of the file is skipped
	Records    int64  // how many records are lost
	Err        error  // what is wrong
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("spool: %s: %v at byte %d, %d records in %d bytes lost", e.File, e.Err, e.FileOffset, e.Records, e.Bytes)
}

// Unwrap returns what is wrong.
func (e *CorruptError) Unwrap() error { return e.Err }

// Options are the settings of a Queue. The zero value of each field is its default.
type Options struct {
	// MaxBytes is the largest size of all segment files together. They hold the
	// waiting records, 12 bytes for each record, 28 for each file, and in the oldest
	// file records that are done with. A file has at most a 64th of MaxBytes and at most
	// 16 MiB, unless a single Append needs more. 0 means 1 GiB.
	MaxBytes int64
	// Durable makes a queue that outlives the process.
	Durable bool

	segmentBytes int64                // begin a new file rather than pass this size
	fsync        func(*os.File) error // in place of (*os.File).Sync
}

// Queue is a queue of records on disk. All methods are safe for concurrent use.
// Append and Next do not wait for each other's disk accesses, so one goroutine that
// appends and one that reads use all that the disk can do. Several goroutines that
// append take turns, and so do several that read.
//
// Every record has an offset: the number of records appended before it since the
// queue was made.
type Queue struct {
	o         Options
	root      *os.Root
	lock      *os.File
	salt      uint64 // of the segments that this Queue makes
	truncated int64

	// The locks are taken in this order.
	syncing   sync.Mutex // Sync and Close: nothing else closes a file of ended, or w of a durable queue
	appending sync.Mutex // Append and, but for the disk, Sync; DropOldest, Close; guards w to failed
	reading   sync.Mutex // Next, Ack, DropOldest, Close, and Append when it removes files; guards r to slot
	mu        sync.Mutex // never held during a system call; guards segs to closed

	w       *os.File    // the newest segment, nil before the next one is made
	ended   []endedFile // the segments before it that are not synced, in a durable queue
	newName bool        // there are files whose names are not synced
	out     cursor
	bw      *bufio.Writer
	head    [recordHeader]byte
	failed  error // of a sync by Append, for the next Sync

	r    reader
	acks *os.File
	slot int // the slot of acks to write next

	segs       []segment // oldest first
	open       bool      // the last of segs may still grow
	bytes      int64     // size of all segs
	readOffset uint64    // of the record that Next returns next
	ackOffset  uint64    // records before it are acknowledged
	endOffset  uint64    // of the record that Append adds next
	closed     bool
}

// Open opens a queue in the directory dir. It makes the directory, with the mode
// 0700, if it does not exist. A nil o means the defaults.
//
// A durable queue has the directory to itself. It holds again what it held, from
// the first record that was not acknowledged. If a process died while it wrote, the
// newest segment is truncated after its last whole record; see [Queue.Truncated]. Other
// files than those described above are left alone. The error for a directory in use is
// an [*InUseError]; files of another version are an error.
//
// A plain queue makes a directory of its own inside dir, so many can share one, such
// as the system's directory for temporary files. It removes what killed processes
// have left in dir.
func Open(dir string, o *Options) (*Queue, error) {
	q := &Queue{bw: bufio.NewWriterSize(nil, bufferSize)}
	if o != nil {
		q.o = *o
	}
	if q.o.MaxBytes < 0 {
		return nil, fmt.Errorf("spool: negative size %d", q.o.MaxBytes)
	}
	if q.o.MaxBytes == 0 {
		q.o.MaxBytes = defaultMaxBytes
	}
	if q.o.segmentBytes == 0 {
		q.o.segmentBytes = min(q.o.MaxBytes/segmentsPerQueue, maxSegment)
	}
	q.newReader()
	var err error
	if q.o.Durable {
		q.root, q.lock, err = claim(dir)
	} else {
		q.root, q.lock, err = claimNew(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	if q.o.Durable {
		if err := q.recover(); err != nil {
			_ = q.release()
			return nil, fmt.Errorf("spool: %w", err)
		}
	} else {
		q.salt = newSalt()
	}
	return q, nil
}

func (q *Queue) newReader() { q.r.br = bufio.NewReaderSize(&q.r.src, bufferSize) }

// Len returns the number of records that Next has not returned. It includes damaged
// records until Next has tried to read them.
func (q *Queue) Len() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return int64(q.endOffset - q.readOffset)
}

// Bytes returns the size of all segment files. MaxBytes bounds it.
func (q *Queue) Bytes() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

// ReadOffset returns the offset of the record that Next returns next. Given to Ack,
// it acknowledges all records that Next has returned.
func (q *Queue) ReadOffset() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.readOffset
}

// AckOffset returns the offset before which all records are acknowledged or dropped.
func (q *Queue) AckOffset() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ackOffset
}

// Removed reports whether somebody has removed the files of the queue, or put others in their
// place. It works on, but what it holds is gone once it is closed.
func (q *Queue) Removed() bool {
	held, err := q.lock.Stat()
	if err != nil {
		return false // it is closed
	}
	named, err := q.root.Lstat(lockName)
	return errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(held, named)
}

// Truncated returns how many bytes Open removed from the end of a durable queue's
// newest segment. They are part of an Append that did not return because the process
// was killed, or, after a loss of power, records that were not synced.
func (q *Queue) Truncated() int64 { return q.truncated }

// Close waits for running calls and closes the queue. It removes the files of a
// plain queue, with all records in them, and syncs those of a durable queue. A
// second Close does nothing.
func (q *Queue) Close() error {
	q.syncing.Lock()
	defer q.syncing.Unlock()
	q.appending.Lock()
	defer q.appending.Unlock()
	q.reading.Lock()
	defer q.reading.Unlock()
	q.mu.Lock()
	closed := q.closed
	q.closed = true
	q.mu.Unlock()
	if closed {
		return nil
	}
	q.endSegment()
	err := errors.Join(q.failed, q.syncFiles(q.ended, nil, q.newName && q.o.Durable))
	q.r.close()
	if q.o.Durable {
		err = errors.Join(err, q.syncFile(q.acks))
	}
	return errors.Join(err, q.release())
}

// release unlocks the directory, and removes it if the queue is plain. No segment
// may be open.
func (q *Queue) release() (err error) {
	if q.acks != nil {
		err = q.acks.Close()
	}
	if !q.o.Durable {
		err = errors.Join(err, discard(q.root))
	}
	err = errors.Join(err, q.lock.Close(), q.root.Close())
	if !q.o.Durable {
		err = errors.Join(err, os.Remove(q.root.Name()))
	}
	return err
}

// syncFile writes a file to the disk.
func (q *Queue) syncFile(f *os.File) error {
	if q.o.fsync != nil {
		return q.o.fsync(f)
	}
	return f.Sync()
}

func (q *Queue) path(first uint64) string {
	return filepath.Join(q.root.Name(), segmentName(first))
}

// checkOpen returns ErrClosed if the queue is closed. The caller holds appending or
// reading, so that it stays open.
func (q *Queue) checkOpen() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	return nil
}

// neededFrom is the offset of the first record that is still needed. mu is held.
func (q *Queue) neededFrom() uint64 {
	if q.o.Durable {
		return q.ackOffset
	}
	return q.readOffset
}

// segmentOf returns the index of the segment with the record at offset, which is there.
// mu is held.
func (q *Queue) segmentOf(offset uint64) int {
	return sort.Search(len(q.segs), func(i int) bool { return q.segs[i].next > offset })
}

// reclaim removes the segments without a needed record. reading is held.
func (q *Queue) reclaim() error {
	for {
		q.mu.Lock()
		if len(q.segs) == 0 || q.segs[0].next > q.neededFrom() || len(q.segs) == 1 && q.open {
			q.mu.Unlock()
			return nil
		}
		seg := q.segs[0]
		q.mu.Unlock()
		if q.r.file != nil && q.r.first == seg.first {
			q.r.close() // some systems do not remove an open file
		}
		if err := q.root.Remove(segmentName(seg.first)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("spool: %w", err)
		}
		q.mu.Lock()
		q.segs = q.segs[:copy(q.segs, q.segs[1:])]
		q.bytes -= seg.size
		q.mu.Unlock()
	}
}
