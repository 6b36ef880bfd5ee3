package log

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// minWrap is the fewest columns for which a text is broken at blanks.
const minWrap = 40

// wrap breaks text at blanks into lines of at most width columns, joined by a line break and
// hang. The first line has taken columns before it. A word that is wider than a line stays
// whole, and so does a command in single quotes that fits on a line, so that it can be
// copied.
func wrap(text string, taken, width int, hang string) string {
	if width < minWrap || taken+ansi.StringWidth(text) <= width {
		return text
	}
	var b strings.Builder
	column := taken
	for i, word := range words(text, width-len(hang)) {
		wide := ansi.StringWidth(word)
		switch {
		case i == 0:
		case column+1+wide > width:
			b.WriteString("\n" + hang)
			column = len(hang)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += wide
	}
	return b.String()
}

// words splits text at single blanks. A text in single quotes is one word if it is at most
// width columns wide.
func words(text string, width int) (all []string) {
	for text != "" {
		word, rest, _ := strings.Cut(text, " ")
		if end := strings.Index(text[1:], "'"); end > 0 && text[0] == '\'' {
			after, _, _ := strings.Cut(text[end+2:], " ") // a comma, say
			if quoted := text[:end+2] + after; ansi.StringWidth(quoted) <= width {
				word, rest = quoted, strings.TrimPrefix(text[len(quoted):], " ")
			}
		}
		all = append(all, word)
		text = rest
	}
	return all
}
