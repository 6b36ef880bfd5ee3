package event

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may be nested, the event itself
// included: the limit of encoding/json.
const MaxDepth = 10000

// Kind is the JSON type of a value.
type Kind uint8

// The kinds of value. Absent is the kind of a field that is not there.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// Value is one value inside an event. It points into the event's bytes and is
// valid as long as they are. The zero Value is an absent one.
type Value struct {
	// JSON is the value's text as it stands in the event, a string with its
	// quotes and escapes.
	JSON []byte
	Kind Kind
	// Escaped says that the value is a string with a backslash in it, so that
	// its text differs from the bytes between the quotes.
	Escaped bool
}

// AppendText appends the value as text: a string without quotes and escapes,
// anything else as its JSON text. A lone surrogate (\ud800) becomes U+FFFD.
func (v Value) AppendText(dst []byte) []byte {
	if v.Kind != String {
		return append(dst, v.JSON...)
	}
	s := v.JSON[1 : len(v.JSON)-1]
	if !v.Escaped {
		return append(dst, s...)
	}
	return appendUnescaped(dst, s)
}

// Text returns the value as text, as AppendText does, without copying where
// the event's own bytes will do. The result must not be changed.
func (v Value) Text() []byte {
	switch {
	case v.Kind != String:
		return v.JSON
	case !v.Escaped:
		return v.JSON[1 : len(v.JSON)-1]
	}
	return v.AppendText(nil)
}

// Is reports whether the value's text is s. It does not allocate unless the
// value is an escaped string.
func (v Value) Is(s string) bool { return v.Kind != Absent && string(v.Text()) == s }

// field is a key and its value as offsets into the text.
type field struct {
	key, keyEnd     uint32 // between the quotes
	value, valueEnd uint32
	kind            Kind
	escaped         bool // the value
	keyEscaped      bool
}

// Index finds the fields of an event's top level in one pass over its bytes.
// The zero Index is ready; reuse one for many events and it stops allocating.
// It is not safe for concurrent use.
type Index struct {
	text     []byte
	fields   []field
	class    int32 // number of the field, -1 for none
	event    int32
	repaired bool
	lines    bool     // a newline or carriage return stands between tokens
	open     []uint64 // one bit an open bracket below the top: 1 for an object
	buf      []byte   // text of a repaired event
}

// Error says why bytes are no event.
type Error struct {
	// Offset is the number of bytes before the fault.
	Offset int
	// Reason says what is wrong there, in lower case.
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset) }

// Scan indexes raw, which must stay unchanged as long as the Index or any
// Value of it is in use. It accepts what encoding/json accepts as one object
// (white space around it included) and, beyond that, strings that hold bytes
// that are not UTF-8 or raw control characters: these are repaired, see
// [Index.Repaired]. Everything else is an [*Error], after which the Index is
// empty.
func (x *Index) Scan(raw []byte) error {
	err := x.scan(raw)
	if err == nil && x.repaired {
		x.buf = appendRepaired(x.buf[:0], raw)
		err = x.scan(x.buf)
		x.repaired = true
	}
	if err != nil {
		x.text, x.fields, x.class, x.event = nil, x.fields[:0], -1, -1
		return err
	}
	return nil
}

// JSON is the event as valid JSON in valid UTF-8: the very bytes given to
// Scan, unless they had to be repaired. A repaired event is overwritten by the
// next Scan.
func (x *Index) JSON() []byte { return x.text }

// Repaired reports whether strings of the event held bytes that are not UTF-8
// (each is U+FFFD in JSON) or raw control characters (escaped in JSON).
func (x *Index) Repaired() bool { return x.repaired }

// OneLine reports whether JSON holds no line break.
func (x *Index) OneLine() bool { return !x.lines }

// Len is the number of fields, repeated ones counted each time.
func (x *Index) Len() int { return len(x.fields) }

// Key returns the name of field i, a string.
func (x *Index) Key(i int) Value {
	f := &x.fields[i]
	return Value{JSON: x.text[f.key-1 : f.keyEnd+1], Kind: String, Escaped: f.keyEscaped}
}

// Value returns the value of field i.
func (x *Index) Value(i int) Value {
	f := &x.fields[i]
	return Value{JSON: x.text[f.value:f.valueEnd], Kind: f.kind, Escaped: f.escaped}
}

// Class returns the event's class, absent if it has none.
func (x *Index) Class() Value { return x.at(x.class) }

// Event returns what happened, absent if the event does not say.
func (x *Index) Event() Value { return x.at(x.event) }

func (x *Index) at(i int32) Value {
	if i < 0 {
		return Value{}
	}
	return x.Value(int(i))
}

// Find returns the number of the field called name, the last one if it is
// repeated, as in jq; -1 if there is none.
func (x *Index) Find(name string) int {
	for i := len(x.fields) - 1; i >= 0; i-- {
		f := &x.fields[i]
		if !f.keyEscaped {
			if string(x.text[f.key:f.keyEnd]) == name {
				return i
			}
		} else if x.Key(i).Is(name) {
			return i
		}
	}
	return -1
}

// Get returns the value of the field called name, the last one if it is
// repeated; absent if there is none.
func (x *Index) Get(name string) Value { return x.at(int32(x.Find(name))) }

// Shadowed reports whether a later field has the same name as field i, so that
// the later one counts.
func (x *Index) Shadowed(i int) bool {
	f := &x.fields[i]
	for j := i + 1; j < len(x.fields); j++ {
		g := &x.fields[j]
		if !f.keyEscaped && !g.keyEscaped {
			if string(x.text[f.key:f.keyEnd]) == string(x.text[g.key:g.keyEnd]) {
				return true
			}
		} else if string(x.Key(i).Text()) == string(x.Key(j).Text()) {
			return true
		}
	}
	return false
}

func (x *Index) scan(b []byte) error {
	x.text, x.fields, x.class, x.event, x.repaired, x.lines = b, x.fields[:0], -1, -1, false, false
	if uint64(len(b)) > math.MaxInt32 {
		return &Error{0, "too long"}
	}
	i := x.space(b, 0)
	if i == len(b) {
		return &Error{i, "empty"}
	}
	if b[i] != '{' {
		return notObject(b, i)
	}
	i = x.space(b, i+1)
	if i < len(b) && b[i] == '}' {
		return x.end(b, i+1)
	}
	for {
		if i >= len(b) {
			return short(b)
		}
		if b[i] != '"' {
			return unexpected(b, i, "a field name")
		}
		var f field
		var err error
		f.key = uint32(i + 1)
		if i, f.keyEscaped, err = x.str(b, i); err != nil {
			return err
		}
		f.keyEnd = uint32(i - 1)
		if i < len(b) && b[i] != ':' {
			i = x.space(b, i)
		}
		if i >= len(b) {
			return short(b)
		}
		if b[i] != ':' {
			return unexpected(b, i, "a colon")
		}
		if i++; i < len(b) && b[i] <= ' ' {
			i = x.space(b, i)
		}
		if i >= len(b) {
			return short(b)
		}
		f.value = uint32(i)
		switch c := b[i]; {
		case c == '"':
			f.kind = String
			i, f.escaped, err = x.str(b, i)
		case c == '{':
			f.kind = Object
			i, err = x.nested(b, i)
		case c == '[':
			f.kind = Array
			i, err = x.nested(b, i)
		default:
			f.kind, i, err = scalar(b, i)
		}
		if err != nil {
			return err
		}
		f.valueEnd = uint32(i)
		x.fields = append(x.fields, f)
		if f.keyEnd-f.key == 5 {
			switch string(b[f.key:f.keyEnd]) {
			case "class":
				x.class = int32(len(x.fields) - 1)
			case "event":
				x.event = int32(len(x.fields) - 1)
			}
		} else if f.keyEscaped {
			switch string(x.Key(len(x.fields) - 1).Text()) {
			case "class":
				x.class = int32(len(x.fields) - 1)
			case "event":
				x.event = int32(len(x.fields) - 1)
			}
		}
		if i < len(b) && b[i] <= ' ' {
			i = x.space(b, i)
		}
		if i >= len(b) {
			return short(b)
		}
		if b[i] == ',' {
			if i++; i < len(b) && b[i] <= ' ' {
				i = x.space(b, i)
			}
			continue
		}
		if b[i] == '}' {
			return x.end(b, i+1)
		}
		return unexpected(b, i, "a comma or }")
	}
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

// str scans the string whose opening quote is b[i] and returns the offset
// past its closing quote, and whether it holds an escape.
func (x *Index) str(b []byte, i int) (end int, escaped bool, err error) {
	start := i
	i++
	for {
		// Eight bytes at a time up to the first that is a quote, a backslash,
		// a control character or not ASCII.
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			q := w ^ (ones * '"')
			s := w ^ (ones * '\\')
			m := ((q - ones) &^ q) | ((s - ones) &^ s) | ((w - ones*0x20) &^ w) | w
			if m &= highs; m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
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
				i += 6
			default:
				return i, false, &Error{i, "bad escape"}
			}
		case c < 0x20:
			x.repaired = true
			i++
		case c < utf8.RuneSelf:
			i++
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
		if i+4 <= len(b) && string(b[i:i+4]) == "true" {
			return Bool, i + 4, nil
		}
	case 'f':
		if i+5 <= len(b) && string(b[i:i+5]) == "false" {
			return Bool, i + 5, nil
		}
	case 'n':
		if i+4 <= len(b) && string(b[i:i+4]) == "null" {
			return Null, i + 4, nil
		}
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return number(b, i)
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
			return i, &Error{i, "nested too deep"}
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
		if i, _, err = x.str(b, i); err != nil {
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
	if i, _, err = x.str(b, i); err != nil {
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

func unexpected(b []byte, i int, want string) error {
	return &Error{i, fmt.Sprintf("%q where %s should be", rune(b[i]), want)}
}

// notObject tells JSON that is no object from what is no JSON.
func notObject(b []byte, i int) error {
	switch c := b[i]; {
	case c == '[':
		return &Error{i, "an array, not an object"}
	case c == '"':
		return &Error{i, "a string, not an object"}
	case c == 't' || c == 'f' || c == 'n' || c == '-' || '0' <= c && c <= '9':
		if kind, _, err := scalar(b, i); err == nil {
			return &Error{i, map[Kind]string{Bool: "a boolean", Null: "null", Number: "a number"}[kind] + ", not an object"}
		}
	}
	return &Error{i, "not JSON"}
}
