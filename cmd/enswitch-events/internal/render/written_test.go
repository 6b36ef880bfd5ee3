package render

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
)

// TestWritten: what people write is shown as they write it, in every format for
// people, and what hides or reorders is spelled out.
func TestWritten(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{ // want "" is the text
		"Persian, with a non-joiner":        {"می\u200cخواهم", ""},
		"Arabic, a shape of its own":        {"ه\u200d", ""},
		"Devanagari, half a letter":         {"क्\u200dष", ""},
		"Sinhala":                           {"ශ්\u200dරී", ""},
		"Malayalam":                         {"ന്\u200d", ""},
		"Bengali":                           {"র\u200d্য", ""},
		"Kannada":                           {"ರ\u200d್ಕ", ""},
		"a family":                          {"👩\u200d👩\u200d👧\u200d👦", ""},
		"a rainbow flag":                    {"🏳\ufe0f\u200d🌈", ""},
		"a firefighter of some colour":      {"👩🏽\u200d🚒", ""},
		"a heart on fire":                   {"❤\ufe0f\u200d🔥", ""},
		"a key":                             {"1\ufe0f\u20e3", ""},
		"a sign as an emoji, and as text":   {"☎\ufe0f☎\ufe0e©\ufe0f", ""},
		"a Japanese name's own character":   {"葛\U000e0100城", ""},
		"Mongolian":                         {"ᠠ\u180b", ""},
		"an Arabic sign for a number":       {"\u0600١٢", ""},
		"a letter and a mark":               {"e\u0301", ""},
		"a joiner where there is nothing":   {"\u200dx", `\u200dx`},
		"a joiner in Latin":                 {"pay\u200dpal", `pay\u200dpal`},
		"a non-joiner in Latin":             {"Zoë\u200c", `Zoë\u200c`},
		"a joiner in Cyrillic":              {"Ив\u200dан", `Ив\u200dан`},
		"a second joiner":                   {"ی\u200c\u200cی", "ی\u200c" + `\u200cی`},
		"a selector in Latin":               {"a\ufe0f", `a\ufe0f`},
		"a selector that is none":           {"x\ufe0f\u200dy", `x\ufe0f\u200dy`},
		"a second selector":                 {"❤\ufe0f\ufe0f", "❤\ufe0f" + `\ufe0f`},
		"selectors that hold a message":     {"😀\U000e0141\U000e0142", `😀\U000e0141\U000e0142`},
		"tags that hold a message":          {"a\U000e0068\U000e0069", `a\U000e0068\U000e0069`},
		"a flag made of tags":               {"🏴\U000e0067\U000e0062\U000e007f", `🏴\U000e0067\U000e0062\U000e007f`},
		"a zero-width space":                {"a\u200bb", `a\u200bb`},
		"a word joiner":                     {"a\u2060b", `a\u2060b`},
		"a byte order mark":                 {"a\ufeffb", `a\ufeffb`},
		"a soft hyphen":                     {"a\u00adb", `a\u00adb`},
		"an override":                       {"a\u202eb", `a\u202eb`},
		"an isolate":                        {"a\u2066b\u2069", `a\u2066b\u2069`},
		"marks of direction":                {"א\u200eב\u200fג\u061c", `א\u200eב\u200fג\u061c`},
		"a filler":                          {"a\u3164b\u115f", `a\u3164b\u115f`},
		"a combining joiner":                {"a\u034fb", `a\u034fb`},
		"line and paragraph":                {"a\u2028b\u2029", `a\u2028b\u2029`},
		"a joiner behind a broken byte":     {"\xff\u200d", `\xff\u200d`},
		"a joiner behind what stands for �": {"\ufffd\u200d", "\ufffd\u200d"},
	} {
		want := tt.want
		if want == "" {
			want = tt.text
		}
		if got := string(safe.Append(nil, []byte(tt.text))); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if strings.Contains(tt.text, "\xff") {
			continue
		}
		ev, x := mustScan(t, `{"a":"`+tt.text+`","`+tt.text+`":["`+tt.text+`"]}`)
		quoted, inJSON := want, want
		if want != tt.text {
			inJSON = jsonEscapes(want)
			quoted = `"` + want + `"`
		}
		line := mustNew(t, Options{Format: "line", Time: "none"})
		if got := string(line.Event(nil, ev, x)); !strings.HasSuffix(got, " a="+quoted+" "+quoted+`=["`+inJSON+`"]`+"\n") {
			t.Errorf("%s: the line is %q", name, got)
		}
		pretty := mustNew(t, Options{Format: "pretty"})
		if got := string(pretty.Event(nil, ev, x)); strings.Count(got, `"`+inJSON+`"`) != 3 {
			t.Errorf("%s: pretty is %q", name, got)
		}
		template := mustNew(t, Options{Format: "template", Template: `{{.a}}` + "\t" + `{{color "red" .a}}` + tt.text + "\n" + `{{printf "%s" .a}} {{json .a}} {{index . ` + "`" + want + "`" + `}}`, Profile: colorprofile.ANSI})
		red := template.theme.named["red"]
		if got := string(template.Event(nil, ev, x)); got != want+"\t"+red+want+reset+want+"\n"+want+` "`+inJSON+`" ["`+inJSON+`"]`+"\n" {
			t.Errorf("%s: the template prints %q", name, got)
		}
		marked := mustNew(t, Options{Format: "line", Time: "none", Highlight: []string{"a="}, Profile: colorprofile.ANSI})
		if got := string(stripSGR(marked.Event(nil, ev, x))); !strings.Contains(got, " a="+quoted+" ") {
			t.Errorf("%s: marked, the line is %q", name, got)
		}
	}
}

// jsonEscapes makes JSON's escapes of those past the basic plane.
func jsonEscapes(text string) string {
	for {
		before, after, ok := strings.Cut(text, `\U`)
		if !ok {
			return text
		}
		var r rune
		if _, err := fmt.Sscanf(after[:8], "%x", &r); err != nil {
			panic(err)
		}
		high, low := utf16.EncodeRune(r)
		text = before + fmt.Sprintf(`\u%04x\u%04x`, high, low) + after[8:]
	}
}

// TestWrittenColumns: one emoji of several characters takes the two columns of
// one, so that what follows stands in its column.
func TestWrittenColumns(t *testing.T) {
	for _, class := range []string{"👩\u200d👩\u200d👧\u200d👦", "🏳\ufe0f\u200d🌈", "日", "ab", "می\u200cخ"} {
		ev, x := mustScan(t, `{"class":"`+class+`","event":"x","machine":1}`)
		r := mustNew(t, Options{Format: "line", Time: "none"})
		if got := strings.TrimSuffix(string(r.Event(nil, ev, x)), "\n"); ansi.StringWidth(got) != nameColumns+3 {
			t.Errorf("%q takes %d columns, not %d", got, ansi.StringWidth(got), nameColumns+3)
		}
	}
}
