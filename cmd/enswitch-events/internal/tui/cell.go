package tui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
)

// A caller chooses the text that is shown here. It is made safe, and it has the same width in
// every terminal: joiners, variation selectors, skin tones, and marks beyond the second on a
// letter are left out, as terminals do not agree on the width of what they make.

// maxCell is how much of a text is looked at for a cell, in bytes: it may be as long as an
// event, and there are many cells.
const maxCell = 1 << 10

// begin returns the beginning of text that is enough for a cell.
func begin(text string) string {
	if len(text) <= maxCell {
		return text
	}
	n := maxCell
	for n > maxCell-utf8.UTFMax && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// end returns the end of text that is enough for a cell.
func end(text string) string {
	if len(text) <= maxCell {
		return text
	}
	text = text[len(text)-maxCell:]
	for n := 0; n < utf8.UTFMax && !utf8.RuneStart(text[0]); n++ {
		text = text[1:]
	}
	return text
}

// cell returns text for a cell: clean, and not all of it if it is long.
func cell(text string) string { return clean(begin(text)) }

// clean returns text on one line that is safe to show and of a known width.
func clean(text string) string {
	if plain(text) {
		return text
	}
	var b strings.Builder
	marks := 0
	for _, r := range safe.String(text) {
		switch {
		case unicode.In(r, unicode.Cf, unicode.Variation_Selector), 0x1f3fb <= r && r <= 0x1f3ff:
			continue
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks++; marks > 2 || b.Len() == 0 {
				continue
			}
		default:
			marks = 0
		}
		b.WriteRune(r)
	}
	return b.String()
}

// plain reports whether text is visible ASCII characters and blanks alone.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// fit appends text that is clean in exactly width columns, cut with … if it is longer.
func fit(b *strings.Builder, text string, width int, right bool) {
	if width <= 0 {
		return
	}
	n := columns(text)
	if n > width {
		text = cut(text, width)
		n = columns(text)
	}
	if right {
		blanks(b, width-n)
	}
	b.WriteString(text)
	if !right {
		blanks(b, width-n)
	}
}

// columns returns how wide text is.
func columns(text string) int {
	if plain(text) {
		return len(text)
	}
	n := 0
	for _, r := range text {
		n += ansi.StringWidthWc(string(r))
	}
	return n
}

// cut returns the beginning of text, in width columns with … at its end, if it is longer. Less
// than one column holds nothing.
func cut(text string, width int) string {
	if width < 1 {
		return ""
	}
	if plain(text) {
		if len(text) <= width {
			return text
		}
		return text[:width-1] + "…"
	}
	if columns(text) <= width {
		return text
	}
	n := 0
	for i, r := range text {
		if n += columns(string(r)); n > width-1 {
			return text[:i] + "…"
		}
	}
	return text
}

// cutFront returns the end of text, in width columns with … before it, if it is longer: an id
// differs in its end.
func cutFront(text string, width int) string {
	n := columns(text)
	if n <= width {
		return text
	}
	for n > width-1 {
		r, size := utf8.DecodeRuneInString(text)
		n -= columns(string(r))
		text = text[size:]
	}
	return "…" + text
}

func blanks(b *strings.Builder, n int) {
	for ; n > 0; n-- {
		b.WriteByte(' ')
	}
}
