package filter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/itchyny/gojq"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

var sameArgs = map[string]any{
	"s": "call", "n": json.Number("1.50"), "z": nil,
	"o": map[string]any{"call": true, "a": json.Number("1.0")}, "l": []any{"start", json.Number("2"), nil},
}

// engines are the ways to run one expression, and gojq itself used the plain
// way, with a decode by encoding/json and a run for each event.
type engines struct {
	expr     string
	auto     *Filter
	gojq     *Filter
	until    *Query
	plain    *gojq.Code
	values   []any
	failures [2]error
}

// newEngines returns nil for an expression that is wrong.
func newEngines(t testing.TB, expr string) *engines {
	t.Helper()
	args := sameArgs
	e := &engines{expr: expr}
	if _, err := Compile(&Options{JQ: expr, Args: args}); err != nil {
		return nil
	}
	compile := func(i int, engine Engine) *Filter {
		f, err := Compile(&Options{JQ: expr, Args: args, Engine: engine, OnError: func(err error) { e.failures[i] = err }})
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		return f
	}
	e.auto, e.gojq = compile(0, EngineAuto), compile(1, EngineGojq)
	var err error
	if e.until, err = CompileQuery(expr, args, EngineAuto); err != nil {
		t.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(args))
	for i, name := range names {
		e.values = append(e.values, args[name])
		names[i] = "$" + name
	}
	ast, err := gojq.Parse(expr)
	if err != nil {
		t.Fatal(err)
	}
	if e.plain, err = gojq.Compile(ast, gojq.WithVariables(names)); err != nil {
		t.Fatal(err)
	}
	return e
}

// want is what gojq itself makes of an event.
func (e *engines) want(t testing.TB, raw []byte) (outputs []string, first bool, firstErr, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var in map[string]any
	if err := d.Decode(&in); err != nil {
		t.Fatal(err)
	}
	kept := false
	limit := &budget{Context: t.Context(), max: maxTime, steps: 1 << 16}
	limit.reset()
	values := e.plain.RunWithContext(limit, in, e.values...)
	for i := 0; ; i++ {
		v, ok := values.Next()
		failure, failed := v.(error)
		if i == 0 {
			first, firstErr = v == true, failure
			if firstErr == nil && ok {
				firstErr = boolean(kindOf(v))
			}
		}
		if !ok || failed {
			return outputs, first, firstErr, failure
		}
		m, object := v.(map[string]any)
		switch {
		case v == nil || v == false || v == true && kept:
		case v == true || object && reflect.ValueOf(m).Pointer() == reflect.ValueOf(in).Pointer():
			kept = kept || v == true
			outputs = append(outputs, "the event")
		default:
			b, err := gojq.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			outputs = append(outputs, string(b))
		}
	}
}

// agree runs an event through all engines and reports whether the native one
// settled it.
func (e *engines) agree(t testing.TB, x *event.Index) (settled bool) {
	t.Helper()
	want, first, firstErr, err := e.want(t, x.JSON())
	if err == ErrLimit {
		return false // a recursion without end
	}
	e.failures = [2]error{}
	for i, f := range []*Filter{e.auto, e.gojq} {
		var got []string
		f.Run(x, func(out Output) bool {
			if out.Event != (out.JSON == nil) {
				t.Fatal("neither the event nor a value, or both")
			}
			if out.Event {
				got = append(got, "the event")
			} else {
				got = append(got, string(out.JSON))
			}
			return true
		})
		if !slices.Equal(got, want) || fmt.Sprint(e.failures[i]) != fmt.Sprint(err) {
			t.Fatalf("%s\non %s\n%s: %q, %v\nwant %q, %v", e.expr, x.JSON(), f.Engine(), got, e.failures[i], want, err)
		}
	}
	if yes, err := e.until.True(x); yes != first || fmt.Sprint(err) != fmt.Sprint(firstErr) {
		t.Fatalf("%s\non %s\n%v, %v\nwant %v, %v", e.expr, x.JSON(), yes, err, first, firstErr)
	}
	settled = e.auto.jq.native != nil && e.auto.jq.runNative(x, func(Output) bool { return true })
	if keeps := e.auto.Keeps(x); keeps != (len(want) > 0) {
		t.Fatalf("%s\non %s\nkeeps: %v, want %q, %v", e.expr, x.JSON(), keeps, want, err)
	}
	return settled
}

// compareEngines compares expressions of one seed each on a number of events.
func compareEngines(t testing.TB, from, to uint64, sentence func(sentences) string, each int) (native, pairs, settled int) {
	events := corpus(t)
	x := &event.Index{}
	for seed := from; seed < to; seed++ {
		g := sentences{rand.New(rand.NewPCG(seed, 4)).IntN}
		e := newEngines(t, sentence(g))
		if e == nil {
			continue
		}
		if e.auto.Engine() == "native" {
			native++
		}
		for i := range each {
			raw := events[g.choose(len(events))]
			if i > 0 {
				raw = []byte(g.event())
			}
			if err := x.Scan(raw); err != nil {
				t.Fatal(err)
			}
			pairs++
			if e.agree(t, x) {
				settled++
			}
		}
	}
	return native, pairs, settled
}

// TestEnginesAgree holds the engines equal on generated expressions and events,
// the same ones in every run.
func TestEnginesAgree(t *testing.T) {
	const expressions = 2000
	native, pairs, settled := compareEngines(t, 0, expressions, sentences.native, 12)
	t.Logf("%d of %d expressions compiled; %d pairs, of which the native engine settled %d", native, expressions, pairs, settled)
	if native < expressions*3/4 || settled < pairs/4 {
		t.Error("too little was compared")
	}
	compareEngines(t, 0, expressions, func(g sentences) string { return g.other(2) }, 12)
}

// FuzzEngines does the same with choices that the fuzzer makes.
func FuzzEngines(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnop"), []byte(call), false)
	for i, raw := range corpus(f) {
		f.Add(bytes.Repeat([]byte{byte(i), byte(i * 7), 3}, 12), raw, i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, choices, raw []byte, other bool) {
		i := 0
		g := sentences{func(k int) int {
			if i == len(choices) {
				return 0
			}
			i++
			return int(choices[i-1]) % k
		}}
		var expr string
		if other {
			expr = g.other(2)
		} else {
			expr = g.native()
		}
		e := newEngines(t, expr)
		if e == nil {
			return
		}
		x := &event.Index{}
		if x.Scan(raw) == nil {
			e.agree(t, x)
		}
		for range 12 {
			if err := x.Scan([]byte(g.event())); err != nil {
				t.Fatal(err)
			}
			e.agree(t, x)
		}
	})
}

// TestEnginesOnCorpus runs the expressions that people write.
func TestEnginesOnCorpus(t *testing.T) {
	x := &event.Index{}
	for _, expr := range slices.Concat(expressions, []string{
		`.a.b == "nested"`, `select(.caller.name | test("^Z"))`, `.zero == -0 and .dec == 1.1`,
		`{b: ((.class // $s) | 1), class}`, // gojq v0.12.20 gives a key of the class's text
	}) {
		e := newEngines(t, strings.ReplaceAll(expr, "$who", "$s"))
		if e == nil {
			t.Fatalf("%s does not compile", expr)
		}
		for _, raw := range corpus(t) {
			if err := x.Scan(raw); err != nil {
				t.Fatal(err)
			}
			e.agree(t, x)
		}
	}
}
