package event

import (
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendUnescaped appends the text of a valid JSON string, given without its
// quotes.
func appendUnescaped(dst, s []byte) []byte {
	start := 0 // of what is to be appended as it stands
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
				if i+6 <= len(s) && s[i] == '\\' && s[i+1] == 'u' {
					if both := utf16.DecodeRune(r, hexRune(s[i+2:])); both != utf8.RuneError {
						dst = utf8.AppendRune(dst, both)
						i += 6
						start = i
						continue
					}
				}
				r = utf8.RuneError
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

// AppendString appends text as a JSON string with its quotes. Bytes that are
// not UTF-8 become U+FFFD and control characters are escaped, so the result is
// valid JSON whatever text holds.
func AppendString(dst []byte, text []byte) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
			i++
		case c < 0x20:
			dst = appendControl(dst, c)
			i++
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			r, n := utf8.DecodeRune(text[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
		}
	}
	return append(dst, '"')
}

func appendControl(dst []byte, c byte) []byte {
	switch c {
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// appendRepaired appends raw, which scan has accepted, with the contents of
// its strings made valid: each byte that is not UTF-8 as U+FFFD, as
// encoding/json does, and each raw control character escaped.
func appendRepaired(dst, raw []byte) []byte {
	inside := false
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == '"':
			inside = !inside
			dst = append(dst, c)
			i++
		case c == '\\':
			dst = append(dst, c, raw[i+1])
			i += 2
		case c < 0x20 && inside:
			dst = appendControl(dst, c)
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

// AppendCompact appends valid JSON without the white space between its tokens;
// the tokens themselves, number text and escapes too, stay as they are.
func AppendCompact(dst, json []byte) []byte {
	inside := false
	start := 0 // of what is to be appended as it stands
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
