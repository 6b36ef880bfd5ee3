package filter

import (
	"errors"
	"strings"
	"testing"
)

// TestRegexpFaults: what the regular expressions here have not is named, and
// where it stands.
func TestRegexpFaults(t *testing.T) {
	const (
		look  = "have no look-ahead and no look-behind"
		flags = "of jq's flags only g, i and m"
	)
	for _, tt := range []struct {
		o     Options
		want  string // "" for none
		place string // the rest of the expression from there on
	}{
		{Options{Where: []string{`class~a(?=x)`}}, look, "(?=x)"},
		{Options{Where: []string{`class!~(?<!x)a`}}, look, "(?<!x)a"},
		{Options{Where: []string{`class~(a)\1`}}, "have no back references", `\1`},
		{Options{Where: []string{`from~+x`}}, `there is nothing before the + to repeat: for the sign itself write \+`, "+x"},
		{Options{Where: []string{`from~*44`}}, `write \*`, "*44"},
		{Options{Where: []string{`class~a(`}}, "missing closing )", "a("},
		{Options{JQ: `.class | test("a(?!x)")`}, look, `(?!x)")`},
		{Options{JQ: `.class | if true then . else sub("(?<=a)b"; "c") end`}, look, `(?<=a)b"; "c") end`},
		{Options{JQ: `[.class | match("\\d(?=x)"; "g")]`}, look, `(?=x)"; "g")]`},
		{Options{JQ: `.class | test("("; "i")`}, "missing closing )", `("; "i")`},
		{Options{JQ: `.class | test("^+44")`}, `for the sign itself write \\+`, `+44")`},
		{Options{JQ: `.class | test("(a|+44)b")`}, `for the sign itself write \\+`, `+44)b")`},
		{Options{JQ: `.class | test("a"; "n")`}, flags, `"n")`},
		{Options{JQ: `.class | gsub("a"; "b"; "gx")`}, flags, `"gx")`},
		{Options{JQ: `.class | [scan("a"; "s")]`}, flags, `"s")]`},
		{Options{JQ: `.class | split("a"; "l")`}, flags, `"l")`},
		{Options{JQ: `.class | split("(")`}, "", ""},
		{Options{JQ: `.class | test("a"; "gi"), test("a"; null), test(.event), test(["a", "g"]), sub("a"; "(")`}, "", ""},
		{Options{JQ: `def test($x): true; test("(")`}, "", ""},
	} {
		_, err := Compile(&tt.o)
		if err == nil && tt.want == "" {
			continue
		}
		bad, ok := errors.AsType[*SyntaxError](err)
		if !ok || tt.want == "" || !strings.Contains(bad.Reason, tt.want) || bad.Text[bad.Offset:] != tt.place {
			t.Errorf("%v%s: %v", tt.o.Where, tt.o.JQ, err)
		}
	}
	if re, err := CompileRegexp("a+"); err != nil || !re.MatchString("aa") {
		t.Error(err)
	}
	if _, err := CompileRegexp("+"); err == nil || !strings.HasPrefix(err.Error(), `Regexp, byte 0 of "+": bad regular expression: there is nothing before the +`) {
		t.Error(err)
	}
}
