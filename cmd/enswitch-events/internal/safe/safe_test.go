package safe

import (
	"bytes"
	"testing"
	"unicode"
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
				got, ok := CopyPlain([]byte("before"), text)
				if ok != (classify(text) == 0) || ok && string(got) != "before"+string(text) {
					t.Errorf("%q is plain: %v, %q", text, ok, got)
				}
				if got := IsASCII(text); got != (c < 0x80) {
					t.Errorf("%q is ASCII: %v", text, got)
				}
				if got := IsGraphic(text); got != (' ' < c && c < 0x7f) {
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

func TestAppend(t *testing.T) {
	tests := []struct{ in, want string }{
		{"plain text \\ \"x\"", "plain text \\ \"x\""},
		{"a\nb\r\t\x00\x1b\x7f", `a\nb\r\t\x00\x1b\x7f`},
		{"\u0085\u009b", `\u0085\u009b`},
		{"é 日本 ☎", "é 日本 ☎"},
		{"\u061c\u200e\u200f\u202a\u202e\u2066\u2069", `\u061c\u200e\u200f\u202a\u202e\u2066\u2069`},
		{"\u2028\u2029\u200b\u200d\ufeff\u00ad\u3164\U000e0041\U000e01ef", `\u2028\u2029\u200b\u200d\ufeff\u00ad\u3164\U000e0041\U000e01ef`},
		{"\xff\xc3(\xed\xa0\x80\ufffd", `\xff\xc3(\xed\xa0\x80` + "\ufffd"},
	}
	for _, test := range tests {
		if got := string(Append([]byte(">"), []byte(test.in))); got != ">"+test.want {
			t.Errorf("%q: %q, want %q", test.in, got, test.want)
		}
	}
}
