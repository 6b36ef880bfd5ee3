package event

import (
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendUnescaped appends the text of a valid JSON string s, which is without its
// quotes.
func appendUnescaped(dst, s []byte) []byte {
	start := 0 // of what is appended unchanged
	for i := 0; i < len(s); {
		c := s[i]
		if c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c = s[i+1]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hexRune(s[i+2:])
			i += 6
			if utf16.IsSurrogate(r) {
				if surrogatePair(s[i-6:]) {
					r = utf16.DecodeRune(r, hexRune(s[i+2:]))
					i += 6
				} else {
					r = utf8.RuneError
				}
			}
			dst = utf8.AppendRune(dst, r)
			start = i
			continue
		default: // " \ /
			dst = append(dst, c)
		}
		i += 2
		start = i
	}
	return append(dst, s[start:]...)
}

func hexRune(s []byte) rune {
	var r rune
	for _, c := range s[:4] {
		switch {
		case c <= '9':
			r = r<<4 | rune(c-'0')
		default:
			r = r<<4 | rune(c|0x20-'a'+10)
		}
	}
	return r
}

// surrogatePair reports whether s, which begins with a valid \u escape, begins with
// the escapes of both halves of a surrogate pair, the higher one first.
func surrogatePair(s []byte) bool {
	return len(s) >= 12 && s[6] == '\\' && s[7] == 'u' && hex4(s[8:12]) &&
		utf16.DecodeRune(hexRune(s[2:]), hexRune(s[8:])) != utf8.RuneError
}

// AppendString appends text as a JSON string with its quotes, as gojq prints it:
// control characters and DEL are escaped, all other characters stay, and each byte
// that is not UTF-8 becomes \ufffd. So the result is valid JSON in valid UTF-8,
// whatever text holds.
func AppendString[T string | []byte](dst []byte, text T) []byte {
	dst = append(dst, '"')
	start := 0 // of what is appended unchanged
	for i := 0; i < len(text); {
		c := text[i]
		if ' ' <= c && c <= '~' && c != '"' && c != '\\' {
			i++
			continue
		}
		n := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, n = utf8.DecodeRuneInString(string(text[i:min(i+utf8.UTFMax, len(text))])); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		}
		dst = append(dst, text[start:i]...)
		switch c {
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case 0x7f:
			dst = append(dst, `\u007f`...)
		default:
			if c >= utf8.RuneSelf {
				dst = append(dst, `\ufffd`...)
			} else {
				dst = AppendEscaped(dst, c)
			}
		}
		i += n
		start = i
	}
	return append(append(dst, text[start:]...), '"')
}

// AppendEscaped appends one byte of text to a JSON string, as an escape if JSON
// needs one. A byte that is not ASCII is appended unchanged, so unlike with
// [AppendString] the result is UTF-8 only if the text is.
func AppendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if c < ' ' {
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
	return append(dst, c)
}

// appendRepaired appends raw, which scan has accepted, with valid strings: each byte
// that is not UTF-8 becomes U+FFFD, as in encoding/json, each raw control character
// is escaped, and the escape of half a surrogate pair becomes \ufffd.
func appendRepaired(dst, raw []byte) []byte {
	inside := false
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == '"':
			inside = !inside
			dst = append(dst, c)
			i++
		case c == '\\':
			n := 2
			if raw[i+1] == 'u' {
				n = 6
				if surrogatePair(raw[i:]) {
					n = 12
				} else if utf16.IsSurrogate(hexRune(raw[i+2:])) {
					dst = append(dst, `\ufffd`...)
					i += n
					continue
				}
			}
			dst = append(dst, raw[i:i+n]...)
			i += n
		case c < 0x20 && inside:
			dst = AppendEscaped(dst, c)
			i++
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			r, n := utf8.DecodeRune(raw[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
		}
	}
	return dst
}

// AppendCompact appends valid JSON without the white space between its tokens. The
// tokens themselves, including the text of numbers and escapes, stay as they are.
func AppendCompact(dst, json []byte) []byte {
	inside := false
	start := 0 // of what is appended unchanged
	for i := 0; i < len(json); i++ {
		switch c := json[i]; {
		case c == '"':
			inside = !inside
		case c == '\\':
			i++
		case c <= ' ' && !inside:
			dst = append(dst, json[start:i]...)
			start = i + 1
		}
	}
	return append(dst, json[start:]...)
}
