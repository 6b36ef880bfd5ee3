package filter

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func TestGrep(t *testing.T) {
	const raw = `{"class":"call","n":12,"ok":true,"none":null,"name":"Z\u00fcrich \"Caf\u00e9\"","to":"+442079460000","in":{"list":[1,{"x":"Ann Lee"}]},"a\u0062c":""}`
	var x event.Index
	if err := x.Scan([]byte(raw)); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		o    Options
		want bool
	}{
		{Options{Grep: []string{"call"}}, true},
		{Options{Grep: []string{"Zürich"}}, true},
		{Options{Grep: []string{`"Café"$`}}, true},
		{Options{Grep: []string{"zürich"}}, false},
		{Options{Grep: []string{"zÜrich"}, IgnoreCase: true}, true},
		{Options{Grep: []string{"ann LEE"}, IgnoreCase: true}, true},
		{Options{Grep: []string{"(?i)ANN"}}, true},
		{Options{Grep: []string{"^Lee"}}, false},
		{Options{Grep: []string{"Lee$"}}, true},
		{Options{Grep: []string{"^12$"}}, true},
		{Options{Grep: []string{"^call$"}}, true},
		{Options{Grep: []string{"^cal$"}}, false},
		{Options{Grep: []string{"^all$"}}, false},
		{Options{Grep: []string{`\A2\z`}}, false},
		{Options{Grep: []string{"^true$", "null"}}, true},
		{Options{Grep: []string{"true", "false"}}, false},
		{Options{Grep: []string{"class"}}, false}, // the name of a field
		{Options{Grep: []string{"abc"}}, false},
		{Options{Grep: []string{"list"}}, false},
		{Options{Grep: []string{"+4420"}}, true},
		{Options{Grep: []string{"^+4420"}}, true},
		{Options{Grep: []string{"(+49|+44)20"}}, true},
		{Options{Grep: []string{"^+49|^+4"}}, true},
		{Options{Grep: []string{"^+49"}}, false},
		{Options{Where: []string{"to~^+44"}}, true},
		{Options{Where: []string{"to~^+20"}}, false},
		{Options{Grep: []string{"^$"}}, true},
		{Options{NotGrep: []string{"call"}}, false},
		{Options{NotGrep: []string{"CALL"}}, true},
		{Options{NotGrep: []string{"CALL"}, IgnoreCase: true}, false},
		{Options{NotGrep: []string{"x", "Lee"}}, false},
		{Options{Grep: []string{"Lee"}, NotGrep: []string{"Bob"}}, true},
		{Options{Grep: []string{"lee"}, IgnoreCase: true, JQ: ".n == 13"}, false},
	} {
		f, err := Compile(&row.o)
		if err != nil {
			t.Errorf("%+v: %v", row.o, err)
			continue
		}
		if got := f.Clone().Keeps(&x); got != row.want {
			t.Errorf("%+v: got %v", row.o, got)
		}
	}
	for _, o := range []Options{{Grep: []string{"a", "(b"}}, {NotGrep: []string{"(b"}}, {Grep: []string{"(b"}, IgnoreCase: true}} {
		_, err := Compile(&o)
		e, ok := errors.AsType[*SyntaxError](err)
		if !ok || e.Text != "(b" || e.Offset != 0 || e.Option != "Grep" && e.Option != "NotGrep" {
			t.Errorf("%+v: %+v", o, err)
		}
	}
}

// texts returns the text of every value in v, the plain way.
func texts(v any) (all []string) {
	switch v := v.(type) {
	case map[string]any:
		for _, in := range v {
			all = append(all, texts(in)...)
		}
	case []any:
		for _, in := range v {
			all = append(all, texts(in)...)
		}
	case string:
		all = append(all, v)
	case nil:
		all = append(all, "null")
	default:
		all = append(all, fmt.Sprint(v))
	}
	return all
}

// TestGrepProperty: what is found is what a plain search of the decoded values finds.
func TestGrepProperty(t *testing.T) {
	words := rapid.SampledFrom([]string{"ann", "Ann", "K", "k", "\u212a", "ü", "Ü", "+44", "\"", "\\", " ", "1", "é\n", "true", ""})
	text := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(words, 0, 4).Draw(t, "words"), "") })
	value := rapid.OneOf(
		rapid.Map(text, func(s string) any { return s }),
		rapid.Map(rapid.IntRange(-50, 50), func(n int) any { return json.Number(fmt.Sprint(n)) }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Just[any](nil),
		rapid.Map(rapid.SliceOfN(text, 0, 3), func(s []string) any {
			in := map[string]any{}
			for _, w := range s {
				in[w] = []any{w, map[string]any{"ann": w}}
			}
			return in
		}),
	)
	pieces := rapid.SampledFrom([]string{"ann", "Ann", "k", "K", "ü", "+44", "^", "$", ".", "1", "(?i)", "(ann|k)", "(+4|+5)", "n+", "x?", "[kü]", "\\\\", "\"", "a{2}", "-", "n{1,2}"})
	rapid.Check(t, func(t *rapid.T) {
		fields := map[string]any{"class": "call"}
		for range rapid.IntRange(0, 4).Draw(t, "fields") {
			fields[text.Draw(t, "name")] = value.Draw(t, "value")
		}
		raw, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		var x event.Index
		if err := x.Scan(raw); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		expr := strings.Join(rapid.SliceOfN(pieces, 1, 4).Draw(t, "expr"), "")
		fold := rapid.Bool().Draw(t, "ignore case")
		f, err := Compile(&Options{Grep: []string{expr}, IgnoreCase: fold})
		if err != nil {
			return
		}
		plain := strings.NewReplacer("(+4", `(\+4`, "|+5", `|\+5`).Replace(expr)
		for _, before := range []string{"", "^"} {
			if rest, ok := strings.CutPrefix(plain, before+"+44"); ok {
				plain = before + `\+44` + rest
			}
		}
		if strings.Contains(expr, "^+44") && !strings.HasPrefix(expr, "^+44") || strings.Contains(expr, "(?i)+44") {
			return // the plain way does not know these
		}
		if fold {
			plain = "(?i)" + plain
		}
		re, err := regexp.Compile(plain)
		if err != nil {
			t.Fatalf("%s, but not %s: %v", expr, plain, err)
		}
		want := false
		for _, s := range texts(fields) {
			want = want || re.MatchString(s)
		}
		if got := f.Keeps(&x); got != want {
			t.Fatalf("%s in %s: got %v, want %v", expr, raw, got, want)
		}
	})
}

func TestLiterals(t *testing.T) {
	for expr, want := range map[string]string{
		"answer": "answer false", "^answer$": "answer false", "an.*swer": "swer false", "(answer|end)": "answer,end false",
		"(?i)Answer": "answer true", "a(b|c*)d": "a false", "x*": " false", "(": " false", "+44": "+44 false", "(ab)+": "ab false",
		"(ab){2,3}": "ab false", "a|b|c|d|e": " false", "(?i)über": " true", "[ab]c": "c false",
	} {
		texts, fold := Literals(expr)
		if got := fmt.Sprint(strings.Join(texts, ","), " ", fold); got != want {
			t.Errorf("%s: got %q, want %q", expr, got, want)
		}
	}
}
