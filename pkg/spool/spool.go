// Package spool is a queue of records on disk: first in, first out, bounded,
// with a checksum on every record.
//
// It comes in two kinds. The plain one is the part of a buffer that does not
// fit into memory: it lives as long as its Queue, never waits for the disk to
// have written anything, and its files are gone after Close. The durable one
// outlives the process: it is opened again where it was left, survives a
// process killed at any moment, after Sync also a loss of power, and keeps a
// record until it is acknowledged.
//
// # Files
//
// Records are appended to segment files, each removed when its last record is
// done with. A segment's name is the position of its first record, 16 digits
// in hexadecimal, and ".seg". All numbers are little-endian, all checksums
// CRC-32C.
//
//	segment  "esspool", version 1 (1 byte), position of the first record (8),
//	         checksum of all that (4), then records
//	record   length of the data (4), checksum of length and data (4), data
//
// Beside them a durable queue has the file "acked": two slots, at 0 and at
// 4096, each "esacked", version 1 (1 byte), the position up to which records
// are acknowledged (8), checksum (4). They are written in turn, and the higher
// one that is whole counts. The file "lock" is locked as long as the queue is
// open. Files have mode 0600.
package spool

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

const (
	// MaxRecord is the size in bytes of the largest record.
	MaxRecord = 64 << 20

	defaultMaxBytes  = 1 << 30
	mostSegment      = 16 << 20
	segmentsPerQueue = 64
	bufferSize       = 64 << 10
)

var (
	// ErrFull says that the records do not fit beside those that wait. They
	// will when enough of those are done with.
	ErrFull = errors.New("spool: full")
	// ErrClosed is returned by a queue after Close.
	ErrClosed = errors.New("spool: closed")
	// ErrInUse says that another Queue, most likely of another process, has
	// the directory open.
	ErrInUse = errors.New("directory in use by another process")
)

// CorruptError tells of records that were in the queue and cannot be read any
// more. They are skipped: the queue goes on behind them.
type CorruptError struct {
	File    string // path of the segment file
	Offset  int64  // where in the file the first bad record begins
	Bytes   int64  // how much of the file is skipped
	Records int64  // how many records are lost
	Err     error  // what is wrong
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("spool: %s: %v at offset %d, %d records in %d bytes lost", e.File, e.Err, e.Offset, e.Records, e.Bytes)
}

func (e *CorruptError) Unwrap() error { return e.Err }

// Options of a Queue. The zero value is the default.
type Options struct {
	// MaxBytes is how large all segment files together may become. Beside the
	// data that waits they hold 8 bytes for each record, 20 for each file and
	// what is done with of the oldest file. A file becomes as large as a 64th
	// of MaxBytes, 16 MiB at most, or one batch. 0 means 1 GiB.
	MaxBytes int64
	// Durable makes a queue that outlives the process.
	Durable bool

	segmentBytes int64 // begin a new file rather than pass this size
}

// Queue is a queue of records on disk. All methods are safe for concurrent
// use. Append and Next do not wait for each other's reading and writing, so
// one goroutine that writes and one that reads get all that the disk has; more
// of either take turns.
//
// Every record has a position: how many were appended before it since the
// queue was made.
type Queue struct {
	o    Options
	root *os.Root
	lock *os.File
	cut  int64

	// The locks are taken in this order.
	appending sync.Mutex // Append, Sync, Close: out to synced
	reading   sync.Mutex // Next, Ack, Close, Append to remove files: r to slot
	mu        sync.Mutex // never held over a system call: segs to closed

	w      *os.File // the newest segment, nil if there is none to append to
	out    cursor
	bw     *bufio.Writer
	head   [recordHeader]byte
	failed error // of a sync: what is on disk is unknown from then on

	r    reader
	acks *os.File
	slot int // the slot of acks to write next

	segs   []segment // oldest first
	open   bool      // the last of segs may still grow
	bytes  int64     // size of all segs
	taken  uint64    // position of the record that Next returns next
	acked  uint64    // records before this position are done with
	next   uint64    // position of the record that Append adds next
	closed bool
}

// Open opens a queue in the directory dir, which is created with mode 0700 if
// need be. A nil o means the defaults.
//
// A durable queue has the directory to itself; what it held is there again,
// from the first record that was not acknowledged. The newest segment is cut
// at its first bad record, where a process died while it wrote; see
// [Queue.Cut]. Only files of the names described above are touched. A
// directory in use is ErrInUse, and files of another version are an error.
//
// A plain queue makes a directory of its own inside dir, so many can share one,
// the system's directory for temporary files too. What killed processes have
// left in dir is removed.
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
		q.o.segmentBytes = min(q.o.MaxBytes/segmentsPerQueue, mostSegment)
	}
	q.r.br = bufio.NewReaderSize(&q.r.src, bufferSize)
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
	}
	return q, nil
}

// Len returns how many records wait for Next. It counts damaged records as
// long as nobody has tried to read them.
func (q *Queue) Len() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return int64(q.next - q.taken)
}

// Bytes returns the size of all segment files, which MaxBytes bounds.
func (q *Queue) Bytes() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

// Taken returns the position behind the record that Next returned last: what
// to give to Ack when that record and all before it are done with. At first it
// is the position of the oldest record.
func (q *Queue) Taken() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.taken
}

// Cut returns how many bytes Open cut off a durable queue's newest segment. A
// process that is killed leaves part of an Append that never returned; a loss
// of power can cost records that were appended and not synced.
func (q *Queue) Cut() int64 { return q.cut }

// Close closes the queue, and waits for calls under way. A plain queue's files
// are removed with all records in them; a durable queue's are synced. A second
// Close does nothing.
func (q *Queue) Close() error {
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
	err := q.endSegment()
	q.r.close()
	if q.o.Durable {
		err = errors.Join(err, q.acks.Sync())
	}
	return errors.Join(err, q.release())
}

// release gives the directory back: a plain queue's is removed. Segments that
// are open must have been closed.
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

func (q *Queue) path(first uint64) string {
	return filepath.Join(q.root.Name(), segmentName(first))
}

// usable returns ErrClosed if the queue is closed. Who relies on it holds
// appending or reading.
func (q *Queue) usable() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	return nil
}

// done is the position before which nothing is needed any more. mu is held.
func (q *Queue) done() uint64 {
	if q.o.Durable {
		return q.acked
	}
	return q.taken
}

// reclaim removes the segments that are done with. reading is held.
func (q *Queue) reclaim() error {
	for {
		q.mu.Lock()
		if len(q.segs) == 0 || q.segs[0].next > q.done() || len(q.segs) == 1 && q.open {
			q.mu.Unlock()
			return nil
		}
		seg := q.segs[0]
		q.mu.Unlock()
		if q.r.file != nil && q.r.first == seg.first {
			q.r.close() // some systems do not remove what is open
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
