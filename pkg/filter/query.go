package filter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Query is a compiled jq expression that is true or not for an event. It is not safe
// for concurrent use: use a Clone for each goroutine.
type Query struct {
	native   operation // nil for an expression that only gojq knows
	scratch  scratch
	fallback fallback
	printed  []byte
}

// Engine is what runs a jq expression. The results are the same with all of them.
type Engine uint8

// EngineAuto runs simple expressions natively, which is on the event's bytes. It runs
// other expressions in gojq, and also simple ones on an event for which the native
// engine is not sure of the result. EngineNative is like EngineAuto, but an expression
// that cannot run natively is a [*SyntaxError]. EngineGojq runs everything in gojq.
const (
	EngineAuto Engine = iota
	EngineNative
	EngineGojq
)

var engineNames = [...]string{EngineAuto: "auto", EngineNative: "native", EngineGojq: "gojq"}

// String returns auto, native or gojq.
func (e Engine) String() string { return engineNames[min(e, EngineGojq)] }

// MarshalText returns the engine's name.
func (e Engine) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText parses auto, native or gojq. Any other text is an error.
func (e *Engine) UnmarshalText(text []byte) error {
	i := slices.Index(engineNames[:], string(text))
	if i < 0 {
		return errors.New("must be auto, native or gojq")
	}
	*e = Engine(i)
	return nil
}

// CompileQuery compiles a jq expression. args holds the values of its variables, as
// in [Options], and must stay unchanged. An expression that is wrong is a
// [*SyntaxError].
func CompileQuery(expr string, args map[string]any, engine Engine) (*Query, error) {
	return compileQuery(expr, args, engine, true)
}

// compileQuery is CompileQuery. With first only the first value is needed.
func compileQuery(expr string, args map[string]any, engine Engine, first bool) (*Query, error) {
	names := slices.Sorted(maps.Keys(args))
	p := &plan{first: first}
	for _, name := range names {
		if !identifier(name) {
			return nil, fmt.Errorf("%q is no name for a jq variable: letters, digits and _, no digit first", name)
		}
		if !known(args[name]) {
			return nil, fmt.Errorf("the value of $%s is no JSON value", name)
		}
		p.variables = append(p.variables, "$"+name)
		p.values = append(p.values, args[name])
	}
	var err error
	if p.ast, err = compileJQ(expr, p.variables); err != nil {
		return nil, err
	}
	p.traits = traitsOf(p.ast, p.variables)
	fields, ok := fieldsOf(p.ast)
	p.fields, p.whole = fields, !ok
	q := &Query{fallback: fallback{plan: p}}
	if q.fallback.code, err = p.program(); err != nil {
		return nil, &SyntaxError{Option: "JQ", Text: expr, Reason: err.Error()}
	}
	if engine != EngineGojq {
		if q.native, ok = compileNative(p.ast, p.variables, p.values); !ok {
			q.native = nil
			if engine == EngineNative {
				return nil, &SyntaxError{Option: "JQ", Text: expr, Reason: "the native engine does not know this expression"}
			}
		}
	}
	return q, nil
}

// ParseJSONArg decodes a JSON text to a value for [Options].Args. Numbers keep their
// text. If text is not one JSON value, the error is a [*SyntaxError] whose Reason names
// the variable.
func ParseJSONArg(name, text string) (any, error) {
	bad := func(at int, reason string) (any, error) {
		return nil, &SyntaxError{Option: "Args", Text: text, Offset: at, Reason: "$" + name + ": " + reason}
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

// Clone returns a copy of the query for use by another goroutine.
func (q *Query) Clone() *Query { return &Query{native: q.native, fallback: q.fallback.clone()} }

// Engine describes what runs the expression: "native", or "gojq" with the fields that
// are decoded for it and its limits, as in "gojq, decoding a, b".
func (q *Query) Engine() string {
	if q.native != nil {
		return "native"
	}
	words := "gojq"
	switch {
	case q.fallback.whole:
		words += ", decoding whole events"
	case len(q.fallback.fields) == 0:
		words += ", decoding nothing"
	default:
		words += ", decoding " + strings.Join(q.fallback.fields, ", ")
	}
	if q.fallback.loops {
		words += fmt.Sprintf(", at most %d steps or %v an event", maxSteps, maxTime)
	}
	return words
}

// True reports whether the first value that the expression gives for the event is true.
// It does not compute a second one. A value that is not true, false or null is a mistake in
// the expression: jq's select would take it for true. The error is a [*Failure] or [ErrLimit].
func (q *Query) True(x *event.Index) (bool, error) {
	if q.native != nil {
		if v, a := q.scratch.result(q.native, x); a != unsure {
			if a != one {
				return false, nil
			}
			return v.kind == kindTrue, boolean(v.kind)
		}
	}
	if err := q.fallback.begin(x); err != nil {
		return false, err
	}
	v, more, err := q.fallback.next()
	if more {
		q.fallback.drain()
	}
	if err != nil || !more {
		return false, err
	}
	return v == true, boolean(kindOf(v))
}

// boolean returns the Failure for a value of kind k where true or false is expected. It
// returns nil for true, false and null.
func boolean(k kind) error {
	if k <= kindTrue {
		return nil
	}
	text := "gives " + [...]string{kindNumber: "a number", kindString: "a string", kindArray: "an array", kindObject: "an object"}[k] + ", not true or false"
	return &Failure{Text: text, Kind: text}
}

// kindOf returns the kind of a value of gojq.
func kindOf(v any) kind {
	switch v := v.(type) {
	case nil:
		return kindNull
	case bool:
		return truth(v).kind
	case string:
		return kindString
	case []any:
		return kindArray
	case map[string]any:
		return kindObject
	}
	return kindNumber
}

// run emits the values of the expression for the event. It returns the first error.
func (q *Query) run(x *event.Index, emit func(Output) bool) error {
	if q.native != nil && q.runNative(x, emit) {
		return nil
	}
	f := &q.fallback
	if err := f.begin(x); err != nil {
		return err
	}
	for kept := false; ; {
		v, more, err := f.next()
		if !more {
			return err
		}
		out := Output{}
		switch v := v.(type) {
		case nil:
			continue
		case bool:
			if !v || kept {
				continue
			}
			kept, out.Event = true, true
		case map[string]any:
			out.Event = f.is(v)
		}
		if !out.Event {
			q.printed = appendJSON(q.printed[:0], v)
			out.JSON = q.printed
		}
		if !emit(out) {
			f.loop = nil
			return nil
		}
	}
}

// runNative emits the value of the native engine. It reports false if that is not
// sure.
func (q *Query) runNative(x *event.Index, emit func(Output) bool) bool {
	s := &q.scratch
	switch v, a := s.result(q.native, x); {
	case a == unsure:
		return false
	case a == none || v.kind == kindNull || v.kind == kindFalse:
	case v.kind == kindTrue || v.event:
		emit(Output{Event: true})
	default:
		start := len(s.text)
		if !s.print(v) {
			return false
		}
		emit(Output{JSON: s.text[start:]})
	}
	return true
}

// known reports whether gojq knows the type of a value. It panics on others.
func known(v any) bool {
	switch v := v.(type) {
	case nil, bool, int, float64, string:
		return true
	case *big.Int:
		return v != nil
	case json.Number:
		return event.IsNumber([]byte(v))
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
