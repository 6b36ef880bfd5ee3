package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/internal/guard"
)

const (
	// batch is how many bytes of events are written together without waiting for more.
	batch = 256 << 10

	defaultFlush  = 500 * time.Millisecond
	defaultBuffer = 64 << 20

	// fifoPoll is how often a FIFO is tried that has no reader or is full.
	fifoPoll = 50 * time.Millisecond
	// retryAfter is after how long a file is tried again that could not be made or
	// renamed.
	retryAfter = time.Second
	// grace is how long Close still waits once its context is done.
	grace = 4 * fifoPoll
)

// Errors of a recording, besides those of the operating system.
var (
	// ErrOverflow is returned by Write for an event that was dropped because the
	// buffer is full.
	ErrOverflow = errors.New("the disk does not keep up with the recording")
	// ErrName is wrapped by the error of Create if the name is not a valid one.
	ErrName = errors.New("no name for a recording")
	// ErrIncomplete is wrapped by the error of Close if its context was done before
	// everything was written.
	ErrIncomplete = errors.New("not everything could be written in time")

	errNoReader = errors.New("nobody reads this FIFO")
)

// WriterOptions are the options of a Writer. Zero fields mean the defaults.
type WriterOptions struct {
	// Flush is how long an event waits at most before it is written to the file. If
	// the process is killed, the events that wait are lost. The default is half a
	// second.
	Flush time.Duration
	// Buffer is how many bytes of events may wait for the disk. The default is
	// 64 MiB.
	Buffer int
	// MaxSize is the largest size of a file in bytes, as it is stored. A file that
	// would become larger is set aside, and a new one begun. A file is larger only
	// if a single event is, or if it cannot be renamed. 0 is no limit.
	MaxSize int64
	// MaxAge is how long after the first event that was written to it a file is
	// set aside, when the next event comes; 0 is no limit. The age of a file
	// that was there before counts from when it was opened.
	MaxAge time.Duration
	// Keep is how many files are kept besides the current one. When a new file has
	// been begun, the oldest of the others are removed. 0 keeps all.
	Keep int
	// OnError is called once if the recording ends with an error. OnWarn is called
	// for what does not end it: a file that another program has moved or removed, a
	// file that cannot be renamed or made now, an old one that cannot be removed. A
	// goroutine of the Writer calls them, and they must not call the Writer. They may
	// be nil.
	OnError, OnWarn func(error)
	// OnPanic is called by a goroutine of the Writer that panics, before that ends the process: a
	// program that has changed the terminal gives it back there. It may be nil.
	OnPanic func()
}

// Writer records events in a file, one a line, with their bytes unchanged. It is safe
// for concurrent use.
//
// The lines are compressed if the name ends in .gz or .zst. They are written in
// batches, and each batch is a gzip member or zstd frame of its own. So a file ends
// with a whole one even if the process was killed, unless the system was just writing
// it, and every program that knows the format can read it.
//
// Before each batch the Writer checks that the file still has its name. If it was
// moved or removed, it is made again. As long as that fails events wait, and when the
// buffer is full the recording ends.
type Writer struct {
	o      WriterOptions
	name   namePattern
	encode encoder

	first    chan struct{} // holds a value when there is something to do
	full     chan struct{} // holds a value when a batch is full
	closing  chan struct{}
	giveUp   chan struct{} // closed when Close waits no longer
	done     chan struct{}
	once     sync.Once     // for closing
	late     sync.Once     // for giveUp
	unwaited chan struct{} // closed by StopWaiting
	stopOnce sync.Once     // for unwaited

	mu      sync.Mutex
	pending []byte
	events  int64 // in pending
	inBatch int64 // events of the batch that is being written
	lost    int64
	begun   bool            // make the file, even without an event
	waiters []chan struct{} // of Flush, closed when what waits is written
	behind  bool            // events were dropped since the file was last tried
	err     error           // why the recording has ended

	target
}

// Create begins a recording, or goes on with one. In name %Y, %m, %d, %H, %M and %S
// stand for the local time of writing, and %% for %. When the name changes with the
// time, a new file is begun. A file that MaxSize or MaxAge sets aside is renamed if
// the new one has the same name: events.ndjson.zst becomes
// events.20261123-150405.ndjson.zst.
//
// The file is made when the first event is written or CreateFile is called. Create
// checks beforehand, as far as possible, that it can be. An existing file is appended
// to. A new one can be read by its owner only. The directory must exist. Close ends
// the recording.
//
// The file may be a FIFO. Events wait in the buffer until it has a reader, and the
// recording ends when the reader has gone.
func Create(name string, o *WriterOptions) (*Writer, error) {
	w := &Writer{
		first: make(chan struct{}, 1), full: make(chan struct{}, 1),
		closing: make(chan struct{}), giveUp: make(chan struct{}),
		unwaited: make(chan struct{}), done: make(chan struct{}),
	}
	if o != nil {
		w.o = *o
	}
	if w.o.Flush <= 0 {
		w.o.Flush = defaultFlush
	}
	if w.o.Buffer <= 0 {
		w.o.Buffer = defaultBuffer
	}
	var err error
	if w.name, err = parseName(name); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrName, err)
	}
	if w.encode, err = newEncoder(name); err != nil {
		return nil, err
	}
	if err := w.check(w.name.at(time.Now())); err != nil {
		return nil, err
	}
	go guard.Run(w.o.OnPanic, w.run)
	return w, nil
}

// CreateFile makes the Writer create the file, even if no event comes. It does not wait
// for that.
func (w *Writer) CreateFile() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = true
	signal(w.first)
}

// StopWaiting ends the wait for the reader of a FIFO, also in the future: without a
// reader the recording ends.
func (w *Writer) StopWaiting() { w.stopOnce.Do(func() { close(w.unwaited) }) }

// Write records one event. It copies the bytes and never waits for the disk. An event
// with line breaks is put on one line, and an empty one is left out. The error
// ErrOverflow is about this event only. Any other error has ended the recording.
func (w *Writer) Write(raw []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		w.lost++
		return w.err
	}
	if len(w.pending)+len(raw) >= w.o.Buffer && len(w.pending) > 0 {
		w.behind = true
		w.lost++
		return ErrOverflow
	}
	before := len(w.pending)
	if w.pending = appendLine(w.pending, raw); len(w.pending) > before {
		w.events++
		signal(w.first)
	}
	if len(w.pending) >= batch {
		signal(w.full)
	}
	return nil
}

// Flush writes the events that wait, and returns when they are in the file, with the error
// that ended the recording or that of ctx. The file is not synced.
func (w *Writer) Flush(ctx context.Context) error {
	written := make(chan struct{})
	w.mu.Lock()
	if w.err != nil || w.events+w.inBatch == 0 {
		defer w.mu.Unlock()
		return w.err
	}
	w.waiters = append(w.waiters, written)
	w.mu.Unlock()
	signal(w.first)
	signal(w.full)
	select {
	case <-written:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-w.done:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Lost returns how many events could not be recorded. After Close that is the number
// of all events given to Write that are not in a file.
func (w *Writer) Lost() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lost
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// appendLine appends raw as a line. A line break inside of a string is escaped, as
// package event repairs it. Any other line break becomes a blank.
func appendLine(dst, raw []byte) []byte {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return dst
	}
	if bytes.IndexByte(raw, '\n') < 0 {
		return append(append(dst, raw...), '\n')
	}
	inside := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '\n' && inside:
			dst = append(dst, '\\', 'n')
			continue
		case c == '\n':
			dst = append(dst, ' ')
			continue
		case c == '"':
			inside = !inside
		case c == '\\' && inside && i+1 < len(raw) && raw[i+1] != '\n':
			dst = append(dst, c)
			i++
		}
		dst = append(dst, raw[i])
	}
	return append(dst, '\n')
}

// Close writes the events that wait and ends the recording. It returns the error that
// ended the recording, if there is one. When ctx is done Close stops waiting and
// returns an error if something is not written; Lost says how many events. A write
// that hangs in the system then keeps its goroutine.
func (w *Writer) Close(ctx context.Context) error {
	w.once.Do(func() { close(w.closing) })
	select {
	case <-w.done:
	case <-ctx.Done():
		w.abandon()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(w.err, os.ErrClosed) {
		return nil
	}
	return w.err
}

// abandon ends the recording without waiting for all events.
func (w *Writer) abandon() {
	w.late.Do(func() { close(w.giveUp) })
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-w.done:
	case <-t.C:
		w.end(ErrIncomplete)
	}
}

// end notes the error that ended the recording, and that the events that wait are
// lost. The first error counts.
func (w *Writer) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil || errors.Is(w.err, os.ErrClosed) {
		w.err = err
		w.lost += w.events + w.inBatch
		w.events, w.inBatch = 0, 0
	}
}

// run writes until the Writer is closed or something fails.
func (w *Writer) run() {
	defer close(w.done)
	closing := false
	if w.fifo { // open it, or its reader would wait for the first event
		_ = w.ready() // tried again with the first event
	}
	for !closing {
		select {
		case <-w.first:
			t := time.NewTimer(w.o.Flush)
			select {
			case <-t.C:
			case <-w.full:
			case <-w.closing:
			}
			t.Stop()
		case <-w.closing:
			closing = true
		}
		if err := w.flush(closing); err != nil {
			w.end(err)
			if w.o.OnError != nil {
				w.o.OnError(err)
			}
			break
		}
	}
	if w.file != nil {
		_ = w.file.Close() // every write was checked
	}
}

// flush writes the events that wait. After the last flush Write fails.
func (w *Writer) flush(last bool) error {
	w.mu.Lock()
	w.pending, w.writing = w.writing[:0], w.pending
	w.events, w.inBatch = 0, w.events
	begun := w.begun
	w.begun = false
	waiters := w.waiters
	w.waiters = nil
	if last {
		w.err = os.ErrClosed
	}
	w.mu.Unlock()
	if len(w.writing) > 0 {
		if err := w.writeParts(); err != nil {
			return err
		}
	} else if begun && !w.fifo {
		if err := w.ready(); err != nil {
			return err
		}
	}
	for _, written := range waiters {
		close(written)
	}
	w.tidy()
	if cap(w.writing) > 8*batch {
		w.writing = nil // a burst has passed
	}
	return nil
}
