package filter

import (
	"bytes"
	"cmp"
	"strconv"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// kind is the type of a value, in jq's order of types.
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
	event bool    // it is the event itself; text is not set
	built bool    // an array or object that the expression made; text is its JSON as gojq prints it
	float bool    // gojq takes the number as a float64, else as an int
	whole bool    // the number fits that type, so that f or i is set
	i     int64   // the int
	f     float64 // the float64
	text  []byte  // a string without escapes; an array or object as JSON; a number as gojq prints it, nil if it was computed
}

// true reports whether the value counts as true in if and select.
func (v value) true() bool { return v.kind != kindNull && v.kind != kindFalse }

func truth(b bool) value {
	if b {
		return value{kind: kindTrue}
	}
	return value{kind: kindFalse}
}

// numberValue parses a number as gojq does to compute with it: as an int, or as a
// float64 if it has a point or an exponent. One that does not fit is left to gojq.
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

// of converts a value of the event.
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
		// If this moves the buffer, earlier values keep pointing to the old one.
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

// field returns a field of an object. It is not sure for an object that the expression
// made, because its numbers have lost their types.
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
		case in.kind == kindArray && !in.built: // numbers in a built one have lost their types
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

// logic is and and or. If the left side equals decisive, it alone decides.
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

// both runs two operations on one input. If one is unsure, the event is left to gojq,
// which may run them in another order.
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

// comparisonTo is comparison with a constant on the right.
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

// compare orders two values as jq does. It is not sure of two arrays, two objects, and
// numbers that do not fit their types.
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
