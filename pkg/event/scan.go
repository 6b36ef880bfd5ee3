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
	x.repaired, x.lines, x.escapedKeys, x.shadows.known = false, false, false, false
	if uint64(len(b)) > math.MaxInt32 {
		return &Error{0, "too long"}
	}
	x.shapes.last = nil
	x.shapes.events++
	i, at := 0, &x.shapes.root // at is the lead before, nil if that is not kept
	for {
		// The usual way: a lead that is known, and a string that is plain to its
		// end.
		var l *lead
		plainTo := 0
		for at != nil {
			if l = at.follow; l != nil && !l.stands(b, i) {
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

		var key, keyEnd int
		var class, what, keyEscaped bool
		var err error
		if l != nil {
			key, keyEnd, class, what = i+int(l.key), i+int(l.keyEnd), l.class, l.event
			i += len(l.text)
			if i < len(b) && b[i] <= ' ' {
				i = x.space(b, i) // one that was followed by the value is known
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
			if keyEscaped {
				x.escapedKeys = true
				name := Value{JSON: b[key-1 : keyEnd+1], Kind: String, Escaped: true}
				class, what = name.Is("class"), name.Is("event")
			} else {
				name := string(b[key:keyEnd])
				class, what = name == "class", name == "event"
				if at != nil {
					l = x.shapes.learn(at, b[begin:i], key-begin, keyEnd-begin)
				}
			}
		}
		at = l
		if i >= len(b) {
			return short(b)
		}
		value, escaped := i, false
		var kind Kind
		switch b[i] {
		case '"':
			kind = String
			i, escaped, err = x.str(b, i, max(i+1, plainTo))
		case '{':
			kind = Object
			i, err = x.nested(b, i)
		case '[':
			kind = Array
			i, err = x.nested(b, i)
		default:
			kind, i, err = scalar(b, i)
		}
		if err != nil {
			return err
		}
		f := x.add()
		f.key, f.keyEnd, f.value, f.valueEnd = uint32(key), uint32(keyEnd), uint32(value), uint32(i)
		f.kind, f.escaped, f.keyEscaped = kind, escaped, keyEscaped
		x.named(class, what)
	}
}

// add returns the next field, to be written in place: append would build it on
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

// named notes that the last field is one of those asked for most.
func (x *Index) named(class, event bool) {
	if class {
		x.class = int32(len(x.fields) - 1)
	} else if event {
		x.event = int32(len(x.fields) - 1)
	}
}

// lead scans what stands before the next value, from b[i] on: a brace or, after
// a value, a comma, a name and a colon. It returns where the name stands, between
// its quotes, and where the value begins; more is false at the end of the object,
// past whose brace is next then.
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
	if i >= len(b) {
		return 0, 0, false, i, false, short(b)
	}
	if b[i] != '"' {
		return 0, 0, false, i, false, unexpected(b, i, "a field name")
	}
	key = i + 1
	if i, escaped, err = x.str(b, i, i+1); err != nil {
		return 0, 0, false, i, false, err
	}
	keyEnd = i - 1
	if i = x.space(b, i); i >= len(b) {
		return 0, 0, false, i, false, short(b)
	}
	if b[i] != ':' {
		return 0, 0, false, i, false, unexpected(b, i, "a colon")
	}
	return key, keyEnd, escaped, x.space(b, i+1), true, nil
}

func (x *Index) end(b []byte, i int) error {
	if i < len(b) {
		if i = x.space(b, i); i < len(b) {
			return unexpected(b, i, "the end")
		}
	}
	return nil
}

// space skips white space from i on and notes line breaks in it.
func (x *Index) space(b []byte, i int) int {
	for i < len(b) {
		switch b[i] {
		case ' ', '\t':
		case '\n', '\r':
			x.lines = true
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

// plain returns where the first byte from b[i] on is that is a quote, a
// backslash, a control character or not ASCII, or a place before it from which
// less than eight bytes are left.
func plain(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		// With 2 flipped a quote is below 0x21, as control characters stay, and
		// nothing else is. The lowest high bit set in m is exact: a byte that
		// borrows from the next one has its own set.
		m := (w ^ ones*2 - ones*0x21) | (w ^ ones*'\\' - ones) | w
		if m &= highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	return i
}

// str scans the string whose opening quote is b[start], and of which all before
// b[i] is plain. It returns the offset past its closing quote, and whether it
// holds an escape.
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

// nested checks the object or array that begins at b[i] and returns the
// offset past it.
func (x *Index) nested(b []byte, i int) (int, error) {
	depth := 0 // brackets open, this one included
	push := func(object bool) bool {
		if depth+1 >= MaxDepth {
			return false
		}
		word, bit := depth>>6, uint64(1)<<(depth&63)
		if word == len(x.open) {
			x.open = append(x.open, 0)
		}
		if object {
			x.open[word] |= bit
		} else {
			x.open[word] &^= bit
		}
		depth++
		return true
	}
	var err error
value:
	if i >= len(b) {
		return i, short(b)
	}
	switch c := b[i]; c {
	case '{', '[':
		if !push(c == '{') {
			return i, &Error{i, "nested more than 10,000 deep"}
		}
		i = x.space(b, i+1)
		if i < len(b) && b[i] == c+2 { // } and ] follow { and [ at a distance of two
			i++
			depth--
			break
		}
		if c == '{' {
			goto key
		}
		goto value
	case '"':
		if i, _, err = x.str(b, i, i+1); err != nil {
			return i, err
		}
	default:
		if _, i, err = scalar(b, i); err != nil {
			return i, err
		}
	}
after:
	if depth == 0 {
		return i, nil
	}
	i = x.space(b, i)
	if i >= len(b) {
		return i, short(b)
	}
	if object := x.open[(depth-1)>>6]&(1<<((depth-1)&63)) != 0; object {
		switch b[i] {
		case ',':
			i = x.space(b, i+1)
			goto key
		case '}':
			i++
			depth--
			goto after
		}
		return i, unexpected(b, i, "a comma or }")
	}
	switch b[i] {
	case ',':
		i = x.space(b, i+1)
		goto value
	case ']':
		i++
		depth--
		goto after
	}
	return i, unexpected(b, i, "a comma or ]")
key:
	if i >= len(b) {
		return i, short(b)
	}
	if b[i] != '"' {
		return i, unexpected(b, i, "a field name")
	}
	if i, _, err = x.str(b, i, i+1); err != nil {
		return i, err
	}
	i = x.space(b, i)
	if i >= len(b) {
		return i, short(b)
	}
	if b[i] != ':' {
		return i, unexpected(b, i, "a colon")
	}
	i = x.space(b, i+1)
	goto value
}

func short(b []byte) error { return &Error{len(b), "cut short"} }

// unexpected shows the byte at fault in printable ASCII, for a reason ends up on
// a terminal.
func unexpected(b []byte, i int, want string) error {
	if b[i] >= utf8.RuneSelf {
		return &Error{i, fmt.Sprintf("byte 0x%02x where %s should be", b[i], want)}
	}
	return &Error{i, fmt.Sprintf("%q where %s should be", b[i:i+1], want)}
}

// notObject tells JSON that is no object from what is no JSON.
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
