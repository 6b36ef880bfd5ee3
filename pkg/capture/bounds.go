package capture

import (
	"bytes"
	"io"
	"sort"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

const (
	// seekFrom is the size in bytes from which a file is searched. To read a smaller
	// one takes no time worth saving.
	seekFrom = 16 << 20
	// slack is by how many microseconds the events of a sorted capture may be out of
	// order, because machines have their own clocks.
	slack = 60_000_000
	// samples is the number of places in which a capture is read to see whether it is
	// sorted.
	samples = 256
	// window is how many bytes are read in such a place to find an event with a time.
	window = 64 << 10
)

// SeekTime limits reading to the part of the capture that may hold events from the
// time from on and before the time to, in microseconds since 1970. A zero is no bound.
// SeekTime returns how many bytes of the file it leaves out. Call it before the first
// event is read. The events that are read may still be outside the bounds.
//
// It leaves out something only of regular files of 16 MiB and more that are not
// compressed and sorted by time, up to a minute of disorder. Only reading all of a
// file would tell whether it is sorted. SeekTime takes it for sorted if the times in
// 256 places spread over it increase. If it is not sorted between these places, events
// may be missed.
func (r *Reader) SeekTime(from, to int64) (left int64, err error) {
	if r.file == nil || r.in.size < seekFrom || from == 0 && to == 0 {
		return 0, nil
	}
	p := probe{file: r.file, size: r.in.size, buf: make([]byte, window)}
	if sorted, err := p.sample(); !sorted || err != nil {
		return 0, err
	}
	begin, end := int64(0), r.in.size
	if from != 0 {
		low, _, err := p.find(from - slack)
		if err != nil {
			return 0, err
		}
		if low > 0 {
			if begin, err = p.line(low); err != nil {
				return 0, err
			}
		}
	}
	if to != 0 {
		_, high, err := p.find(to + slack)
		if err != nil {
			return 0, err
		}
		if end = high; high > 0 {
			if end, err = p.line(high); err != nil {
				return 0, err
			}
		}
	}
	end = max(begin, end)
	if begin == 0 && end == r.in.size {
		return 0, nil
	}
	if _, err := r.file.Seek(begin, io.SeekStart); err != nil {
		return 0, err
	}
	r.offset = begin
	r.plain = true
	r.in.r = io.LimitReader(r.file, end-begin)
	r.text = &r.in
	left = r.in.size - (end - begin)
	r.in.size = end - begin
	return left, nil
}

// probe reads a file at a few places.
type probe struct {
	file io.ReaderAt
	size int64
	buf  []byte
	x    event.Index

	// The places that sample has read, and the latest time up to each. The search for
	// a time then needs to look only between two of them.
	at    [samples + 1]int64 // the last is the size
	times [samples]int64
}

// sample reads places spread over the file, and reports whether it is plain and
// sorted in all of them.
func (p *probe) sample() (sorted bool, err error) {
	if _, err := io.ReadFull(io.NewSectionReader(p.file, 0, 6), p.buf[:6]); err != nil {
		return false, err
	}
	if compressed(p.buf[:6]) {
		return false, nil
	}
	latest := int64(0)
	for i := range samples {
		p.at[i] = p.size / samples * int64(i)
		usec, ok, err := p.after(p.at[i])
		if err != nil || !ok || usec < latest-slack {
			return false, err
		}
		latest = max(latest, usec)
		p.times[i] = latest
	}
	p.at[samples] = p.size
	return true, nil
}

// find returns two places that are close together. Behind low comes an event before
// usec, or low is 0. Behind high comes an event of usec or later, or high is the end.
// Where no event has a time they are further apart.
func (p *probe) find(usec int64) (low, high int64, err error) {
	n := sort.Search(samples, func(i int) bool { return p.times[i] >= usec })
	low, high = p.at[max(n-1, 0)], p.at[n]
	for high-low > window {
		middle := low + (high-low)/2
		t, ok, err := p.after(middle)
		switch {
		case err != nil:
			return 0, 0, err
		case !ok:
			return low, high, nil
		case t < usec:
			low = middle
		default:
			high = middle
		}
	}
	return low, high, nil
}

// after returns the time of the first event with a time in a line that begins after
// offset, or at the beginning of the file. It reports false if there is none within
// the window.
func (p *probe) after(offset int64) (usec int64, ok bool, err error) {
	n, err := p.file.ReadAt(p.buf[:min(window, p.size-offset)], offset)
	if err != nil && err != io.EOF {
		return 0, false, err
	}
	b := p.buf[:n]
	for first := offset > 0; ; first = false {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			return 0, false, nil
		}
		if line := TrimLine(b[:i]); !first && len(line) > 0 && p.x.Scan(line) == nil {
			if usec, ok := p.x.Get("timestamp").Timestamp(); ok {
				return usec, true, nil
			}
		}
		b = b[i+1:]
	}
}

// line returns the offset of the first line that begins after offset, or the size of
// the file.
func (p *probe) line(offset int64) (int64, error) {
	for offset < p.size {
		n, err := p.file.ReadAt(p.buf[:min(window, p.size-offset)], offset)
		if err != nil && err != io.EOF || n == 0 {
			return 0, err
		}
		if i := bytes.IndexByte(p.buf[:n], '\n'); i >= 0 {
			return offset + int64(i) + 1, nil
		}
		offset += int64(n)
	}
	return p.size, nil
}
