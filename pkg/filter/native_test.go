package filter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// TestNative says which expressions run natively.
func TestNative(t *testing.T) {
	for expr, want := range map[string]bool{
		`true`: true, `.`: true, `empty`: true, `.class == "call"`: true, `select(.class == "call")`: true,
		`.class == "call" and .machine == 2 or (.event | test("^s"))`: true, `select(.caller.name | startswith("A"))`: true,
		`select(.a) | select(.b == 1.5) | .c != null`: true, `has("callid") | not`: true, `.class | IN("call", "message")`: true,
		`(.a // 0) > 3`: true, `(.timestamp | tonumber) >= 1.5`: true, `.x | ascii_downcase == "a"`: true,
		`if .a then . elif .b then true else false end`: true, `if .a then . else empty end`: true, `.["a"].b?."c" == $s`: true, `.a == -1`: true,
		`.machine < $n`: true, `.event | test("x"; "i")`: true, `.x | ltrimstr("a") | endswith("b")`: true,
		`.class`: false, `.a // .b == 1`: false, `.a // false`: false, `{a}`: false, `.[] == 1`: false, `true, false`: false, `def f: true; f`: false, `.a as $x | $x == 1`: false,
		`.legs | length == 2`: false, `.a + 1 == 2`: false, `.event | test(.x)`: false, `.event | test("(")`: false, `"\(.a)" == "b"`: false, `.a | select(. == 1)`: false,
		`$o == 1`: false, `.a[0] == 1`: false, `try error catch true`: false, `.event | test("x"; "g")`: false,
	} {
		args := map[string]any{"s": "x", "n": json.Number("2"), "o": map[string]any{}}
		f, err := Compile(&Options{JQ: expr, Args: args})
		if err != nil {
			t.Error(err)
		} else if f.Native() != want || f.Clone().Native() != want {
			t.Errorf("%s: native %v", expr, f.Native())
		}
		_, err = Compile(&Options{JQ: expr, Args: args, Engine: EngineNative})
		if _, refused := errors.AsType[*SyntaxError](err); refused == want {
			t.Errorf("%s: %v", expr, err)
		}
		if f, err := Compile(&Options{JQ: expr, Args: args, Engine: EngineGojq}); err != nil || f.Native() {
			t.Errorf("%s: native, or %v", expr, err)
		}
	}
}

// sentences makes expressions that the native engine may know. choose picks a
// number below n.
type sentences struct{ choose func(n int) int }

func (g sentences) pick(of ...string) string { return of[g.choose(len(of))] }

func (g sentences) path() string {
	return g.pick(".class", ".event", ".machine", ".timestamp", ".a", ".b", ".a.b", ".o", ".o.x", `.["a"]`, `."b"?`, ".o.x.y?", ".n", ".", ".none", ".s")
}

func (g sentences) literal() string {
	return g.pick(`"call"`, `"start"`, `"a"`, `""`, `"é\n"`, "1", "2", "1.0", "-1", "0", "1e0", "1.5", "1e400", "9007199254740993", "9223372036854775808", "9007199254740992.0", "null", "true", "false", "$s", "$n", "$z")
}

func (g sentences) value(depth int) string {
	if depth <= 0 {
		return g.pick(g.path(), g.path(), g.literal())
	}
	switch g.choose(9) {
	case 0, 1, 2:
		return g.path()
	case 3:
		return g.literal()
	case 4:
		return "(" + g.value(depth-1) + " // " + g.value(depth-1) + ")"
	case 5:
		return "(" + g.value(depth-1) + " | " + g.pick("tonumber", "ascii_downcase", `ltrimstr("c")`, "ltrimstr("+g.value(0)+")", "not", "select("+g.condition(depth-1)+")", "empty") + ")"
	case 6:
		return "(" + g.condition(depth-1) + ")"
	case 7:
		return "(if " + g.condition(depth-1) + " then " + g.value(depth-1) + g.pick("", " elif "+g.condition(depth-1)+" then "+g.value(0)) + g.pick("", " else "+g.value(depth-1)) + " end)"
	}
	return "(" + g.value(depth-1) + " | " + g.value(depth-1) + ")"
}

func (g sentences) condition(depth int) string {
	if depth <= 0 {
		return g.value(0) + g.pick(" == ", " != ", " < ", " <= ", " > ", " >= ") + g.value(0)
	}
	switch g.choose(8) {
	case 0, 1:
		return "(" + g.value(depth-1) + g.pick(" == ", " != ", " < ", " <= ", " > ", " >= ") + g.value(depth-1) + ")"
	case 2:
		return "(" + g.condition(depth-1) + g.pick(" and ", " or ") + g.condition(depth-1) + ")"
	case 3:
		return "(" + g.condition(depth-1) + " | not)"
	case 4:
		return "(" + g.value(depth-1) + " | " + g.pick("startswith", "endswith", "contains") + "(" + g.value(0) + "))"
	case 5:
		return "(" + g.value(depth-1) + " | test(" + g.pick(`"^c"`, `"A"; "i"`, `"."; "m"`, `"é"`, `"^$"`, `"a"; null`) + "))"
	case 6:
		return "(" + g.value(depth-1) + " | " + g.pick(`has("a")`, `has("x")`, "IN("+g.literal()+", "+g.value(0)+")", "IN("+g.value(0)+")") + ")"
	}
	return "(select(" + g.condition(depth-1) + ") | " + g.condition(depth-1) + ")"
}

func (g sentences) expression() string {
	switch g.choose(4) {
	case 0:
		return "select(" + g.condition(2) + ")"
	case 1:
		return "select(" + g.condition(1) + ") | " + g.condition(1)
	case 2:
		return "if " + g.condition(1) + " then . else " + g.condition(1) + " end"
	}
	return g.condition(3)
}

func (g sentences) json(depth int) string {
	if depth > 0 && g.choose(3) == 0 {
		return `{"x":` + g.json(depth-1) + g.pick("", `,"y":1`, `,"b":"a"`, `,"x":2`, `,"\u0062":null`) + `}`
	}
	return g.pick(`"call"`, `"start"`, `"a"`, `""`, `"\u00e9\n"`, `"\u0063all"`, `"Call"`, `"1"`, `"1.5"`, `"-2"`, `"1e2"`, `"."`, `"-"`, `"\ud800"`, "1", "2", "1.0", "1e0", "-1", "-0", "0", "1.5", "1e400", "-1e400", "1e-400",
		"9007199254740993", "9007199254740992.0", "9223372036854775807", "9223372036854775808", "123456789012345678901234567890", "null", "true", "false", "[]", "[1]", "{}", `{"y":[1]}`)
}

func (g sentences) event() string {
	var b strings.Builder
	b.WriteString("{")
	for i := range g.choose(7) {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(g.pick(`"class"`, `"event"`, `"machine"`, `"timestamp"`, `"a"`, `"b"`, `"o"`, `"n"`, `"s"`, `"\u0061"`, `"x"`) + ":" + g.json(2))
	}
	return b.String() + "}"
}

var nativeArgs = map[string]any{"s": "call", "n": json.Number("1.50"), "z": nil}

// engines compiles an expression for both engines; it returns nil where the
// native one does not know it.
func engines(t interface{ Fatalf(string, ...any) }, expr string) (auto, plain *Filter, failures *[2]error) {
	failures = &[2]error{}
	compile := func(i int, e Engine) *Filter {
		f, err := Compile(&Options{JQ: expr, Args: nativeArgs, Engine: e, OnError: func(err error) { failures[i] = err }})
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		return f
	}
	if auto = compile(0, EngineAuto); !auto.Native() {
		return nil, nil, nil
	}
	return auto, compile(1, EngineGojq), failures
}

// agree runs an event through both engines and reports whether the native one
// was sure of it.
func agree(t interface{ Fatalf(string, ...any) }, expr string, auto, plain *Filter, failures *[2]error, raw []byte) (sure bool) {
	x := &event.Index{}
	if x.Scan(raw) != nil {
		return false
	}
	*failures = [2]error{}
	var got [2][]string
	for i, f := range []*Filter{auto, plain} {
		f.Run(x, func(out Output) bool {
			got[i] = append(got[i], fmt.Sprintf("%v %s", out.Event, out.JSON))
			return true
		})
	}
	if !slices.Equal(got[0], got[1]) || fmt.Sprint(failures[0]) != fmt.Sprint(failures[1]) {
		t.Fatalf("%s\non %s\nnative %q, %v\ngojq   %q, %v", expr, raw, got[0], failures[0], got[1], failures[1])
	}
	a, errA := auto.jq.True(x)
	b, errB := plain.jq.True(x)
	if a != b || fmt.Sprint(errA) != fmt.Sprint(errB) {
		t.Fatalf("%s\non %s\nnative %v, %v\ngojq   %v, %v", expr, raw, a, errA, b, errB)
	}
	_, answer := auto.jq.native.result(&scratch{}, x)
	return answer != unsure
}

// TestNativeAgainstGojq holds the engines equal on generated expressions and
// events, the same ones in every run.
func TestNativeAgainstGojq(t *testing.T) {
	const expressions = 3000
	events := corpus(t)
	pairs, sure, compiled := 0, 0, 0
	for seed := range uint64(expressions) {
		g := sentences{rand.New(rand.NewPCG(seed, 4)).IntN}
		expr := g.expression()
		auto, plain, failures := engines(t, expr)
		if auto == nil {
			continue
		}
		compiled++
		for i := range 8 {
			raw := events[g.choose(len(events))]
			if i > 0 {
				raw = []byte(g.event())
			}
			pairs++
			if agree(t, expr, auto, plain, failures, raw) {
				sure++
			}
		}
	}
	t.Logf("%d of %d expressions compiled; %d pairs, of which the native engine settled %d", compiled, expressions, pairs, sure)
	if compiled < expressions/2 || sure < pairs/4 {
		t.Error("too little was compared")
	}
}

// FuzzNative does the same with choices that the fuzzer makes.
func FuzzNative(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnop"), []byte(call))
	for i, raw := range corpus(f) {
		f.Add(bytes.Repeat([]byte{byte(i), byte(i * 7), 3}, 12), raw)
	}
	f.Fuzz(func(t *testing.T, choices, raw []byte) {
		i := 0
		g := sentences{func(k int) int {
			if i == len(choices) {
				return 0
			}
			i++
			return int(choices[i-1]) % k
		}}
		expr := g.expression()
		auto, plain, failures := engines(t, expr)
		if auto == nil {
			return
		}
		agree(t, expr, auto, plain, failures, raw)
		for range 6 {
			agree(t, expr, auto, plain, failures, []byte(g.event()))
		}
	})
}

// TestNativeOnCorpus runs the expressions that people write.
func TestNativeOnCorpus(t *testing.T) {
	events := corpus(t)
	for _, expr := range slices.Concat(expressions, []string{`.a.b == "nested"`, `select(.caller.name | test("^Z"))`, `.zero == -0 and .dec == 1.1`}) {
		expr = strings.ReplaceAll(expr, "$who", "$s")
		auto, plain, failures := engines(t, expr)
		for _, raw := range events {
			if auto != nil {
				agree(t, expr, auto, plain, failures, raw)
			}
		}
	}
}

func TestNativeNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector sync.Pool, and with it package regexp, forgets on purpose")
	}
	f, err := Compile(&Options{JQ: `select(.class == "call" and .machine <= 1.5 and (.o.p.s | test("b")) and (.timestamp | tonumber) > 1 and (.event | IN("end", "start")) and (.none | not))`})
	if err != nil {
		t.Fatal(err)
	}
	x := scan(t, `{"class":"\u0063all","event":"\u0073tart","machine":1,"timestamp":"1234567890.123456","o":{"p":{"s":"\u0062\n"}}}`)
	n := 0
	if allocs := testing.AllocsPerRun(100, func() { f.Run(x, func(Output) bool { n++; return true }) }); allocs != 0 || n != 101 || !f.Native() {
		t.Errorf("%v allocations, %d kept", allocs, n)
	}
}
