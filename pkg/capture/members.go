package capture

import (
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

const (
	// proofSize bounds the compressed bytes that are decoded to decide whether a gzip member
	// begins in a place.
	proofSize = 4 << 10
	// proofText is how many bytes of text prove it, even with damage after them.
	proofText = 64
	// proofChain is how many members within proofSize may cut each other off.
	proofChain = 8
	// gzipWindow is the most bytes of text that the decoder returns at once.
	gzipWindow = 32 << 10
	// gzipStart is the size of the magic number with the flags after it.
	gzipStart = len(gzipMagic) + 1
	// gzipHeader is the size that the header of a member may have, and gzipTables the
	// size of all that comes before its text.
	gzipHeader, gzipTables = 40, 300
)

// members reads a gzip file for a decoder. Where a member begins although another one
// is being decoded, it returns io.EOF. The decoder comes to such a place only if its
// member was cut off, and would otherwise take the next member for more of its data.
type members struct {
	s     *stored
	buf   []byte
	ahead []byte // the part of buf that is read and not yet returned
	err   error  // of reading, to be returned after ahead
	cut   bool   // the last Read returned io.EOF before a member

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

// border returns the first offset in ahead, from from on, at which a member may begin,
// or else the length of ahead.
func (m *members) border(from int) int {
	for at := from; at < len(m.ahead); at++ {
		i := bytes.Index(m.ahead[at:], []byte(gzipMagic))
		if i < 0 {
			break
		}
		// The three upper flags are reserved and must be 0.
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

// skip moves to the next place where a member may begin. It reports false if there is
// none.
func (m *members) skip() bool {
	for {
		m.ahead = m.ahead[m.border(0):]
		if len(m.ahead) >= gzipStart || m.err != nil {
			return len(m.ahead) >= gzipStart
		}
		m.fill()
	}
}

// begins reports whether a member begins at an offset in ahead: then it decodes to
// text. The next member may cut off that one as well, up to chain times.
func (m *members) begins(at, chain int) bool {
	end := at + proofSize
	short, ok := m.inflate(at, end)
	if ok || short && len(m.ahead)-at < gzipTables {
		return true // ok, or the file ends before the text
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

// inflate decodes the beginning of a member between the offsets at and end in ahead.
// It reports whether the member goes on after end, and whether it is text.
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

// piece reads the bytes from at to end of ahead, and fills ahead as far as needed.
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
