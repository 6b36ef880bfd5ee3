package filter

import (
	"cmp"

	"github.com/itchyny/gojq"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// The most common expressions compare fields with constants, joined by and and or.
// They are compiled to predicates, which are faster than operations because they pass
// no values.

// predicate reports whether an event has a property.
type predicate func(s *scratch) verdict

// verdict is the result of a predicate.
type verdict uint8

const (
	unknown verdict = iota // leave the event to gojq
	no
	yes
)

func verdictOf(b bool) verdict {
	if b {
		return yes
	}
	return no
}

// orders is the set of results of cmp.Compare for which a comparison holds.
type orders uint8

const (
	less orders = 1 << iota
	equal
	greater
)

// hold reports whether order, which is -1, 0 or 1, is in the set.
func (o orders) hold(order int) bool { return o>>(order+1)&1 != 0 }

// ordersOf returns the orders of a comparison operator, and the empty set for any other
// operator.
func ordersOf(op gojq.Operator) orders {
	switch op {
	case gojq.OpEq:
		return equal
	case gojq.OpNe:
		return less | greater
	case gojq.OpLt:
		return less
	case gojq.OpLe:
		return less | equal
	case gojq.OpGt:
		return greater
	case gojq.OpGe:
		return greater | equal
	}
	return 0
}

// decided returns an operation that does the same as op, the compiled q. If q can be
// compiled to a predicate, it uses that when the input is the event.
func (c *nativeCompiler) decided(q *gojq.Query, op operation) operation {
	p := c.predicate(q)
	if p == nil {
		return op
	}
	return func(s *scratch, in value) (value, answer) {
		if !in.event {
			return op(s, in)
		}
		switch p(s) {
		case yes:
			return value{kind: kindTrue}, one
		case no:
			return value{kind: kindFalse}, one
		}
		return value{}, unsure
	}
}

// predicate compiles a query to a predicate. It returns nil if it cannot.
func (c *nativeCompiler) predicate(q *gojq.Query) predicate {
	if !c.known || len(q.FuncDefs) > 0 || len(q.Patterns) > 0 {
		return nil
	}
	if t := q.Term; t != nil {
		if t.Type == gojq.TermTypeQuery && len(t.SuffixList) == 0 {
			return c.predicate(t.Query)
		}
		return nil
	}
	if q.Op == gojq.OpAnd || q.Op == gojq.OpOr {
		left := c.predicate(q.Left)
		if left == nil {
			return nil
		}
		right := c.predicate(q.Right)
		if right == nil {
			return nil
		}
		// If the left side is decisive, it alone decides.
		decisive := no
		if q.Op == gojq.OpOr {
			decisive = yes
		}
		return func(s *scratch) verdict {
			if v := left(s); v == decisive || v == unknown {
				return v
			}
			return right(s)
		}
	}
	set, t := ordersOf(q.Op), q.Left.Term
	if set == 0 || t == nil || t.Type != gojq.TermTypeIndex || len(q.Left.FuncDefs) > 0 || len(t.SuffixList) > 0 {
		return nil
	}
	name, ok := fieldName(t.Index)
	if !ok {
		return nil
	}
	v, ok := c.constantQuery(q.Right)
	if !ok {
		return nil
	}
	return compareField(name, constantValue(v), set)
}

// compareField compares a field of the event with a constant.
func compareField(name string, with value, set orders) predicate {
	find := func(s *scratch) event.Value { return s.x.Field(name) }
	switch name {
	case "class":
		find = func(s *scratch) event.Value { return s.x.Class() }
	case "event":
		find = func(s *scratch) event.Value { return s.x.Event() }
	}
	if with.kind == kindString && (set == equal || set == less|greater) {
		text, same, other := string(with.text), verdictOf(set == equal), verdictOf(set != equal)
		return func(s *scratch) verdict {
			if v := find(s); v.Kind == event.String && v.Is(text) {
				return same
			}
			return other
		}
	}
	if with.kind == kindNumber && with.whole && !with.float {
		return func(s *scratch) verdict {
			v := find(s)
			if n, ok := smallInt(v.JSON); ok {
				return verdictOf(set.hold(cmp.Compare(n, with.i)))
			}
			return s.verdict(v, &with, set)
		}
	}
	return func(s *scratch) verdict { return s.verdict(find(s), &with, set) }
}

func (s *scratch) verdict(v event.Value, with *value, set orders) verdict {
	w := s.of(v)
	order, sure := w.compare(with)
	if !sure {
		return unknown
	}
	return verdictOf(set.hold(order))
}

// smallInt parses an integer of at most 18 digits. It reports false for any other
// JSON.
func smallInt(text []byte) (n int64, ok bool) {
	digits := text
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	if len(digits) < len(text) {
		n = -n
	}
	return n, true
}
