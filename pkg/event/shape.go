package event

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// The vendor says that events of the same class and event always have the same
// fields, so the names of one event predict those of the next. The text between two
// values (a comma, a name, a colon, perhaps blanks) is called a lead here. Leads that
// have been scanned are kept in a tree. Where the bytes of a later event equal those
// of a lead that may follow, they are not scanned again: two comparisons of eight
// bytes replace the search for the end of a string. Only equal bytes count, so the
// result never depends on the events before.

const (
	// maxLead is the size in bytes of the longest lead that is kept.
	maxLead = 64
	// maxLeads is how many leads are kept. A feed that has more has new names all the
	// time. Then all leads are forgotten, but only after forgetAfter events, so that
	// learning them again costs next to nothing.
	maxLeads    = 1024
	forgetAfter = 1 << 16
)

// lead is the text before a value.
type lead struct {
	first, firstMask   uint64 // the first eight bytes, and which of them there are
	second, secondMask uint64 // the next eight
	text               string
	follow             *lead  // a lead that came after this one, nil for none
	other              *lead  // another lead that came in the same place, nil for none
	number             uint32 // of the shape that ends here
	key, keyEnd        uint8  // offsets of the name, without its quotes
	class, event       bool   // the name is class, or event
	short              bool   // the lead has at most 16 bytes
}

// begins reports whether b[i:] begins with l. It is fast, but reports false for a
// lead that is not short, and near the end of b.
func (l *lead) begins(b []byte, i int) bool {
	return l.short && i+16 <= len(b) &&
		(binary.LittleEndian.Uint64(b[i:i+8])^l.first)&l.firstMask|(binary.LittleEndian.Uint64(b[i+8:i+16])^l.second)&l.secondMask == 0
}

// match returns the lead that b[i:] begins with: l, another one that came in the same
// place, or nil.
func (l *lead) match(b []byte, i int) *lead {
	for ; l != nil; l = l.other {
		if l.begins(b, i) || (!l.short || i+16 > len(b)) && bytes.HasPrefix(b[i:], []byte(l.text)) {
			return l
		}
	}
	return nil
}

// shapes is the tree of the leads seen. The zero value is ready.
type shapes struct {
	root    lead
	last    *lead // last lead of the current event, nil if there is none or it is not kept
	leads   int
	numbers uint32 // given so far, including those of forgotten leads
	events  uint32 // since all leads were forgotten
}

// learn keeps a lead that came after another one, and returns it, or nil if it is
// not kept. text has been scanned, and text[key:keyEnd] is its name, without escapes.
func (s *shapes) learn(after *lead, text []byte, key, keyEnd int) *lead {
	if len(text) > maxLead || !utf8.Valid(text) {
		return nil
	}
	for _, c := range text {
		if c < ' ' {
			return nil // a line break, or a character that is to be repaired
		}
	}
	if s.leads == maxLeads {
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

// Shape returns a number for the names of the event's fields in their order. Events
// of this Index that have the same number have the same names in the same order, and
// none of these has an escape. So a program can keep what it has found out about the
// names of one event for others. Events with the same names may have different
// numbers, or none, and then ok is false. A number is not given again for other names
// within 1<<38 events.
func (x *Index) Shape() (number uint32, ok bool) {
	if x.shapes.last == nil || len(x.fields) == 0 {
		return 0, false
	}
	return x.shapes.last.number, true
}
