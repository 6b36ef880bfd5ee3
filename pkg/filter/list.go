package filter

import (
	"bytes"
	"strings"
)

// list is a compiled list of classes or events.
type list struct {
	keep, drop []item
}

// item is one pattern of a list. An item of the event list with a dot has both
// a class and an event, and matches a whole name as well.
type item struct {
	class, event, whole *glob // class and event are nil together
}

// compileList compiles the lists of an option, which count as one. It returns nil
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
			it := item{whole: newGlob(name)}
			if class, ev, ok := strings.Cut(name, "."); ok && dotted {
				if class == "" || ev == "" {
					return nil, bad("an item with a dot is class.event, with * for any")
				}
				it.class, it.event = newGlob(class), newGlob(ev)
			}
			*into = append(*into, it)
		}
	}
	return l, nil
}

// keeps reports whether the list keeps a name; nil is an absent one.
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
	return it.whole.matches(name) ||
		it.class != nil && class != nil && it.class.matches(class) && it.event.matches(name)
}

// glob is a pattern in which a star stands for any text.
type glob struct {
	head  string   // before the first star
	inner []string // between stars, none of them empty
	tail  string   // after the last star
	star  bool     // false: head is all of it
}

func newGlob(pattern string) *glob {
	parts := strings.Split(pattern, "*")
	g := &glob{head: parts[0]}
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

func (g *glob) matches(s []byte) bool {
	if !g.star {
		return string(s) == g.head
	}
	if len(s) < len(g.head)+len(g.tail) || string(s[:len(g.head)]) != g.head || string(s[len(s)-len(g.tail):]) != g.tail {
		return false
	}
	s = s[len(g.head) : len(s)-len(g.tail)]
	for _, p := range g.inner {
		// The first place is as good as any: what follows has the most room.
		i := indexString(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return true
}

// indexString is bytes.Index for a string, which it does not copy.
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
