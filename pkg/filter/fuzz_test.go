package filter

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// FuzzCompile compiles any text as each kind of expression. What is refused
// has its caret under the line that it shows.
func FuzzCompile(f *testing.F) {
	for _, expr := range expressions {
		f.Add(expr)
	}
	for _, expr := range []string{
		"call,!mess*", "call.start,", "machine=1", "a~(", "a!~[", "x<1e5", "env", "nix(1)", "\"\\(nix)\"", "a\n| b\n", "\t$x", "日本 | =", "import \"a\" as a; .",
		"module {a:1}; .", "{$ENV}", "break $a", "\xff", "\"\\u12", "1..2", "# x", "\x1b[31m=", ". as [$a] ?// $b | env",
	} {
		f.Add(expr)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		if len(expr) > 2000 {
			return
		}
		for _, o := range []Options{{Class: []string{expr}}, {Event: []string{expr}}, {Where: []string{expr}}, {JQ: expr}} {
			_, err := Compile(&o)
			if err == nil {
				continue
			}
			e, ok := errors.AsType[*SyntaxError](err)
			if !ok {
				t.Fatalf("%q: %v", expr, err)
			}
			if e.Offset < 0 || e.Offset > len(expr) || e.Text != expr {
				t.Fatalf("%q: offset %d of %q", expr, e.Offset, e.Text)
			}
			if text := err.Error(); strings.ContainsAny(text, "\n\r\x1b") || !utf8.ValidString(text) {
				t.Fatalf("%q: %q", expr, text)
			}
		}
	})
}

// FuzzRun runs an expression on any event. What is printed is valid JSON on
// one line.
func FuzzRun(f *testing.F) {
	events := corpus(f)
	for i := range expressions {
		f.Add(uint(i), events[i%len(events)])
	}
	f.Add(uint(0), []byte("{\"class\":\"caf\xe9\",\"event\":\"a\x01\"}"))
	var filters []*Filter
	for _, expr := range expressions {
		q, err := Compile(&Options{JQ: expr, Args: jqArgs, OnError: func(error) {}})
		if err != nil {
			f.Fatal(err)
		}
		filters = append(filters, q)
	}
	where, err := Compile(&Options{
		Class: []string{"c*,!x"}, Event: []string{"*.st*,end"},
		Where: []string{"machine<2", "a.b~x", "caller.name!=x", "timestamp>=1"},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, n uint, raw []byte) {
		x := &event.Index{}
		if x.Scan(raw) != nil {
			return
		}
		checkDecode(t, &decoder{}, x.JSON())
		where.Run(x, func(out Output) bool {
			if !out.Event {
				t.Fatalf("%s for %s", out.JSON, raw)
			}
			return true
		})
		filters[n%uint(len(filters))].Run(x, func(out Output) bool {
			if out.Event != (out.JSON == nil) || !out.Event && (!json.Valid(out.JSON) || !utf8.Valid(out.JSON) || strings.ContainsAny(string(out.JSON), "\n\r")) {
				t.Fatalf("%s for %s", out.JSON, raw)
			}
			return true
		})
	})
}
