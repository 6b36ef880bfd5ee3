package engine

import (
	"slices"

	"github.com/itchyny/gojq"
)

// queried returns what a jq expression demands of a line. It understands
// comparisons of a field with a text, joined by "and" and "or", alone or in a
// select that comes first; anything else demands nothing. What is demanded is so
// without regard to failures: where the expression could fail on a line that is
// not looked at, nothing is demanded.
func queried(expr string) []demand {
	if expr == "" {
		return nil
	}
	q, err := gojq.Parse(expr)
	if err != nil || len(q.FuncDefs) > 0 || len(q.Imports) > 0 || q.Meta != nil {
		return nil
	}
	for q.Op == gojq.OpPipe && len(q.Patterns) == 0 {
		if q = q.Left; len(q.FuncDefs) > 0 {
			return nil
		}
		if q.Op != gojq.OpPipe && selected(q) == nil {
			return nil // its value goes on, whatever it is
		}
	}
	if condition := selected(q); condition != nil {
		q = condition
	}
	demands, _ := conditions(q)
	return demands
}

// selected returns the condition of a select, or nil.
func selected(q *gojq.Query) *gojq.Query {
	if t := q.Term; t != nil && t.Type == gojq.TermTypeFunc && len(t.SuffixList) == 0 && t.Func.Name == "select" && len(t.Func.Args) == 1 {
		return t.Func.Args[0]
	}
	return nil
}

// conditions returns what must be for q to be true, and whether q cannot fail.
func conditions(q *gojq.Query) (demands []demand, safe bool) {
	if len(q.FuncDefs) > 0 || len(q.Patterns) > 0 {
		return nil, false
	}
	switch {
	case q.Op == gojq.OpAnd:
		left, safe := conditions(q.Left)
		if !safe {
			return left, false
		}
		right, safe := conditions(q.Right)
		return append(left, right...), safe
	case q.Op == gojq.OpOr:
		left, leftSafe := conditions(q.Left)
		right, rightSafe := conditions(q.Right)
		if !leftSafe || !rightSafe || len(left) == 0 || len(right) == 0 {
			return nil, leftSafe && rightSafe
		}
		l, r := left[0], right[0]
		texts := slices.Concat(l.texts, r.texts)
		if len(texts) > maxNeedles {
			return nil, true
		}
		return []demand{{texts, l.field}}, true
	case slices.Contains([]gojq.Operator{gojq.OpEq, gojq.OpNe, gojq.OpLt, gojq.OpLe, gojq.OpGt, gojq.OpGe}, q.Op):
		field, value := q.Left.Term, q.Right.Term
		if !isField(field) {
			field, value = value, field
		}
		if !isField(field) || !isLiteral(value) {
			return nil, false
		}
		if q.Op != gojq.OpEq || value.Type != gojq.TermTypeString {
			return nil, true
		}
		// A text equals nothing but a text, so it stands in quotes.
		if text, ok := needle(value.Str.Str); ok {
			if text[0] != '"' {
				text = `"` + text + `"`
			}
			return []demand{{[]string{text}, field.Index.Name}}, true
		}
		return nil, true
	case q.Term != nil && q.Term.Type == gojq.TermTypeQuery && len(q.Term.SuffixList) == 0:
		return conditions(q.Term.Query)
	}
	return nil, false
}

// isField reports whether t is .name.
func isField(t *gojq.Term) bool {
	return t != nil && t.Type == gojq.TermTypeIndex && len(t.SuffixList) == 0 && t.Index.Name != ""
}

func isLiteral(t *gojq.Term) bool {
	if t == nil || len(t.SuffixList) > 0 {
		return false
	}
	switch t.Type {
	case gojq.TermTypeString:
		return t.Str != nil && len(t.Str.Queries) == 0
	case gojq.TermTypeNumber, gojq.TermTypeTrue, gojq.TermTypeFalse, gojq.TermTypeNull:
		return true
	}
	return false
}
