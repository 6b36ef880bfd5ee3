package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// batch is how many bytes of events are written without waiting for more.
	batch = 256 << 10

	defaultFlush  = 500 * time.Millisecond
	defaultBuffer = 64 << 20
)

// ErrBehind is what Write returns for an event that was dropped because the
// buffer is full: the disk takes less than comes in.
var ErrBehind = errors.New("the disk does not keep up with the recording")

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
	// if a single batch of events is.
	MaxSize int64
	// MaxAge is how long after the first event that was written to it a file is
	// set aside, when the next event comes; 0 is no limit. The age of a file
	// that was there before counts from when it was opened.
	MaxAge time.Duration
	// Keep is how many files beside the current one are kept: of older ones the
	// oldest are removed when a new file is begun. 0 keeps all.
	Keep int
	// OnError is told once why the recording has ended. It is called by a
	// goroutine of the Writer and must not call it. It may be nil.
	OnError func(error)
}

// Writer records events: each on a line, its very bytes. It is safe for
// concurrent use.
//
// The lines are compressed if the name ends in .gz or .zst. They are written in
// batches, each of them a gzip member or zstd frame of its own: a file whose
// writer was killed ends with a whole one, unless the system was in the midst
// of writing it, and every program that knows the format reads it.
type Writer struct {
	o      WriterOptions
	name   namePattern
	encode encoder

	first   chan struct{} // holds a value when there is something to write
	full    chan struct{} // holds a value when a batch is full
	closing chan struct{}
	done    chan struct{}
	once    sync.Once

	mu      sync.Mutex
	pending []byte
	err     error // why the recording has ended

	// Of the goroutine that writes.
	writing []byte
	stored  []byte
	file    *os.File
	current string
	size    int64
	since   time.Time // when the current file was begun
	torn    bool      // the last line of the file lacks its newline
}

// Create begins or goes on with a recording. In name %Y, %m, %d, %H, %M and %S
// stand for the local time of writing, and %% for %: when they come to mean
// another name, a new file is begun. Where MaxSize or MaxAge sets a file aside
// that goes by the same name, it is renamed: events.ndjson.zst becomes
// events.20261123-150405.ndjson.zst.
//
// A file that is there is appended to. A new one can be read by its owner only.
// The directory must be there. Close ends the recording.
func Create(name string, o *WriterOptions) (*Writer, error) {
	w := &Writer{
		first: make(chan struct{}, 1), full: make(chan struct{}, 1),
		closing: make(chan struct{}), done: make(chan struct{}),
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
		return nil, err
	}
	if w.encode, err = newEncoder(name); err != nil {
		return nil, err
	}
	if err := w.open(time.Now()); err != nil {
		return nil, err
	}
	go w.run()
	return w, nil
}

// Write records one event, whose bytes it copies. It never waits for the disk.
// An event that has line breaks between its tokens is put on one line; what is
// blank is left out. The error is ErrBehind for this event alone; any other one
// has ended the recording.
func (w *Writer) Write(raw []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if len(w.pending)+len(raw) >= w.o.Buffer && len(w.pending) > 0 {
		return ErrBehind
	}
	empty := len(w.pending) == 0
	if w.pending = appendLine(w.pending, raw); empty && len(w.pending) > 0 {
		signal(w.first)
	}
	if len(w.pending) >= batch {
		signal(w.full)
	}
	return nil
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
// had ended before, if it had.
func (w *Writer) Close() error {
	w.once.Do(func() { close(w.closing) })
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(w.err, os.ErrClosed) {
		return nil
	}
	return w.err
}

// run writes until the Writer is closed or something fails.
func (w *Writer) run() {
	defer close(w.done)
	closing := false
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
			if w.o.OnError != nil {
				w.o.OnError(err)
			}
			break
		}
	}
	_ = w.file.Close() // every write was checked
}

// flush writes what waits; with last nothing more will.
func (w *Writer) flush(last bool) error {
	w.mu.Lock()
	w.pending, w.writing = w.writing[:0], w.pending
	if last {
		w.err = os.ErrClosed
	}
	w.mu.Unlock()
	var err error
	if len(w.writing) > 0 {
		err = w.write(time.Now())
	}
	if cap(w.writing) > 8*batch {
		w.writing = nil // a burst has passed
	}
	if err != nil {
		err = fmt.Errorf("could not write the recording: %w", err)
		w.mu.Lock()
		w.err = err
		w.mu.Unlock()
	}
	return err
}

// write writes the batch in writing, to another file if it is time for one.
func (w *Writer) write(now time.Time) error {
	var err error
	if w.stored, err = w.encode.append(w.stored[:0], w.writing); err != nil {
		return err
	}
	over := w.size > 0 && (w.o.MaxSize > 0 && w.size+int64(len(w.stored)) > w.o.MaxSize || w.o.MaxAge > 0 && now.Sub(w.since) >= w.o.MaxAge)
	if over || w.name.at(now) != w.current {
		if err := w.rotate(now); err != nil {
			return err
		}
	}
	out := w.stored
	if w.torn {
		out = append([]byte{'\n'}, out...)
	}
	n, err := w.file.Write(out)
	if err != nil {
		w.takeBack(out, n)
		return err
	}
	if w.size == 0 {
		w.since = now
	}
	w.torn = false
	w.size += int64(n)
	if cap(w.stored) > 8*batch {
		w.stored = nil
	}
	return nil
}

// takeBack removes the part of a batch of which n bytes were written, so that
// the file ends with something whole. Nothing else is touched: if somebody has
// written behind it, it stays.
func (w *Writer) takeBack(out []byte, n int) {
	st, err := w.file.Stat()
	if err != nil || !st.Mode().IsRegular() || st.Size() != w.size+int64(n) {
		return
	}
	whole := 0
	if _, plain := w.encode.(plainEncoder); plain {
		whole = bytes.LastIndexByte(out[:n], '\n') + 1
	}
	_ = w.file.Truncate(w.size + int64(whole)) // the error of the write counts
}

// open opens the file for the time now.
func (w *Writer) open(now time.Time) error {
	name := w.name.at(now)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err == nil && st.Size() > 0 && st.Mode().IsRegular() {
		w.torn, err = w.encode.check(f, st.Size())
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
	}
	if err != nil {
		f.Close()
		return err
	}
	w.file, w.current, w.size, w.since = f, name, st.Size(), now
	return nil
}

// rotate begins another file.
func (w *Writer) rotate(now time.Time) error {
	if err := w.file.Close(); err != nil {
		return err
	}
	w.torn = false
	if w.name.at(now) == w.current {
		if err := w.name.setAside(w.current, now); err != nil {
			return err
		}
	}
	if err := w.open(now); err != nil {
		return err
	}
	if w.o.Keep > 0 {
		return w.name.remove(w.current, w.o.Keep)
	}
	return nil
}

// encoder makes of lines what is stored.
type encoder interface {
	append(dst, lines []byte) ([]byte, error)
	// check reports whether a file can be appended to, and whether its last line
	// needs a newline first.
	check(f io.ReaderAt, size int64) (torn bool, err error)
}

func newEncoder(name string) (encoder, error) {
	switch {
	case strings.HasSuffix(name, ".gz"):
		return &gzipEncoder{z: gzip.NewWriter(nil)}, nil
	case strings.HasSuffix(name, ".zst"):
		z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		return &zstdEncoder{z}, err
	}
	return plainEncoder{}, nil
}

type plainEncoder struct{}

func (plainEncoder) append(dst, lines []byte) ([]byte, error) { return append(dst, lines...), nil }

func (plainEncoder) check(f io.ReaderAt, size int64) (bool, error) {
	var head [4]byte
	if n, err := f.ReadAt(head[:], 0); err != nil && err != io.EOF {
		return false, err
	} else if bytes.HasPrefix(head[:n], []byte(gzipMagic)) || isZstd(head[:n]) {
		return false, errors.New("it is compressed, and its name does not end in .gz or .zst")
	}
	var last [1]byte
	_, err := f.ReadAt(last[:], size-1)
	return last[0] != '\n', err
}

type gzipEncoder struct{ z *gzip.Writer }

func (e *gzipEncoder) append(dst, lines []byte) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	e.z.Reset(b)
	if _, err := e.z.Write(lines); err != nil {
		return dst, err
	}
	err := e.z.Close()
	return b.Bytes(), err
}

func (e *gzipEncoder) check(f io.ReaderAt, _ int64) (bool, error) {
	return false, begins(f, gzipMagic, "gzip")
}

type zstdEncoder struct{ z *zstd.Encoder }

func (e *zstdEncoder) append(dst, lines []byte) ([]byte, error) {
	return e.z.EncodeAll(lines, dst), nil
}

func (e *zstdEncoder) check(f io.ReaderAt, _ int64) (bool, error) {
	return false, begins(f, zstdMagic, "zstd")
}

func begins(f io.ReaderAt, magic, format string) error {
	head := make([]byte, len(magic))
	if n, err := f.ReadAt(head, 0); err != nil && err != io.EOF {
		return err
	} else if string(head[:n]) != magic[:n] {
		return fmt.Errorf("it is not compressed with %s, as its name says", format)
	}
	return nil
}
