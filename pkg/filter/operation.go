package filter

import (
	"bytes"
	"cmp"
	"strconv"
	"unicode/utf8"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// kind is the type of a value, in the order in which jq sorts them.
type kind uint8

const (
	kindNull kind = iota
	kindFalse
	kindTrue
	kindNumber
	kindString
	kindArray
	kindObject
)

// value is one value of an expression.
type value struct {
	kind  kind
	event bool    // the event itself
	built bool    // an array or an object that the expression made; text is its JSON as gojq prints it
	float bool    // a number that gojq takes as a float64, else as an int
	whole bool    // the number fits its type, so that f or i hold it
	i     int64   // an int
	f     float64 // a float64
	text  []byte  // of a string; the JSON of an array or an object, except the event's own; of a number as gojq prints it, nil for one that was computed
}

// true reports what if and select take for true.
func (v value) true() bool { return v.kind != kindNull && v.kind != kindFalse }

func truth(b bool) value {
	if b {
		return value{kind: kindTrue}
	}
	return value{kind: kindFalse}
}

// numberValue reads a number as gojq does when it computes with it: an int if
// it fits, a float64 if it has a point or an exponent. The rest is gojq's.
func numberValue(text []byte) value {
	v := value{kind: kindNumber, text: text}
	if v.i, v.whole = smallInt(text); v.whole {
		return v
	}
	var err error
	if v.float = bytes.ContainsAny(text, ".eE"); v.float {
		v.f, err = strconv.ParseFloat(string(text), 64)
	} else {
		v.i, err = strconv.ParseInt(string(text), 10, 64)
	}
	v.whole = err == nil
	return v
}

// of makes a value of one of the event's.
func (s *scratch) of(v event.Value) value {
	switch v.Kind {
	case event.Bool:
		return truth(v.JSON[0] == 't')
	case event.Number:
		return numberValue(v.JSON)
	case event.String:
		if !v.Escaped {
			return value{kind: kindString, text: v.Text()}
		}
		// Values made before keep their bytes even if this moves the rest.
		start := len(s.text)
		s.text = v.AppendText(s.text)
		return value{kind: kindString, text: s.text[start:len(s.text):len(s.text)]}
	case event.Array:
		return value{kind: kindArray, text: v.JSON}
	case event.Object:
		return value{kind: kindObject, text: v.JSON}
	}
	return value{} // null, or absent, which jq takes for null
}

// field returns a field of an object. It is not sure of an object that was built,
// whose numbers have lost their types.
func (s *scratch) field(object value, name string) (v event.Value, sure bool) {
	switch {
	case object.event:
		return s.x.Field(name), true
	case object.built:
		return v, false
	}
	return event.Value{JSON: object.text, Kind: event.Object}.Field(name), true
}

func identity(_ *scratch, in value) (value, answer) { return in, one }

func constant(v value) operation {
	return func(*scratch, value) (value, answer) { return v, one }
}

func fieldOf(name string) operation {
	return func(s *scratch, in value) (value, answer) {
		switch in.kind {
		case kindNull:
			return in, one
		case kindObject:
			if v, sure := s.field(in, name); sure {
				return s.of(v), one
			}
		}
		return value{}, unsure
	}
}

func elementOf(i int) operation {
	return func(s *scratch, in value) (value, answer) {
		switch {
		case in.kind == kindNull:
			return in, one
		case in.kind == kindArray && !in.built: // the numbers of a built one have lost their types
			return s.of(event.Value{JSON: in.text, Kind: event.Array}.Element(i)), one
		}
		return value{}, unsure
	}
}

func has(name string) operation {
	return func(s *scratch, in value) (value, answer) {
		switch in.kind {
		case kindNull:
			return truth(false), one
		case kindObject:
			if v, sure := s.field(in, name); sure {
				return truth(v.Kind != event.Absent), one
			}
		}
		return value{}, unsure
	}
}

func pipe(left, right operation) operation {
	return func(s *scratch, in value) (value, answer) {
		v, a := left(s, in)
		if a != one {
			return v, a
		}
		return right(s, v)
	}
}

func selection(cond operation) operation {
	return func(s *scratch, in value) (value, answer) {
		v, a := cond(s, in)
		if a == one && !v.true() {
			a = none
		}
		return in, a
	}
}

// logic is and, or: the left side alone decides when it is as decisive says.
func logic(left, right operation, decisive bool) operation {
	return func(s *scratch, in value) (value, answer) {
		v, a := left(s, in)
		if a != one {
			return v, a
		}
		if v.true() == decisive {
			return truth(decisive), one
		}
		if v, a = right(s, in); a != one {
			return v, a
		}
		return truth(v.true()), one
	}
}

func alternative(left, right operation) operation {
	return func(s *scratch, in value) (value, answer) {
		if v, a := left(s, in); a == unsure || a == one && v.true() {
			return v, a
		}
		return right(s, in)
	}
}

// both runs two operations on one input. An unsure one leaves all to gojq,
// which has its own order of running them.
func both(left, right operation, s *scratch, in value) (l, r value, a answer) {
	l, a = left(s, in)
	if a == unsure {
		return l, r, a
	}
	r, b := right(s, in)
	return l, r, min(a, b)
}

func comparison(left, right operation, set orders) operation {
	return func(s *scratch, in value) (value, answer) {
		l, r, a := both(left, right, s, in)
		if a != one {
			return value{}, a
		}
		order, sure := l.compare(&r)
		if !sure {
			return value{}, unsure
		}
		return truth(set.hold(order)), one
	}
}

// comparisonTo compares with a constant.
func comparisonTo(left operation, right value, set orders) operation {
	return func(s *scratch, in value) (value, answer) {
		v, a := left(s, in)
		if a != one {
			return value{}, a
		}
		order, sure := v.compare(&right)
		if !sure {
			return value{}, unsure
		}
		return truth(set.hold(order)), one
	}
}

// compare orders two values as jq does; it is not sure of arrays, objects and
// large numbers among themselves.
func (v *value) compare(w *value) (order int, sure bool) {
	switch {
	case v.kind != w.kind:
		return cmp.Compare(v.kind, w.kind), true
	case v.kind < kindNumber:
		return 0, true
	case v.kind == kindString:
		return bytes.Compare(v.text, w.text), true
	case v.kind != kindNumber || !v.whole || !w.whole:
		return 0, false
	case !v.float && !w.float:
		return cmp.Compare(v.i, w.i), true
	}
	f, g := v.f, w.f
	if !v.float {
		f = float64(v.i)
	}
	if !w.float {
		g = float64(w.i)
	}
	return cmp.Compare(f, g), true
}

// bothStrings is a test of two strings; of anything else it is not sure.
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

// changeCase moves the letters from first to first+25 by offset.
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
		// Only digits with a point among them: the rest of what gojq reads as
		// a number is gojq's.
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

// plainCall returns a builtin without arguments, nil for others.
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

// selectKinds keeps values of a set of kinds, one bit each.
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

// quantifier is any(items; cond) or all(items; cond), which stop at the first
// item that decides. For an array that holds them, an error in any item comes
// first.
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
