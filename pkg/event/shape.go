package event

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// Events of the same class and event always have the same fields, says the
// vendor, so the names of one event foretell those of others. What stands
// between two values (a comma, a name, a colon, perhaps blanks) is a lead. Leads
// that have been scanned once are kept in a tree, and where the bytes of the next
// event are those of a lead that may follow, they need not be scanned again: two
// comparisons of eight bytes instead of a search for the end of a string. As
// only the very same bytes count, what comes out does not depend on what has been
// seen before.

const (
	// longestLead is how long a lead may be that is kept, in bytes.
	longestLead = 64
	// mostLeads is how many are kept. Whoever sends more sends new names for
	// ever; then all are forgotten, but not before forgetAfter events, so that it
	// costs next to nothing.
	mostLeads   = 1024
	forgetAfter = 1 << 16
)

// lead is what stands before a value.
type lead struct {
	first, firstMask   uint64 // the first eight bytes, as many as there are
	second, secondMask uint64 // the next eight
	text               string
	follow             *lead  // one that came after it, nil for none
	other              *lead  // another that came in the same place, nil for none
	number             uint32 // of the shape that ends here
	key, keyEnd        uint8  // where the name stands, between its quotes
	class, event       bool
	short              bool // 16 bytes are all there is
}

// stands reports whether b[i:] begins with l. It does not look at the last bytes
// of b, and not at a long l.
func (l *lead) stands(b []byte, i int) bool {
	return l.short && i+16 <= len(b) &&
		(binary.LittleEndian.Uint64(b[i:i+8])^l.first)&l.firstMask|(binary.LittleEndian.Uint64(b[i+8:i+16])^l.second)&l.secondMask == 0
}

// match returns l, or one that came in the same place, where b[i:] begins with
// it, or nil. Near the end of b it is slow.
func (l *lead) match(b []byte, i int) *lead {
	for ; l != nil; l = l.other {
		if l.stands(b, i) || (!l.short || i+16 > len(b)) && bytes.HasPrefix(b[i:], []byte(l.text)) {
			return l
		}
	}
	return nil
}

// shapes is the tree of the leads seen. The zero value is ready.
type shapes struct {
	root    lead
	last    *lead // of the event at hand, nil if there is none or it is not kept
	leads   int
	numbers uint32 // given so far, of what was forgotten, too
	events  uint32 // since all was forgotten
}

// learn keeps a lead that came after another, and returns it, nil if it is not to
// be kept. It has been scanned, and its name, which is not escaped, stands at
// text[key:keyEnd].
func (s *shapes) learn(after *lead, text []byte, key, keyEnd int) *lead {
	if len(text) > longestLead || !utf8.Valid(text) {
		return nil
	}
	for _, c := range text {
		if c < ' ' {
			return nil // a line break, or to be repaired
		}
	}
	if s.leads == mostLeads {
		if s.events >= forgetAfter {
			s.root, s.leads, s.events = lead{}, 0, 0
		}
		return nil
	}
	s.leads++
	s.numbers++
	name := string(text[key:keyEnd])
	l := &lead{
		text: string(text), number: s.numbers, key: uint8(key), keyEnd: uint8(keyEnd),
		class: name == "class", event: name == "event", short: len(text) <= 16,
	}
	var both, mask [16]byte
	for i := range copy(both[:], text) {
		mask[i] = 0xff
	}
	l.first, l.firstMask = binary.LittleEndian.Uint64(both[:8]), binary.LittleEndian.Uint64(mask[:8])
	l.second, l.secondMask = binary.LittleEndian.Uint64(both[8:]), binary.LittleEndian.Uint64(mask[8:])
	place := &after.follow
	for *place != nil {
		place = &(*place).other
	}
	*place = l
	return l
}

// Shape returns a number for the names of the event's fields and their order, so
// that what has been found out about the names of one event can be kept for
// others: events of this Index that have the same number have the same names in
// the same order, none of them escaped. The opposite need not be so, and not
// every event has a number: then ok is false. Within 1<<38 events no number comes
// again for other names.
func (x *Index) Shape() (number uint32, ok bool) {
	if x.shapes.last == nil || len(x.fields) == 0 {
		return 0, false
	}
	return x.shapes.last.number, true
}
