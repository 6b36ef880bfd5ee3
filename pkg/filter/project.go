package filter

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// member is a key and its value in an object that an expression makes.
type member struct {
	name  string
	value operation
}

// gather appends the values of the operations to s.values, from base on. The caller
// removes them again. The answer is none if an operation gave no value, and unsure if
// one was unsure.
func (s *scratch) gather(ops []operation, in value) (base int, a answer) {
	base, a = len(s.values), one
	for _, op := range ops {
		switch v, b := op(s, in); b {
		case unsure:
			return base, unsure
		case none:
			a = none
		case one:
			s.values = append(s.values, v)
		}
	}
	return base, a
}

// object makes an object in the order of the names, as gojq prints it. Of members with
// the same name the last one counts.
func object(members []member) operation {
	ops := make([]operation, len(members))
	order := make([]int, len(members))
	for i, m := range members {
		ops[i], order[i] = m.value, i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(members[i].name, members[j].name) })
	var last []int
	var names [][]byte // as JSON, with the colon
	for i, n := range order {
		if i+1 == len(order) || members[order[i+1]].name != members[n].name {
			last = append(last, n)
			names = append(names, append(event.AppendString(nil, members[n].name), ':'))
		}
	}
	return func(s *scratch, in value) (value, answer) {
		base, a := s.gather(ops, in)
		defer func() { s.values = s.values[:base] }()
		if a != one {
			return value{}, a
		}
		start := len(s.text)
		s.text = append(s.text, '{')
		for i, n := range last {
			if i > 0 {
				s.text = append(s.text, ',')
			}
			s.text = append(s.text, names[i]...)
			if !s.print(s.values[base+n]) {
				return value{}, unsure
			}
		}
		s.text = append(s.text, '}')
		return value{kind: kindObject, built: true, text: s.text[start:len(s.text):len(s.text)]}, one
	}
}

// array makes an array of the values that the items give.
func array(items []operation) operation {
	return func(s *scratch, in value) (value, answer) {
		base, a := s.gather(items, in)
		defer func() { s.values = s.values[:base] }()
		if a == unsure {
			return value{}, unsure
		}
		start := len(s.text)
		s.text = append(s.text, '[')
		for i, v := range s.values[base:] {
			if i > 0 {
				s.text = append(s.text, ',')
			}
			if !s.print(v) {
				return value{}, unsure
			}
		}
		s.text = append(s.text, ']')
		return value{kind: kindArray, built: true, text: s.text[start:len(s.text):len(s.text)]}, one
	}
}

// interpolation makes a string of the texts of its parts.
func interpolation(parts []operation) operation {
	return func(s *scratch, in value) (value, answer) {
		base, a := s.gather(parts, in)
		defer func() { s.values = s.values[:base] }()
		if a != one {
			return value{}, a
		}
		start := len(s.text)
		for _, v := range s.values[base:] {
			if v.kind == kindString {
				s.text = append(s.text, v.text...)
			} else if !s.print(v) {
				return value{}, unsure
			}
		}
		return value{kind: kindString, text: s.text[start:len(s.text):len(s.text)]}, one
	}
}

func toString(s *scratch, in value) (value, answer) {
	if in.kind == kindString {
		return in, one
	}
	start := len(s.text)
	if !s.print(in) {
		return value{}, unsure
	}
	return value{kind: kindString, text: s.text[start:len(s.text):len(s.text)]}, one
}

// print appends a value to s.text as gojq prints it. It reports false for an array or
// object of the event, whose keys gojq would sort and whose strings it would escape
// in its own way.
func (s *scratch) print(v value) bool {
	switch v.kind {
	case kindNull:
		s.text = append(s.text, "null"...)
	case kindFalse:
		s.text = append(s.text, "false"...)
	case kindTrue:
		s.text = append(s.text, "true"...)
	case kindString:
		s.text = event.AppendString(s.text, v.text)
	case kindNumber:
		switch {
		case v.text != nil:
			s.text = append(s.text, v.text...)
		case !v.whole:
			return false
		case v.float:
			s.text = appendFloat(s.text, v.f)
		default:
			s.text = strconv.AppendInt(s.text, v.i, 10)
		}
	default:
		s.text = append(s.text, v.text...)
		return v.built
	}
	return true
}
