// Package caret shows where the value of a flag is wrong: the line with the fault,
// and a caret under it.
package caret

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// Error is a fault in an expression that was typed as the value of a flag.
type Error struct {
	Flag   string // with its dashes: --where
	Text   string // the whole expression
	Offset int    // bytes of Text before the fault; its length if something is missing at the end
	Reason string // lower case, one line
}

// Wrap returns err as an Error of a flag if it is a [filter.SyntaxError], and
// unchanged otherwise.
func Wrap(flag string, err error) error {
	if e, ok := errors.AsType[*filter.SyntaxError](err); ok {
		return &Error{Flag: flag, Text: e.Text, Offset: e.Offset, Reason: e.Reason}
	}
	return err
}

// WrapOptions is Wrap for an error of [filter.Compile]: each of its options has a
// flag of the same name.
func WrapOptions(err error) error {
	if e, ok := errors.AsType[*filter.SyntaxError](err); ok {
		flag := strings.ToLower(e.Option)
		if e.Option == "NotGrep" {
			flag = "not-grep"
		}
		return Wrap("--"+flag, err)
	}
	return err
}

// Error returns three lines: the flag and the reason, the line of the expression that
// has the fault, and a caret under it; for an empty expression only one. A long line is
// cut around the fault, and what cannot be printed is shown as U+FFFD.
func (e *Error) Error() string {
	if strings.TrimSpace(e.Text) == "" { // there is nothing to show
		return fmt.Sprintf("%s %q: %s", e.Flag, e.Text, strings.TrimSuffix(e.Reason, " here"))
	}
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
		// The width of both together, because a combining mark joins the space
		// before it.
		strings.Repeat(" ", ansi.StringWidth(prefix+before)))
}

// excerpt returns the text of a line before and after an offset, cut so that it
// fits on a line of a terminal.
func excerpt(line string, at int) (before, after string) {
	const maxBefore = 60 // columns before the caret
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
	if w := ansi.StringWidth(before); w > maxBefore {
		before = ansi.TruncateLeft(before, w-maxBefore, "")
	}
	return before, ansi.Truncate(after, maxBefore/2, "")
}
