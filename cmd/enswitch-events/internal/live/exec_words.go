package live

import (
	"errors"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/caret"
)

// splitWords splits a command line as a shell does, quotes and backslashes
// included. Whatever a shell does beyond that is a [*caret.Error].
func splitWords(text string) ([]string, error) {
	bad := func(at syntax.Pos, reason string) error {
		return &caret.Error{Flag: "--exec", Text: text, Offset: int(at.Offset()), Reason: reason}
	}
	const shell = "this is for a shell: --exec-shell has one run it"
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
		word, beyond := appendWord(nil, w.Parts, false)
		if beyond != nil {
			return nil, bad(beyond.Pos(), shell)
		}
		words = append(words, string(word))
	}
	if len(words) == 0 || words[0] == "" {
		return nil, bad(syntax.Pos{}, "the command is empty")
	}
	return words, nil
}

// appendWord appends the text of a word. It returns the first part that is not
// plain text, or nil.
func appendWord(dst []byte, parts []syntax.WordPart, quoted bool) (word []byte, beyond syntax.Node) {
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			dst = appendUnescaped(dst, p.Value, quoted)
		case *syntax.SglQuoted:
			dst = append(dst, p.Value...)
		case *syntax.DblQuoted:
			if dst, beyond = appendWord(dst, p.Parts, true); beyond != nil {
				return nil, beyond
			}
		default:
			return nil, p
		}
	}
	return dst, nil
}

// appendUnescaped appends text without its backslashes: between double quotes
// only those that stand before what means something there.
func appendUnescaped(dst []byte, text string, quoted bool) []byte {
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && (!quoted || strings.IndexByte("$`\"\\\n", text[i+1]) >= 0) {
			if i++; text[i] == '\n' {
				continue
			}
		}
		dst = append(dst, text[i])
	}
	return dst
}
