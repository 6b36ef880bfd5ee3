package needle

import (
	"slices"

	"github.com/itchyny/gojq"
)

// ofJQ returns what a jq expression requires of a line. It understands comparisons
// of a field with a text, joined by "and" and "or", alone or in a select that comes
// first. Any other expression requires nothing, and neither does one that could
// fail on a line: the failure must be reported, so the line must be looked at.
func ofJQ(expr string) []requirement {
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
			return nil // it passes on any value
		}
	}
	if condition := selected(q); condition != nil {
		q = condition
	}
	all, _ := conditions(q)
	return all
}

// selected returns the condition of a select, or nil.
func selected(q *gojq.Query) *gojq.Query {
	if t := q.Term; t != nil && t.Type == gojq.TermTypeFunc && len(t.SuffixList) == 0 && t.Func.Name == "select" && len(t.Func.Args) == 1 {
		return t.Func.Args[0]
	}
	return nil
}

// conditions returns what q requires to be true. Safe says that q cannot fail.
func conditions(q *gojq.Query) (all []requirement, safe bool) {
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
		return []requirement{{texts, l.field}}, true
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
		// Only a string equals a string, so the line has it in quotes.
		if text, ok := literalOf(value.Str.Str); ok {
			if text[0] != '"' {
				text = `"` + text + `"`
			}
			return []requirement{{[]string{text}, field.Index.Name}}, true
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
