package event

import (
	"bytes"
	"errors"
	"io"
	"iter"
)

// ErrTooLong is why [Lines] rejects a line that is longer than its limit.
var ErrTooLong = errors.New("line too long")

const (
	linesBuffer = 256 << 10 // what is asked of a reader at once, to begin with
	rejectStart = 4 << 10   // how much of a rejected line is shown
	emptyReads  = 100       // reads of nothing in a row until a reader counts as broken, as in bufio
)

// Lines reads newline-delimited JSON: it yields each line of r that is not
// blank, without its line end (\n or \r\n) and unchecked. A line is valid until
// the next iteration and may be changed until then. What a Read has brought is
// yielded before the next Read, so a line that comes alone on a pipe does not
// wait for company. A last line without a newline counts, and a byte order mark
// at the very beginning does not.
//
// A line longer than max bytes is skipped and the reading goes on behind it.
// onReject, unless it is nil, is given its first 4 KiB, valid during the call,
// the number of bytes in r before it, and ErrTooLong.
//
// A read error is yielded, as it is, with a nil line, and ends the sequence;
// io.EOF just ends it. The unfinished line before such an error is no event and
// goes to onReject with that error.
//
// Lines reads ahead in large steps. It uses 256 KiB, and for longer lines up to
// the length of the longest, at most max. The sequence can be ranged over once.
func Lines(r io.Reader, max int, onReject func(line []byte, offset int64, err error)) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		l := lines{r: r, max: max, onReject: onReject, buf: make([]byte, linesBuffer)}
		for {
			err := l.read()
			for {
				n := bytes.IndexByte(l.buf[l.searched:l.end], '\n')
				if n < 0 {
					break
				}
				n += l.searched
				if line := l.take(n, n+1); line != nil && !yield(line, nil) {
					return
				}
			}
			l.searched = l.end
			if err == nil {
				l.limit()
				continue
			}
			if !errors.Is(err, io.EOF) {
				if l.begin < l.end && !l.skipping {
					l.reject(l.begin, l.end, err)
				}
				yield(nil, err)
			} else if line := l.take(l.end, l.end); line != nil {
				yield(line, nil)
			}
			return
		}
	}
}

// lines is the state of one run of [Lines]. The bytes read and not yet taken
// are buf[begin:end]; those before searched hold no newline.
type lines struct {
	r        io.Reader
	max      int
	onReject func([]byte, int64, error)

	buf                  []byte
	begin, searched, end int
	offset               int64 // of buf[0] in r
	skipping             bool  // the line at begin has been rejected already
}

// read adds what one Read of r brings.
func (l *lines) read() error {
	if l.begin > 0 {
		copy(l.buf, l.buf[l.begin:l.end])
		l.offset += int64(l.begin)
		l.searched -= l.begin
		l.end -= l.begin
		l.begin = 0
	}
	if l.end == len(l.buf) {
		size := 2 * len(l.buf)
		if size-2 > l.max {
			size = l.max + 2 // limit has made sure that this is more
		}
		grown := make([]byte, size)
		copy(grown, l.buf)
		l.buf = grown
	}
	for range emptyReads {
		n, err := l.r.Read(l.buf[l.end:])
		l.end += n
		if n > 0 || err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// take ends the line that begins at begin: it goes up to end, the next one
// begins at next. It returns nil for a line that is blank or too long.
func (l *lines) take(end, next int) []byte {
	begin, skipped := l.begin, l.skipping
	l.begin, l.searched, l.skipping = next, next, false
	if skipped {
		return nil
	}
	if end > begin && l.buf[end-1] == '\r' {
		end--
	}
	line := l.buf[begin:end:end]
	if len(line) > l.max {
		l.reject(begin, end, ErrTooLong)
		return nil
	}
	if l.offset == 0 && begin == 0 {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	if blank(line) {
		return nil
	}
	return line
}

// limit gives up an unfinished line that is too long whatever follows: max
// bytes may have one more behind them, the \r of the line end.
func (l *lines) limit() {
	if !l.skipping && l.end-l.begin-1 > l.max {
		l.reject(l.begin, l.end, ErrTooLong)
		l.skipping = true
	}
	if l.skipping {
		l.begin, l.searched = l.end, l.end
	}
}

func (l *lines) reject(begin, end int, err error) {
	if l.onReject != nil {
		l.onReject(l.buf[begin:min(end, begin+rejectStart)], l.offset+int64(begin), err)
	}
}

func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}
