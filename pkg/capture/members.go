package capture

import (
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

const (
	// proofSize is how much compressed data may be looked at to tell whether a
	// member of gzip begins.
	proofSize = 4 << 10
	// proofText is how much text proves it, even if the data are damaged there.
	proofText = 64
	// proofChain is how many beginnings of members may cut each other off within
	// proofSize.
	proofChain = 8
	// gzipWindow is how much text the decoder hands out at once, at most.
	gzipWindow = 32 << 10
	// gzipStart is how long the magic number and the flags behind it are.
	gzipStart = len(gzipMagic) + 1
	// gzipHeader is how long the header of a member that was cut off in it may be,
	// and gzipTables what comes before its text.
	gzipHeader, gzipTables = 40, 300
)

// members reads a gzip file and ends before every place where a member begins
// while another one is decoded. Its decoder asks for what is there only if that
// other one was cut off: it would take the next for more of its data.
type members struct {
	s     *stored
	buf   []byte
	ahead []byte // what is read and not handed out, in buf
	err   error  // of reading, which comes behind ahead
	cut   bool   // the last Read ended before a member

	proof *gzip.Reader
	text  []byte
}

func (m *members) Read(p []byte) (int, error) {
	m.cut = false
	if len(m.ahead) == 0 {
		m.fill()
	}
	n := m.border(0)
	for n == 0 && len(m.ahead) > 0 && len(m.ahead) < gzipStart && m.err == nil {
		m.fill()
		n = m.border(0)
	}
	if len(m.ahead) == 0 {
		return 0, m.err
	}
	if n == 0 {
		if m.s.open && m.begins(0, proofChain) {
			m.cut = true
			return 0, io.EOF
		}
		n = m.border(1)
	}
	n = copy(p, m.ahead[:n])
	m.ahead = m.ahead[n:]
	return n, nil
}

// fill reads more ahead.
func (m *members) fill() {
	if m.err != nil {
		return
	}
	if cap(m.ahead)-len(m.ahead) < len(m.buf)/4 {
		m.ahead = m.buf[:copy(m.buf, m.ahead)]
	}
	for range emptyReads {
		n, err := m.s.r.in.Read(m.ahead[len(m.ahead):cap(m.ahead)])
		m.ahead, m.err = m.ahead[:len(m.ahead)+n], err
		if n > 0 || err != nil {
			return
		}
	}
	m.err = io.ErrNoProgress
}

// border returns where, from there on, a member may begin in what is read
// ahead, as far as can be seen; else the end of it.
func (m *members) border(from int) int {
	for at := from; at < len(m.ahead); at++ {
		i := bytes.Index(m.ahead[at:], []byte(gzipMagic))
		if i < 0 {
			break
		}
		// The upper flags are reserved.
		if at += i; at+gzipStart > len(m.ahead) || m.ahead[at+gzipStart-1]&0xe0 == 0 {
			return at
		}
	}
	if m.err == nil {
		for n := len(gzipMagic) - 1; n > 0; n-- {
			if at := len(m.ahead) - n; at >= from && string(m.ahead[at:]) == gzipMagic[:n] {
				return at
			}
		}
	}
	return len(m.ahead)
}

// skip goes on to the next place where a member may begin, and reports whether
// there is one.
func (m *members) skip() bool {
	for {
		m.ahead = m.ahead[m.border(0):]
		if len(m.ahead) >= gzipStart || m.err != nil {
			return len(m.ahead) >= gzipStart
		}
		m.fill()
	}
}

// begins reports whether a member begins there: what follows has to be text. That
// member may be cut off by a next one as well.
func (m *members) begins(at, chain int) bool {
	end := at + proofSize
	short, ok := m.inflate(at, end)
	if ok || short && len(m.ahead)-at < gzipTables {
		return true // or the file ends before there is text
	}
	for len(m.ahead) < end && m.err == nil {
		m.fill()
	}
	next := m.border(at + 1)
	if chain == 0 || next+gzipStart > min(end, len(m.ahead)) || !m.begins(next, chain-1) {
		return false
	}
	short, ok = m.inflate(at, next)
	return short || ok
}

// inflate decodes a little of a member that lies between at and end, and reports
// whether it is text, and whether it goes on behind the end.
func (m *members) inflate(at, end int) (short, ok bool) {
	if m.proof == nil {
		m.proof, m.text = new(gzip.Reader), make([]byte, gzipWindow)
	}
	n := 0
	err := m.proof.Reset(&piece{m, at, end})
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return min(end, len(m.ahead))-at < gzipHeader, false
	}
	if err == nil {
		m.proof.Multistream(false)
		for n == 0 && err == nil {
			n, err = m.proof.Read(m.text)
		}
	}
	for _, c := range m.text[:min(n, proofText)] {
		if c < ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false, false
		}
	}
	short = errors.Is(err, io.ErrUnexpectedEOF)
	ended := errors.Is(err, io.EOF) || errors.Is(err, gzip.ErrChecksum)
	return short, err == nil || ended || n >= proofText || short && n > 0
}

// piece reads what members has from at to end, and has it read ahead so far.
type piece struct {
	m       *members
	at, end int
}

func (p *piece) Read(b []byte) (int, error) {
	if p.at >= len(p.m.ahead) && p.at < p.end {
		p.m.fill()
	}
	if p.at >= min(p.end, len(p.m.ahead)) {
		return 0, io.EOF
	}
	n := copy(b, p.m.ahead[p.at:min(p.end, len(p.m.ahead))])
	p.at += n
	return n, nil
}
