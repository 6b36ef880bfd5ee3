package render

import (
	"bytes"
	"testing"
	"unicode"
)

// TestUnsafeRune holds the shortcuts equal to the tables, for every character.
func TestUnsafeRune(t *testing.T) {
	for r := range unicode.MaxRune + 1 {
		want := r < 0x20 || r == 0x7f || 0xe0000 <= r && r <= 0xe0fff || isBroken(r) ||
			unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point)
		if unsafeRune(r) != want {
			t.Errorf("%U is unsafe: %v", r, !want)
		}
	}
}

// TestIsPlain puts every byte at every place of a text.
func TestIsPlain(t *testing.T) {
	for n := 1; n < 20; n++ {
		for at := range n {
			for c := range 256 {
				text := bytes.Repeat([]byte("x"), n)
				text[at] = byte(c)
				if got := isPlain(text); got != (classify(text) == 0) {
					t.Errorf("%q: %v", text, got)
				}
				if got := isASCII(text); got != (c < 0x80) {
					t.Errorf("%q is ASCII: %v", text, got)
				}
			}
		}
	}
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
