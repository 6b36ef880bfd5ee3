package filter

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/itchyny/gojq"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// A jq expression that only compares and picks fields is compiled to functions that
// read the event's bytes. These handle the easy cases of each operation. If a case is
// hard at run time (an error, two arrays to compare, a number of thirty digits, an
// object of the event to print), they give up, and gojq runs the whole expression on
// that event. So only gojq decides the hard cases. The syntax tree shows which
// expressions can be compiled. Fuzz tests compare the results with those of gojq.

// answer says how many values an operation gave.
type answer uint8

const (
	unsure answer = iota // leave the event to gojq
	none
	one
)

// operation computes a value from its input.
type operation func(s *scratch, in value) (value, answer)

// scratch is the state that the operations on one event share.
type scratch struct {
	x      *event.Index
	text   []byte  // buffer for strings without their escapes and for printed values, which point into it
	values []value // parts of the objects, arrays and strings that are being built
}

// result runs a compiled expression on an event.
func (s *scratch) result(op operation, x *event.Index) (value, answer) {
	s.x, s.text, s.values = x, s.text[:0], s.values[:0]
	return op(s, value{kind: kindObject, event: true})
}

// compileNative compiles an expression. It reports false if it cannot. names and
// values are those of the variables.
func compileNative(q *gojq.Query, names []string, values []any) (operation, bool) {
	c := &nativeCompiler{names: names, values: values, known: true}
	op := c.decided(q, c.query(q))
	return op, c.known
}

// maxPairs is the largest number of comparisons for one IN(a, b; c, d).
const maxPairs = 1000

// nativeCompiler compiles until it meets something that it cannot compile.
type nativeCompiler struct {
	names  []string // of the variables, with the dollar
	values []any
	known  bool // everything so far could be compiled
}

func (c *nativeCompiler) no() operation {
	c.known = false
	return nil
}

func (c *nativeCompiler) query(q *gojq.Query) operation {
	switch {
	case !c.known || q == nil || q.Meta != nil || len(q.Imports) > 0 || len(q.FuncDefs) > 0 || len(q.Patterns) > 0:
		return c.no()
	case q.Term != nil:
		return c.term(q.Term)
	case q.Left == nil || q.Right == nil:
		return c.no()
	}
	if op := c.overArray(q); op != nil {
		return op
	}
	left, right := c.query(q.Left), c.query(q.Right)
	if !c.known {
		return c.no()
	}
	switch q.Op {
	case gojq.OpPipe:
		// gojq v0.12.20 has a bug with some of these, such as {a: (.b // $x | 1)}, and nobody
		// needs them.
		if _, ok := c.constantQuery(q.Right); ok {
			return c.no()
		}
		return pipe(left, right)
	case gojq.OpAnd:
		return logic(left, right, false)
	case gojq.OpOr:
		return logic(left, right, true)
	case gojq.OpAlt:
		return alternative(left, right)
	}
	set := ordersOf(q.Op)
	if set == 0 {
		return c.no()
	}
	if v, ok := c.constantQuery(q.Right); ok {
		return comparisonTo(left, constantValue(v), set)
	}
	return comparison(left, right, set)
}

func (c *nativeCompiler) term(t *gojq.Term) (op operation) {
	if v, ok := c.constant(t); ok {
		return constant(constantValue(v))
	}
	switch t.Type {
	case gojq.TermTypeIdentity:
		op = identity
	case gojq.TermTypeIndex:
		op = c.index(t.Index)
	case gojq.TermTypeQuery:
		op = c.query(t.Query)
	case gojq.TermTypeFunc:
		op = c.call(t.Func)
	case gojq.TermTypeIf:
		op = c.branch(t.If.Cond, t.If.Then, t.If.Elif, t.If.Else)
	case gojq.TermTypeObject:
		op = c.object(t.Object)
	case gojq.TermTypeArray:
		op = array(c.items(t.Array.Query))
	case gojq.TermTypeString:
		op = c.interpolation(t.Str)
	default:
		return c.no()
	}
	for _, suffix := range t.SuffixList {
		if suffix.Optional {
			continue // it matters only after an error, which is left to gojq
		}
		next := c.index(suffix.Index)
		if !c.known {
			return c.no()
		}
		op = pipe(op, next)
	}
	return op
}

// index compiles .name, ."name", .["name"] and .[1].
func (c *nativeCompiler) index(x *gojq.Index) operation {
	if name, ok := fieldName(x); ok {
		return fieldOf(name)
	}
	if x != nil && !x.IsSlice && x.Start != nil {
		if v, ok := c.constantQuery(x.Start); ok {
			if i, ok := v.(int); ok {
				return elementOf(i)
			}
		}
	}
	return c.no()
}

// fieldName returns the name of .name, ."name" and .["name"].
func fieldName(x *gojq.Index) (string, bool) {
	switch {
	case x == nil || x.IsSlice:
	case x.Name != "":
		return x.Name, true
	case x.Str != nil:
		return x.Str.Str, x.Str.Queries == nil
	case x.Start != nil:
		return literal(x.Start)
	}
	return "", false
}

// literal returns the text of a string without interpolation.
func literal(q *gojq.Query) (string, bool) {
	if q.Term == nil || q.FuncDefs != nil || q.Term.Type != gojq.TermTypeString || q.Term.SuffixList != nil {
		return "", false
	}
	return q.Term.Str.Str, q.Term.Str.Queries == nil
}

// call compiles a call of a builtin. Expressions with definitions are not compiled, so
// there are no other functions.
func (c *nativeCompiler) call(f *gojq.Func) operation {
	switch len(f.Args) {
	case 0:
		if op := plainCall(f.Name); op != nil {
			return op
		}
	case 1:
		return c.call1(f.Name, f.Args[0])
	case 2:
		switch f.Name {
		case "test":
			return c.test(f.Args)
		case "any", "all":
			return quantifier(c.items(f.Args[0]), c.query(f.Args[1]), f.Name == "all", false)
		case "IN":
			return c.overlap(c.items(f.Args[0]), c.items(f.Args[1]))
		}
	}
	return c.no()
}

func (c *nativeCompiler) call1(name string, q *gojq.Query) operation {
	switch name {
	case "test":
		return c.test([]*gojq.Query{q})
	case "IN":
		return membership(c.items(q))
	case "has":
		if field, ok := c.constantString(q); ok {
			return has(field)
		}
		return c.no()
	case "in":
		if object, ok := c.constantQuery(q); ok {
			if object, ok := object.(map[string]any); ok {
				return keyOf(object)
			}
		}
		return c.no()
	}
	arg := c.query(q)
	if !c.known {
		return c.no()
	}
	switch name {
	case "select":
		return selection(c.decided(q, arg))
	case "startswith":
		return bothStrings(arg, bytes.HasPrefix)
	case "endswith":
		return bothStrings(arg, bytes.HasSuffix)
	case "contains":
		return bothStrings(arg, bytes.Contains)
	case "inside":
		return bothStrings(arg, func(s, t []byte) bool { return bytes.Contains(t, s) })
	case "ltrimstr":
		return trim(arg, bytes.TrimPrefix)
	case "rtrimstr":
		return trim(arg, bytes.TrimSuffix)
	}
	return c.no()
}

// test compiles a search for a constant regular expression, with the flags as gojq
// handles them.
func (c *nativeCompiler) test(args []*gojq.Query) operation {
	text, ok := c.constantString(args[0])
	flags := ""
	if ok && len(args) == 2 {
		flags, ok = c.constantString(args[1]) //nolint:gosec // G602: there are two
	}
	if !ok || strings.Trim(flags, "im") != "" {
		return c.no()
	}
	if strings.Contains(flags, "i") {
		text = "(?i)" + text
	}
	if strings.Contains(flags, "m") {
		text = "(?s)" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return c.no()
	}
	return func(_ *scratch, in value) (value, answer) {
		if in.kind != kindString {
			return value{}, unsure
		}
		return truth(re.Match(in.text)), one
	}
}

// items compiles each of a, b, …. An iterated constant array, as $x[], counts as its
// elements.
func (c *nativeCompiler) items(q *gojq.Query) []operation {
	if q == nil || !c.known {
		return nil
	}
	if q.Op == gojq.OpComma && q.FuncDefs == nil && q.Left != nil && q.Right != nil {
		return append(c.items(q.Left), c.items(q.Right)...)
	}
	if t := q.Term; t != nil && q.FuncDefs == nil && len(t.SuffixList) == 1 && t.SuffixList[0].Iter {
		whole := *t
		whole.SuffixList = nil
		if v, ok := c.constant(&whole); ok {
			if elements, ok := v.([]any); ok {
				ops := make([]operation, len(elements))
				for i, v := range elements {
					ops[i] = constant(constantValue(v))
				}
				return ops
			}
		}
	}
	return []operation{c.query(q)}
}

// overlap compiles IN(a, b, …; c, d, …), which is whether one of the first equals one
// of the second. gojq compares them in an order of its own, so an error in any pair
// leaves the event to gojq.
func (c *nativeCompiler) overlap(first, second []operation) operation {
	if len(first)*len(second) > maxPairs {
		return c.no()
	}
	var equals []operation
	for _, left := range first {
		for _, right := range second {
			equals = append(equals, comparison(left, right, equal))
		}
	}
	return quantifier(equals, identity, false, true)
}

// overArray compiles [a, b, …] | any(f) and all(f). It returns nil for anything else.
func (c *nativeCompiler) overArray(q *gojq.Query) operation {
	left, right := q.Left.Term, q.Right.Term
	if q.Op != gojq.OpPipe || left == nil || left.Type != gojq.TermTypeArray || q.Left.FuncDefs != nil || len(left.SuffixList) > 0 ||
		right == nil || right.Type != gojq.TermTypeFunc || q.Right.FuncDefs != nil || len(right.SuffixList) > 0 ||
		right.Func.Name != "any" && right.Func.Name != "all" || len(right.Func.Args) > 1 {
		return nil
	}
	cond := operation(identity)
	if len(right.Func.Args) == 1 {
		cond = c.query(right.Func.Args[0])
	}
	return quantifier(c.items(left.Array.Query), cond, right.Func.Name == "all", true)
}

func (c *nativeCompiler) branch(cond, then *gojq.Query, elif []*gojq.IfElif, otherwise *gojq.Query) operation {
	test, yes, no := c.query(cond), c.query(then), operation(identity)
	if len(elif) > 0 {
		no = c.branch(elif[0].Cond, elif[0].Then, elif[1:], otherwise)
	} else if otherwise != nil {
		no = c.query(otherwise)
	}
	return func(s *scratch, in value) (value, answer) {
		v, a := test(s, in)
		if a != one {
			return v, a
		}
		if v.true() {
			return yes(s, in)
		}
		return no(s, in)
	}
}

// object compiles {name}, {"name"}, {$name} and {name: value}.
func (c *nativeCompiler) object(o *gojq.Object) operation {
	members := make([]member, len(o.KeyVals))
	for i, kv := range o.KeyVals {
		m, ok := &members[i], true
		switch {
		case strings.HasPrefix(kv.Key, "$"):
			if ok = kv.Val == nil; ok {
				m.name, m.value = kv.Key[1:], c.term(&gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: kv.Key}})
			}
		case kv.Key != "":
			m.name = kv.Key
		case kv.KeyString != nil:
			m.name, ok = kv.KeyString.Str, kv.KeyString.Queries == nil
		default:
			m.name, ok = c.constantString(kv.KeyQuery)
			ok = ok && kv.Val != nil
		}
		if !ok {
			return c.no()
		}
		if kv.Val != nil {
			m.value = c.query(kv.Val)
		} else if m.value == nil {
			m.value = fieldOf(m.name)
		}
	}
	return object(members)
}

// interpolation compiles "text \(value) text".
func (c *nativeCompiler) interpolation(str *gojq.String) operation {
	ops := make([]operation, len(str.Queries))
	for i, q := range str.Queries {
		ops[i] = c.query(q)
	}
	return interpolation(ops)
}
