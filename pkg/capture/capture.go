// Package capture reads and writes captures: files of events, one a line
// (NDJSON), plain or compressed with gzip or zstd.
//
// A [Reader] finds out how a capture is compressed from its content, never from its
// name. It reports damage where it finds it and reads everything else: all lines
// before the cut of a file that was cut off and, after a damaged place, everything
// from the next gzip member or zstd frame on.
//
// A [Writer] records events in files, which it compresses and rotates.
package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync/atomic"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// ErrTooLong is given to Options.OnReject for a line that is longer than MaxLine.
var ErrTooLong = errors.New("line too long")

// DefaultMaxLine is the default of Options.MaxLine: 16 MiB.
const DefaultMaxLine = 16 << 20

// Options are the options of a Reader. Zero fields mean the defaults.
type Options struct {
	// Name is the Source of the events. The default is the name of the file, or
	// "stdin" without one.
	Name string
	// MaxLine is the size in bytes of the longest line, without its end. Longer
	// lines are skipped and given to OnReject. The default is DefaultMaxLine.
	MaxLine int
	// OnReject is called for each line that is skipped, with at most its first
	// 4 KiB, its offset in the text of the capture, and the reason: [ErrTooLong],
	// the error of the damage that cut the line off, or the error of reading. The
	// goroutine that reads calls it, and line is valid during the call. It may be
	// nil.
	OnReject func(line []byte, offset int64, err error)
	// OnDamage is called for each place that cannot be read. Reading goes on after
	// it if possible. The goroutine that reads calls it. It may be nil.
	OnDamage func(Damage)
}

// Damage is a place of a capture that cannot be read. It is an error.
type Damage struct {
	Name string // the capture's, as in Options
	// Offset is where the damage was found, in bytes of the file as it is stored,
	// that is compressed or not. The fault itself may be a little before it.
	Offset int64
	// Text is the offset in the text of the capture at which text is missing, before
	// the line that the damage cuts off.
	Text int64
	// Err says what is wrong. It is io.ErrUnexpectedEOF for compressed data that
	// were cut off, a [*FormatError] for a format that is not read, or another error.
	Err error
}

func (d Damage) Error() string {
	return fmt.Sprintf("%s: damaged at byte %d: %v", d.Name, d.Offset, d.Err)
}

func (d Damage) Unwrap() error { return d.Err }

// Reader reads one capture. It is not safe for concurrent use, except for Position.
type Reader struct {
	o     Options
	max   int
	in    counter
	file  *os.File // a regular file, read from its beginning; else nil
	close io.Closer
	text  io.Reader // the text of the capture; nil before the first read
	plain bool      // neither compressed nor in another encoding
	hasty bool      // return lines as they come, as from a pipe

	offset   int64  // of rest in the text
	rest     []byte // an unfinished line
	skipping bool   // rest belongs to a line that was rejected
	err      error  // what Next returns from now on

	stopped    bool // a Follower has ended, and with it the text
	unfinished bool // in the middle of a line
}

// Open opens the capture in the file called name. It fails if the file cannot be
// opened or is a directory. Whatever is wrong with its content shows when it is read.
// Close closes the file.
func Open(name string, o *Options) (*Reader, error) {
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && st.IsDir() {
		err = &os.PathError{Op: "read", Path: name, Err: errDirectory}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	r := NewReader(f, o)
	r.close = f
	if o == nil || o.Name == "" {
		r.o.Name = name
	}
	return r, nil
}

// NewReader returns a Reader of the capture in. The caller closes in. SeekTime
// needs a regular file that is read from its beginning.
//
// Lines from a pipe are returned as they come. A file is read in large steps.
func NewReader(in io.Reader, o *Options) *Reader {
	r := &Reader{hasty: true}
	if o != nil {
		r.o = *o
	}
	if r.o.Name == "" {
		r.o.Name = "stdin"
	}
	if r.max = r.o.MaxLine; r.max <= 0 {
		r.max = DefaultMaxLine
	}
	if f, ok := in.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			if at, err := f.Seek(0, io.SeekCurrent); err == nil && at == 0 {
				r.file, r.hasty = f, false
				r.in.size = st.Size()
			}
		}
	}
	r.in.r = in
	return r
}

// Close releases the memory of decoders and closes the file that Open has opened.
func (r *Reader) Close() error {
	if c, ok := r.text.(interface{ release() }); ok {
		c.release()
	}
	r.err = os.ErrClosed
	if r.close == nil {
		return nil
	}
	return r.close.Close()
}

// Name returns the Source of the events.
func (r *Reader) Name() string { return r.o.Name }

// Position returns how many bytes of the file have been read, as it is stored. It is
// safe for concurrent use.
func (r *Reader) Position() int64 { return r.in.n.Load() }

// Events returns the events of the capture in order. Raw is the line without its
// end, not validated, and valid until the next iteration. Source is the name of the
// capture. Received is zero, because a capture does not have it. Blank lines are left
// out. An error of reading is yielded with an empty event and ends the sequence. The
// sequence can be ranged over once.
func (r *Reader) Events() iter.Seq2[event.Event, error] {
	return func(yield func(event.Event, error) bool) {
		var buf []byte
		for {
			lines, _, err := r.Next(buf)
			if err != nil {
				if !errors.Is(err, io.EOF) {
					yield(event.Event{}, err)
				}
				return
			}
			buf = lines
			for _, line := range Lines(lines) {
				if !yield(event.Event{Raw: line, Source: r.o.Name}, nil) {
					return
				}
			}
		}
	}
}

// Lines returns the lines of text, which [Reader.Next] has returned, each with its
// offset in text and without its end (\n or \r\n). Blank lines are left out.
func Lines(text []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		var end int
		for at := 0; at < len(text); at = end {
			line := text[at:]
			end = len(text)
			if i := bytes.IndexByte(line, '\n'); i >= 0 {
				line, end = line[:i], at+i+1
			}
			if line = TrimLine(line); len(line) > 0 && !yield(at, line) {
				return
			}
		}
	}
}

// TrimLine returns line, which has no newline, without a carriage return at its end.
// It returns nil if line is blank.
func TrimLine(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[: n-1 : n-1]
	}
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' {
			return line
		}
	}
	return nil
}

// Scan has x scan the event in line. If that is no event as it is, Scan tries again with
// what [Clean] returns. It returns the bytes that x has scanned, a part of line, or line and
// an *event.Error.
func Scan(x *event.Index, line []byte) ([]byte, error) {
	err := x.Scan(line)
	if err != nil {
		if text := Clean(line); len(text) < len(line) && x.Scan(text) == nil {
			return text, nil
		}
	}
	return line, err
}

// Clean returns line without the garbage that other programs leave around an event: a
// byte order mark before it, where files with one were put together, and NUL bytes on
// both sides, where a system crashed while the file grew.
func Clean(line []byte) []byte {
	line = bytes.Trim(line, "\x00")
	return TrimLine(bytes.TrimPrefix(line, []byte("\ufeff")))
}

// counter counts the bytes that are read of a capture as it is stored. It can go back
// a little, also in a pipe.
type counter struct {
	r    io.Reader
	size int64
	n    atomic.Int64
	err  error // of the last Read

	keep   bool   // keep recent
	recent []byte // the last bytes that were read from r
	again  int    // how many bytes at the end of recent are read again
}

// recentSize is the least number of bytes by which a counter can go back. Decoders read less
// before they find a fault.
const recentSize = 1 << 20

func (c *counter) Read(p []byte) (n int, err error) {
	if c.again > 0 {
		n = copy(p, c.recent[len(c.recent)-c.again:])
		c.again -= n
	} else {
		n, err = c.r.Read(p)
		if c.keep {
			c.recent = append(c.recent, p[:n]...)
			if over := len(c.recent) - recentSize; over > recentSize {
				c.recent = c.recent[:copy(c.recent, c.recent[over:])]
			}
		}
	}
	c.n.Add(int64(n))
	c.err = err
	return n, err
}

// back goes back to an offset, or to the first byte that is kept.
func (c *counter) back(offset int64) {
	n := min(int(c.n.Load()-offset)+c.again, len(c.recent))
	c.n.Add(int64(c.again - n))
	c.again = n
}
