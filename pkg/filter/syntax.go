package filter

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// SyntaxError says what is wrong with an expression, and where.
type SyntaxError struct {
	// Flag is the command line's name for the kind of expression: --where.
	Flag string
	// Text is the whole expression.
	Text string
	// Offset is the number of bytes of Text before the fault, its length if
	// something is missing at the end.
	Offset int
	// Reason says what is wrong, in lower case.
	Reason string
}

// Error returns three lines: the reason, the line of the expression that has
// the fault, and a caret under it. A long line is cut around the fault, and
// what cannot be printed is shown as U+FFFD.
func (e *SyntaxError) Error() string {
	at := min(max(e.Offset, 0), len(e.Text))
	start := strings.LastIndexByte(e.Text[:at], '\n') + 1
	line := e.Text[start:]
	if i := strings.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	before, after := excerpt(line, at-start)
	prefix := "    "
	if strings.Contains(strings.TrimSuffix(e.Text, "\n"), "\n") {
		prefix += fmt.Sprintf("%d | ", strings.Count(e.Text[:start], "\n")+1)
	}
	return fmt.Sprintf("%s: %s\n%s%s%s\n%s^", e.Flag, e.Reason, prefix, before, after,
		// Together: a combining mark joins the space before it.
		strings.Repeat(" ", ansi.StringWidth(prefix+before)))
}

// excerpt returns the text of a line before and after an offset, as much as
// goes on a terminal's line.
func excerpt(line string, at int) (before, after string) {
	const most = 60 // columns before the caret, when the line is cut
	show := func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return utf8.RuneError
		}
		return r
	}
	before = strings.Map(show, strings.ToValidUTF8(line[:at], "\uFFFD"))
	after = strings.Map(show, strings.ToValidUTF8(strings.TrimSuffix(line[at:], "\r"), "\uFFFD"))
	if w := ansi.StringWidth(before); w > most {
		before = ansi.TruncateLeft(before, w-most, "")
	}
	return before, ansi.Truncate(after, most/2, "")
}
