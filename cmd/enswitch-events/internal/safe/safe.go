// Package safe shows text that came from outside: on a terminal it can neither move
// the cursor nor hide or reorder anything. Every byte of an event is hostile until
// shown otherwise, as callers choose their own display names.
package safe

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode"
	"unicode/utf8"
)

// A caller chooses their own display name, so every byte of an event is
// hostile to a terminal until shown otherwise. What may pass unchanged is
// printable text; all that could move the cursor, change a colour or the
// title, begin a line, reorder what is read or hide is spelled out.

const hexDigits = "0123456789abcdef"

// What a byte asks for when text is shown as one word.
const (
	needsQuotes = 1 << iota // a word with it is no word without quotes
	needsEscape             // a control character
	notASCII                // part of a longer character, to be looked at whole
)

// byteClass holds those bits for each byte.
var byteClass = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c < 0x20 || c == 0x7f:
			t[c] = needsEscape
		case c == ' ' || c == '"' || c == '=' || c == '\\':
			t[c] = needsQuotes
		case c >= utf8.RuneSelf:
			t[c] = notASCII
		}
	}
	return t
}()

func classify(text []byte) (bits uint8) {
	for _, c := range text {
		bits |= byteClass[c]
	}
	return bits
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// CopyPlain appends text if AppendWord would append it as it is, and text is
// ASCII and not empty. It may report false for such a text; what it wrote then is
// after the end of dst.
func CopyPlain(dst, text []byte) ([]byte, bool) {
	n := len(text)
	if n < 8 {
		return append(dst, text...), n > 0 && classify(text) == 0
	}
	dst = slices.Grow(dst, n)
	into := dst[len(dst) : len(dst)+n]
	// Eight bytes at a time, the last of which may overlap.
	for i := 0; ; i += 8 {
		i = min(i, n-8)
		w := binary.LittleEndian.Uint64(text[i:])
		m := (w - ones*'!') | (w ^ ones*'"' - ones) | (w ^ ones*'=' - ones) | (w ^ ones*'\\' - ones) | (w ^ ones*0x7f - ones) | w
		if m&highs != 0 {
			return dst, false
		}
		binary.LittleEndian.PutUint64(into[i:], w)
		if i == n-8 {
			return dst[:len(dst)+n], true
		}
	}
}

// IsGraphic reports whether all bytes are visible ASCII characters, blanks not
// among them. It may report false where they are.
func IsGraphic(text []byte) bool {
	for ; len(text) >= 8; text = text[8:] {
		w := binary.LittleEndian.Uint64(text)
		if ((w-ones*'!')|(w^ones*0x7f-ones)|w)&highs != 0 {
			return false
		}
	}
	for _, c := range text {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// harmless returns where the first byte from text[i] on is that may have to be
// escaped: a control character, a quote, a backslash or one that is not ASCII.
func harmless(text []byte, i int) int {
	for ; i+8 <= len(text); i += 8 {
		w := binary.LittleEndian.Uint64(text[i:])
		// With 2 flipped a quote is below 0x21, as control characters stay, and
		// nothing else is. The lowest high bit is exact: a byte that borrows has
		// its own set.
		m := (w ^ ones*2 - ones*0x21) | (w ^ ones*'\\' - ones) | (w ^ ones*0x7f - ones) | w
		if m &= highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(text) && (byteClass[text[i]] == 0 || text[i] == ' ' || text[i] == '=') {
		i++
	}
	return i
}

// IsASCII reports whether all bytes are ASCII characters.
func IsASCII(text []byte) bool {
	for len(text) >= 8 {
		if binary.LittleEndian.Uint64(text)&highs != 0 {
			return false
		}
		text = text[8:]
	}
	return classify(text)&notASCII == 0
}

// unsafeRune reports whether r must not reach a terminal unescaped: C0, C1,
// DEL, line and paragraph separators, bidirectional controls and whatever else
// is meant not to be seen (zero-width characters, byte order marks, tags). Of
// joiners and variation selectors, for which it is true as well, see shapes.
func unsafeRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r < 0x20 || r == 0x7f
	}
	// Letters and marks that need no look into the tables: most of the western
	// ones, of the Asian and of emoji.
	switch {
	case 0xa0 <= r && r < 0x300 && r != 0xad, 0x370 <= r && r < 0x61c, 0x620 <= r && r < 0x70f, 0x900 <= r && r < 0x115f,
		0x2010 <= r && r < 0x2028, 0x3165 <= r && r < 0xa4d0, 0x3000 <= r && r < 0x3164, 0x1f000 <= r && r < 0x20000:
		return false
	}
	return 0xe0000 <= r && r <= 0xe0fff || isBroken(r) ||
		unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
			!unicode.Is(unicode.Prepended_Concatenation_Mark, r) // Arabic signs around numbers, which are seen
}

const (
	nonJoiner     = 0x200c
	joiner        = 0x200d
	emojiSelector = 0xfe0f
)

// shapes reports whether r is a joiner or a variation selector that stands where
// people write it: it changes the shape of the character that ends before, and
// has no other place. Joiners belong to emoji and to scripts other than Latin,
// Greek and Cyrillic, selectors to emoji, Han and Mongolian.
func shapes(before []byte, r rune) bool {
	if r != nonJoiner && r != joiner && !unicode.Is(unicode.Variation_Selector, r) {
		return false
	}
	base, n := utf8.DecodeLastRune(before)
	switch {
	case base == utf8.RuneError && n < 2:
		return false
	case r == nonJoiner || r == joiner:
		if base == emojiSelector {
			return shapes(before[:len(before)-n], base)
		}
		return base >= 0x600 && !unsafeRune(base) && unicode.In(base, unicode.L, unicode.M, unicode.So, unicode.Sk) &&
			!unicode.In(base, unicode.Latin, unicode.Greek, unicode.Cyrillic)
	case r < 0x1900:
		return unicode.Is(unicode.Mongolian, base)
	case r == emojiSelector && (base == '#' || base == '*' || '0' <= base && base <= '9'): // on a key
		return true
	case r > 0xffff:
		return unicode.Is(unicode.Han, base)
	}
	return (base == '©' || base == '®' || base >= 0x2000) && !unsafeRune(base)
}

// Append appends text that came from outside so that it can be shown on a
// terminal: control characters (C0, C1, DEL), line separators, bidirectional
// controls, invisible characters and bytes that are not UTF-8 are spelled out
// as \n, \x1b, \u202e, \U000e0041 or \xff. All other text stays as it is, a
// backslash too, and so do the joiners of scripts and emoji.
func Append(dst, text []byte) []byte {
	if classify(text)&(needsEscape|notASCII) == 0 {
		return append(dst, text...)
	}
	return appendEscaped(dst, text, false)
}

// String is [Append] for a string.
func String(text string) string { return string(Append(nil, []byte(text))) }

// appendEscaped is Append without its shortcut; inQuotes also escapes
// quotes and backslashes.
func appendEscaped(dst, text []byte, inQuotes bool) []byte {
	start := 0 // of what is appended unchanged
	for i := harmless(text, 0); i < len(text); i = harmless(text, i) {
		c := text[i]
		if c < utf8.RuneSelf {
			if escape := byteClass[c]&needsEscape != 0; escape || inQuotes && (c == '"' || c == '\\') {
				dst = append(dst, text[start:i]...)
				if escape {
					dst = appendEscape(dst, rune(c))
				} else {
					dst = append(dst, '\\', c)
				}
				start = i + 1
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		broken := r == utf8.RuneError && n == 1
		if broken || unsafeRune(r) && !shapes(text[:i], r) {
			dst = append(dst, text[start:i]...)
			if broken {
				dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
			} else {
				dst = appendEscape(dst, r)
			}
			start = i + n
		}
		i += n
	}
	return append(dst, text[start:]...)
}

func appendEscape(dst []byte, r rune) []byte {
	switch {
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\r':
		return append(dst, `\r`...)
	case r == '\t':
		return append(dst, `\t`...)
	case r < 0x80 || isBroken(r):
		return append(dst, '\\', 'x', hexDigits[r>>4&15], hexDigits[r&15])
	case r < 0x10000:
		return appendHex(append(dst, '\\', 'u'), r, 4)
	}
	return appendHex(append(dst, '\\', 'U'), r, 8)
}

func appendHex(dst []byte, r rune, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[r>>shift&15])
	}
	return dst
}

// AppendWord appends text as one word of a line: unchanged, or safe and in
// quotes if it is empty, holds white space, quotes, = or a backslash, or
// anything that has to be escaped.
func AppendWord(dst, text []byte) []byte {
	if word, ok := CopyPlain(dst, text); ok {
		return word
	}
	if bits := classify(text); bits == 0 && len(text) > 0 || bits == notASCII && isWord(text) {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	dst = appendEscaped(dst, text, true)
	return append(dst, '"')
}

// SameInQuotes reports whether a string of valid JSON, given without its quotes,
// is what AppendWord would write between them.
func SameInQuotes(text []byte) bool {
	for i := harmless(text, 0); i < len(text); i = harmless(text, i) {
		switch c := text[i]; {
		case c == '\\':
			switch text[i+1] {
			case '"', '\\', 'n', 'r', 't':
				i += 2
			default:
				return false
			}
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(text[i:])
			if unsafeRune(r) && !shapes(text[:i], r) {
				return false
			}
			i += n
		default:
			return false
		}
	}
	return true
}

func isWord(text []byte) bool {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 || unsafeRune(r) && !shapes(text[:i], r) || unicode.IsSpace(r) {
			return false
		}
		i += n
	}
	return true
}

// AppendJSON appends valid JSON, without white space between its tokens,
// with the characters that Append would escape as \u escapes, which
// changes nothing of its meaning.
func AppendJSON(dst, json []byte) []byte {
	if classify(json)&(needsEscape|notASCII) == 0 {
		return append(dst, json...)
	}
	for i := 0; i < len(json); {
		r, n := utf8.DecodeRune(json[i:])
		if unsafeRune(r) && !shapes(json[:i], r) {
			dst = appendJSONEscape(dst, r)
		} else {
			dst = append(dst, json[i:i+n]...)
		}
		i += n
	}
	return dst
}

func appendJSONEscape(dst []byte, r rune) []byte {
	if r >= 0x10000 {
		r -= 0x10000
		dst = appendHex(append(dst, '\\', 'u'), 0xd800|r>>10, 4)
		r = 0xdc00 | r&0x3ff
	}
	return appendHex(append(dst, '\\', 'u'), r, 4)
}

// brokenByte is the first of 256 characters of the last private plane, which
// nobody has assigned, that stand for bytes that are not UTF-8.
const brokenByte = 0x10fe00

func isBroken(r rune) bool { return r&^0xff == brokenByte }

// AppendSpelledJSON is AppendJSON for what AppendBroken made. It is JSON no
// more where bytes were not UTF-8.
func AppendSpelledJSON(dst, json []byte) []byte {
	for i := 0; i < len(json); {
		r, n := utf8.DecodeRune(json[i:])
		switch {
		case isBroken(r):
			dst = appendEscape(dst, r)
		case unsafeRune(r) && !shapes(json[:i], r):
			dst = appendJSONEscape(dst, r)
		default:
			dst = append(dst, json[i:i+n]...)
		}
		i += n
	}
	return dst
}

// AppendBroken appends text with each byte that is not UTF-8 replaced by the
// character that stands for it. Such a byte then survives the repair of an
// event, and is shown as the byte that it was.
func AppendBroken(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			r = brokenByte | rune(text[i])
		}
		dst = utf8.AppendRune(dst, r)
		i += n
	}
	return dst
}
