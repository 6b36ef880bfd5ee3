package schema

import (
	"slices"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// value looks at a value of a field.
func (l *Learner) value(n *node, v event.Value) {
	switch v.Kind {
	case event.String:
		if v.Escaped {
			l.buf = v.AppendText(l.buf[:0])
			l.text(n, l.buf, true)
		} else {
			l.text(n, v.JSON[1:len(v.JSON)-1], false)
		}
	case event.Number:
		l.text(n, v.JSON, false)
	case event.Object, event.Array:
		l.nested(n, v)
	}
}

// nested looks at the members of an object or the elements of an array.
func (l *Learner) nested(n *node, v event.Value) {
	if n.depth >= maxDepth {
		l.part.left.Deep++
		return
	}
	l.serial++
	serial := l.serial
	for at := 0; ; {
		var key, m event.Value
		if key, m, at = v.Next(at); m.Kind == event.Absent {
			return
		}
		child := n.elements
		if v.Kind == event.Object {
			child = l.member(n, key, &l.part.left)
		} else if child == nil && l.nodes < maxFields {
			l.nodes++
			child = l.newNode(n, "[]")
			child.element, child.private = true, n.private
			n.elements = child
		}
		if child == nil {
			continue
		}
		if !child.dirty {
			child.dirty = true
			l.dirtyNodes = append(l.dirtyNodes, child)
		}
		if !child.seen[m.Kind] {
			child.seen[m.Kind], l.fresh = true, true
		}
		if child.serial == serial && !child.element && child.name != AnyName {
			child.counts[child.kindBefore]-- // the last of a name counts
		}
		child.serial, child.kindBefore = serial, m.Kind
		child.counts[m.Kind]++
		l.value(child, m)
	}
}

// text looks at a text or a number. One that was written without escapes has no control
// characters.
func (l *Learner) text(n *node, b []byte, escaped bool) {
	if !n.many {
		h := hash(b)
		if n.lastSeen < n.nValues && n.values[n.lastSeen] == h || n.hasValue(h) {
			return
		}
		l.match(n, b)
		l.newValue(n, b, h)
		return
	}
	if n.patterns&^printable != 0 || escaped && n.patterns != 0 {
		l.match(n, b)
	}
	if n.silent {
		// The rest is control characters, which are rare.
		n.idle = n.patterns == 0 && n.depth == 1
		return
	}
	h := hash(b)
	if n.nExample == maxExamples && h >= n.examples[maxExamples-1] {
		return
	}
	if len(b) <= maxText && l.keeps(n, b) && n.keepLowest(h) {
		l.mark(n, mark{kind: markValue}, b)
	}
}

// match notes which patterns a text does not match.
func (l *Learner) match(n *node, b []byte) {
	if n.patterns == 0 || len(b) == 0 {
		return
	}
	if p := matching(n.patterns, b); p != n.patterns {
		n.patterns = p
		l.mark(n, mark{kind: markPatterns, patterns: p}, nil)
	}
}

func (n *node) hasValue(h uint64) bool {
	for i, v := range n.values[:n.nValues] {
		if v == h {
			n.lastSeen = i
			return true
		}
	}
	return false
}

// keeps reports whether a value may be kept.
func (l *Learner) keeps(n *node, b []byte) bool {
	switch l.o.Examples {
	case AllExamples:
		return true
	case NoExamples:
		return false
	}
	return !n.private && !privateValue(b)
}

// newValue notes a value that was not there before, of a field with few values.
func (l *Learner) newValue(n *node, b []byte, h uint64) {
	kept := len(b) <= maxText && l.keeps(n, b)
	if kept {
		l.mark(n, mark{kind: markValue}, b)
		if n.nValues < maxValues {
			n.values[n.nValues] = h
			n.lastSeen = n.nValues
			n.nValues++
			return
		}
	} else {
		l.mark(n, mark{kind: markMany}, nil)
	}
	n.many = true
	n.silent = l.o.Examples == NoExamples || n.private && l.o.Examples != AllExamples
	for _, h := range n.values[:n.nValues] {
		n.keepLowest(h)
	}
	if kept {
		n.keepLowest(h)
	}
}

// keepLowest adds h to the hashes of the examples if it is one of the lowest, and not yet
// there.
func (n *node) keepLowest(h uint64) bool {
	low := n.examples[:n.nExample]
	i, found := slices.BinarySearch(low, h)
	if found || i == maxExamples {
		return false
	}
	if n.nExample < maxExamples {
		n.nExample++
	}
	copy(n.examples[i+1:], n.examples[i:])
	n.examples[i] = h
	return true
}
