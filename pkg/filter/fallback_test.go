package filter

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/itchyny/gojq"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func TestFieldsOf(t *testing.T) {
	const whole = "the whole event"
	for expr, want := range map[string]string{
		`.a`: "a", `.a.b | .c`: "a", `.a + .b`: "a b", `{a, "b", c: .d.e}`: "a b d", `[.a, .b[0]?]`: "a b", `select(.a) | .b`: "a b", `true`: "", `now > 5`: "", `.["a"]`: "a", `."a"?`: "a",
		`.`: "", `select(.a)`: "a", `if .a then . else .b end`: "a b", `.a as $x | .b + $x`: "a b", `.a as {b: $x} | $x`: "a", `first(.a, .b)`: "a b", `any(.a; .b)`: "a", `any(.; .b)`: "b", `has("a")`: "a",
		`.a | keys`: "a", `.a[.b]`: "a b", `"\(.a)\(.b)"`: "a b", `@json "\(.a)"`: "a", `try .a catch .b`: "a", `label $l | .a, break $l`: "a", `limit(.a; .b)`: "a b", `.a // .`: "a", `. and .a`: "a", `-(.a)`: "a", `(., .a) | .b`: "a b", `.a | .. `: "a",
		`keys`: whole, `..`: whole, `to_entries`: whole, `.[]`: whole, `.[.a]`: whole, `.[0]`: whole, `. as $x | 1`: whole, `. == 1`: whole, `[.]`: whole, `{a: .}`: whole, `"\(.)"`: whole, `@json`: whole, `tojson`: whole, `.a |= 1`: whole, `del(.a)`: whole,
		`def f: .a; f`: whole, `reduce .a as $x (.; 1)`: whole, `has(.a)`: whole, `getpath(["a"])`: whole, `length`: whole, `error`: whole, `{"\(.a)"}`: whole, `first(.) | keys`: whole, `(.a, .) | keys`: whole, `if .a then . end | keys`: whole, `test("a")`: whole, `.[.a:]`: whole, `path(.a)`: whole, `select(.) | [.]`: whole,
	} {
		ast, err := gojq.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		names, ok := fieldsOf(ast)
		if got := strings.Join(names, " "); ok && got != want || ok == (want == whole) {
			t.Errorf("%s: got %q, %v", expr, got, ok)
		}
	}
}

func TestTraits(t *testing.T) {
	for expr, want := range map[string]traits{
		`.a + 1`: {}, `..`: {}, `recurse`: {}, `.a | test("x")`: {}, `.a | test($re; "x")`: {}, `.a | split(.b)`: {}, `.a | sub("x"; .b)`: {}, `.a | gsub("x"; .b; "g")`: {}, `first(.a)`: {},
		`range(3)`: {loops: true}, `repeat(.a)`: {loops: true}, `recurse(.a)`: {loops: true}, `.a | until(.; 1)`: {loops: true}, `[.a | while(.; .b)]`: {loops: true}, `{a: (1 | _range(0; 1; 1))}`: {loops: true},
		`def f: 1; f`: {loops: true, raises: true}, `error`: {raises: true}, `limit(1; .a)`: {raises: true}, `try error("x") catch .`: {raises: true},
		`.a | test(.b)`: {dynamic: true}, `.a | test("\(.b)")`: {dynamic: true}, `.a | test("x"; .b)`: {dynamic: true}, `.a | gsub("x"; "y"; .b)`: {dynamic: true}, `.a as $re | test($re)`: {dynamic: true}, `.a | split("x"; .b)`: {dynamic: true}, `[.a | splits(.b)]`: {dynamic: true},
	} {
		ast, err := gojq.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		if got := traitsOf(ast, []string{"$re"}); got != want {
			t.Errorf("%s: got %+v", expr, got)
		}
	}
}

func TestEngineWords(t *testing.T) {
	for expr, want := range map[string]string{
		`.a == 1`:            "native",
		`.a + .b`:            "gojq, decoding a, b",
		`now > 1`:            "gojq, decoding nothing",
		`keys`:               "gojq, decoding whole events",
		`[range(.a)] == [0]`: "gojq, decoding a, at most 1000000 steps or 5s an event",
	} {
		q, err := CompileQuery(expr, nil, EngineAuto)
		if err != nil {
			t.Fatal(err)
		}
		if got := q.Clone().Engine(); got != want {
			t.Errorf("%s: %s", expr, got)
		}
	}
	for _, e := range []Engine{EngineAuto, EngineNative, EngineGojq} {
		var back Engine
		if text, _ := e.MarshalText(); back.UnmarshalText(text) != nil || back != e || e.String() != string(text) {
			t.Errorf("%s became %v", text, back)
		}
	}
	var e Engine
	if e.UnmarshalText([]byte("jq")) == nil {
		t.Error("there is no engine jq")
	}
	if _, err := CompileQuery(`.a + 1`, nil, EngineNative); err == nil {
		t.Error("not refused")
	}
}

// TestEndless: an expression without end fails on its event, and the next event
// is as good as any.
func TestEndless(t *testing.T) {
	for _, expr := range []string{`last(repeat(1))`, `[range(1e12)]`, `until(false; .)`, `def f: (., 1) | f; f`, `[recurse(1)] | length`, `try last(repeat(1)) catch 1`} {
		var failure error
		f, err := Compile(&Options{JQ: `if .a then ` + expr + ` else "end" end`, OnError: func(err error) { failure = err }})
		if err != nil {
			t.Fatal(err)
		}
		q, err := CompileQuery(`.a == 0 or (if .a then `+expr+` else . end | true)`, nil, EngineAuto)
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range []string{`{"a":1}`, `{}`, `{"a":1}`, `{}`} {
			endless := raw != "{}"
			x := scan(t, raw)
			var got []string
			failure = nil
			f.Run(x, func(o Output) bool { got = append(got, string(o.JSON)); return true })
			if errors.Is(failure, ErrLimit) != endless || !endless && !slices.Equal(got, []string{`"end"`}) {
				t.Errorf("%s on %s: %q, %v", expr, raw, got, failure)
			}
			if yes, err := q.True(x); yes == endless || errors.Is(err, ErrLimit) != endless {
				t.Errorf("%s on %s: %v, %v", expr, raw, yes, err)
			}
		}
	}
}

func TestBudgetOfTime(t *testing.T) {
	b := &budget{Context: t.Context(), max: maxTime, steps: 1 << 20}
	b.reset()
	for range 1 << 13 {
		if b.Done() != nil || b.Err() != nil {
			t.Fatal("over too soon")
		}
	}
	b.started = time.Now().Add(-2 * maxTime)
	for range 1 << 12 {
		b.Done()
	}
	select {
	case <-b.Done():
	default:
		t.Error("not over in time")
	}
	if b.Err() != ErrLimit {
		t.Error(b.Err())
	}
	if b.reset(); b.Done() != nil || b.Err() != nil {
		t.Error("over for the next event too")
	}
}

// TestMemoryIsBounded runs many events with regular expressions of their own,
// all of which gojq would keep, and checks that a long run leaves nothing else
// behind either.
func TestMemoryIsBounded(t *testing.T) {
	for _, expr := range []string{`.pattern as $p | .text | test($p)`, `[.text, .pattern] | add | length`, `.text | error`} {
		f, err := Compile(&Options{JQ: expr})
		if err != nil {
			t.Fatal(err)
		}
		x := &event.Index{}
		run := func(from, to int) uint64 {
			for i := from; i < to; i++ {
				if err := x.Scan(fmt.Appendf(nil, `{"text":"a text","pattern":"^(x|%d){1,20}$"}`, i)); err != nil {
					t.Fatal(err)
				}
				f.Run(x, func(Output) bool { return true })
			}
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		before := run(0, 2000)
		if after := run(2000, 8000); after > before+8<<20 {
			t.Errorf("%s: %d bytes more", expr, after-before)
		}
	}
}

// TestEmitStopsTheRun: what an expression had left for one event does not come
// out with the next.
func TestEmitStopsTheRun(t *testing.T) {
	f, err := Compile(&Options{JQ: `.a, .a + 1, .a + 2`})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		var got []string
		f.Run(scan(t, fmt.Sprintf(`{"a":%d}`, 10*i)), func(o Output) bool {
			got = append(got, string(o.JSON))
			return len(got) < 2
		})
		if want := []string{fmt.Sprint(10 * i), fmt.Sprint(10*i + 1)}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
