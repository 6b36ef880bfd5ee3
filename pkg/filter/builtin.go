package filter

import (
	"bytes"
	"unicode/utf8"
)

// bothStrings is a test of two strings. It is unsure for anything else.
func bothStrings(arg operation, holds func(s, t []byte) bool) operation {
	return func(s *scratch, in value) (value, answer) {
		v, a := arg(s, in)
		switch {
		case a != one:
			return v, a
		case in.kind != kindString || v.kind != kindString:
			return value{}, unsure
		}
		return truth(holds(in.text, v.text)), one
	}
}

func trim(arg operation, cut func(s, t []byte) []byte) operation {
	return func(s *scratch, in value) (value, answer) {
		v, a := arg(s, in)
		switch {
		case a != one:
			return v, a
		case in.kind != kindString || v.kind != kindString:
			return value{}, unsure
		}
		in.text = cut(in.text, v.text)
		return in, one
	}
}

// changeCase adds offset to the letters from first to first+25.
func changeCase(first byte, offset int) operation {
	return func(s *scratch, in value) (value, answer) {
		if in.kind != kindString {
			return value{}, unsure
		}
		start := len(s.text)
		for _, c := range in.text {
			if c-first < 26 {
				c = byte(int(c) + offset)
			}
			s.text = append(s.text, c)
		}
		in.text = s.text[start:len(s.text):len(s.text)]
		return in, one
	}
}

func toNumber(_ *scratch, in value) (value, answer) {
	switch in.kind {
	case kindNumber:
		return in, one
	case kindString:
		// Only digits with a point among them. Other notations are left to gojq.
		t, point := bytes.TrimPrefix(in.text, []byte("-")), false
		for i, c := range t {
			if c == '.' && !point && 0 < i && i < len(t)-1 {
				point = true
			} else if c < '0' || c > '9' {
				return value{}, unsure
			}
		}
		if len(t) > 0 {
			v := numberValue(in.text)
			v.text = nil
			return v, one
		}
	}
	return value{}, unsure
}

func length(_ *scratch, in value) (value, answer) {
	switch in.kind {
	case kindNull:
		return intValue(0), one
	case kindString:
		return intValue(utf8.RuneCount(in.text)), one
	}
	return value{}, unsure
}

func typeOf(s *scratch, in value) (value, answer) {
	start := len(s.text)
	switch in.kind {
	case kindNull:
		s.text = append(s.text, "null"...)
	case kindFalse, kindTrue:
		s.text = append(s.text, "boolean"...)
	case kindNumber:
		s.text = append(s.text, "number"...)
	case kindString:
		s.text = append(s.text, "string"...)
	case kindArray:
		s.text = append(s.text, "array"...)
	default:
		s.text = append(s.text, "object"...)
	}
	return value{kind: kindString, text: s.text[start:len(s.text):len(s.text)]}, one
}

func intValue(n int) value { return value{kind: kindNumber, whole: true, i: int64(n)} }

// plainCall returns a builtin without arguments, or nil if it is not known.
func plainCall(name string) operation {
	switch name {
	case "not":
		return func(_ *scratch, in value) (value, answer) { return truth(!in.true()), one }
	case "empty":
		return func(_ *scratch, in value) (value, answer) { return in, none }
	case "type":
		return typeOf
	case "tonumber":
		return toNumber
	case "tostring":
		return toString
	case "length":
		return length
	case "ascii_downcase":
		return changeCase('A', 'a'-'A')
	case "ascii_upcase":
		return changeCase('a', 'A'-'a')
	case "nulls":
		return selectKinds(1 << kindNull)
	case "booleans":
		return selectKinds(1<<kindFalse | 1<<kindTrue)
	case "numbers":
		return selectKinds(1 << kindNumber)
	case "strings":
		return selectKinds(1 << kindString)
	case "arrays":
		return selectKinds(1 << kindArray)
	case "objects":
		return selectKinds(1 << kindObject)
	case "iterables":
		return selectKinds(1<<kindArray | 1<<kindObject)
	case "scalars":
		return selectKinds(1<<kindArray - 1)
	case "values":
		return selectKinds(^uint8(1 << kindNull))
	}
	return nil
}

// selectKinds selects the values of a set of kinds, which has a bit for each.
func selectKinds(set uint8) operation {
	return func(_ *scratch, in value) (value, answer) {
		if set>>in.kind&1 == 0 {
			return in, none
		}
		return in, one
	}
}

// keyOf is in(object).
func keyOf(object map[string]any) operation {
	return func(_ *scratch, in value) (value, answer) {
		if in.kind != kindString {
			return value{}, unsure
		}
		_, ok := object[string(in.text)]
		return truth(ok), one
	}
}

// membership is IN(a, b, …).
func membership(items []operation) operation {
	equals := make([]operation, len(items))
	for i, item := range items {
		equals[i] = comparison(item, identity, equal)
	}
	return quantifier(equals, identity, false, false)
}

// quantifier is any(items; cond) or all(items; cond), which stop at the first item that
// decides. With array the items are those of an array, which are all computed before
// the first is tested, so an error in any of them counts.
func quantifier(items []operation, cond operation, all, array bool) operation {
	return func(s *scratch, in value) (value, answer) {
		if array {
			base, a := s.gather(items, in)
			if s.values = s.values[:base]; a == unsure {
				return value{}, unsure
			}
		}
		for _, item := range items {
			v, a := item(s, in)
			if a == one {
				v, a = cond(s, v)
			}
			switch {
			case a == unsure:
				return value{}, unsure
			case a == one && v.true() != all:
				return truth(!all), one
			}
		}
		return truth(all), one
	}
}
