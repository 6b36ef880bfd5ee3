package live

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/caret"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func TestSplitWords(t *testing.T) {
	for _, row := range []struct {
		text string
		want []string // nil: an error
		at   int      // of the caret
	}{
		{text: "notify", want: []string{"notify"}},
		{text: "  a  b\tc ", want: []string{"a", "b", "c"}},
		{text: `a 'b c' "d e" f\ g ''`, want: []string{"a", "b c", "d e", "f g", ""}},
		{text: `a 'it'"'"'s' "say \"hi\"" "\n" 'x\y'`, want: []string{"a", "it's", `say "hi"`, `\n`, `x\y`}},
		{text: `mail -s 'a; b | c > $d' x@example.com`, want: []string{"mail", "-s", "a; b | c > $d", "x@example.com"}},
		{text: `a *.go ~ {b,c} k=v [x]`, want: []string{"a", "*.go", "~", "{b,c}", "k=v", "[x]"}},
		{text: `a \$B "\$C"`, want: []string{"a", "$B", "$C"}},
		{text: "a | b", at: 2},
		{text: "a; b", at: 1},
		{text: "a && b", at: 2},
		{text: "a > b", at: 2},
		{text: "echo $ENSWITCH_FIELD_CALLID", at: 5},
		{text: `echo "x $A"`, at: 8},
		{text: "echo `date`", at: 5},
		{text: "echo $(date)", at: 5},
		{text: `a "b`, at: 2},
		{text: "a 'b", at: 2},
		{text: "''", at: 0},
		{text: "# a", at: 0},
	} {
		got, err := splitWords(row.text)
		if row.want != nil {
			if err != nil || !slices.Equal(got, row.want) {
				t.Errorf("%s: got %q, %v; want %q", row.text, got, err, row.want)
			}
			continue
		}
		if e, ok := errors.AsType[*caret.Error](err); !ok || e.Offset != row.at {
			t.Errorf("%s: got %q, %v; want the caret at %d", row.text, got, err, row.at)
		}
	}
}

// FuzzSplitWords: words that are quoted, in either way, come out as they were,
// and no text is too odd.
func FuzzSplitWords(f *testing.F) {
	for _, text := range []string{`a 'b c' "d \" e" f\ g`, "a|b", `"`, `$'x'`, "a\\\nb", "~/x", "a #b"} {
		f.Add(text)
	}
	double := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`")
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = splitWords(text)
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\r") {
			return
		}
		for _, quoted := range []string{`'` + strings.ReplaceAll(text, `'`, `'\''`) + `'`, `"` + double.Replace(text) + `"`} {
			if words, err := splitWords("a " + quoted + "b"); err != nil || !slices.Equal(words, []string{"a", text + "b"}) {
				t.Fatalf("%s: got %q, %v", quoted, words, err)
			}
		}
	})
}

func TestAppendFields(t *testing.T) {
	long := strings.Repeat("é", maxFieldValue)
	for _, row := range []struct {
		name, event string
		want        []string
	}{
		{
			"types", `{"callid":"1.1","machine":1,"ok":true,"none":null,"list":[1, "a"],"in":{"a":1}}`,
			[]string{"CALLID=1.1", "MACHINE=1", "OK=true", "NONE=null", `LIST=[1, "a"]`, `IN={"a":1}`},
		},
		{"names", `{"a-b":"1","Größe":"2","x.y z":"3","":"4","a=b":"5"}`, []string{"A_B=1", "GR__E=2", "X_Y_Z=3", "=4", "A_B=5"}},
		{"escapes", `{"\u0061":"x\ny\"\u0000z"}`, []string{"A=x\ny\"z"}},
		{"repeated", `{"a":1,"a":2}`, []string{"A=2"}},
		{"not the shell's to run", `{"a":"$(date); () { :; }; date"}`, []string{"A=$(date); () { :; }; date"}},
		{"long value", `{"a":"x` + long + `","b":1}`, []string{"A=x" + long[:maxFieldValue-2], "B=1"}},
		{"long name", `{"` + strings.Repeat("n", maxFieldName) + `":1,"b":1}`, []string{"B=1"}},
	} {
		var x event.Index
		if err := x.Scan([]byte(row.event)); err != nil {
			t.Fatal(err)
		}
		got := appendFields([]string{"HOME=/"}, &x)
		want := []string{"HOME=/"}
		for _, v := range row.want {
			want = append(want, "ENSWITCH_FIELD_"+v)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %.200q, want %.200q", row.name, got, want)
		}
	}
}

// FuzzAppendFields: whatever comes in, a program can be started with what comes
// out.
func FuzzAppendFields(f *testing.F) {
	f.Add([]byte(`{"callid":"1.1","\u0000=":"\u0000","é":{}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var x event.Index
		if x.Scan(raw) != nil {
			return
		}
		size := 0
		for _, v := range appendFields(nil, &x) {
			size += len(v)
			name, value, ok := strings.Cut(v, "=")
			if !ok || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" || !strings.HasPrefix(name, "ENSWITCH_FIELD_") {
				t.Errorf("name %q", name)
			}
			if strings.Contains(value, "\x00") || !utf8.ValidString(value) || len(value) > maxFieldValue {
				t.Errorf("value %.100q", value)
			}
		}
		if size > maxFields {
			t.Errorf("%d bytes", size)
		}
	})
}

func BenchmarkAppendFields(b *testing.B) {
	var x event.Index
	if err := x.Scan([]byte(`{"asteriskid":"1234567890.123","callid":"1234567890.100000","class":"call","event":"start","machine":1,"timestamp":"1234567890.123456","uniqueid":"1234567890.100000"}`)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		appendFields(nil, &x)
	}
}
