package event

import "bytes"

// Element returns element i of an array, counted from its end if i is negative
// (-1 is the last); an absent value if there is none, or if v is no array.
func (v Value) Element(i int) Value {
	if v.Kind != Array {
		return Value{}
	}
	if i < 0 {
		e, at := element(v.JSON, 1)
		for ; e.Kind != Absent; i++ {
			e, at = element(v.JSON, at)
		}
		if i < 0 {
			return Value{}
		}
	}
	e, at := element(v.JSON, 1)
	for ; e.Kind != Absent && i > 0; i-- {
		e, at = element(v.JSON, at)
	}
	return e
}

// element returns the value that comes next in an array, an absent one at its
// end, and where it ends. The array is known to be valid.
func element(b []byte, i int) (v Value, end int) {
	for b[i] <= ' ' || b[i] == ',' {
		i++
	}
	start := i
	for depth := 0; ; i++ {
		switch c := b[i]; {
		case c == '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case c == '[' || c == '{':
			depth++
		case depth == 0 && (c <= ' ' || c == ',' || c == ']'):
			v.JSON = b[start:i]
			v.Kind = kindOf(v.JSON)
			v.Escaped = v.Kind == String && bytes.IndexByte(v.JSON, '\\') >= 0
			return v, i
		case c == ']' || c == '}':
			depth--
		}
	}
}

// kindOf tells the kind of a valid value by how it begins.
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
