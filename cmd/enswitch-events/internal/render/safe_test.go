package render

import (
	"bytes"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// TestSameInQuotes: a string that is shown as it is in JSON is the same when its
// quotes and escapes are removed and it is escaped again.
func TestSameInQuotes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SampledFrom([]string{"a", " ", "=", `\"`, `\\`, `\n`, `\r`, `\t`, `\b`, `\/`, `\u0041`, `\u202e`, "\x7f", "ë", "静", "\u202e", "\u200b", "\u0085", "ی", "\u200c", "\u200d", "👩", "❤", "\ufe0f", "1", "plain text of some length"})
		v := event.Value{JSON: []byte(`"` + strings.Join(rapid.SliceOfN(part, 0, 12).Draw(t, "parts"), "") + `"`), Kind: event.String}
		v.Escaped = bytes.IndexByte(v.JSON, '\\') >= 0
		var r Renderer
		if got, want := string(r.value(nil, v)), string(safe.AppendWord(nil, v.Text())); got != want {
			t.Fatalf("%s: %q, not %q", v.JSON, got, want)
		}
	})
}

// TestWords: more field names, classes and events than are kept, long and empty ones among
// them, look like the first.
func TestWords(t *testing.T) {
	texts := []string{"", string(bytes.Repeat([]byte("y"), 100)), "start", `st\u0061rt`, "静か", `a\"b`, "a b"}
	for i := range 2 * maxWords {
		texts = append(texts, "name"+string(rune('a'+i%26))+string(rune('a'+i/26)))
	}
	for place, raw := range map[string]string{
		"name":  `{"class":"a","event":"b","TEXT":1,"other":2,"TEXT":3}`,
		"class": `{"class":"TEXT","event":"TEXT"}`,
		"event": `{"event":"TEXT","callid":"1"}`,
	} {
		t.Run(place, func(t *testing.T) {
			o := Options{Format: "line", Profile: colorprofile.ANSI256}
			show := func(r *Renderer, text string) string {
				ev, x := mustScan(t, strings.ReplaceAll(raw, "TEXT", text))
				return string(r.Event(nil, ev, x))
			}
			r := mustNew(t, o)
			for range 2 {
				for _, text := range texts {
					fresh := mustNew(t, o)
					fresh.SetState(r.State())
					if got, want := show(r, text), show(fresh, text); got != want {
						t.Errorf("%q, not %q", got, want)
					}
				}
			}
		})
	}
}
