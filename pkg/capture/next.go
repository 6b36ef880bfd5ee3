package capture

import (
	"bytes"
	"errors"
	"io"
	"syscall"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

const (
	// BlockSize is about how many bytes of text [Reader.Next] returns at once.
	BlockSize = 256 << 10

	// enough is the size in bytes from which a block of a file is returned. It is
	// more than a block of zstd, which would otherwise be returned by itself each
	// time.
	enough = BlockSize / 4 * 3

	rejectStart = 4 << 10 // bytes of a rejected line that OnReject gets
	emptyReads  = 100     // successive reads of nothing after which a reader counts as broken, as in bufio
)

var (
	errDirectory error = syscall.EISDIR
	errNoNewline       = errors.New("the last line is cut short")
	errZeros           = errors.New("NUL bytes at the end, as a crash leaves them")
)

// Next returns the next lines of the capture, whole and with their ends, and their
// offset in its text. It is faster than Events for a program that handles many lines
// together; see [Lines]. Only the last line of the capture may lack its newline, and
// only if it is a whole event. No line is longer than MaxLine. A byte order mark at
// the beginning of the capture is left out.
//
// The lines are written to buf, which may be nil, or to a new slice if buf is too
// small. Give the returned slice to the next call. It has BlockSize bytes, or as many
// as the longest line.
//
// At the end of the capture the error is io.EOF. Any other error is one of reading,
// and ends the capture, too.
func (r *Reader) Next(buf []byte) (lines []byte, offset int64, err error) {
	b := r.begin(buf)
	searched := len(b) // there is no newline in b[:searched]
	whole := 0         // end of the last whole line
	for r.err == nil {
		if len(b) == cap(b) {
			grown := make([]byte, len(b), min(2*cap(b), r.max+2))
			copy(grown, b)
			b = grown
		}
		n, err := r.read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if r.offset == 0 && searched < 3 && bytes.HasPrefix(b, []byte("\ufeff")) {
			b, r.offset, searched = b[:copy(b, b[3:])], 3, 0
		}
		if r.skipping {
			b, searched = r.skip(b), 0
		}
		if i := bytes.LastIndexByte(b[searched:], '\n'); i >= 0 {
			whole = searched + i + 1
			b, whole = r.short(b, whole)
		}
		searched = len(b)
		if damage, damaged := errors.AsType[*Damage](err); damaged {
			r.damaged(*damage, b[whole:], r.offset+int64(whole))
			r.skipping = false
			if whole == 0 {
				r.advance(len(b))
				b, searched = b[:0], 0
				continue
			}
			return b[:whole], r.advance(len(b)), nil
		} else if errors.Is(err, io.EOF) || errors.Is(err, errStopped) {
			r.stopped = errors.Is(err, errStopped)
			whole += r.tail(b[whole:], r.offset+int64(whole))
			r.err = err
		} else if err != nil {
			if len(TrimLine(b[whole:])) > 0 {
				r.reject(b[whole:], r.offset+int64(whole), err)
			}
			r.err = err
		}
		if whole > 0 && (r.hasty || r.err != nil || len(b) >= min(enough, cap(b))) {
			if r.err == nil {
				r.rest = append(r.rest, b[whole:]...)
			}
			return b[:whole], r.advance(whole), nil
		}
		if whole == 0 && len(b)-1 > r.max {
			r.reject(b, r.offset, ErrTooLong)
			r.skipping = true
			r.advance(len(b))
			b, searched = b[:0], 0
		}
	}
	return nil, r.offset, r.err
}

// begin returns the unfinished line of the last call in buf, or in new memory if buf
// is too small. There is never room for more than the longest line and its end, so
// that a line that is too long is found here.
func (r *Reader) begin(buf []byte) []byte {
	limit := r.max + 2
	if size := max(min(BlockSize, limit), len(r.rest)); cap(buf) < size {
		buf = make([]byte, 0, size)
	}
	b := append(buf[:0:min(cap(buf), limit)], r.rest...)
	r.rest = r.rest[:0]
	return b
}

// advance moves the offset by n bytes of the text and returns the old one.
func (r *Reader) advance(n int) int64 {
	at := r.offset
	r.offset += int64(n)
	return at
}

// read reads text.
func (r *Reader) read(p []byte) (n int, err error) {
	if r.text == nil {
		if err := r.detect(); err != nil {
			return 0, err
		}
	}
	for range emptyReads {
		if n, err = r.text.Read(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// skip removes the rest of a rejected line from b.
func (r *Reader) skip(b []byte) []byte {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		r.advance(len(b))
		return b[:0]
	}
	r.skipping = false
	r.advance(i + 1)
	return b[:copy(b, b[i+1:])]
}

// short removes the first line of b if it is too long. No other line can be, because b
// has no room for it.
func (r *Reader) short(b []byte, whole int) ([]byte, int) {
	if len(b) <= r.max {
		return b, whole
	}
	end := bytes.IndexByte(b, '\n')
	length := end
	if end > 0 && b[end-1] == '\r' {
		length--
	}
	if length <= r.max {
		return b, whole
	}
	r.reject(b[:end], r.offset, ErrTooLong)
	r.advance(end + 1)
	return b[:copy(b, b[end+1:])], whole - end - 1
}

// tail returns how much of a last line without a newline is returned: all of it if it
// is an event, or else nothing, because it has been cut off.
func (r *Reader) tail(line []byte, offset int64) int {
	text := TrimLine(line)
	switch {
	case len(text) == 0:
		return 0
	case len(text) > r.max:
		r.reject(line, offset, ErrTooLong)
		return 0
	}
	if _, err := Scan(new(event.Index), text); err == nil {
		return len(line)
	}
	if r.unfinished = r.stopped; r.stopped {
		return 0
	}
	reason := errNoNewline
	if len(bytes.Trim(text, "\x00")) == 0 {
		reason = errZeros
	}
	at := offset
	if !r.plain {
		at = r.in.n.Load()
	}
	r.damaged(Damage{Name: r.o.Name, Offset: at, Err: reason}, line, offset)
	return 0
}

// damaged reports damage and the line that it cut off.
func (r *Reader) damaged(d Damage, line []byte, offset int64) {
	if d.Text = offset; r.o.OnDamage != nil {
		r.o.OnDamage(d)
	}
	if len(TrimLine(line)) > 0 && !r.skipping {
		r.reject(line, offset, d.Err)
	}
}

func (r *Reader) reject(line []byte, offset int64, err error) {
	if r.o.OnReject != nil {
		r.o.OnReject(line[:min(len(line), rejectStart)], offset, err)
	}
}
