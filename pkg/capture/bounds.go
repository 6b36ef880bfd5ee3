package capture

import (
	"bytes"
	"io"
	"sort"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

const (
	// seekFrom is the size of file below which everything is read: it takes
	// no time worth saving.
	seekFrom = 16 << 20
	// slack is how far, in microseconds, the events of a sorted capture may
	// be out of order: machines have their own clocks.
	slack = 60_000_000
	// samples is in how many places a capture is looked into to see whether it
	// is sorted.
	samples = 256
	// window is how much is read in such a place to find an event with a time.
	window = 64 << 10
)

// SeekTime has only that part of the capture read that may hold events from the
// time from on and before the time to, in microseconds since 1970; a zero is no
// bound. It returns how many bytes of the file are left out. It must be called
// before the first event is read.
//
// It works on plain files of 16 MiB and more that are sorted by time, and leaves
// out nothing of any other. Whether a file is sorted cannot be known without
// reading all of it: it is taken for sorted if the times in 256 places spread
// over it rise, and events may be out of order by up to a minute. Events of a
// file that is sorted in all of these places and not between them may be
// missed. The events that are read may lie outside the bounds.
func (r *Reader) SeekTime(from, to int64) (left int64, err error) {
	if r.file == nil || r.in.size < seekFrom || from == 0 && to == 0 {
		return 0, nil
	}
	p := probe{file: r.file, size: r.in.size, buf: make([]byte, window)}
	if _, err := io.ReadFull(io.NewSectionReader(r.file, 0, 6), p.buf[:6]); err != nil {
		return 0, err
	}
	if compressed(p.buf[:6]) {
		return 0, nil
	}
	// Where the capture is looked into, and what time it is there: the search
	// then needs to look only between two of these places.
	at := make([]int64, samples+1)
	times := make([]int64, samples)
	latest := int64(0)
	for i := range samples {
		at[i] = r.in.size / samples * int64(i)
		usec, ok, err := p.after(at[i])
		if err != nil || !ok || usec < latest-slack {
			return 0, err
		}
		latest = max(latest, usec)
		times[i] = latest
	}
	at[samples] = r.in.size
	// find returns two places not far from each other: an event before usec
	// follows low, or low is 0; one of usec or later follows high, or high is
	// the end. They are further apart where no event has a time.
	find := func(usec int64) (low, high int64, err error) {
		n := sort.Search(samples, func(i int) bool { return times[i] >= usec })
		low, high = at[max(n-1, 0)], at[n]
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
	begin, end := int64(0), r.in.size
	if from != 0 {
		low, _, err := find(from - slack)
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
		_, high, err := find(to + slack)
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

// probe looks into a file here and there.
type probe struct {
	file io.ReaderAt
	size int64
	buf  []byte
	x    event.Index
}

// after returns the time of the first event with a time in a line that begins
// after offset, or at the beginning of the file. It reports false if there is
// none within the window.
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

// line returns where the first line begins that begins after offset, or the
// size of the file.
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
