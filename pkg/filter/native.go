package filter

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/itchyny/gojq"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// A jq expression that only compares fields is compiled to functions that read
// the event's bytes. They know the easy cases of each operation. Whatever is
// not easy at run time (an error, an array compared with an array, a number of
// thirty digits) they leave to gojq, which then runs the whole expression, so
// that there is one truth about every hard case. What can be compiled is
// decided once, from the syntax tree; whether the two agree, by fuzzing.

// answer says how many values an operation gave.
type answer uint8

const (
	unsure answer = iota // gojq knows
	none
	one
)

// operation computes a value of its input.
type operation func(s *scratch, in value) (value, answer)

// scratch is what the operations of one event share.
type scratch struct {
	x      *event.Index
	nested event.Index
	text   []byte // unescaped strings of the event; values point into it
}

// shape is what an operation's values can be, as far as is known before it
// runs.
type shape uint8

const (
	verdict  shape = 1 << iota // true, false or null
	input                      // its input
	anything                   // any other value
)

// native is a compiled expression.
type native struct{ run operation }

// compileNative compiles an expression whose values are only verdicts or the
// event itself. It reports false if it does not know the expression.
func compileNative(q *gojq.Query, args map[string]any) (*native, bool) {
	c := &nativeCompiler{args: args, known: true}
	op, s := c.query(q)
	if !c.known || s&anything != 0 {
		return nil, false
	}
	return &native{op}, true
}

// result runs the expression on an event.
func (n *native) result(s *scratch, x *event.Index) (value, answer) {
	s.x, s.text = x, s.text[:0]
	return n.run(s, value{kind: kindObject, event: true})
}

// nativeCompiler compiles until it meets something that it does not know.
type nativeCompiler struct {
	args  map[string]any
	known bool
}

func (c *nativeCompiler) no() (operation, shape) {
	c.known = false
	return nil, anything
}

func (c *nativeCompiler) query(q *gojq.Query) (operation, shape) {
	switch {
	case !c.known || q == nil || q.Meta != nil || len(q.Imports) > 0 || len(q.FuncDefs) > 0 || len(q.Patterns) > 0:
		return c.no()
	case q.Term != nil:
		return c.term(q.Term)
	case q.Left == nil || q.Right == nil:
		return c.no()
	}
	left, ls := c.query(q.Left)
	right, rs := c.query(q.Right)
	if !c.known {
		return c.no()
	}
	switch q.Op {
	case gojq.OpPipe:
		if rs&input != 0 {
			rs = rs&^input | ls
		}
		return pipe(left, right), rs
	case gojq.OpAnd:
		return logic(left, right, false), verdict
	case gojq.OpOr:
		return logic(left, right, true), verdict
	case gojq.OpAlt:
		return alternative(left, right), ls | rs
	case gojq.OpEq:
		return comparison(left, right, func(o int) bool { return o == 0 }), verdict
	case gojq.OpNe:
		return comparison(left, right, func(o int) bool { return o != 0 }), verdict
	case gojq.OpLt:
		return comparison(left, right, func(o int) bool { return o < 0 }), verdict
	case gojq.OpLe:
		return comparison(left, right, func(o int) bool { return o <= 0 }), verdict
	case gojq.OpGt:
		return comparison(left, right, func(o int) bool { return o > 0 }), verdict
	case gojq.OpGe:
		return comparison(left, right, func(o int) bool { return o >= 0 }), verdict
	}
	return c.no()
}

func (c *nativeCompiler) term(t *gojq.Term) (op operation, s shape) {
	if v, ok := c.constant(t); ok {
		if len(t.SuffixList) > 0 {
			return c.no()
		}
		if v.kind > kindTrue {
			return constant(v), anything
		}
		return constant(v), verdict
	}
	switch t.Type {
	case gojq.TermTypeIdentity:
		op, s = identity, input
	case gojq.TermTypeIndex:
		name, ok := fieldName(t.Index)
		if !ok {
			return c.no()
		}
		op, s = fieldOf(name), anything
	case gojq.TermTypeQuery:
		op, s = c.query(t.Query)
	case gojq.TermTypeFunc:
		op, s = c.call(t.Func)
	case gojq.TermTypeIf:
		op, s = c.branch(t.If.Cond, t.If.Then, t.If.Elif, t.If.Else)
	default:
		return c.no()
	}
	for _, suffix := range t.SuffixList {
		if suffix.Optional {
			continue // it only matters after an error, which gojq deals with
		}
		name, ok := fieldName(suffix.Index)
		if !ok || !c.known {
			return c.no()
		}
		op, s = pipe(op, fieldOf(name)), anything
	}
	return op, s
}

// fieldName returns the name of .name, ."name" and .["name"].
func fieldName(x *gojq.Index) (string, bool) {
	switch {
	case x == nil || x.IsSlice:
	case x.Name != "":
		return x.Name, true
	case x.Str != nil:
		return x.Str.Str, x.Str.Queries == nil
	case x.Start != nil && x.Start.Term != nil && x.Start.FuncDefs == nil && x.Start.Term.Type == gojq.TermTypeString && x.Start.Term.SuffixList == nil:
		return x.Start.Term.Str.Str, x.Start.Term.Str.Queries == nil
	}
	return "", false
}

// constant returns the value of a literal or of a variable.
func (c *nativeCompiler) constant(t *gojq.Term) (value, bool) {
	switch t.Type {
	case gojq.TermTypeNull:
		return value{}, true
	case gojq.TermTypeTrue:
		return value{kind: kindTrue}, true
	case gojq.TermTypeFalse:
		return value{kind: kindFalse}, true
	case gojq.TermTypeNumber:
		return numberValue([]byte(t.Number)), true
	case gojq.TermTypeUnary:
		if n := t.Unary.Term; n.Type == gojq.TermTypeNumber && len(n.SuffixList) == 0 && t.Unary.Op == gojq.OpSub {
			return numberValue([]byte("-" + n.Number)), true
		}
	case gojq.TermTypeString:
		return value{kind: kindString, text: []byte(t.Str.Str)}, t.Str.Queries == nil
	case gojq.TermTypeFunc:
		v, ok := c.args[strings.TrimPrefix(t.Func.Name, "$")]
		if !ok || t.Func.Name[0] != '$' {
			break
		}
		switch v := v.(type) {
		case nil:
			return value{}, true
		case bool:
			if v {
				return value{kind: kindTrue}, true
			}
			return value{kind: kindFalse}, true
		case string:
			return value{kind: kindString, text: []byte(v)}, true
		case json.Number:
			return numberValue([]byte(v)), true
		}
	}
	return value{}, false
}

func constantString(q *gojq.Query) (string, bool) {
	if q.Term == nil || q.FuncDefs != nil || q.Term.Type != gojq.TermTypeString || q.Term.SuffixList != nil {
		return "", false
	}
	return q.Term.Str.Str, q.Term.Str.Queries == nil
}

// call compiles a builtin. There are no other functions: an expression that
// defines one is not compiled.
func (c *nativeCompiler) call(f *gojq.Func) (operation, shape) {
	switch len(f.Args) {
	case 0:
		switch f.Name {
		case "not":
			return func(_ *scratch, in value) (value, answer) { return truth(!in.true()), one }, verdict
		case "empty":
			return func(_ *scratch, in value) (value, answer) { return in, none }, 0
		case "tonumber":
			return toNumber, anything
		case "ascii_downcase":
			return downcase, anything
		}
		return c.no()
	case 2:
		if f.Name != "test" {
			return c.no()
		}
	}
	switch f.Name {
	case "test":
		return c.test(f.Args)
	case "IN":
		if len(f.Args) != 1 {
			return c.no()
		}
		return c.in(f.Args[0])
	}
	if len(f.Args) != 1 {
		return c.no()
	}
	if f.Name == "has" {
		name, ok := constantString(f.Args[0])
		if !ok {
			return c.no()
		}
		return has(name), verdict
	}
	arg, _ := c.query(f.Args[0])
	if !c.known {
		return c.no()
	}
	switch f.Name {
	case "select":
		return selection(arg), input
	case "startswith":
		return bothStrings(arg, bytes.HasPrefix), verdict
	case "endswith":
		return bothStrings(arg, bytes.HasSuffix), verdict
	case "contains":
		return bothStrings(arg, bytes.Contains), verdict
	case "ltrimstr":
		return trimPrefix(arg), anything
	}
	return c.no()
}

// test compiles a search for a constant regular expression, as gojq does it.
func (c *nativeCompiler) test(args []*gojq.Query) (operation, shape) {
	text, ok := constantString(args[0])
	flags := ""
	if ok && len(args) == 2 {
		flags, ok = constantString(args[1])
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
	}, verdict
}

// in compiles IN(a, b, …).
func (c *nativeCompiler) in(q *gojq.Query) (operation, shape) {
	var ops []operation
	var list func(q *gojq.Query)
	list = func(q *gojq.Query) {
		if q.Op == gojq.OpComma && q.FuncDefs == nil && q.Left != nil && q.Right != nil {
			list(q.Left)
			list(q.Right)
			return
		}
		op, _ := c.query(q)
		ops = append(ops, op)
	}
	list(q)
	if !c.known {
		return c.no()
	}
	for i := range ops {
		ops[i] = comparison(ops[i], identity, func(o int) bool { return o == 0 })
	}
	return func(s *scratch, in value) (value, answer) {
		for _, op := range ops {
			switch v, a := op(s, in); {
			case a == unsure:
				return value{}, unsure
			case a == one && v.kind == kindTrue:
				return v, one
			}
		}
		return truth(false), one
	}, verdict
}

func (c *nativeCompiler) branch(cond, then *gojq.Query, elif []*gojq.IfElif, otherwise *gojq.Query) (operation, shape) {
	test, _ := c.query(cond)
	yes, ys := c.query(then)
	no, ns := operation(identity), input
	if len(elif) > 0 {
		no, ns = c.branch(elif[0].Cond, elif[0].Then, elif[1:], otherwise)
	} else if otherwise != nil {
		no, ns = c.query(otherwise)
	}
	if !c.known {
		return c.no()
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
	}, ys | ns
}
