package flags

import (
	"errors"
	"runtime"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/caret"
)

// SplitWords splits a command line, the value of a flag, into words as a POSIX shell does,
// with quotes and backslashes; on Windows a backslash that is not before a quote is part of a
// path. Anything else that needs a shell is a [*caret.Error]; shell says how to get one.
func SplitWords(flag, text, shell string) ([]string, error) {
	bad := func(at syntax.Pos, reason string) error {
		return &caret.Error{Flag: flag, Text: text, Offset: int(at.Offset()), Reason: reason}
	}
	shell = "this needs a shell: " + shell
	var words []string
	for w, err := range syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).WordsSeq(strings.NewReader(text)) {
		if err != nil {
			var at syntax.Pos
			if e, ok := errors.AsType[syntax.ParseError](err); ok {
				if at = e.Pos; strings.Contains(e.Text, "quote") {
					return nil, bad(at, "this quote is not closed")
				}
			}
			return nil, bad(at, shell)
		}
		word, special := appendWord(nil, w.Parts, false)
		if special != nil {
			return nil, bad(special.Pos(), shell)
		}
		words = append(words, string(word))
	}
	if len(words) == 0 || words[0] == "" {
		return nil, bad(syntax.Pos{}, "the command is empty")
	}
	return words, nil
}

// appendWord appends the text of a word. It returns the first part that needs a shell,
// or nil.
func appendWord(dst []byte, parts []syntax.WordPart, quoted bool) (word []byte, special syntax.Node) {
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			dst = appendUnescaped(dst, p.Value, quoted)
		case *syntax.SglQuoted:
			dst = append(dst, p.Value...)
		case *syntax.DblQuoted:
			if dst, special = appendWord(dst, p.Parts, true); special != nil {
				return nil, special
			}
		default:
			return nil, p
		}
	}
	return dst, nil
}

// appendUnescaped appends text without its backslashes. Between double quotes a
// backslash counts only before $, `, ", \ and a line break.
func appendUnescaped(dst []byte, text string, quoted bool) []byte {
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && escapes(text[i+1], quoted, runtime.GOOS == "windows") {
			if i++; text[i] == '\n' {
				continue
			}
		}
		dst = append(dst, text[i])
	}
	return dst
}

// escapes reports whether a backslash before c is no part of the word.
func escapes(c byte, quoted, paths bool) bool {
	if paths {
		return c == '"' || c == '\''
	}
	return !quoted || strings.IndexByte("$`\"\\\n", c) >= 0
}
