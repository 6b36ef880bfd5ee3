package filter

import (
	"encoding/json"
	"errors"
	"testing"
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
		`.class`: true, `.a // .b == 1`: true, `.a // false`: true, `{a}`: true, `{a, b: .c.d, "e f": 1, $s, ("g"): [.h, 2]}`: true, `[.a, .b] | all`: true, `"\(.a) \(.b.c)"`: true,
		`.a | select(. == 1)`: true, `$o == 1`: true, `.a | length == 2`: true, `any(.a, .b; . == "x")`: true, `[.a, .b] | any(. == $s)`: true, `all("a", "b"; . != $s)`: true, `.a | inside("abc")`: true,
		`.a | in($o)`: true, `.a | in({"x": 1})`: true, `.a | IN($l[])`: true, `.a | IN(["b", "c"][])`: true, `.a | type == "string"`: true, `.a | strings`: true, `.a | ascii_upcase`: true, `.a | test($s)`: true, `{} == .a`: true,
		`.[] == 1`: false, `true, false`: false, `def f: true; f`: false, `.a as $x | $x == 1`: false, `.a + 1 == 2`: false, `.event | test(.x)`: false, `.event | test("(" + "")`: false,
		`.a[0] == 1`: true, `.a[-1].b[2]`: true, `.a[$n]`: false, `.a[1.5]`: false, `.a[.b]`: false, `.a[0:1]`: false, `IN(.a, .b; "x", $l[])`: true, `IN(.a[]; 1)`: false, `try error catch true`: false, `.event | test("x"; "g")`: false, `{(.a): 1}`: false, `{"\(.a)"}`: false, `[.a[]]`: false, `{a: (1, 2)}`: false, `@json "\(.a)"`: false, `.a | in(.b)`: false, `any(.[]; .)`: false, `.a | any`: false, `[..]`: false,
	} {
		args := map[string]any{"s": "x", "n": json.Number("2"), "o": map[string]any{}, "l": []any{"a", 1}}
		f, err := Compile(&Options{JQ: expr, Args: args})
		if err != nil {
			t.Error(err)
		} else if (f.Engine() == "native") != want || (f.Clone().Engine() == "native") != want {
			t.Errorf("%s: runs by %s", expr, f.Engine())
		}
		_, err = Compile(&Options{JQ: expr, Args: args, Engine: EngineNative})
		if _, refused := errors.AsType[*SyntaxError](err); refused == want {
			t.Errorf("%s: %v", expr, err)
		}
		if f, err := Compile(&Options{JQ: expr, Args: args, Engine: EngineGojq}); err != nil || f.Engine() == "native" {
			t.Errorf("%s: native, or %v", expr, err)
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
	if allocs := testing.AllocsPerRun(100, func() { f.Run(x, func(Output) bool { n++; return true }) }); allocs != 0 || n != 101 || f.Engine() != "native" {
		t.Errorf("%v allocations, %d kept", allocs, n)
	}
	if f, err = Compile(&Options{JQ: `select(.event | inside("restart")) | {class, p: [.o.p.s, .machine, (.timestamp | tonumber)], "x": "\(.event)/\(.none)"}`}); err != nil {
		t.Fatal(err)
	}
	const want = `{"class":"call","p":["b\n",1,1234567890.123456],"x":"start/null"}`
	if allocs := testing.AllocsPerRun(100, func() {
		f.Run(x, func(o Output) bool {
			if string(o.JSON) != want {
				t.Errorf("printed %s", o.JSON)
			}
			return true
		})
	}); allocs != 0 || f.Engine() != "native" {
		t.Errorf("%v allocations to project", allocs)
	}
}
