package event

import "strings"

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
// value is a long escaped string.
func (v Value) Is(s string) bool {
	if !v.Escaped {
		return v.Kind != Absent && string(v.Text()) == s
	}
	if n := len(v.JSON) - 2; len(s) > n || 6*len(s) < n { // \u0061 is a
		return false
	}
	var buf [128]byte
	return string(v.AppendText(buf[:0])) == s
}

// Decimal returns the number that v is. A string that reads as a number is one,
// too, because the fields of a POSTed form are strings. It reports false for any
// other value. It allocates only for a string with escapes.
func (v Value) Decimal() (d Decimal, ok bool) {
	if v.Kind != Number && v.Kind != String {
		return Decimal{}, false
	}
	return ParseDecimal(v.Text())
}

// Timestamp returns the time that v is, a number or a string, in microseconds
// since 1970; see the function [Timestamp]. It reports false if v is no time.
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

// Field returns the member of an object that is called name, the last one if it is
// repeated; an absent value if there is none, or if v is no object. Dots in name
// mean nothing.
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

// get is Index.Get in an object.
func (v Value) get(name string) Value {
	member := v.Field(name)
	if member.Kind == Absent {
		if object, rest, ok := strings.Cut(name, "."); ok {
			return v.Field(object).get(rest)
		}
	}
	return member
}

// Element returns element i of an array, counted from its end if i is negative
// (-1 is the last); an absent value if there is none, or if v is no array.
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

// next returns the value or key that follows b[i:] in an array or object, and the
// offset past it. The value is absent at the end of the array or object. b is
// valid JSON.
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

// skipString returns the offset past the string that begins at b[i], and whether
// it holds an escape.
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

// kindOf returns the kind of a valid value, which its first byte tells.
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
