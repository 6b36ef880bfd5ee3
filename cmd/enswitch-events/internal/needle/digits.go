package needle

import "strings"

// separators may be between the digits of a telephone number; the backslash is that of a
// slash as JSON may escape it.
const separators = ` ()-./\`

// digits finds digits with nothing but separators between them. It first looks at the pair of
// bytes where a match would end: most pairs cannot be in any match, and then the search goes on
// after that pair.
type digits struct {
	text  string
	pairs [1 << 13]uint8 // a bit for each pair of bytes: one may follow the other
}

// newDigits returns a digits for at least 2 digits.
func newDigits(text string) *digits {
	d := &digits{text: text}
	allow := func(a, b byte) {
		pair := uint(a)<<8 | uint(b)
		d.pairs[pair/8] |= 1 << (pair % 8)
	}
	for i := range len(separators) {
		for j := range len(text) {
			allow(text[j], separators[i])
			allow(separators[i], text[j])
		}
		for j := range len(separators) {
			allow(separators[i], separators[j])
		}
	}
	for i := range len(text) - 1 {
		allow(text[i], text[i+1])
	}
	return d
}

// find returns the offset of the last of the digits in text[at:], len(text) if they are
// not there.
func (d *digits) find(text []byte, at int) int {
	n := len(d.text) - 1
	for i := at + n; i < len(text); {
		j := i
		for j > i-n {
			pair := uint(text[j-1])<<8 | uint(text[j])
			if d.pairs[pair/8]&(1<<(pair%8)) == 0 {
				break
			}
			j--
		}
		switch {
		case j > i-n: // no match has both text[j-1] and text[j]
			i = j + n
		case d.endAt(text[at : i+1]):
			return i
		default:
			i++
		}
	}
	return len(text)
}

// endAt reports whether text ends with the digits.
func (d *digits) endAt(text []byte) bool {
	k := len(d.text) - 1
	if text[len(text)-1] != d.text[k] {
		return false
	}
	for i := len(text) - 1; i >= 0 && k >= 0; i-- {
		if c := text[i]; c == d.text[k] {
			k--
		} else if strings.IndexByte(separators, c) < 0 {
			return false
		}
	}
	return k < 0
}
