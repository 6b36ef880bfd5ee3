package filter

import (
	"slices"

	"github.com/itchyny/gojq"
)

// fieldsOf returns the fields of the event that an expression can read, so that only
// these need to be decoded. It reports false if the expression may read others: if it
// gives the event as a whole to anything that is not listed here.
func fieldsOf(q *gojq.Query) (names []string, ok bool) {
	r := &reader{}
	r.query(q, true)
	return r.names, !r.whole
}

// reader walks a syntax tree. The parameter in of its methods says whether the input
// of a part is the event. They return whether its output may be the event.
type reader struct {
	names []string
	whole bool // other fields may be read, too
}

// leaks notes that the event as a whole may be read.
func (r *reader) leaks(event bool) {
	if event {
		r.whole = true
	}
}

func (r *reader) field(name string) {
	if !slices.Contains(r.names, name) {
		r.names = append(r.names, name)
	}
}

func (r *reader) query(q *gojq.Query, in bool) bool {
	switch {
	case q == nil || r.whole:
		return false
	case len(q.FuncDefs) > 0 || q.Meta != nil || len(q.Imports) > 0:
		r.whole = true // the input of a function's body is not known
		return false
	case q.Term != nil:
		return r.term(q.Term, in)
	}
	switch q.Op {
	case gojq.OpPipe:
		left := r.query(q.Left, in)
		if len(q.Patterns) == 0 {
			return r.query(q.Right, left)
		}
		r.leaks(left) // to a variable, or to the keys of a pattern
		return r.query(q.Right, in)
	case gojq.OpComma, gojq.OpAlt:
		left := r.query(q.Left, in)
		return r.query(q.Right, in) || left
	case gojq.OpAnd, gojq.OpOr: // the event counts as true, and is not read
		r.query(q.Left, in)
		r.query(q.Right, in)
	case gojq.OpAssign, gojq.OpModify, gojq.OpUpdateAdd, gojq.OpUpdateSub, gojq.OpUpdateMul, gojq.OpUpdateDiv, gojq.OpUpdateMod, gojq.OpUpdateAlt:
		r.leaks(in)
	default:
		r.leaks(r.query(q.Left, in))
		r.leaks(r.query(q.Right, in))
	}
	return false
}

func (r *reader) term(t *gojq.Term, in bool) (out bool) {
	switch t.Type {
	case gojq.TermTypeIdentity:
		out = in
	case gojq.TermTypeIndex:
		r.index(t.Index, in, in)
	case gojq.TermTypeRecurse:
		r.leaks(in)
	case gojq.TermTypeQuery:
		out = r.query(t.Query, in)
	case gojq.TermTypeFunc:
		out = r.call(t.Func, in)
	case gojq.TermTypeObject:
		r.object(t.Object, in)
	case gojq.TermTypeArray:
		r.leaks(r.query(t.Array.Query, in))
	case gojq.TermTypeUnary:
		r.leaks(r.term(t.Unary.Term, in))
	case gojq.TermTypeFormat:
		r.leaks(in && t.Str == nil)
		r.str(t.Str, in)
	case gojq.TermTypeString:
		r.str(t.Str, in)
	case gojq.TermTypeIf:
		out = r.branches(t.If, in)
	case gojq.TermTypeTry:
		out = r.query(t.Try.Body, in)
		out = r.query(t.Try.Catch, false) || out
	case gojq.TermTypeReduce, gojq.TermTypeForeach:
		r.leaks(in)
	case gojq.TermTypeLabel:
		out = r.query(t.Label.Body, in)
	case gojq.TermTypeNull, gojq.TermTypeTrue, gojq.TermTypeFalse, gojq.TermTypeNumber, gojq.TermTypeBreak:
	default:
		r.whole = true
	}
	for _, s := range t.SuffixList {
		switch {
		case s.Index != nil:
			r.index(s.Index, in, out)
			out = false
		case s.Iter:
			r.leaks(out)
			out = false
		}
	}
	return out
}

// index is .name or .[…] of a value, which may be the event. The key is computed from
// the input of the term; in says whether that is the event.
func (r *reader) index(x *gojq.Index, in, event bool) {
	name, ok := fieldName(x)
	switch {
	case ok && event:
		r.field(name)
	case !ok:
		r.leaks(event)
		r.str(x.Str, in)
		r.leaks(r.query(x.Start, in))
		r.leaks(r.query(x.End, in))
	}
}

func (r *reader) str(s *gojq.String, in bool) {
	if s != nil {
		for _, q := range s.Queries {
			r.leaks(r.query(q, in))
		}
	}
}

func (r *reader) object(o *gojq.Object, in bool) {
	for _, kv := range o.KeyVals {
		switch {
		case kv.Key != "":
			if kv.Val == nil && kv.Key[0] != '$' && in {
				r.field(kv.Key)
			}
		case kv.KeyString != nil:
			r.str(kv.KeyString, in)
			if kv.Val == nil && in {
				if kv.KeyString.Queries != nil {
					r.whole = true
				}
				r.field(kv.KeyString.Str)
			}
		default:
			r.leaks(r.query(kv.KeyQuery, in))
		}
		r.leaks(r.query(kv.Val, in))
	}
}

func (r *reader) branches(e *gojq.If, in bool) bool {
	r.query(e.Cond, in)
	out := r.query(e.Then, in)
	for _, elif := range e.Elif {
		r.query(elif.Cond, in)
		out = r.query(elif.Then, in) || out
	}
	if e.Else == nil {
		return out || in
	}
	return r.query(e.Else, in) || out
}

// call is a call of a builtin. Some are known not to read their input. If the input is
// not the event, no builtin reads the event.
func (r *reader) call(f *gojq.Func, in bool) bool {
	if !in || f.Name[0] == '$' { // variables never hold the event, see the patterns in query
		return false
	}
	if f.Name == "range" {
		for _, arg := range f.Args {
			r.leaks(r.query(arg, in))
		}
		return false
	}
	switch len(f.Args) {
	case 0:
		switch f.Name {
		case "not", "empty", "type", "now":
			return false
		case "objects", "values", "iterables":
			return true
		}
	case 1:
		switch f.Name {
		case "select":
			r.query(f.Args[0], in)
			return true
		case "first", "last":
			return r.query(f.Args[0], in)
		case "isempty":
			r.query(f.Args[0], in)
			return false
		case "has":
			if name, ok := literal(f.Args[0]); ok {
				r.field(name)
				return false
			}
		}
	case 2:
		switch f.Name {
		case "any", "all":
			r.query(f.Args[1], r.query(f.Args[0], in))
			return false
		case "limit":
			r.leaks(r.query(f.Args[0], in))
			return r.query(f.Args[1], in)
		}
	}
	r.whole = true
	return false
}
