package event

import (
	"strconv"
	"strings"
)

// Kind is the JSON type of a value.
type Kind uint8

// The kinds of value. Absent is the kind of the value of a missing field.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// String returns the name of the JSON type: null, boolean, number, string, array or object. It is
// "" for Absent.
func (k Kind) String() string {
	if names := [...]string{"", "null", "boolean", "number", "string", "array", "object"}; int(k) < len(names) {
		return names[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// Value is one value inside an event. It points into the event's bytes and is valid
// as long as they are. The zero Value is absent.
type Value struct {
	// JSON is the value as it is written in the event, a string with its quotes
	// and escapes.
	JSON []byte
	Kind Kind
	// Escaped is set for a string with a backslash in it, whose text differs from
	// the bytes between the quotes.
	Escaped bool
}

// AppendText appends the value as text to dst: a string without its quotes and
// escapes, anything else as JSON. Half a surrogate pair (\ud800) becomes U+FFFD.
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

// Text returns the value as text, as AppendText does. Without escapes the result is
// part of the event and must not be changed. With escapes it is a new slice.
func (v Value) Text() []byte {
	switch {
	case v.Kind != String:
		return v.JSON
	case !v.Escaped:
		return v.JSON[1 : len(v.JSON)-1]
	}
	return v.AppendText(nil)
}

// Is reports whether the value's text is s. It allocates only for a string with
// escapes that is longer than 128 bytes.
func (v Value) Is(s string) bool {
	if !v.Escaped {
		return v.Kind != Absent && string(v.Text()) == s
	}
	if n := len(v.JSON) - 2; len(s) > n || 6*len(s) < n { // an escape is 6 bytes at most: \u0061 is a
		return false
	}
	var buf [128]byte
	return string(v.AppendText(buf[:0])) == s
}

// Decimal returns v as a number. It also parses a string, because all fields of a
// POSTed form are strings; see [ParseDecimal] for what is a number. It reports false
// for any other value. It allocates only for a string with escapes.
func (v Value) Decimal() (d Decimal, ok bool) {
	if v.Kind != Number && v.Kind != String {
		return Decimal{}, false
	}
	return ParseDecimal(v.Text())
}

// Timestamp returns v, a number or a string, as a time in microseconds since 1970.
// It reports false if v is no time. See the function [Timestamp] for what is one.
func (v Value) Timestamp() (usec int64, ok bool) {
	if v.Kind != Number && v.Kind != String {
		return 0, false
	}
	var buf [64]byte
	if v.Escaped {
		return Timestamp(v.AppendText(buf[:0]))
	}
	return Timestamp(v.Text())
}

// Field returns the member of an object that is called name. It is absent if there
// is none, or if v is no object. Of repeated members it is the last, as in jq. Dots
// in name mean nothing.
func (v Value) Field(name string) Value {
	var found Value
	if v.Kind != Object {
		return found
	}
	for i := 1; ; {
		var key, member Value
		if key, i = next(v.JSON, i); key.Kind == Absent {
			return found
		}
		if member, i = next(v.JSON, i); key.Is(name) {
			found = member
		}
	}
}

// get is Index.Get for an object.
func (v Value) get(name string) Value {
	member := v.Field(name)
	if member.Kind == Absent {
		if object, rest, ok := strings.Cut(name, "."); ok {
			return v.Field(object).get(rest)
		}
	}
	return member
}

// Element returns element i of an array. A negative i counts from the end: -1 is the
// last element. The value is absent if there is none, or if v is no array.
func (v Value) Element(i int) Value {
	if v.Kind != Array {
		return Value{}
	}
	if i < 0 {
		e, at := next(v.JSON, 1)
		for ; e.Kind != Absent; i++ {
			e, at = next(v.JSON, at)
		}
		if i < 0 {
			return Value{}
		}
	}
	e, at := next(v.JSON, 1)
	for ; e.Kind != Absent && i > 0; i-- {
		e, at = next(v.JSON, at)
	}
	return e
}

// Next steps through the members of an object, or the elements of an array: the first call
// has 0 for at, and each later one the after that the call before has returned. Key is
// absent for an element. After the last one, and if v is neither an object nor an array,
// the member is absent. A repeated member comes each time.
func (v Value) Next(at int) (key, member Value, after int) {
	if v.Kind != Object && v.Kind != Array {
		return Value{}, Value{}, at
	}
	at = max(at, 1)
	if v.Kind == Object {
		if key, at = next(v.JSON, at); key.Kind == Absent {
			return Value{}, Value{}, at
		}
	}
	member, at = next(v.JSON, at)
	return key, member, at
}

// next returns the next value or key from b[i] on, in an array or object, and the
// offset past it. At the end of the array or object the value is absent. b is valid
// JSON.
func next(b []byte, i int) (v Value, end int) {
	for b[i] <= ' ' || b[i] == ',' || b[i] == ':' {
		i++
	}
	start := i
	switch b[i] {
	case '"':
		v.Kind = String
		i, v.Escaped = skipString(b, i)
	case '{', '[':
		v.Kind = kindOf(b[i:])
		for depth := 0; ; {
			switch b[i] {
			case '"':
				i, _ = skipString(b, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			if i++; depth == 0 {
				v.JSON = b[start:i]
				return v, i
			}
		}
	case '}', ']':
		return Value{}, i
	default:
		v.Kind = kindOf(b[i:])
		for b[i] > ' ' && b[i] != ',' && b[i] != '}' && b[i] != ']' {
			i++
		}
	}
	v.JSON = b[start:i]
	return v, i
}

// skipString returns the offset past the string that begins at b[i], and whether it
// has an escape.
func skipString(b []byte, i int) (end int, escaped bool) {
	for i++; ; {
		switch i = plain(b, i); b[i] {
		case '"':
			return i + 1, escaped
		case '\\':
			escaped = true
			i += 2
		default:
			i++
		}
	}
}

// kindOf returns the kind of a valid value. The first byte tells it.
func kindOf(json []byte) Kind {
	if len(json) == 0 {
		return Absent
	}
	switch json[0] {
	case '"':
		return String
	case '{':
		return Object
	case '[':
		return Array
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	}
	return Number
}
