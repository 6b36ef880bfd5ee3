package filter

import (
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// list is a compiled list of classes or events.
type list struct {
	keep, drop []item
}

// item is one pattern of a list. An item class.event of the event list matches a class
// and an event, or an event whose whole name it is.
type item struct {
	class, event *event.Glob // nil without a dot
	whole        *event.Glob
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
			it := item{whole: event.NewGlob(name)}
			if class, ev, ok := strings.Cut(name, "."); ok && dotted {
				if class == "" || ev == "" {
					return nil, bad("an item with a dot is class.event, with * for any")
				}
				it.class, it.event = event.NewGlob(class), event.NewGlob(ev)
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
