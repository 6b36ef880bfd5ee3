package engine

import (
	"bytes"
	"slices"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// A filter that keeps one class, one event or one value of a field can keep only
// lines in which that text stands. Looking for the text is several times as
// quick as scanning every line, and the lines that have it are still scanned and
// filtered.
//
// Text may also stand in a line by escapes. A needle is made of characters that
// have no other escape than \u00 and two digits, so a line with \u00 before a
// digit from 0 to 7 (beyond that no ASCII begins) is a candidate, too.

// maxNeedles is how many texts are looked for: each is a pass over the text.
const maxNeedles = 4

// minNeedle is how short the text of a field may be: shorter ones stand in most
// lines anyway.
const minNeedle = 4

// demand is texts of which one must stand in a line, because of one condition.
type demand struct {
	texts []string
	field string // which the condition is of
}

// Needles returns texts of which every line that a filter with these options keeps
// has one, and nil if it requires none. The options have been compiled without an
// error.
func Needles(o *filter.Options) []string {
	demands := []demand{{names(o.Event, true), "event"}, {names(o.Class, false), "class"}}
	for _, expr := range o.Grep {
		if !o.IgnoreCase {
			demands = append(demands, demand{searched(expr), ""})
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
			if text, ok := needle(value); ok && len(value) >= minNeedle {
				demands = append(demands, demand{[]string{text}, field})
			}
		case '~':
			demands = append(demands, demand{searched(value), field})
		}
	}
	demands = append(demands, queried(o.JQ)...)
	// The fewest texts are found the fastest, and a class tells the least.
	var best demand
	for _, d := range demands {
		n, least := len(d.texts), len(best.texts)
		if n > 0 && (least == 0 || n < least || n == least && best.field == "class" && d.field != "class") {
			best = d
		}
	}
	return best.texts
}

// searched returns the texts that a regular expression requires of a value.
func searched(expr string) []string {
	texts, fold := filter.Literals(expr)
	for i, text := range texts {
		// The longest part that is written in one way only.
		parts := strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' || r == '/' })
		if len(parts) == 0 || fold {
			return nil
		}
		if texts[i] = slices.MaxFunc(parts, func(a, b string) int { return len(a) - len(b) }); len(texts[i]) < minNeedle {
			return nil
		}
	}
	return texts
}

// names returns the texts that a list of names requires.
func names(lists []string, dotted bool) []string {
	var texts []string
	for _, list := range lists {
		for item := range strings.SplitSeq(list, ",") {
			item = strings.TrimSpace(item)
			if strings.HasPrefix(item, "!") {
				continue // keeps less
			}
			text, ok := needle(item)
			if !ok || strings.Contains(item, "*") {
				return nil
			}
			if _, name, found := strings.Cut(item, "."); found && dotted {
				// As class.event, and as an event of that whole name.
				if text, ok = needle(name); !ok {
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

// needle returns what stands in an event one of whose values has this text. It
// reports false for a text that may be written in several ways.
func needle(text string) (string, bool) {
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
		return text, true // may stand without quotes
	}
	return `"` + text + `"`, true
}

// escape begins an escaped ASCII character.
const escape = `\u00`

// search looks for needles and escapes in blocks of text.
type search struct {
	literals []literal
	hits     []int // where each stands next, len(text) for nowhere, -1 if that is not known
	blocks   int
}

type literal struct {
	text   string
	rare   int // of its bytes, the one that is looked for
	escape bool
}

func newSearch(texts []string) *search {
	s := &search{}
	for _, t := range texts {
		s.literals = append(s.literals, literal{text: t})
	}
	s.literals = append(s.literals, literal{text: escape, escape: true})
	s.hits = make([]int, len(s.literals))
	return s
}

// begin begins a new block.
func (s *search) begin(text []byte) {
	if s.blocks++; s.blocks%256 == 1 {
		s.choose(text[:min(len(text), 16<<10)])
	}
	for i := range s.hits {
		s.hits[i] = -1
	}
}

// choose finds out which byte of each literal is the rarest.
func (s *search) choose(sample []byte) {
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

// next returns where the next of the literals stands from at on, or -1.
func (s *search) next(text []byte, at int) int {
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

// find returns where the literal stands from at on, or len(text).
func (l *literal) find(text []byte, at int) int {
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
		// The ends first: most places have only the rare byte in common.
		if text[begin] == l.text[0] && text[begin+n-1] == l.text[n-1] && string(text[begin:begin+n]) == l.text && (!l.escape || begin+n < len(text) && '0' <= text[begin+n] && text[begin+n] <= '7') {
			return begin
		}
	}
	return len(text)
}

// lineBegin returns where the line that has text[hit] begins, at or behind at.
func lineBegin(text []byte, at, hit int) int {
	for end := hit; end > at; {
		begin := max(at, end-64)
		// Backwards goes a byte at a time, forwards many.
		if bytes.IndexByte(text[begin:end], '\n') >= 0 {
			return begin + bytes.LastIndexByte(text[begin:end], '\n') + 1
		}
		end = begin
	}
	return at
}
