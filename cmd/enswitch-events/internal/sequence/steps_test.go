package sequence

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/caret"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// keeps reports whether a sequence of one step matches an event.
func keeps(t testing.TB, step, raw string) bool {
	t.Helper()
	steps, err := compileSteps(step)
	if err != nil {
		t.Fatalf("%s: %v", step, err)
	}
	if len(steps) != 1 {
		t.Fatalf("%s: %d steps", step, len(steps))
	}
	var x event.Index
	if err := x.Scan([]byte(raw)); err != nil {
		t.Fatal(err)
	}
	return steps[0].filter.Keeps(&x)
}

func TestConditions(t *testing.T) {
	for _, row := range []struct {
		conditions, field, value string
		want                     bool
	}{
		{`to=200`, "to", "200", true},
		{`to=200`, "to", "2000", false},
		{`to!=200`, "to", "2000", true},
		{` to = 200 `, "to", "200", true},
		{`to= 200`, "to", "200", true},
		{"\n\tto=200,\n\tevent=e\n", "to", "200", true},
		{`to=200,event=e`, "to", "200", true},
		{`to=200,event=f`, "to", "200", false},
		{`to=201 , event=e`, "to", "200", false},
		{`to=`, "to", "", true},
		{`to=+441632960001`, "to", "+441632960001", true},
		{`to~^+44`, "to", "+441632960001", true},
		{`to!~^+44`, "to", "+441632960001", false},
		{`to>100`, "to", "200", true},
		{`to>=200,to<=200`, "to", "200", true},
		{`to<200`, "to", "200", false},
		{`to=a > b`, "to", "a > b", true},
		{`to=a[b`, "to", "a[b", true},
		{`to=5" x`, "to", `5" x`, true},
		// quotes
		{`to="a,b]c > d"`, "to", "a,b]c > d", true},
		{`to='a,b]c > d' , event=e`, "to", "a,b]c > d", true},
		{`to = " a "`, "to", " a ", true},
		{`to="it's"`, "to", "it's", true},
		{`to='"'`, "to", `"`, true},
		{`to="\"`, "to", `\`, true},
		{`to=""`, "to", "", true},
		{`to="=1"`, "to", "=1", true},
		{`to~",\]$"`, "to", "a,]", true},
		{`to~"^[^]]$"`, "to", "a", true},
		// a regular expression has brackets and commas of its own
		{`to~^[0-9]{2,3}$`, "to", "200", true},
		{`to~^[0-9]{2,3}$,event=e`, "to", "2000", false},
		{`to~^[],a]$,event=e`, "to", "]", true},
		{`to~^[^],a]$`, "to", "]", false},
		{`to~^[[:digit:],]+$`, "to", "1,2", true},
		{`to~^[\],]$`, "to", ",", true},
		{`to~^(a,b|c)$,event=e`, "to", "a,b", true},
		{`to~^a\,b\]$`, "to", "a,b]", true},
		{`to~^{,event=e`, "to", "{", true},
		{`to~^{,event=f`, "to", "{", false},
		{`to~^\($,event=e`, "to", "(", true},
	} {
		for _, step := range []string{"c.e[" + row.conditions + "]", " x , e [" + row.conditions + "] "} {
			value, _ := json.Marshal(row.value)
			if got := keeps(t, step, `{"class":"c","event":"e","`+row.field+`":`+string(value)+`}`); got != row.want {
				t.Errorf("%s of %s: %v", step, value, got)
			}
		}
		if keeps(t, "other["+row.conditions+"]", `{"class":"c","event":"e","to":"200"}`) {
			t.Errorf("%s: kept another event", row.conditions)
		}
	}
}

// TestStepFaults: the caret is where ^ is in the sequence.
func TestStepFaults(t *testing.T) {
	for _, row := range []struct{ sequence, reason string }{
		{"^", "a step is missing here"},
		{"a > ^> b", "a step is missing here"},
		{"a >^", "a step is missing here"},
		{"a ^-> b", "without a dash"},
		{"a[x=1] ^-> b", "without a dash"},
		{"a[x=1] ^b", "a > is missing here"},
		{"a^ b", "a > or a comma is missing here"},
		{"a, b^ c", "a > or a comma is missing here"},
		{"a > ^[x=1]", "an event is missing before this"},
		{"a^]", "there is no [ before this"},
		{"a > b[x=1]^]", "a > is missing here"},
		{"a[x=1]^, b", "come once, after its last event"},
		{"a[x=1]^[y=2]", "come once, after its last event"},
		{"a[^]", "a condition is missing here"},
		{"a[x=1, ^]", "a condition is missing here"},
		{"a[x=1,^,y=2]", "a condition is missing here"},
		{"a[^", "the ] after the conditions is missing"},
		{"a[x^", "the ] after the conditions is missing"},
		{"a[x=1 > b^", "the ] after the conditions is missing"},
		{"a[x~[0-9] > b^", "the ] after the conditions is missing"},
		{`a[x="1"^`, "the ] after the conditions is missing"},
		{`a[x=^"1] > b`, "the quote that ends this value is missing"},
		{`a[x="1" ^2]`, "a comma or ] is missing here"},
		{`a[x="a\"^b"]`, "a comma or ] is missing here"},
		{"a[from^]", "no operator"},
		{"a[from^ , y=2]", "no operator"},
		{"a > b[ ^=1]", "the name of a field is missing here"},
		{"a[^.x=1]", "no dot before it"},
		{"a[x=^=1]", "did you mean x=…?"},
		{"a[x=^~1]", "did you mean x~…?"},
		{"a[x!=^=1]", "did you mean x!=…?"},
		{"a[x=1,y < ^z]", "a number must follow <"},
		{`a[x=1,y>="^ z"]`, "a number must follow >="},
		{"a[x~^(b]", "missing closing )"},
		{"a > ^call. > b", "an item with a dot"},
	} {
		at := strings.Index(row.sequence, "^")
		text := row.sequence[:at] + row.sequence[at+1:]
		_, err := compileSteps(text)
		e, ok := errors.AsType[*caret.Error](err)
		if !ok || e.Flag != "--sequence" || e.Text != text || !strings.Contains(e.Reason, row.reason) {
			t.Errorf("%s: %v, want %q", row.sequence, err, row.reason)
		} else if got := text[:e.Offset] + "^" + text[e.Offset:]; got != row.sequence {
			t.Errorf("%s: the caret is at %s", row.sequence, got)
		}
	}
}

// TestQuotedValues: in quotes every text is itself.
func TestQuotedValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quote := rapid.SampledFrom([]string{`"`, `'`}).Draw(t, "quote")
		value := strings.ReplaceAll(rapid.StringOf(rapid.RuneFrom([]rune(`ab[](){}<>=~!,\"' `))).Draw(t, "value"), quote, "")
		raw, _ := json.Marshal(map[string]string{"event": "e", "v": value})
		var x event.Index
		if err := x.Scan(raw); err != nil {
			t.Fatal(err)
		}
		steps, err := compileSteps("e[v=" + quote + value + quote + ", event=e] > f")
		if err != nil || len(steps) != 2 || !steps[0].filter.Keeps(&x) {
			t.Fatalf("%q: %d steps, %v", value, len(steps), err)
		}
	})
}

// FuzzSteps: whatever is typed, the caret is inside it.
func FuzzSteps(f *testing.F) {
	for _, text := range []string{"a > b[x=1]", `a[x~^[0-9]{2,3}$, y!="a,b]"] > c,d`, "a[", `a[x="`, "[x]", "a[x~[", `a[x~\`, "->", "a[x=="} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		steps, err := compileSteps(text)
		if e, ok := errors.AsType[*caret.Error](err); ok {
			if e.Offset < 0 || e.Offset > len(text) {
				t.Fatalf("%q: offset %d", text, e.Offset)
			}
			err = nil
		}
		if err != nil || steps != nil && strings.TrimSpace(steps[0].text) == "" {
			t.Fatalf("%q: %v, %v", text, steps, err)
		}
	})
}
