package event

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"
)

func (x *Index) scan(b []byte) error {
	x.text, x.fields, x.class, x.event = b, x.fields[:0], -1, -1
	x.repaired, x.breaks, x.escapedKeys, x.shadows.known = false, false, false, false
	if uint64(len(b)) > math.MaxInt32 {
		return &Error{0, "too long"}
	}
	x.shapes.last = nil
	x.shapes.events++
	i, at := 0, &x.shapes.root // at is the previous lead, nil if that is not kept
	for {
		var l *lead
		var plainTo int
		i, at, l, plainTo = x.plainFields(b, i, at)
		var key, keyEnd int
		var class, what, keyEscaped bool
		var err error
		if l != nil {
			key, keyEnd, class, what = i+int(l.key), i+int(l.keyEnd), l.class, l.event
			i += len(l.text)
			if i < len(b) && b[i] <= ' ' {
				i = x.space(b, i) // the lead was learnt with less space after it
			}
		} else {
			begin := i
			var more bool
			if key, keyEnd, keyEscaped, i, more, err = x.lead(b, i); err != nil {
				return err
			}
			if !more {
				x.shapes.last = at
				return x.end(b, i)
			}
			name := Value{JSON: b[key-1 : keyEnd+1], Kind: String, Escaped: keyEscaped}
			class, what = name.Is("class"), name.Is("event")
			if keyEscaped {
				x.escapedKeys = true
			} else if at != nil {
				l = x.shapes.learn(at, b[begin:i], key-begin, keyEnd-begin)
			}
		}
		at = l
		if i >= len(b) {
			return short(b)
		}
		value := i
		kind, i2, escaped, err := x.value(b, i, plainTo)
		if err != nil {
			return err
		}
		i = i2
		f := x.add()
		f.key, f.keyEnd, f.value, f.valueEnd = uint32(key), uint32(keyEnd), uint32(value), uint32(i)
		f.kind, f.escaped, f.keyEscaped = kind, escaped, keyEscaped
		x.named(class, what)
	}
}

// plainFields scans as many fields of the usual kind as there are: a known lead, and a
// string without anything special. at is the lead before b[i]. It returns the new i and
// at; the lead that b[i] begins with, nil if none is known; and up to which offset the
// string after that lead is known to be plain.
func (x *Index) plainFields(b []byte, i int, at *lead) (next int, before, l *lead, plainTo int) {
	for at != nil {
		if l = at.follow; l != nil && !l.begins(b, i) {
			l = l.match(b, i)
		}
		if l == nil {
			break
		}
		value := i + len(l.text)
		if value >= len(b) || b[value] != '"' {
			break
		}
		if plainTo = plain(b, value+1); plainTo >= len(b) || b[plainTo] != '"' {
			break
		}
		f := x.add()
		f.key, f.keyEnd, f.value, f.valueEnd = uint32(i+int(l.key)), uint32(i+int(l.keyEnd)), uint32(value), uint32(plainTo+1)
		f.kind, f.escaped, f.keyEscaped = String, false, false
		x.named(l.class, l.event)
		i, at = plainTo+1, l
	}
	return i, at, l, plainTo
}

// value scans the value that begins at b[i]. The bytes of a string before b[plainTo]
// are known to be plain.
func (x *Index) value(b []byte, i, plainTo int) (kind Kind, end int, escaped bool, err error) {
	switch b[i] {
	case '"':
		end, escaped, err = x.str(b, i, max(i+1, plainTo))
		return String, end, escaped, err
	case '{':
		end, err = x.nested(b, i)
		return Object, end, false, err
	case '[':
		end, err = x.nested(b, i)
		return Array, end, false, err
	}
	kind, end, err = scalar(b, i)
	return kind, end, false, err
}

// add adds a field and returns it, to be filled in place: append would build it on
// the stack and copy it, which takes some 5 % of the scan.
func (x *Index) add() *field {
	n := len(x.fields)
	if n == cap(x.fields) {
		x.grow()
	}
	x.fields = x.fields[:n+1]
	return &x.fields[n]
}

func (x *Index) grow() { x.fields = slices.Grow(x.fields, 1) }

// named notes that the last field is class or event.
func (x *Index) named(class, event bool) {
	if class {
		x.class = int32(len(x.fields) - 1)
	} else if event {
		x.event = int32(len(x.fields) - 1)
	}
}

// lead scans the text before the next value, from b[i] on: a brace or, after a
// value, a comma, then a name and a colon. It returns the offsets of the name,
// without its quotes, and of the value. At the end of the object more is false, and
// next is the offset past the brace.
func (x *Index) lead(b []byte, i int) (key, keyEnd int, escaped bool, next int, more bool, err error) {
	first := i == 0
	if i = x.space(b, i); i == len(b) {
		if first {
			return 0, 0, false, i, false, &Error{i, "empty"}
		}
		return 0, 0, false, i, false, short(b)
	}
	switch {
	case first:
		if b[i] != '{' {
			return 0, 0, false, i, false, notObject(b, i)
		}
		if i = x.space(b, i+1); i < len(b) && b[i] == '}' {
			return 0, 0, false, i + 1, false, nil
		}
	case b[i] == ',':
		i = x.space(b, i+1)
	case b[i] == '}':
		return 0, 0, false, i + 1, false, nil
	default:
		return 0, 0, false, i, false, unexpected(b, i, "a comma or }")
	}
	key = i + 1
	keyEnd, escaped, next, err = x.name(b, i)
	return key, keyEnd, escaped, next, err == nil, err
}

// name scans the name and the colon from b[i] on. It returns the offset of the name's
// closing quote, whether the name has an escape, and the offset of the value.
func (x *Index) name(b []byte, i int) (end int, escaped bool, next int, err error) {
	if i >= len(b) {
		return i, false, i, short(b)
	}
	if b[i] != '"' {
		return i, false, i, unexpected(b, i, "a field name")
	}
	if i, escaped, err = x.str(b, i, i+1); err != nil {
		return i, false, i, err
	}
	end = i - 1
	if i = x.space(b, i); i >= len(b) {
		return end, escaped, i, short(b)
	}
	if b[i] != ':' {
		return end, escaped, i, unexpected(b, i, "a colon")
	}
	return end, escaped, x.space(b, i+1), nil
}

func (x *Index) end(b []byte, i int) error {
	if i < len(b) {
		if i = x.space(b, i); i < len(b) {
			return unexpected(b, i, "the end")
		}
	}
	return nil
}

// space returns the offset of the first byte from b[i] on that is no white space. It
// notes line breaks.
func (x *Index) space(b []byte, i int) int {
	for i < len(b) {
		switch b[i] {
		case ' ', '\t':
		case '\n', '\r':
			x.breaks = true
		default:
			return i
		}
		i++
	}
	return i
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain returns the offset of the first byte from b[i] on that is a quote, a
// backslash, a control character or not ASCII. In the last seven bytes of b it may
// return a smaller offset.
func plain(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		// XOR with 2 moves the quote below 0x21, leaves control characters there and
		// brings nothing else there. The lowest high bit that is set in m is exact,
		// because only a byte that has its own bit set borrows from the next one.
		m := (w ^ ones*2 - ones*0x21) | (w ^ ones*'\\' - ones) | w
		if m &= highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	return i
}

// str scans the string whose opening quote is b[start], and whose bytes before b[i]
// are known to be plain. It returns the offset past its closing quote, and whether it
// has an escape.
func (x *Index) str(b []byte, start, i int) (end int, escaped bool, err error) {
	for {
		i = plain(b, i)
		if i >= len(b) {
			return i, false, &Error{start, "unterminated string"}
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, escaped, nil
		case c == '\\':
			escaped = true
			if i+1 >= len(b) {
				return i, false, &Error{start, "unterminated string"}
			}
			switch b[i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i += 2
			case 'u':
				if i+6 > len(b) || !hex4(b[i+2:i+6]) {
					return i, false, &Error{i, "bad \\u escape"}
				}
				if b[i+2]|0x20 == 'd' && b[i+3] >= '8' { // a surrogate
					if surrogatePair(b[i:]) {
						i += 6
					} else {
						x.repaired = true
					}
				}
				i += 6
			default:
				return i, false, &Error{i, "bad escape"}
			}
		case c < 0x20:
			x.repaired = true
			i++
		case c < utf8.RuneSelf:
			i++
		case 0xc2 <= c && c < 0xe0 && i+1 < len(b) && b[i+1]&0xc0 == 0x80:
			i += 2 // most letters that are not ASCII
		default:
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 {
				x.repaired = true
			}
			i += n
		}
	}
}

func hex4(b []byte) bool {
	for _, c := range b {
		if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f') {
			return false
		}
	}
	return true
}

// scalar scans the number, true, false or null that begins at b[i].
func scalar(b []byte, i int) (Kind, int, error) {
	switch b[i] {
	case 't':
		return literal(b, i, "true", Bool)
	case 'f':
		return literal(b, i, "false", Bool)
	case 'n':
		return literal(b, i, "null", Null)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return number(b, i)
	}
	return Absent, i, unexpected(b, i, "a value")
}

func literal(b []byte, i int, word string, kind Kind) (Kind, int, error) {
	rest := b[i:min(len(b), i+len(word))]
	switch {
	case string(rest) == word:
		return kind, i + len(word), nil
	case string(rest) == word[:len(rest)]:
		return Absent, i, short(b)
	}
	return Absent, i, unexpected(b, i, "a value")
}

func number(b []byte, i int) (Kind, int, error) {
	start := i
	if b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	default:
		n := digits(b, i)
		if n == i {
			return Absent, i, &Error{start, "bad number"}
		}
		i = n
	}
	if i < len(b) && b[i] == '.' {
		n := digits(b, i+1)
		if n == i+1 {
			return Absent, i, &Error{start, "bad number"}
		}
		i = n
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		n := digits(b, i)
		if n == i {
			return Absent, i, &Error{start, "bad number"}
		}
		i = n
	}
	return Number, i, nil
}

func digits(b []byte, i int) int {
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}

func short(b []byte) error { return &Error{len(b), "cut short"} }

// unexpected is the error for the byte b[i]. It shows the byte in printable ASCII,
// because the text may end up on a terminal.
func unexpected(b []byte, i int, want string) error {
	if b[i] >= utf8.RuneSelf {
		return &Error{i, fmt.Sprintf("byte 0x%02x where %s should be", b[i], want)}
	}
	return &Error{i, fmt.Sprintf("%q where %s should be", b[i:i+1], want)}
}

// notObject is the error for text that does not begin with a brace: JSON that is no
// object, or no JSON.
func notObject(b []byte, i int) error {
	switch c := b[i]; {
	case c == '[':
		return &Error{i, "an array, not an object"}
	case c == '"':
		return &Error{i, "a string, not an object"}
	case i == 0 && bytes.HasPrefix(b, []byte("\ufeff")):
		return &Error{i, "a byte order mark, not an object"}
	case c == 't' || c == 'f' || c == 'n' || c == '-' || '0' <= c && c <= '9':
		if kind, _, err := scalar(b, i); err == nil {
			return &Error{i, map[Kind]string{Bool: "a boolean", Null: "null", Number: "a number"}[kind] + ", not an object"}
		}
	}
	return &Error{i, "not JSON"}
}
