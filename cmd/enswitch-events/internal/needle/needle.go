// Package needle finds texts that a line must contain to pass the filters, and
// searches captures for them.
//
// A filter that keeps one class, one event or one value of a field can only keep
// lines that contain that text. To search for the text is several times as fast as
// to scan every line; a line that contains it is still scanned and filtered.
//
// The text may also be written with escapes. Needles consist of characters whose
// only escape is \u00 and two digits, so a line with \u00 before a digit from 0 to 7
// (no ASCII begins with a higher one) is a candidate, too.
package needle

import (
	"bytes"
	"slices"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

const (
	// maxNeedles bounds the texts of a search: each is a pass over the lines.
	maxNeedles = 4
	// minNeedle is the least length of a value of --where: most lines contain shorter
	// texts anyway.
	minNeedle = 4
)

// requirement is what one condition requires of a line: that it contains one of the
// texts.
type requirement struct {
	texts []string
	field string // that the condition is about
}

// Of returns texts of which every line that a filter with these options keeps
// contains at least one, nil if it requires none. The options have been compiled
// without an error.
func Of(o *filter.Options) []string {
	all := []requirement{{names(o.Event, true), "event"}, {names(o.Class, false), "class"}}
	for _, expr := range o.Grep {
		if !o.IgnoreCase {
			all = append(all, requirement{searched(expr), ""})
		}
	}
	for _, expr := range o.Where {
		i := strings.IndexAny(expr, "=!~<>")
		if i <= 0 {
			continue
		}
		value, field := expr[i+1:], strings.TrimRight(expr[:i], " \t")
		if field != expr[:i] {
			value = strings.TrimLeft(value, " \t")
		}
		switch expr[i] {
		case '=':
			if text, ok := literalOf(value); ok && len(value) >= minNeedle {
				all = append(all, requirement{[]string{text}, field})
			}
		case '~':
			all = append(all, requirement{searched(value), field})
		}
	}
	all = append(all, ofJQ(o.JQ)...)
	// The fewer texts, the faster the search. Of the fields class excludes the fewest
	// lines.
	var best requirement
	for _, r := range all {
		n, least := len(r.texts), len(best.texts)
		if n > 0 && (least == 0 || n < least || n == least && best.field == "class" && r.field != "class") {
			best = r
		}
	}
	return best.texts
}

// searched returns the texts that a regular expression requires of a value.
func searched(expr string) []string {
	texts, fold := filter.Literals(expr)
	for i, text := range texts {
		if texts[i] = plainest(text); fold || len(texts[i]) < minNeedle {
			return nil
		}
	}
	return texts
}

// OfText returns a text that an event contains if one of its values has this text or
// begins with it; false if there is none that is long enough.
func OfText(text string) (string, bool) {
	part := plainest(text)
	return part, len(part) >= minNeedle
}

// plainest returns the longest part of text that JSON can write in one way only.
func plainest(text string) string {
	parts := strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' || r == '/' })
	if len(parts) == 0 {
		return ""
	}
	return slices.MaxFunc(parts, func(a, b string) int { return len(a) - len(b) })
}

// names returns the texts that lists of names require. In dotted lists an item may be
// class.event.
func names(lists []string, dotted bool) []string {
	var texts []string
	for _, list := range lists {
		for item := range strings.SplitSeq(list, ",") {
			item = strings.TrimSpace(item)
			if strings.HasPrefix(item, "!") {
				continue // only excludes
			}
			text, ok := literalOf(item)
			if !ok || strings.Contains(item, "*") {
				return nil
			}
			if _, name, found := strings.Cut(item, "."); found && dotted {
				// Either class.event or an event with this whole name.
				if text, ok = literalOf(name); !ok {
					return nil
				}
				text = strings.TrimPrefix(text, `"`)
			}
			if !slices.Contains(texts, text) {
				texts = append(texts, text)
			}
		}
	}
	if len(texts) > maxNeedles {
		return nil
	}
	return texts
}

// literalOf returns what an event contains if one of its values has this text. It
// reports false for a text that JSON can write in several ways.
func literalOf(text string) (string, bool) {
	if text == "" {
		return "", false
	}
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' || c == '/' {
			return "", false
		}
	}
	switch c := text[0]; {
	case text == "true", text == "false", text == "null", c == '-', c == '{', c == '[', '0' <= c && c <= '9':
		return text, true // may be written without quotes
	}
	return `"` + text + `"`, true
}

// escape is how an escaped ASCII character begins.
const escape = `\u00`

// Search searches blocks of text for needles and escapes. It is not safe for
// concurrent use.
type Search struct {
	literals []literal
	hits     []int // offset of the next hit of each literal, len(text) for none, -1 for unknown
	blocks   int
}

type literal struct {
	text   string
	many   *many // instead of text
	rare   int   // index of its rarest byte, which is searched for first
	escape bool
	digits *digits // instead of text
}

// NewSearch returns a Search for these needles, and for the digits of a telephone number
// unless they are empty: they are found with nothing between them but blanks and ()-./,
// the slash also as JSON escapes it.
func NewSearch(texts []string, digits string) *Search {
	s := &Search{}
	if len(texts) >= manyFrom && !slices.ContainsFunc(texts, func(t string) bool { return len(t) < gram }) {
		s.literals = append(s.literals, literal{many: newMany(texts)})
		texts = nil
	}
	for _, t := range texts {
		s.literals = append(s.literals, literal{text: t})
	}
	if digits != "" {
		s.literals = append(s.literals, literal{digits: newDigits(digits)})
	}
	s.literals = append(s.literals, literal{text: escape, escape: true})
	s.hits = make([]int, len(s.literals))
	return s
}

// Begin begins a new block of text.
func (s *Search) Begin(text []byte) {
	if s.blocks++; s.blocks%256 == 1 {
		s.choose(text[:min(len(text), 16<<10)])
	}
	for i := range s.hits {
		s.hits[i] = -1
	}
}

// choose finds the rarest byte of each literal.
func (s *Search) choose(sample []byte) {
	var count [256]int
	for _, c := range sample {
		count[c]++
	}
	for i := range s.literals {
		l := &s.literals[i]
		for j := range len(l.text) {
			if count[l.text[j]] < count[l.text[l.rare]] {
				l.rare = j
			}
		}
	}
}

// Next returns the offset of the first literal in text[at:], -1 if there is none. text
// begins as the text given to Begin did.
func (s *Search) Next(text []byte, at int) int {
	first := len(text)
	for i := range s.literals {
		if s.hits[i] < at {
			s.hits[i] = s.literals[i].find(text, at)
		}
		first = min(first, s.hits[i])
	}
	if first == len(text) {
		return -1
	}
	return first
}

// find returns the offset of the literal in text[at:], len(text) if there is none.
func (l *literal) find(text []byte, at int) int {
	if l.many != nil {
		return l.many.find(text, at)
	}
	if l.digits != nil {
		return l.digits.find(text, at)
	}
	rare, n := l.text[l.rare], len(l.text)
	for i := at + l.rare; i < len(text); i++ {
		j := bytes.IndexByte(text[i:], rare)
		if j < 0 {
			break
		}
		i += j
		begin := i - l.rare
		if begin+n > len(text) {
			break
		}
		// First its ends: in most places only the rare byte matches.
		if text[begin] == l.text[0] && text[begin+n-1] == l.text[n-1] && string(text[begin:begin+n]) == l.text && (!l.escape || begin+n < len(text) && '0' <= text[begin+n] && text[begin+n] <= '7') {
			return begin
		}
	}
	return len(text)
}
