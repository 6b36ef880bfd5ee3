package filter

import (
	"bytes"
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// search is one expression of [Options].Grep or NotGrep.
type search struct {
	regexp *regexp.Regexp
	// texts are as Literals has them. fold says that they are in lower case and stand
	// for upper case, too.
	texts [][]byte
	fold  bool
	// whole says that the expression is the single text.
	whole bool
}

func compileSearches(option string, exprs []string, ignoreCase bool) ([]search, error) {
	var all []search
	for _, expr := range exprs {
		if ignoreCase {
			expr = "(?i)" + literalPlus(expr)
		}
		re, err := CompileRegexp(expr)
		if err != nil {
			if e, ok := errors.AsType[*SyntaxError](err); ok {
				if e.Option = option; ignoreCase {
					e.Text, e.Offset = strings.TrimPrefix(e.Text, "(?i)"), max(0, e.Offset-len("(?i)"))
				}
			}
			return nil, err
		}
		s := search{regexp: re}
		texts, fold := Literals(expr)
		s.fold = fold
		for _, text := range texts {
			s.texts = append(s.texts, []byte(text))
		}
		// Of ^text$, too, LiteralPrefix says that it is all of the expression.
		tree, err := syntax.Parse(re.String(), syntax.Perl)
		s.whole = err == nil && len(s.texts) == 1 && tree.Op == syntax.OpLiteral && tree.Flags&syntax.FoldCase == 0
		all = append(all, s)
	}
	return all, nil
}

// found reports whether the text of any value of the event, at any depth, matches.
func (f *Filter) found(s *search, x *event.Index) bool {
	raw := x.JSON()
	if len(s.texts) > 0 && bytes.IndexByte(raw, '\\') < 0 {
		// Without escapes the text of a value is part of the event's bytes.
		near := raw
		if s.fold {
			var ascii bool
			if f.text2, ascii = appendLower(f.text2[:0], raw); !ascii {
				return f.anyValue(s, raw) // letters fold to others beyond ASCII
			}
			near = f.text2
		}
		if !slices.ContainsFunc(s.texts, func(text []byte) bool { return bytes.Contains(near, text) }) {
			return false
		}
	}
	return f.anyValue(s, raw)
}

// anyValue is like found but looks at each value. raw is valid JSON.
func (f *Filter) anyValue(s *search, raw []byte) bool {
	for i := 0; i < len(raw); {
		switch c := raw[i]; c {
		case '{', '}', '[', ']', ',', ':', ' ', '\t', '\n', '\r':
			i++
			continue
		case '"':
			end, escaped := endOfString(raw, i)
			v := event.Value{JSON: raw[i:end], Kind: event.String, Escaped: escaped}
			for i = end; i < len(raw) && (raw[i] == ' ' || raw[i] == '\t' || raw[i] == '\n' || raw[i] == '\r'); {
				i++
			}
			if i < len(raw) && raw[i] == ':' {
				continue // the name of a field
			}
			var text []byte
			if text, f.text = textOf(v, f.text); s.matches(text) {
				return true
			}
		default:
			end := i + 1
			for end < len(raw) && !strings.ContainsRune(",]} \t\n\r", rune(raw[end])) {
				end++
			}
			if s.matches(raw[i:end]) {
				return true
			}
			i = end
		}
	}
	return false
}

func (s *search) matches(text []byte) bool {
	if s.whole && !s.fold {
		return bytes.Contains(text, s.texts[0])
	}
	return s.regexp.Match(text)
}

// endOfString returns the end of the string that begins at raw[begin], and whether it has
// a backslash.
func endOfString(raw []byte, begin int) (end int, escaped bool) {
	for i := begin + 1; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			return i + 1, escaped
		}
	}
	return len(raw), escaped
}

// appendLower appends text with its ASCII letters in lower case. It reports false if text
// has other characters than ASCII, and then may stop early.
func appendLower(dst, text []byte) ([]byte, bool) {
	for _, c := range text {
		switch {
		case c >= 0x80:
			return dst, false
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst, true
}

// maxLiterals bounds the texts of Literals.
const maxLiterals = 4

// Literals returns up to four texts, of which every match of a regular expression contains at
// least one. Looking for them first is several times as fast. If fold is set, the texts are in
// lower case: convert a text to lower case before you look for them in it. If that text is not
// ASCII, their absence then says nothing. Literals returns nil if there are no such texts, if
// there are more than four, or if expr does not compile.
func Literals(expr string) (texts []string, fold bool) {
	re, err := syntax.Parse(literalPlus(expr), syntax.Perl)
	if err != nil {
		return nil, false
	}
	texts = literals(re.Simplify(), &fold)
	if fold {
		for i := range texts {
			texts[i] = strings.ToLower(texts[i])
		}
	}
	return texts, fold
}

// literals returns the texts of Literals. It sets fold if the case of a letter in one of
// them does not matter.
func literals(re *syntax.Regexp, fold *bool) []string {
	switch re.Op {
	case syntax.OpLiteral:
		text := string(re.Rune)
		if re.Flags&syntax.FoldCase != 0 {
			*fold = true
			if strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 }) {
				return nil
			}
		}
		return []string{text}
	case syntax.OpCapture, syntax.OpPlus:
		return literals(re.Sub[0], fold)
	case syntax.OpRepeat:
		if re.Min > 0 {
			return literals(re.Sub[0], fold)
		}
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if texts := literals(sub, fold); len(texts) > 0 && (best == nil || shortest(texts) > shortest(best)) {
				best = texts
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			texts := literals(sub, fold)
			if len(texts) == 0 || len(all)+len(texts) > maxLiterals {
				return nil
			}
			all = append(all, texts...)
		}
		return all
	}
	return nil
}

func shortest(texts []string) int {
	return len(slices.MinFunc(texts, func(a, b string) int { return len(a) - len(b) }))
}

// literalPlus escapes each + of expr that has nothing before it to repeat and a digit after
// it, as in a telephone number. Without that it would be an error or, after a ^, have no
// effect.
func literalPlus(expr string) string {
	var b strings.Builder
	nothing := true
	for i := 0; i < len(expr); i++ {
		c := expr[i]
		if c == '+' && nothing && i+1 < len(expr) && '0' <= expr[i+1] && expr[i+1] <= '9' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
		if c == '\\' && i+1 < len(expr) {
			i++
			b.WriteByte(expr[i])
		}
		nothing = c == '(' || c == '|' || c == '^' || c == ':' && strings.HasSuffix(expr[:i], "(?")
	}
	return b.String()
}
