package flags

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/caret"
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
		got, err := SplitWords("--exec", row.text, "--exec-shell has one run it")
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
		_, _ = SplitWords("--exec", text, "--exec-shell has one run it")
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\r") {
			return
		}
		for _, quoted := range []string{`'` + strings.ReplaceAll(text, `'`, `'\''`) + `'`, `"` + double.Replace(text) + `"`} {
			if words, err := SplitWords("--exec", "a "+quoted+"b", "--exec-shell has one run it"); err != nil || !slices.Equal(words, []string{"a", text + "b"}) {
				t.Fatalf("%s: got %q, %v", quoted, words, err)
			}
		}
	})
}
