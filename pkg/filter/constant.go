package filter

import (
	"encoding/json"
	"math"
	"math/big"
	"slices"

	"github.com/itchyny/gojq"
)

// constant returns the value of a literal, of a variable, or of an array or object of
// them. gojq computes it, so it cannot differ.
func (c *nativeCompiler) constant(t *gojq.Term) (any, bool) {
	if !c.fixed(t) {
		return nil, false
	}
	code, err := gojq.Compile(&gojq.Query{Term: t}, gojq.WithVariables(c.names))
	if err != nil {
		return nil, false
	}
	v, _ := code.Run(nil, c.values...).Next()
	_, failed := v.(error)
	return v, !failed
}

func (c *nativeCompiler) constantQuery(q *gojq.Query) (any, bool) {
	if q.Term == nil || q.FuncDefs != nil {
		return nil, false
	}
	return c.constant(q.Term)
}

func (c *nativeCompiler) constantString(q *gojq.Query) (string, bool) {
	v, _ := c.constantQuery(q)
	s, ok := v.(string)
	return s, ok
}

// fixed reports whether a term is a literal, a variable, or an array or object of
// them.
func (c *nativeCompiler) fixed(t *gojq.Term) bool {
	if len(t.SuffixList) > 0 {
		return false
	}
	switch t.Type {
	case gojq.TermTypeNull, gojq.TermTypeTrue, gojq.TermTypeFalse, gojq.TermTypeNumber:
		return true
	case gojq.TermTypeUnary:
		return t.Unary.Term.Type == gojq.TermTypeNumber && c.fixed(t.Unary.Term)
	case gojq.TermTypeString:
		return t.Str.Queries == nil
	case gojq.TermTypeFunc:
		return t.Func.Args == nil && slices.Contains(c.names, t.Func.Name)
	case gojq.TermTypeQuery:
		return c.fixedQuery(t.Query)
	case gojq.TermTypeArray:
		return t.Array.Query == nil || c.fixedList(t.Array.Query)
	case gojq.TermTypeObject:
		return !slices.ContainsFunc(t.Object.KeyVals, func(kv *gojq.ObjectKeyVal) bool {
			name := kv.Key != "" && kv.Key[0] != '$' || kv.KeyString != nil && kv.KeyString.Queries == nil
			return !name || kv.Val == nil || !c.fixedQuery(kv.Val)
		})
	}
	return false
}

func (c *nativeCompiler) fixedQuery(q *gojq.Query) bool {
	return q.Term != nil && q.FuncDefs == nil && c.fixed(q.Term)
}

func (c *nativeCompiler) fixedList(q *gojq.Query) bool {
	if q.Op == gojq.OpComma && q.FuncDefs == nil {
		return c.fixedList(q.Left) && c.fixedList(q.Right)
	}
	return c.fixedQuery(q)
}

// constantValue converts a value of gojq.
func constantValue(v any) value {
	switch v := v.(type) {
	case bool:
		return truth(v)
	case string:
		return textValue(v)
	case json.Number:
		return numberValue([]byte(v))
	case int:
		return value{kind: kindNumber, whole: true, i: int64(v), text: appendJSON(nil, v)}
	case float64:
		return value{kind: kindNumber, float: true, whole: !math.IsNaN(v) && !math.IsInf(v, 0), f: v, text: appendJSON(nil, v)}
	case *big.Int:
		return value{kind: kindNumber, text: appendJSON(nil, v)}
	case []any:
		return value{kind: kindArray, built: true, text: appendJSON(nil, v)}
	case map[string]any:
		return value{kind: kindObject, built: true, text: appendJSON(nil, v)}
	}
	return value{}
}

func textValue(text string) value { return value{kind: kindString, text: []byte(text)} }
