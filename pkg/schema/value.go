package schema

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// patterns is a set of patterns: those that all texts so far have matched.
type patterns uint16

// The patterns. If a text matches several, the first is the most specific.
const (
	digitsDotDigits patterns = 1 << iota
	digits
	plusDigits
	number
	decimal
	flag
	uuid
	ipv4
	ip
	mac
	date
	sip
	hex
	word
	printable
	allPatterns patterns = 1<<iota - 1
)

// known are the names of the patterns and what they are as regular expressions, in the order
// of their bits. A text is any without control characters.
var known = [...]struct{ name, regexp string }{
	{"digits.digits", `[0-9]+\.[0-9]+`},
	{"digits", `[0-9]+`},
	{"+digits", `\+[0-9]+`},
	{"[+]digits", `\+?[0-9]+`},
	{"decimal", `[+-]?[0-9]*\.?[0-9]*([eE][+-]?[0-9]*)?`},
	{"true/false", `true|false|0|1`},
	{"uuid", `[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}`},
	{"ipv4", `[0-9]{1,3}(\.[0-9]{1,3}){3}`},
	{"ip", ``},
	{"mac", `[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}`},
	{"date", `[0-9]{4}-[0-9]{2}-[0-9]{2}[\s\S]*`},
	{"sip", `([Ss][Ii][Pp][Ss]?|[Tt][Ee][Ll]):[\s\S]*`},
	{"hex", `[0-9A-Fa-f]{8,}`},
	{"word", `[0-9A-Za-z_-]+`},
	{"text", ``},
}

// Pattern returns the name of a pattern that all texts and numbers of the field match, such as
// digits.digits, +digits, uuid or ipv4; text if they have no control characters, and "" if
// there is none. Empty texts match any.
func (f *Field) Pattern() string {
	if i := f.pattern(); i >= 0 {
		return known[i].name
	}
	return ""
}

// Enum reports whether the field probably takes one of a few values: each of them came five
// times on average.
func (f *Field) Enum() bool { return len(f.Values) > 0 && f.Count >= 5*int64(len(f.Values)) }

func (f *Field) pattern() int {
	if f.patterns == allPatterns || f.patterns == 0 {
		return -1
	}
	return bits.TrailingZeros16(uint16(f.patterns))
}

// implied are the patterns that a text matches, too, if it matches the pattern of the bit.
var implied = [...]patterns{
	decimal | printable,                 // digits.digits
	number | decimal | word | printable, // digits
	number | decimal | printable,        // +digits
	decimal | printable,                 // [+]digits
	printable,                           // decimal
	word | printable,                    // true/false
	word | printable,                    // uuid
	ip | printable,                      // ipv4
	printable,                           // ip
	printable,                           // mac
	0, 0,                                // date, sip
	word | printable, // hex
	printable,        // word
	0,
}

// matching returns those patterns of a set that b, which is not empty, matches.
func matching(set patterns, b []byte) patterns {
	result := patterns(0)
	for rest := set; rest != 0; {
		i := bits.TrailingZeros16(uint16(rest))
		p := patterns(1 << i)
		rest &^= p
		if matches(p, b) {
			result |= p | implied[i]&set
			rest &^= implied[i]
		}
	}
	return result
}

// matches reports whether b matches p.
func matches(p patterns, b []byte) bool {
	switch p {
	case digitsDotDigits:
		dots, ok := digitsAndDots(b)
		return ok && dots == 1 && b[0] != '.' && b[len(b)-1] != '.'
	case digits:
		return allDigits(b)
	case plusDigits:
		return b[0] == '+' && len(b) > 1 && allDigits(b[1:])
	case number:
		return allDigits(b) || b[0] == '+' && len(b) > 1 && allDigits(b[1:])
	case decimal:
		_, ok := event.ParseDecimal(b)
		return ok
	case flag:
		return len(b) == 1 && (b[0] == '0' || b[0] == '1') || string(b) == "true" || string(b) == "false"
	case uuid:
		return isUUID(b)
	case ipv4, ip:
		if len(b) < 2 || len(b) > maxText || allDigits(b) {
			return false
		}
		a, err := netip.ParseAddr(string(b))
		return err == nil && (p == ip || a.Is4())
	case mac:
		return isMAC(b)
	case date:
		return len(b) >= 10 && b[4] == '-' && b[7] == '-' && allDigits(b[:4]) && allDigits(b[5:7]) && allDigits(b[8:10])
	case sip:
		return hasPrefix(b, "sip:") || hasPrefix(b, "sips:") || hasPrefix(b, "tel:")
	case hex:
		return len(b) >= 8 && all(b, isHex)
	case word:
		return all(b, isWord)
	case printable:
		return all(b, func(c byte) bool { return c >= ' ' })
	}
	return false
}

func allDigits(b []byte) bool {
	dots, ok := digitsAndDots(b)
	return ok && dots == 0
}

// digitsAndDots reports whether b, which is not empty, has only digits and dots, and how many
// dots.
func digitsAndDots(b []byte) (dots int, ok bool) {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		if w&high != 0 {
			return 0, false
		}
		// The high bit of a byte is set where it is not a digit.
		other := ((w + (0x7f-'9')*ones) | (('0'+0x7f)*ones - w)) & high
		for ; other != 0; other &= other - 1 {
			if b[i+bits.TrailingZeros64(other)/8] != '.' {
				return 0, false
			}
			dots++
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '.' {
			dots++
		} else if c < '0' || c > '9' {
			return 0, false
		}
	}
	return dots, true
}

func all(b []byte, is func(byte) bool) bool {
	for _, c := range b {
		if !is(c) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
func isLetter(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z'
}
func isWord(c byte) bool { return isDigit(c) || isLetter(c) || c == '_' || c == '-' }

func hasPrefix(b []byte, s string) bool {
	return len(b) >= len(s) && strings.EqualFold(string(b[:len(s)]), s)
}

func isUUID(b []byte) bool {
	if len(b) != 36 {
		return false
	}
	for i, c := range b {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') || !dash && !isHex(c) {
			return false
		}
	}
	return true
}

func isMAC(b []byte) bool {
	if len(b) != 17 {
		return false
	}
	for i, c := range b {
		if i%3 == 2 {
			if c != b[2] || c != ':' && c != '-' {
				return false
			}
		} else if !isHex(c) {
			return false
		}
	}
	return true
}

// hash returns a number for a text, the same in each process. It is fast, and good enough to
// tell values apart and to choose examples.
func hash(b []byte) uint64 {
	const k1, k2 = 0x9e3779b97f4a7c15, 0xd1b54a32d192ed03
	h, n := uint64(len(b))*k1, len(b)
	if n < 8 {
		var last uint64
		if n >= 4 {
			last = uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))<<32
		} else {
			for _, c := range b {
				last = last<<8 | uint64(c)
			}
		}
		return mix(h^last, k1)
	}
	last := binary.LittleEndian.Uint64(b[n-8:])
	for ; len(b) > 8; b = b[8:] {
		h = mix(h^binary.LittleEndian.Uint64(b), k2)
	}
	return mix(h^last, k1)
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

func hashText(s string) uint64 { return hash([]byte(s)) }
