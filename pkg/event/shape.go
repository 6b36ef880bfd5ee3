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

// lead is what stands before a value. Leads that may stand in the same place
// are a list.
type lead struct {
	first, firstMask   uint64 // the first eight bytes, as many as there are
	second, secondMask uint64 // the next eight
	text               string
	next               int32 // the next of the list, 0 for none
	follow             int32 // the first of those that may come next, 0 for none
	key, keyEnd        uint8 // where the name stands, between its quotes
	class, event       bool
}

// shapes is the tree of the leads seen. The zero value is ready.
type shapes struct {
	leads []lead // the first is the root, which stands for nothing
	at    int32  // the last lead of the event at hand, -1 if it is not kept
	base  uint32 // numbers of shapes that were forgotten are not used again
	count uint32 // events since all was forgotten
}

// begin begins an event.
func (s *shapes) begin() {
	if s.at, s.count = 0, s.count+1; len(s.leads) == 0 {
		s.leads = append(make([]lead, 0, 32), lead{})
	}
}

// match returns the known lead that stands at b[i], nil if there is none. It does
// not look at the last bytes of b.
func (s *shapes) match(b []byte, i int) *lead {
	if s.at < 0 || i+16 > len(b) {
		return nil
	}
	first, second := binary.LittleEndian.Uint64(b[i:i+8]), binary.LittleEndian.Uint64(b[i+8:i+16])
	for n := s.leads[s.at].follow; n != 0; {
		l := &s.leads[n]
		if (first^l.first)&l.firstMask|(second^l.second)&l.secondMask == 0 &&
			(len(l.text) <= 16 || bytes.HasPrefix(b[i:], []byte(l.text))) {
			s.at = n
			return l
		}
		n = l.next
	}
	return nil
}

// learn keeps a lead that has been scanned and whose name, which is not escaped,
// stands at text[key:keyEnd].
func (s *shapes) learn(text []byte, key, keyEnd int) {
	if s.at < 0 {
		return
	}
	after := s.at
	s.at = -1
	last := int32(0)
	for n := s.leads[after].follow; n != 0; n = s.leads[n].next {
		if s.leads[n].text == string(text) {
			s.at = n // so near the end of the event that match did not look
			return
		}
		last = n
	}
	if len(text) > longestLead || !utf8.Valid(text) {
		return
	}
	for _, c := range text {
		if c < ' ' {
			return // a line break, or to be repaired
		}
	}
	if len(s.leads) == mostLeads {
		if s.count < forgetAfter {
			return
		}
		s.base += mostLeads
		s.leads, s.count = s.leads[:1], 0
		s.leads[0] = lead{}
		return
	}
	l := lead{text: string(text), key: uint8(key), keyEnd: uint8(keyEnd)}
	var both, mask [16]byte
	for i := range copy(both[:], text) {
		mask[i] = 0xff
	}
	l.first, l.firstMask = binary.LittleEndian.Uint64(both[:8]), binary.LittleEndian.Uint64(mask[:8])
	l.second, l.secondMask = binary.LittleEndian.Uint64(both[8:]), binary.LittleEndian.Uint64(mask[8:])
	name := string(text[key:keyEnd])
	l.class, l.event = name == "class", name == "event"
	s.at = int32(len(s.leads))
	s.leads = append(s.leads, l)
	if last == 0 {
		s.leads[after].follow = s.at
	} else {
		s.leads[last].next = s.at
	}
}

// Shape returns a number for the names of the event's fields and their order, so
// that what has been found out about the names of one event can be kept for
// others: events of this Index that have the same number have the same names in
// the same order, none of them escaped. The opposite need not be so, and not
// every event has a number: then ok is false. Within 1<<38 events no number comes
// again for other names.
func (x *Index) Shape() (number uint32, ok bool) {
	return x.shapes.base + uint32(x.shapes.at), x.shapes.at >= 0 && len(x.fields) > 0
}
