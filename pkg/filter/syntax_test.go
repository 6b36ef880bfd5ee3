package filter

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestSyntaxErrors(t *testing.T) {
	for _, tt := range []struct {
		o      Options
		option string
		place  string // the rest of the expression from the fault on
		reason string
	}{
		{Options{Class: []string{"call,,x"}}, "Class", ",x", "a name is missing here"},
		{Options{Event: []string{"start", "a, !"}}, "Event", "!", "a name is missing here"},
		{Options{Event: []string{"call."}}, "Event", "call.", "an item with a dot is class.event, with * for any"},
		{Options{Where: []string{"machine"}}, "Where", "", "no operator: write field=value, or one of != ~ !~ < <= > >="},
		{Options{Where: []string{"a>x"}}, "Where", "x", "a number must follow >"},
		{Options{Where: []string{"a~x(b"}}, "Where", "x(b", "bad regular expression: missing closing )"},
		{Options{JQ: ".machine === 1"}, "JQ", "= 1", `unexpected token "="`},
		{Options{JQ: ".machine =="}, "JQ", "", "the expression ends too soon"},
		{Options{JQ: ". == $x"}, "JQ", "$x", "there is no variable $x"},
	} {
		_, err := Compile(&tt.o)
		e, ok := errors.AsType[*SyntaxError](err)
		if !ok {
			t.Errorf("%+v: %v", tt.o, err)
		} else if e.Option != tt.option || e.Text[e.Offset:] != tt.place || e.Reason != tt.reason {
			t.Errorf("%+v: %+v", tt.o, e)
		}
	}
	for _, name := range []string{
		"input_filename", "input_line_number", "stderr", "halt_error", "halt_error(1)", "modulemeta", "get_search_list", "$ENV", "if input then 1 else 2 end",
		"try env catch 1", "reduce env as $x (0; 1)", "foreach 1 as $x (0; 1; env)", "label $f | env", "-env", "[.[env]]", ".[1:env]", "{(env): 1}", "{a: env}", `{"\(env)"}`, "def f: env; f",
		". as {(env): $x} | 1", ". as [$x] | env", `@json "\(env)"`, ".. | env", "if 1 then 2 elif env then 3 end", "env as $x | 1", `."\(env)"`,
	} {
		_, err := Compile(&Options{JQ: name})
		e, ok := errors.AsType[*SyntaxError](err)
		if !ok || !strings.Contains(e.Reason, " is off: ") {
			t.Errorf("%s: %v", name, err)
		} else if word, _, _ := strings.Cut(e.Reason, " "); !strings.HasPrefix(name[e.Offset:], word) {
			t.Errorf("%s: offset %d", name, e.Offset)
		}
	}
	for _, args := range []map[string]any{{"1x": ""}, {"": ""}, {"a b": ""}, {"a": int64(1)}, {"a": []any{json.Number("x")}}, {"a": json.Number("")}} {
		if _, err := Compile(&Options{JQ: ".", Args: args}); err == nil {
			t.Errorf("%v compiles", args)
		}
	}
	if _, err := Compile(&Options{JQ: "$ENV", Args: map[string]any{"ENV": "mine"}}); err != nil {
		t.Error(err)
	}
}

// TestSyntaxErrorText: the error is one line, however long the expression is and
// whatever it holds.
func TestSyntaxErrorText(t *testing.T) {
	for expr, want := range map[string]string{
		".machine = = 1": `JQ, byte 11 of ".machine = = 1": unexpected token "="`,
		"1\n| nix":       `JQ, byte 4 of "1\n| nix": there is no function nix`,
		strings.Repeat("(1|", 200) + "nix" + strings.Repeat(")", 200): `JQ, byte 600 of "…|` + strings.Repeat("(1|", 13) + "nix" + strings.Repeat(")", 37) + `…": there is no function nix`,
	} {
		if _, err := Compile(&Options{JQ: expr}); err == nil || err.Error() != want {
			t.Errorf("%s:\n%v\nwant\n%s", expr, err, want)
		}
	}
}

func TestParseJSONArg(t *testing.T) {
	v, err := ParseJSONArg("x", ` {"a":[1.50,null,true,"s"]} `)
	if err != nil || fmt.Sprint(v) != "map[a:[1.50 <nil> true s]]" || !known(v) {
		t.Errorf("%v, %v", v, err)
	}
	for text, at := range map[string]int{"": 0, "{": 1, "[1 2]": 3, "1 2": 2, "nil": 1, "01": 1, "x": 0} {
		_, err := ParseJSONArg("x", text)
		if e, ok := errors.AsType[*SyntaxError](err); !ok || e.Offset != at {
			t.Errorf("%s: %v", text, err)
		}
	}
}
