package caret_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/caret"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

func TestError(t *testing.T) {
	for _, tt := range []struct {
		o    filter.Options
		want string
	}{
		{filter.Options{Class: []string{"call,,x"}}, "--class: a name is missing here\n    call,,x\n         ^"},
		{filter.Options{Class: []string{""}}, "--class \"\": a name is missing"},
		{filter.Options{Event: []string{"start", "a, !"}}, "--event: a name is missing here\n    a, !\n       ^"},
		{filter.Options{Event: []string{"call."}}, "--event: an item with a dot is class.event, with * for any\n    call.\n    ^"},
		{filter.Options{Where: []string{"machine"}}, "--where: no operator: write field=value, or one of != ~ !~ < <= > >=\n    machine\n           ^"},
		{filter.Options{Where: []string{"=1"}}, "--where: the name of a field is missing here\n    =1\n    ^"},
		{filter.Options{Where: []string{".a=1"}}, "--where: the name of a field has no dot before it, unlike in jq\n    .a=1\n    ^"},
		{filter.Options{Where: []string{"a>x"}}, "--where: a number must follow >\n    a>x\n      ^"},
		{filter.Options{Where: []string{"a >= "}}, "--where: a number must follow >=\n    a >= \n         ^"},
		{filter.Options{Where: []string{"a~x(b"}}, "--where: bad regular expression: missing closing )\n    a~x(b\n      ^"},
		{filter.Options{Where: []string{"a~x[z-a]"}}, "--where: bad regular expression: invalid character class range\n    a~x[z-a]\n        ^"},
		{filter.Options{JQ: ".machine === 1"}, "--jq: unexpected token \"=\"\n    .machine === 1\n               ^"},
		{filter.Options{JQ: ".machine =="}, "--jq: the expression ends too soon\n    .machine ==\n               ^"},
		{filter.Options{JQ: "  "}, "--jq \"  \": no expression: . keeps every event"},
		{filter.Options{JQ: "select(.a == 1\n  and .b = = 2)\n"}, "--jq: unexpected token \"=\"\n    2 |   and .b = = 2)\n                   ^"},
		{filter.Options{JQ: ".foo | foo(1)"}, "--jq: there is no function foo of one argument\n    .foo | foo(1)\n           ^"},
		{filter.Options{JQ: `"foo" | foo # foo`}, "--jq: there is no function foo\n    \"foo\" | foo # foo\n            ^"},
		{filter.Options{JQ: ". == $x"}, "--jq: there is no variable $x\n    . == $x\n         ^"},
		{filter.Options{JQ: "break $x"}, "--jq: there is no label $x\n    break $x\n          ^"},
		{filter.Options{JQ: `"日本" | nix`}, "--jq: there is no function nix\n    \"日本\" | nix\n             ^"},
		{filter.Options{JQ: "\tnix"}, "--jq: there is no function nix\n     nix\n     ^"},
		{filter.Options{JQ: `.env | env.PATH`}, "--jq: env is off: an expression sees nothing but the event and its own variables\n    .env | env.PATH\n           ^"},
		{filter.Options{JQ: `(def env: 1; env), "\(env)"`}, "--jq: env is off: an expression sees nothing but the event and its own variables\n    (def env: 1; env), \"\\(env)\"\n                          ^"},
		{filter.Options{JQ: `{$ENV}`}, "--jq: $ENV is off: an expression sees nothing but the event and its own variables\n    {$ENV}\n     ^"},
		{filter.Options{JQ: `[inputs]`}, "--jq: inputs is off: an expression sees one event at a time\n    [inputs]\n     ^"},
		{filter.Options{JQ: `1 | input`}, "--jq: input is off: an expression sees one event at a time\n    1 | input\n        ^"},
		{filter.Options{JQ: `., debug("x")`}, "--jq: debug is off: an expression only gives values\n    ., debug(\"x\")\n       ^"},
		{filter.Options{JQ: `# halt` + "\nhalt"}, "--jq: halt is off: an expression cannot end the program\n    2 | halt\n        ^"},
		{filter.Options{JQ: `import "a" as a; .`}, "--jq: modules are off: an expression stands alone\n    import \"a\" as a; .\n    ^"},
		{filter.Options{JQ: "# include\n include \"a\"; ."}, "--jq: modules are off: an expression stands alone\n    2 |  include \"a\"; .\n         ^"},
		{filter.Options{JQ: `module {}; .`}, "--jq: modules are off: an expression stands alone\n    module {}; .\n    ^"},
		{filter.Options{JQ: `a::b`}, "--jq: there is no function a::b\n    a::b\n    ^"},
	} {
		_, err := filter.Compile(&tt.o)
		if err = caret.WrapOptions(err); err == nil || err.Error() != tt.want {
			t.Errorf("%+v:\n%s\nwant\n%s", tt.o, err, tt.want)
		}
	}
}

// TestFlag: an expression of another flag is named by that, and an error of another
// kind stays as it is.
func TestFlag(t *testing.T) {
	_, err := filter.CompileQuery("nix", nil, filter.EngineAuto)
	if err = caret.Wrap("--until", err); err.Error() != "--until: there is no function nix\n    nix\n    ^" {
		t.Error(err)
	}
	if _, err := filter.CompileRegexp("a+"); caret.Wrap("--highlight", err) != nil {
		t.Error("an error of nothing")
	}
	if caret.Wrap("--until", io.EOF) != io.EOF || caret.WrapOptions(io.EOF) != io.EOF {
		t.Error("another error is changed")
	}
}

func TestLongLine(t *testing.T) {
	expr := strings.Repeat("(1|", 200) + "nix" + strings.Repeat(")", 200)
	_, err := filter.Compile(&filter.Options{JQ: expr})
	lines := strings.Split(fmt.Sprint(caret.WrapOptions(err)), "\n")
	if len(lines) != 3 || len(lines[1]) > 100 || !strings.HasPrefix(lines[1][strings.IndexByte(lines[2], '^'):], "nix") {
		t.Error(err)
	}
}

func FuzzError(f *testing.F) {
	for _, expr := range []string{"call,,x", "a\n| b = =", "\t$x", "日本 | =", "\xff", "\x1b[31m=", "e\u0301 = =", " "} {
		f.Add(expr, len(expr)/2)
	}
	f.Fuzz(func(t *testing.T, expr string, offset int) {
		if len(expr) > 2000 {
			return
		}
		err := &caret.Error{Flag: "--jq", Text: expr, Offset: offset, Reason: "no"}
		if strings.TrimSpace(expr) == "" {
			if s := err.Error(); strings.Contains(s, "\n") || !strings.HasPrefix(s, "--jq ") || !strings.HasSuffix(s, ": no") {
				t.Fatalf("%q:\n%s", expr, s)
			}
			return
		}
		shown, ok := strings.CutPrefix(err.Error(), "--jq: no\n")
		line, below, two := strings.Cut(shown, "\n")
		if !ok || !two || strings.TrimLeft(below, " ") != "^" || len(below)-1 > ansi.StringWidth(line) || !utf8.ValidString(line) {
			t.Fatalf("%q:\n%s", expr, err)
		}
	})
}
