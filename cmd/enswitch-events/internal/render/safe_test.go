package render

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// TestUnsafeRune holds the shortcuts equal to the tables, for every character.
func TestUnsafeRune(t *testing.T) {
	for r := range unicode.MaxRune + 1 {
		want := r < 0x20 || r == 0x7f || 0xe0000 <= r && r <= 0xe0fff || isBroken(r) ||
			unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
				!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
		if unsafeRune(r) != want {
			t.Errorf("%U is unsafe: %v", r, !want)
		}
	}
}

// TestEveryByte puts every byte at every place of a text, for what looks at eight
// at a time.
func TestEveryByte(t *testing.T) {
	for n := 1; n < 20; n++ {
		for at := range n {
			for c := range 256 {
				text := bytes.Repeat([]byte("x"), n)
				text[at] = byte(c)
				got, ok := copyPlain([]byte("before"), text)
				if ok != (classify(text) == 0) || ok && string(got) != "before"+string(text) {
					t.Errorf("%q is plain: %v, %q", text, ok, got)
				}
				if got := isASCII(text); got != (c < 0x80) {
					t.Errorf("%q is ASCII: %v", text, got)
				}
				if got := isGraphic(text); got != (' ' < c && c < 0x7f) {
					t.Errorf("%q is graphic: %v", text, got)
				}
				want := n
				if byteClass[c]&(needsEscape|notASCII) != 0 || c == '"' || c == '\\' {
					want = at
				}
				if got := harmless(text, 0); got != want {
					t.Errorf("%q is harmless up to %d", text, got)
				}
			}
		}
	}
}

// TestSameInQuotes: a string that is shown as it stands in JSON is what it would
// be when it is taken out of its quotes and escaped again.
func TestSameInQuotes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SampledFrom([]string{"a", " ", "=", `\"`, `\\`, `\n`, `\r`, `\t`, `\b`, `\/`, `\u0041`, `\u202e`, "\x7f", "ë", "静", "\u202e", "\u200b", "\u0085", "ی", "\u200c", "\u200d", "👩", "❤", "\ufe0f", "1", "plain text of some length"})
		v := event.Value{JSON: []byte(`"` + strings.Join(rapid.SliceOfN(part, 0, 12).Draw(t, "parts"), "") + `"`), Kind: event.String}
		v.Escaped = bytes.IndexByte(v.JSON, '\\') >= 0
		var r Renderer
		if got, want := string(r.value(nil, v)), string(appendWord(nil, v.Text())); got != want {
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
	for i := range 2 * mostWords {
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
