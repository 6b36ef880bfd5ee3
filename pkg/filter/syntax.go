package filter

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError says what is wrong with an expression, and where.
type SyntaxError struct {
	// Option names the kind of expression, by the field of [Options] that holds
	// it: Class, Event, Where, Grep, NotGrep, JQ or Args. For [CompileRegexp] it is Regexp.
	Option string
	// Text is the whole expression as it was given.
	Text string
	// Offset is the number of bytes of Text before the fault, its length if
	// something is missing at the end.
	Offset int
	// Reason says what is wrong, in lower case and on one line.
	Reason string
}

// Error returns one line: where the fault is, with at most some 80 bytes of the
// expression around it, and the reason.
func (e *SyntaxError) Error() string {
	const around = 40 // bytes shown on each side of the fault
	at := min(max(e.Offset, 0), len(e.Text))
	begin, end := max(0, at-around), min(len(e.Text), at+around)
	part := strings.ToValidUTF8(e.Text[begin:end], "\ufffd")
	if begin > 0 {
		part = "…" + part
	}
	if end < len(e.Text) {
		part += "…"
	}
	return fmt.Sprintf("%s, byte %d of %q: %s", e.Option, at, part, printable(e.Reason))
}

// printable returns text with U+FFFD in place of what cannot be printed. A message of gojq
// may hold parts of the expression.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, text)
}
