package filter

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/itchyny/gojq"
	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// failureOf returns the failure of an expression on an event.
func failureOf(t testing.TB, expr, raw string) *Failure {
	t.Helper()
	var failed error
	f, err := Compile(&Options{JQ: expr, OnError: func(err error) { failed = err }})
	if err != nil {
		t.Fatal(err)
	}
	var x event.Index
	if err := x.Scan([]byte(raw)); err != nil {
		t.Fatal(err)
	}
	f.Run(&x, func(Output) bool { return true })
	failure, ok := errors.AsType[*Failure](failed)
	if !ok {
		t.Fatalf("%s of %s: %v is no Failure", expr, raw, failed)
	}
	return failure
}

func TestFailureKinds(t *testing.T) {
	for _, row := range []struct{ expr, raw, text, kind string }{
		{`.n.b`, `{"n":19}`, "expected an object but got: number (19)", "expected an object but got: number (…)"},
		{`.n.b`, `{"n":true}`, "expected an object but got: boolean (true)", "expected an object but got: boolean (…)"},
		{`.n + .s`, `{"n":1,"s":"a \") and (b"}`, `cannot add: number (1) and string ("a \") and (b")`, "cannot add: number (…) and string (…)"},
		{`.n + .s`, `{"n":12345678901234567890123456789012345,"s":"x"}`, `cannot add: number (12345678901234567890123456 ...) and string ("x")`, "cannot add: number (…) and string (…)"},
		{`.n / 0`, `{"n":5}`, "cannot divide number (5) by: number (0)", "cannot divide number (…) by: number (…)"},
		{`.n | ltrimstr(1)`, `{"n":5}`, "", "ltrimstr(…) cannot be applied to: number (…)"},
		{`.s | fromjson`, `{"s":"ab c"}`, "", "fromjson cannot be applied to …: invalid character 'a' looking for beginning of value"},
		{`.s | tonumber`, `{"s":"x"}`, `tonumber cannot be applied to "x": invalid number`, "tonumber cannot be applied to …: invalid number"},
		{`.s[{}]`, `{"s":"x"}`, "", `expected "start" and "end" for slicing but got: object (…)`},
		{`.s | strptime("%Y")`, `{"s":null}`, "", `strptime(…) cannot be applied to: null`},
		{`error`, `{"n":1}`, `error: {"n":1}`, `error: {"n":1}`},
		{`error("no \(.n)")`, `{"n":1}`, `error: no 1`, `error: no 1`},
		{`.n | error`, `{"n":"call (1)"}`, `error: call (1)`, `error: call (1)`},
		{`first(error("x")), .n.b`, `{"n":19}`, "error: x", "error: x"},
		{`def f: .n.b; f`, `{"n":19}`, "expected an object but got: number (19)", "expected an object but got: number (…)"},
	} {
		f := failureOf(t, row.expr, row.raw)
		if row.text != "" && f.Text != row.text || f.Kind != row.kind {
			t.Errorf("%s of %s: %q, %q", row.expr, row.raw, f.Text, f.Kind)
		}
	}
}

// TestFailureKindOfAnyValues proves that a kind does not depend on values,
// however gojq cuts them short.
func TestFailureKindOfAnyValues(t *testing.T) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune(`ab"\{}[]() :;,.é漢😀`+"\n")), 0, 40, -1)
	value := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) any { return text.Draw(t, "text") }),
		rapid.Custom(func(t *rapid.T) any { return []any{text.Draw(t, "item"), text.Draw(t, "item")} }),
		rapid.Custom(func(t *rapid.T) any { return map[string]any{text.Draw(t, "key"): text.Draw(t, "value")} }),
		rapid.Custom(func(t *rapid.T) any { return rapid.Int().Draw(t, "n") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.Float64().Draw(t, "f") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.Bool().Draw(t, "b") }),
	)
	rapid.Check(t, func(t *rapid.T) {
		l, r := value.Draw(t, "left"), value.Draw(t, "right")
		raw, err := json.Marshal(map[string]any{"l": l, "r": r})
		if err != nil {
			t.Fatal(err)
		}
		f, err := Compile(&Options{JQ: ".l / (.r | [.])", OnError: func(err error) {
			want := "cannot divide: " + gojq.TypeOf(l) + " (…) and array (…)"
			if err.(*Failure).Kind != want {
				t.Fatalf("%q is of kind %q, want %q", err, err.(*Failure).Kind, want)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		var x event.Index
		if err := x.Scan(raw); err != nil {
			t.Fatal(err)
		}
		f.Run(&x, func(Output) bool { t.Fatal("it does not fail"); return false })
	})
}

// TestFailureIsKept proves that a failure says the same after other events.
func TestFailureIsKept(t *testing.T) {
	for _, expr := range []string{`error`, `{a: .} | error`, `[.] | .x`, `def f: . + 1; f`, `first(.) | error`} {
		var failures []error
		f, err := Compile(&Options{JQ: expr, OnError: func(err error) { failures = append(failures, err) }})
		if err != nil {
			t.Fatal(err)
		}
		q, err := CompileQuery(expr, nil, EngineAuto)
		if err != nil {
			t.Fatal(err)
		}
		var x event.Index
		for _, raw := range []string{`{"n":"first"}`, `{"n":"second"}`, `{"m":"third"}`} {
			if err := x.Scan([]byte(raw)); err != nil {
				t.Fatal(err)
			}
			f.Run(&x, func(Output) bool { return true })
			_, err := q.True(&x)
			failures = append(failures, err)
		}
		for i, want := range []string{"first", "first", "second", "second", "third", "third"} {
			if failures[i] == nil || !strings.Contains(failures[i].Error(), want) {
				t.Errorf("%s: failure %d is %v, want %s", expr, i, failures[i], want)
			}
		}
	}
}

func TestFailureIsShort(t *testing.T) {
	f := failureOf(t, `error("ü" * .n)`, `{"n":5000}`)
	if len(f.Text) > maxFailure+len("…") || !utf8.ValidString(f.Text) || !strings.HasSuffix(f.Text, "ü…") {
		t.Errorf("%d bytes: %q", len(f.Text), f.Text)
	}
}
