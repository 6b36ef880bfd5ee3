package engine

import (
	"bytes"

	"github.com/enswitch-events/enswitch-events/pkg/capture"
)

// sampled is how many lines of a block are tallied where only lines that contain a
// needle are looked at.
const sampled = 16

// lines maps the lines of a capture.
func (m *mapper) lines() {
	b := m.b
	for i := b.from.item; i < len(b.files); i++ {
		end := len(b.data)
		if i+1 < len(b.files) {
			end = b.files[i+1].begin
		}
		begin := max(b.files[i].begin, b.from.at)
		m.ev.Source, m.ev.item = b.files[i].name, i
		var more bool
		if m.needles != nil {
			more = m.candidates(begin, end)
		} else {
			more = m.each(begin, end)
		}
		if !more {
			return
		}
		b.to = Place{end, i + 1}
	}
}

// each maps every line of data[begin:end] and reports whether to go on.
func (m *mapper) each(begin, end int) bool {
	for begin < end {
		next := end
		line := m.b.data[begin:end]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line, next = line[:i:i], begin+i+1
		}
		if !m.line(line, begin, next) {
			return false
		}
		begin = next
	}
	return true
}

// candidates maps the lines of data[begin:end] that contain one of the needles, and
// counts all others as filtered. It reports whether to go on.
func (m *mapper) candidates(begin, end int) bool {
	data := m.b.data[:end]
	m.sample(data[begin:])
	m.needles.Begin(data[begin:])
	m.nextSample = begin
	for at := begin; at < end; {
		hit := m.needles.Next(data, at)
		if hit < 0 {
			m.skip(at, end)
			break
		}
		start := lineBegin(data, at, hit)
		stop, next := end, end
		if i := bytes.IndexByte(data[hit:], '\n'); i >= 0 {
			stop, next = hit+i, hit+i+1
		}
		m.skip(at, start)
		if start > at {
			m.b.to = Place{start, m.ev.item}
		}
		if !m.line(data[start:stop:stop], start, next) {
			return false
		}
		at = next
	}
	return true
}

// sampleStride is the distance of the lines that a Sampler gets.
const sampleStride = 16 << 10

// skip counts the lines of data[begin:end], which are not looked at.
func (m *mapper) skip(begin, end int) {
	lines := m.b.data[begin:end]
	n := int64(0)
	for range capture.Lines(lines) { // without blank ones
		n++
	}
	m.b.ledger.Received += n
	m.b.ledger.Filtered += n
	if m.sampler == nil || n == 0 {
		return
	}
	for at := max(m.nextSample, begin); at < end; at = m.nextSample {
		m.nextSample = m.sampleLine(lineBegin(m.b.data, begin, at)) + sampleStride
	}
	if end == len(m.b.data) {
		m.sampleLine(lineBegin(m.b.data, begin, begin+len(bytes.TrimRight(lines, "\r\n"))-1))
	}
}

// sampleLine gives the line that begins there to the sampler, and returns where it ends.
func (m *mapper) sampleLine(begin int) (end int) {
	line, _, _ := bytes.Cut(m.b.data[begin:], []byte{'\n'})
	e := &m.ev
	if e.Raw = capture.TrimLine(line); len(e.Raw) > 0 && e.X.Scan(e.Raw) == nil {
		if in, _ := m.inTime(); in {
			m.sampler.Sample(e)
		}
	}
	return begin + len(line)
}

// line maps the line in data[begin:next] and reports whether to go on.
func (m *mapper) line(line []byte, begin, next int) bool {
	line = capture.TrimLine(line)
	if len(line) == 0 {
		m.b.to = Place{next, m.ev.item}
		return true
	}
	e := &m.ev
	e.Raw, e.begin, e.end = line, begin, next
	e.verbatim = begin+len(line)+1 == next && m.b.data[next-1] == '\n'
	return m.event(Place{next, e.item})
}

// sample tallies the first lines of text, as long as no event has been kept.
func (m *mapper) sample(text []byte) {
	if m.tally == nil || m.anyKept.Load() {
		return
	}
	for n := 0; n < sampled && len(text) > 0; n++ {
		line, rest, _ := bytes.Cut(text, []byte{'\n'})
		if line = capture.TrimLine(line); len(line) > 0 && m.ev.X.Scan(line) == nil {
			m.tally.Count(&m.ev.X)
		}
		text = rest
	}
}

// lineBegin returns the offset at which the line that contains text[hit] begins, or
// at if that is after it.
func lineBegin(text []byte, at, hit int) int {
	for end := hit; end > at; {
		begin := max(at, end-64)
		// LastIndexByte looks at one byte at a time, IndexByte at many.
		if bytes.IndexByte(text[begin:end], '\n') >= 0 {
			return begin + bytes.LastIndexByte(text[begin:end], '\n') + 1
		}
		end = begin
	}
	return at
}
