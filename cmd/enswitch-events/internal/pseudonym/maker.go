// Package pseudonym replaces telephone numbers, addresses and names by made-up values, so
// that events can be shown to others. A made-up value depends on the original and a secret
// key alone: nothing is remembered from one event to the next.
//
// maker.go and number.go make a value up, names.go says which fields have originals, and
// rewriter.go and replace.go rewrite an event.
package pseudonym

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// Maker makes values up. It is for one goroutine.
type Maker struct {
	mac  hash.Hash
	sum  []byte
	head []byte // of a message
	orig []byte // digits
	low  []byte // a host in lower case
}

// NewMaker returns a Maker for a secret key.
func NewMaker(key []byte) *Maker { return &Maker{mac: hmac.New(sha256.New, key)} }

// hash returns HMAC-SHA256 of what a value is for, two numbers, and the value. It is valid
// until the next call.
func (m *Maker) hash(purpose byte, attempt, round int, value []byte) []byte {
	m.mac.Reset()
	m.head = append(m.head[:0], purpose, byte(attempt), byte(round>>8), byte(round))
	m.mac.Write(m.head)
	m.mac.Write(value)
	m.sum = m.mac.Sum(m.sum[:0])
	return m.sum
}

// maxAttempts bounds how often a value is made up again because it shares a run of digits
// with its original.
const maxAttempts = 50

// AppendText appends what is made up for a text, something of its kind:
//
//   - a telephone number, or any other text of digits with blanks and ()-./ and perhaps a +
//     in front, becomes one of the same shape: see number.
//   - an address becomes one: sip:desk-104@pbx.example.com becomes
//     sip:name-3f9a0c12@host-8d02b7e1.example. Its user is made up as a text of its own.
//     What an address has besides user and host is left out.
//   - anything else becomes a name: name-3f9a0c12. An empty text stays.
func (m *Maker) AppendText(dst, text []byte) []byte {
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return append(dst, text...)
	case IsNumber(text):
		return m.appendNumber(dst, text)
	}
	if a, ok := parseAddress(text); ok {
		return m.appendAddress(dst, &a)
	}
	return m.appendName(dst, "name-", text)
}

// appendName appends a prefix and eight hexadecimal digits.
func (m *Maker) appendName(dst []byte, prefix string, text []byte) []byte {
	begin := len(append(dst, prefix...))
	for attempt := range maxAttempts {
		dst = append(dst[:begin-len(prefix)], prefix...)
		dst = hex.AppendEncode(dst, m.hash(prefix[0], attempt, 0, text)[:4])
		if !shareDigits(text, dst[begin:]) {
			break
		}
	}
	return dst
}

// address is the parts of an address that are made up, and the scheme before them.
type address struct {
	display, scheme, user, host []byte
	brackets                    bool // < and > around all but display
}

// schemes are those of addresses, in lower case.
var schemes = []string{"sips:", "sip:", "tel:", "mailto:"} //nolint:gochecknoglobals // a table that nothing changes

// parseAddress parses sip:user@host, "name" <sip:user@host;transport=tcp>, tel:+441632960001,
// user@host and the like.
func parseAddress(text []byte) (a address, ok bool) {
	text = bytes.TrimSpace(text)
	if i, j := bytes.IndexByte(text, '<'), bytes.LastIndexByte(text, '>'); i >= 0 && j > i {
		a.brackets = true
		a.display, text = bytes.Trim(text[:i], " \t\""), text[i+1:j]
	}
	for _, s := range schemes {
		if len(text) > len(s) && string(bytes.ToLower(text[:len(s)])) == s {
			a.scheme, text = text[:len(s)], text[len(s):]
			break
		}
	}
	if i := bytes.IndexAny(text, ";?>"); i >= 0 {
		text = text[:i]
	}
	user, host, at := bytes.Cut(text, []byte("@"))
	if !at {
		if user, host = text, nil; a.scheme != nil && a.scheme[0]|0x20 == 's' {
			user, host = nil, text // sip:host
		}
	}
	a.user, _, _ = bytes.Cut(user, []byte(":")) // the rest is a password
	a.host, _, _ = bytes.Cut(host, []byte(":")) // or a port
	plain := a.scheme != nil || a.brackets || at && !bytes.ContainsAny(text, " \t") && len(a.user) > 0 && len(a.host) > 0
	return a, plain && len(a.user)+len(a.host) > 0
}

func (m *Maker) appendAddress(dst []byte, a *address) []byte {
	if len(a.display) > 0 {
		dst = append(m.AppendText(append(dst, '"'), a.display), `" `...)
	}
	if a.brackets {
		dst = append(dst, '<')
	}
	dst = append(dst, a.scheme...)
	dst = m.AppendText(dst, a.user)
	if len(a.user) > 0 && len(a.host) > 0 {
		dst = append(dst, '@')
	}
	if len(a.host) > 0 {
		m.low = append(m.low[:0], bytes.ToLower(a.host)...)
		dst = append(m.appendName(dst, "host-", m.low), ".example"...)
	}
	if a.brackets {
		dst = append(dst, '>')
	}
	return dst
}

// windowSize is the length of a run of digits that may give a number away.
const windowSize = 6

// shareDigits reports whether made and the text share a run of windowSize digits, also with
// other characters between them. A run of zeros does not count.
func shareDigits(text, made []byte) bool {
	digits, others := digitsOf(nil, text), digitsOf(nil, made)
	for i := 0; i+windowSize <= len(digits); i++ {
		if w := digits[i : i+windowSize]; !bytes.Equal(w, []byte("000000")) && bytes.Contains(others, w) {
			return true
		}
	}
	return false
}

// digitsOf appends the digits of text.
func digitsOf(dst, text []byte) []byte {
	for _, c := range text {
		if isDigit(c) {
			dst = append(dst, c)
		}
	}
	return dst
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// number32 returns a number from 0 to n-1 of a hash, evenly but for 1 in 4 billion.
func number32(sum []byte, n uint32) uint32 {
	return uint32(uint64(binary.BigEndian.Uint32(sum)) * uint64(n) >> 32)
}
