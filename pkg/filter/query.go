package filter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/itchyny/gojq"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Query is a compiled jq expression. It is not for concurrent use, its clones
// are.
type Query struct {
	code    *gojq.Code
	native  *native // nil for an expression that only gojq knows
	values  []any   // of the variables, in the order of their names
	input   decoder
	scratch scratch
}

// Engine is what runs a jq expression. All give the same.
type Engine uint8

// EngineAuto runs simple expressions natively, on the event's bytes, and leaves
// to gojq all others and those events on which the native engine is not sure.
// EngineNative is the same, but refuses an expression that cannot run natively
// with a [*SyntaxError]. EngineGojq runs everything in gojq.
const (
	EngineAuto Engine = iota
	EngineNative
	EngineGojq
)

// CompileQuery compiles a jq expression. flag names it in a [*SyntaxError], and
// args holds the values of its variables, as in [Options]. They must stay
// unchanged.
func CompileQuery(flag, expr string, args map[string]any) (*Query, error) {
	return compileQuery(flag, expr, args, EngineAuto)
}

func compileQuery(flag, expr string, args map[string]any, engine Engine) (*Query, error) {
	names := slices.Sorted(maps.Keys(args))
	q := &Query{}
	variables := make([]string, len(names))
	for i, name := range names {
		variables[i] = "$" + name
		if !identifier(name) {
			return nil, fmt.Errorf("%q is no name for a jq variable: letters, digits and _, no digit first", name)
		}
		if !known(args[name]) {
			return nil, fmt.Errorf("the value of $%s is no JSON value", name)
		}
		q.values = append(q.values, args[name])
	}
	var err error
	var ast *gojq.Query
	if ast, q.code, err = compileJQ(flag, expr, variables); err != nil {
		return nil, err
	}
	if engine != EngineGojq {
		var ok bool
		if q.native, ok = compileNative(ast, args); !ok && engine == EngineNative {
			return nil, &SyntaxError{Flag: flag, Text: expr, Reason: "the native engine does not know this expression"}
		}
	}
	return q, nil
}

// ParseJSONArg decodes JSON text into a value for [Options].Args, its numbers
// as they are written. What is not one JSON value is a [*SyntaxError].
func ParseJSONArg(name, text string) (any, error) {
	bad := func(at int, reason string) (any, error) {
		return nil, &SyntaxError{Flag: "--argjson", Text: text, Offset: at, Reason: "$" + name + ": " + reason}
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		if e, ok := errors.AsType[*json.SyntaxError](err); ok && int(e.Offset) <= len(text) {
			return bad(int(e.Offset)-1, "not JSON")
		}
		return bad(len(text), "the JSON is cut short")
	}
	at := int(d.InputOffset())
	if _, err := d.Token(); err != io.EOF {
		rest := text[at:]
		return bad(len(text)-len(strings.TrimLeft(rest, " \t\r\n")), "more than one JSON value")
	}
	return v, nil
}

// Clone returns a query that does the same and can be used at the same time.
func (q *Query) Clone() *Query { return &Query{code: q.code, native: q.native, values: q.values} }

// Native reports whether the expression runs natively.
func (q *Query) Native() bool { return q.native != nil }

// True reports whether the first value that the expression gives for the event
// is true. It does not ask for a second one.
func (q *Query) True(x *event.Index) (bool, error) {
	if q.native != nil {
		if v, a := q.native.result(&q.scratch, x); a != unsure {
			return a == one && v.kind == kindTrue, nil
		}
	}
	v, ok := q.code.Run(q.input.object(x.JSON()), q.values...).Next()
	if err, failed := v.(error); ok && failed {
		return false, err
	}
	return v == true, nil
}

// run emits what the expression gives for the event, up to the first error,
// which it returns.
func (q *Query) run(x *event.Index, emit func(Output) bool) error {
	if q.native != nil {
		if v, a := q.native.result(&q.scratch, x); a != unsure {
			if a == one && (v.kind == kindTrue || v.event) {
				emit(Output{Event: true})
			}
			return nil
		}
	}
	in := q.input.object(x.JSON())
	self := reflect.ValueOf(in).Pointer()
	kept := false
	for values := q.code.Run(in, q.values...); ; {
		v, ok := values.Next()
		if !ok {
			return nil
		}
		out := Output{}
		switch v := v.(type) {
		case nil:
			continue
		case error:
			return v
		case bool:
			if !v || kept {
				continue
			}
			kept, out.Event = true, true
		case map[string]any:
			out.Event = reflect.ValueOf(v).Pointer() == self
		}
		if !out.Event {
			var err error
			if out.JSON, err = gojq.Marshal(v); err != nil {
				return err
			}
		}
		if !emit(out) {
			return nil
		}
	}
}

// known reports whether gojq takes a value: it panics on any other.
func known(v any) bool {
	switch v := v.(type) {
	case nil, bool, int, float64, string:
		return true
	case *big.Int:
		return v != nil
	case json.Number:
		return json.Valid([]byte(v)) && strings.Trim(string(v), "0123456789+-.eE") == ""
	case []any:
		return !slices.ContainsFunc(v, func(v any) bool { return !known(v) })
	case map[string]any:
		for _, v := range v {
			if !known(v) {
				return false
			}
		}
		return true
	}
	return false
}

func identifier(name string) bool {
	for i := range len(name) {
		if !identByte(name[i]) || i == 0 && '0' <= name[i] && name[i] <= '9' {
			return false
		}
	}
	return name != ""
}

func identByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}
