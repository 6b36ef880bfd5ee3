package filter

import (
	"bytes"
	"strings"
)

// list is a compiled list of classes or events.
type list struct {
	keep, drop []item
}

// item is one pattern of a list. An item class.event of the event list matches a class
// and an event, or an event whose whole name it is.
type item struct {
	class, event *Glob // nil without a dot
	whole        *Glob
}

// compileList compiles the lists of an option, which count as one list. It returns nil
// if there are none. With dotted an item may be class.event.
func compileList(option string, lists []string, dotted bool) (*list, error) {
	if len(lists) == 0 {
		return nil, nil
	}
	l := &list{}
	for _, text := range lists {
		at := 0
		for part := range strings.SplitSeq(text, ",") {
			name := strings.TrimSpace(part)
			offset := at + strings.Index(part, name)
			at += len(part) + 1
			bad := func(reason string) error {
				return &SyntaxError{Option: option, Text: text, Offset: offset, Reason: reason}
			}
			into := &l.keep
			if strings.HasPrefix(name, "!") {
				into = &l.drop
				name = strings.TrimSpace(name[1:])
			}
			if name == "" {
				return nil, bad("a name is missing here")
			}
			it := item{whole: NewGlob(name)}
			if class, ev, ok := strings.Cut(name, "."); ok && dotted {
				if class == "" || ev == "" {
					return nil, bad("an item with a dot is class.event, with * for any")
				}
				it.class, it.event = NewGlob(class), NewGlob(ev)
			}
			*into = append(*into, it)
		}
	}
	return l, nil
}

// keeps reports whether the list keeps an event of a class with a name. Without it
// class or name is nil.
func (l *list) keeps(class, name []byte) bool {
	for i := range l.drop {
		if l.drop[i].matches(class, name) {
			return false
		}
	}
	for i := range l.keep {
		if l.keep[i].matches(class, name) {
			return true
		}
	}
	return len(l.keep) == 0
}

func (it *item) matches(class, name []byte) bool {
	if name == nil {
		return false
	}
	return it.whole.Match(name) ||
		it.class != nil && class != nil && it.class.Match(class) && it.event.Match(name)
}

// Glob is a pattern in which a star stands for any text, also none. It is safe for
// concurrent use.
type Glob struct {
	head  string   // before the first star
	inner []string // between stars, without empty ones
	tail  string   // after the last star
	star  bool     // there is a star; without one the pattern is head
}

// NewGlob returns the Glob of a pattern; every text is one.
func NewGlob(pattern string) *Glob {
	parts := strings.Split(pattern, "*")
	g := &Glob{head: parts[0]}
	if len(parts) == 1 {
		return g
	}
	g.star, g.tail = true, parts[len(parts)-1]
	for _, p := range parts[1 : len(parts)-1] {
		if p != "" {
			g.inner = append(g.inner, p)
		}
	}
	return g
}

// Match reports whether s is a text that the pattern stands for.
func (g *Glob) Match(s []byte) bool {
	if !g.star {
		return string(s) == g.head
	}
	if len(s) < len(g.head)+len(g.tail) || string(s[:len(g.head)]) != g.head || string(s[len(s)-len(g.tail):]) != g.tail {
		return false
	}
	s = s[len(g.head) : len(s)-len(g.tail)]
	for _, p := range g.inner {
		// The first place leaves the most text for the parts that follow.
		i := indexString(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return true
}

// indexString is bytes.Index for a string, without a copy.
func indexString(s []byte, sub string) int {
	for i := 0; len(s)-i >= len(sub); i++ {
		j := bytes.IndexByte(s[i:len(s)-len(sub)+1], sub[0])
		if j < 0 {
			return -1
		}
		if i += j; string(s[i:i+len(sub)]) == sub {
			return i
		}
	}
	return -1
}
