package render

import (
	"bytes"
	"strings"
	"testing"

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

// TestWords: more names than are kept, long and empty ones among them, look
// like the first.
func TestWords(t *testing.T) {
	show := func(r *Renderer, name string) string {
		ev, x := mustScan(t, `{"class":"a","event":"b","`+name+`":1,"other":2,"`+name+`":3}`)
		return string(r.Event(nil, ev, x))
	}
	r := mustNew(t, Options{Format: "line"})
	names := []string{"", string(bytes.Repeat([]byte("y"), 100))}
	for i := range 2 * maxWords {
		names = append(names, "name"+string(rune('a'+i%26))+string(rune('a'+i/26)))
	}
	for range 2 {
		for _, name := range names {
			if got, want := show(r, name), show(mustNew(t, Options{Format: "line"}), name); got != want {
				t.Errorf("%q, not %q", got, want)
			}
		}
	}
}
