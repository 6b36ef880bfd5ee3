// Package capture reads and writes captures: files of events, one a line
// (NDJSON), plain or compressed with gzip or zstd.
//
// How a capture is compressed is found by its content, never by its name. What
// is wrong with a capture is reported where it is found, and everything that
// can be read is: a file that was cut off gives all lines before the cut, and
// behind a damaged place the reading goes on where the next gzip member or zstd
// frame begins.
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

// ErrTooLong is what [Options.OnReject] is given for a line longer than MaxLine.
var ErrTooLong = errors.New("line too long")

// DefaultMaxLine is the longest line in bytes unless Options say otherwise.
const DefaultMaxLine = 16 << 20

// Options say how a capture is read. The zero Options are the defaults.
type Options struct {
	// Name is the Source of the events. The default is the name of the file,
	// and "stdin" for what has none.
	Name string
	// MaxLine is the longest line in bytes, without its end. Longer ones are
	// skipped and go to OnReject. The default is DefaultMaxLine.
	MaxLine int
	// OnReject is told of a line that is not handed out: the first bytes of it,
	// where it begins in the text of the capture, and why: [ErrTooLong], or
	// the error of the damage that cut it off. It is called by the goroutine
	// that reads, and line is valid during the call.
	OnReject func(line []byte, offset int64, err error)
	// OnDamage is told of a place that cannot be read. The reading goes on
	// where it can. It is called by the goroutine that reads.
	OnDamage func(Damage)
}

// Damage is a place of a capture that cannot be read. It is an error.
type Damage struct {
	Name string
	// Offset is where it was found, in bytes of the file as it is stored:
	// compressed, if it is. The fault itself may be a little before it.
	Offset int64
	// Text is how many bytes of the capture's text are before it, and before the
	// line that it cuts off.
	Text int64
	// Err is io.ErrUnexpectedEOF for a capture that was cut off, or says what
	// is wrong there.
	Err error
}

func (d Damage) Error() string {
	return fmt.Sprintf("%s: damaged at byte %d: %v", d.Name, d.Offset, d.Err)
}

func (d Damage) Unwrap() error { return d.Err }

// Reader reads one capture. It is for one goroutine, but for Position.
type Reader struct {
	o     Options
	max   int
	in    counter
	file  *os.File // nil if there is none, or it cannot be sought
	close io.Closer
	text  io.Reader // the text of the capture; nil before the first Read
	plain bool
	hasty bool // hand out what a Read has brought before the next one

	offset   int64  // of rest in the text
	rest     []byte // an unfinished line
	skipping bool   // rest belongs to a line that was rejected
	err      error  // what Next returns from now on
}

// Open opens the capture in the file called name. What can be wrong with a file
// that is there is found when it is read.
func Open(name string, o *Options) (*Reader, error) {
	f, err := os.Open(name)
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

// NewReader reads a capture from in. If that is a file that can be sought, it
// must stand at its beginning. It stays the caller's to close.
//
// Lines that come by a pipe are handed out when they come; from a file they are
// read in large steps.
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

// Close closes the file that Open has opened and frees what the reading took.
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

// Name is the Source of the events.
func (r *Reader) Name() string { return r.o.Name }

// Size is how many bytes the file has, as it is stored; 0 if that is unknown.
func (r *Reader) Size() int64 { return r.in.size }

// Position is how many bytes of the file have been read, as it is stored. It
// is safe for concurrent use.
func (r *Reader) Position() int64 { return r.in.n.Load() }

// Events reads the events of the capture in order. Of each, Raw is the line
// without its end, unchecked and valid until the next iteration, and Source the
// capture's name; when it was received the capture does not say. Blank lines
// are left out. An error of reading is yielded with an empty event and ends the
// sequence. The sequence can be ranged over once.
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

// Lines yields the lines of what [Reader.Next] has returned that are not blank,
// without their ends (\n or \r\n), and how many bytes of text are before each.
func Lines(text []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for at, end := 0, 0; at < len(text); at = end {
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

// TrimLine returns line without a carriage return at its end, and nothing of a
// blank line.
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

// Clean returns line without what others have left around its text: a byte order
// mark before it, as where files were put together, and NUL bytes on both sides,
// as where a system crashed while the file grew. It is for lines that are no
// events as they are.
func Clean(line []byte) []byte {
	line = bytes.Trim(line, "\x00")
	return TrimLine(bytes.TrimPrefix(line, []byte("\ufeff")))
}

// counter counts what is read of a capture as it is stored. It can go back in
// what cannot be sought.
type counter struct {
	r    io.Reader
	size int64
	n    atomic.Int64
	err  error // of the last Read

	keep   bool   // recent is kept
	recent []byte // the last bytes that were read from r
	again  int    // how many of them, at the end, are to be read again
}

// recentSize is how far a counter can go back at least: decoders read no further
// than that before they find a fault.
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

// back has everything from that offset on read again, or what is kept of it.
func (c *counter) back(offset int64) {
	n := min(int(c.n.Load()-offset)+c.again, len(c.recent))
	c.n.Add(int64(c.again - n))
	c.again = n
}
