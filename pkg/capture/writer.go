package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

const (
	// batch is how many bytes of events are written without waiting for more.
	batch = 256 << 10

	defaultFlush  = 500 * time.Millisecond
	defaultBuffer = 64 << 20

	// fifoPoll is how often a FIFO is looked at that has no reader or is full.
	fifoPoll = 50 * time.Millisecond
	// retryAfter is when a file is tried again that could not be made or renamed.
	retryAfter = time.Second
	// grace is how long Close waits, once its context is done, for what does not
	// hang.
	grace = 4 * fifoPoll
)

// Why a recording can fail that no system call says.
var (
	// ErrBehind is what Write returns for an event that was dropped because the
	// buffer is full: the disk takes less than comes in.
	ErrBehind = errors.New("the disk does not keep up with the recording")
	// ErrName is wrapped by the errors of Create about what is wrong with the
	// name itself.
	ErrName = errors.New("no name for a recording")
	// ErrStuck is wrapped by the error of Close when the time was over before
	// everything was written.
	ErrStuck = errors.New("not everything could be written in time")

	errNoReader = errors.New("nobody reads this FIFO")
)

// WriterOptions say how a capture is written. The zero WriterOptions are the
// defaults.
type WriterOptions struct {
	// Flush is how long an event waits at most before it is given to the
	// system. What a process that is killed has not flushed is lost. The default
	// is half a second.
	Flush time.Duration
	// Buffer bounds the bytes of events that wait for the disk. The default is
	// 64 MiB.
	Buffer int
	// MaxSize is the size in bytes, as it is stored, from which on a file is set
	// aside and a new one begun; 0 is no limit. A file is larger than that only
	// if a single batch of events is, or if it cannot be renamed.
	MaxSize int64
	// MaxAge is how long after the first event that was written to it a file is
	// set aside, when the next event comes; 0 is no limit. The age of a file
	// that was there before counts from when it was opened.
	MaxAge time.Duration
	// Keep is how many files beside the current one are kept: of older ones the
	// oldest are removed when a new file has been begun. 0 keeps all.
	Keep int
	// OnError is told once why the recording has ended. OnWarn is told of what
	// does not end it: a file that was moved or removed by others, that cannot
	// be renamed or made now, an old one that cannot be removed. Both are called
	// by a goroutine of the Writer and must not call it. They may be nil.
	OnError, OnWarn func(error)
}

// Writer records events: each on a line, its very bytes. It is safe for
// concurrent use.
//
// The lines are compressed if the name ends in .gz or .zst. They are written in
// batches, each of them a gzip member or zstd frame of its own: a file whose
// writer was killed ends with a whole one, unless the system was in the midst
// of writing it, and every program that knows the format reads it.
//
// The file is looked for by its name before each batch. If it was moved or
// removed it is made again. Until that works events wait, and when the buffer
// is full the recording ends.
type Writer struct {
	o      WriterOptions
	name   namePattern
	encode encoder

	first   chan struct{} // holds a value when there is something to do
	full    chan struct{} // holds a value when a batch is full
	closing chan struct{}
	giveUp  chan struct{} // closed when Close waits no longer
	done    chan struct{}
	once    sync.Once     // of closing
	late    sync.Once     // of giveUp
	hurry   chan struct{} // closed by Hurry
	hurried sync.Once

	mu      sync.Mutex
	pending []byte
	events  int64 // in pending
	inBatch int64 // events of the batch that is being written
	lost    int64
	begun   bool  // the file is to be there, even without an event
	behind  bool  // events were dropped since the file was last tried
	err     error // why the recording has ended

	target // of the goroutine that writes
}

// Create begins or goes on with a recording. In name %Y, %m, %d, %H, %M and %S
// stand for the local time of writing, and %% for %: when they come to mean
// another name, a new file is begun. Where MaxSize or MaxAge sets a file aside
// that goes by the same name, it is renamed: events.ndjson.zst becomes
// events.20261123-150405.ndjson.zst.
//
// The file is made when the first event is written or Begin is called. Create
// checks that this can be done as far as that is possible without doing it. A
// file that is there is appended to. A new one can be read by its owner only.
// The directory must be there. Close ends the recording.
//
// The file may be a FIFO. Events wait in the buffer until it has a reader, and
// the recording ends when the reader goes.
func Create(name string, o *WriterOptions) (*Writer, error) {
	w := &Writer{
		first: make(chan struct{}, 1), full: make(chan struct{}, 1),
		closing: make(chan struct{}), giveUp: make(chan struct{}),
		hurry: make(chan struct{}), done: make(chan struct{}),
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
	go w.run()
	return w, nil
}

// Begin has the file made, even if no event comes.
func (w *Writer) Begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = true
	signal(w.first)
}

// Hurry has a recording into a FIFO that nobody reads end instead of waiting for
// a reader.
func (w *Writer) Hurry() { w.hurried.Do(func() { close(w.hurry) }) }

// Write records one event, whose bytes it copies. It never waits for the disk.
// An event that has line breaks between its tokens is put on one line; what is
// blank is left out. The error is ErrBehind for this event alone; any other one
// has ended the recording.
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
		return ErrBehind
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

// Lost returns how many events were not recorded. After Close that is all of
// those given to Write that are not in the file.
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

// appendLine appends raw as a line. A line break in a string becomes an escape,
// as in the repair of package event, any other one a blank.
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

// Close writes what waits and ends the recording. It returns why the recording
// had ended before, if it had. When ctx is done it waits no longer, and returns an
// error if something is not written; Lost says how many events that cost. What
// hangs in the system is left behind then.
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

// abandon ends the recording although not everything is written.
func (w *Writer) abandon() {
	w.late.Do(func() { close(w.giveUp) })
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-w.done:
	case <-t.C:
		w.end(ErrStuck)
	}
}

// end notes why the recording has ended, and that what waits is lost. The first
// reason counts.
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
	if w.fifo { // or its reader would wait for the first event
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

// flush writes what waits; with last nothing more will.
func (w *Writer) flush(last bool) error {
	w.mu.Lock()
	w.pending, w.writing = w.writing[:0], w.pending
	w.events, w.inBatch = 0, w.events
	begun := w.begun
	w.begun = false
	if last {
		w.err = os.ErrClosed
	}
	w.mu.Unlock()
	if len(w.writing) > 0 {
		if err := w.write(); err != nil {
			return err
		}
	} else if begun && !w.fifo {
		if err := w.ready(); err != nil {
			return err
		}
	}
	w.mu.Lock()
	w.inBatch = 0
	w.mu.Unlock()
	w.tidy()
	if cap(w.writing) > 8*batch {
		w.writing = nil // a burst has passed
	}
	return nil
}

// write writes the batch in writing.
func (w *Writer) write() error {
	var err error
	if w.stored, err = w.encode.append(w.stored[:0], w.writing); err != nil {
		return err
	}
	for {
		if err := w.ready(); err != nil {
			return err
		}
		out := w.stored
		if w.torn {
			out = append([]byte{'\n'}, out...)
		}
		n, err := w.put(out)
		if err != nil {
			w.takeBack(out, n)
			return err
		}
		if w.size == 0 {
			w.since = time.Now()
		}
		w.torn = false
		w.size += int64(n)
		if !removed(w.file) { // or it went between the look and the write
			break
		}
	}
	if cap(w.stored) > 8*batch {
		w.stored = nil
	}
	return nil
}

// put writes to the file. The reader of a FIFO may take nothing: that ends when
// the Writer gives up.
func (w *Writer) put(out []byte) (n int, err error) {
	if !w.fifo {
		return w.file.Write(out)
	}
	for {
		if err := w.file.SetWriteDeadline(time.Now().Add(fifoPoll)); err != nil {
			return n, err
		}
		m, err := w.file.Write(out[n:])
		n += m
		switch {
		case oserr.IsClosedPipe(err):
			return n, fmt.Errorf("its reader has gone: %w", err)
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return n, err
		}
		select {
		case <-w.giveUp:
			return n, fmt.Errorf("%w: its reader takes nothing", ErrStuck)
		default:
		}
	}
}

// takeBack removes the part of a batch of which n bytes were written, so that
// the file ends with something whole, and counts what is in it as recorded.
// Nothing else is touched: if somebody has written behind it, it stays.
func (w *Writer) takeBack(out []byte, n int) {
	whole := 0
	if _, plain := w.encode.(plainEncoder); plain {
		whole = bytes.LastIndexByte(out[:n], '\n') + 1
		lines := int64(bytes.Count(out[:whole], []byte{'\n'}))
		if w.torn {
			lines = max(lines-1, 0)
		}
		w.mu.Lock()
		w.inBatch -= lines
		w.mu.Unlock()
	}
	st, err := w.file.Stat()
	if err == nil && st.Mode().IsRegular() && st.Size() == w.size+int64(n) {
		_ = w.file.Truncate(w.size + int64(whole)) // the error of the write counts
	}
}
