package render

import (
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// The same field names come with every event, so the line format keeps how it shows
// each of them.

// word is the name of a field as a line shows it.
type word struct {
	key    string
	role   role
	prefix []byte           // a blank, the name and = in their colour
	width  int              // columns of the name and =
	room   [prefixRoom]byte // the prefix, if it is not longer
}

// prefixRoom is the number of bytes that are always copied for a prefix: a copy of a
// fixed size is faster.
const prefixRoom = 48

func (w *word) appendPrefix(dst []byte) []byte {
	end := len(dst)
	if cap(dst)-end < prefixRoom || len(w.prefix) > prefixRoom {
		return append(dst, w.prefix...)
	}
	*(*[prefixRoom]byte)(dst[end : end+prefixRoom]) = w.room
	return dst[:end+len(w.prefix)]
}

// role is the special meaning of a field in the line format.
type role uint8

const (
	noRole role = iota
	classRole
	eventRole
	timeRole
	machineRole
	// The ids, from the widest to the narrowest.
	callRole
	legRole
	asteriskRole
)

// isID reports whether a field is one of the ids of a call and what belongs to it.
func (r role) isID() bool { return r >= callRole }

func roleOf(key []byte) role {
	switch string(key) {
	case "class":
		return classRole
	case "event":
		return eventRole
	case "timestamp":
		return timeRole
	case "machine":
		return machineRole
	case "callid":
		return callRole
	case "uniqueid":
		return legRole
	case "asteriskid":
		return asteriskRole
	}
	return noRole
}

const (
	wordSlots   = 512            // a power of two
	maxWords    = wordSlots / 2  // after that all are forgotten: a source with that many names keeps sending new ones
	maxWordLen  = 64             // bytes of a name that is kept
	prefixBytes = 2 * maxWordLen // initial capacity of a prefix
)

// words is a hash table of field names, with open addressing.
type words struct {
	slots [wordSlots]*word
	n     int
	long  word // the last one that was too long to be kept
}

// word returns the word of a name. The word of a long name is valid until the next
// call.
func (r *Renderer) word(key []byte) *word {
	if len(key) == 0 || len(key) > maxWordLen {
		r.words.long.prefix = r.words.long.prefix[:0]
		r.fill(&r.words.long, key)
		return &r.words.long
	}
	t := &r.words
	// Most names of an event differ in these bytes.
	at := (uint(len(key)) + uint(key[0])*5 + uint(key[len(key)-1])*37 + uint(key[len(key)/2])*101) % wordSlots
	for ; t.slots[at] != nil; at = (at + 1) % wordSlots {
		if t.slots[at].key == string(key) {
			return t.slots[at]
		}
	}
	if t.n == maxWords {
		clear(t.slots[:])
		t.n = 0
	}
	t.n++
	w := &word{key: string(key), prefix: make([]byte, 0, prefixBytes)}
	r.fill(w, key)
	t.slots[at] = w
	return w
}

func (r *Renderer) fill(w *word, key []byte) {
	w.role = roleOf(key)
	w.prefix = append(w.prefix, ' ')
	w.prefix = append(w.prefix, r.theme.dim...)
	start := len(w.prefix)
	w.prefix = append(safe.AppendWord(w.prefix, key), '=')
	w.width = columns(w.prefix[start:])
	if r.theme.dim != "" {
		w.prefix = append(w.prefix, r.theme.reset...)
	}
	copy(w.room[:], w.prefix)
}

// names is how a line shows the names of an event's fields. Events of the same shape
// share it.
type names struct {
	x      *event.Index // whose shape it is of, nil for none
	shape  uint32
	fields []named
	ids    []int // those of fields that are ids
	// The fields of these roles, -1 for none.
	time, machine, call, leg, asterisk int
}

type named struct {
	word     *word // nil for a long name
	shadowed bool
}

// shapeSlots is the number of shapes whose names are kept, a power of two.
const shapeSlots = 256

// names returns how a line shows the names in x. It is valid until the next call.
func (r *Renderer) names(x *event.Index) *names {
	shape, ok := x.Shape()
	if !ok {
		r.loose.find(r, x)
		return &r.loose
	}
	n := r.shapes[shape%shapeSlots]
	if n == nil {
		n = &names{}
		r.shapes[shape%shapeSlots] = n
	}
	if n.x != x || n.shape != shape {
		n.x, n.shape = x, shape
		n.find(r, x)
	}
	return n
}

func (n *names) find(r *Renderer, x *event.Index) {
	n.fields, n.ids = n.fields[:0], n.ids[:0]
	n.time, n.machine, n.call, n.leg, n.asterisk = -1, -1, -1, -1, -1
	for i := range x.Len() {
		w := r.word(r.key(x, i))
		switch w.role {
		case timeRole:
			n.time = i
		case machineRole:
			n.machine = i
		case callRole:
			n.call = i
		case legRole:
			n.leg = i
		case asteriskRole:
			n.asterisk = i
		}
		if w.role.isID() {
			n.ids = append(n.ids, i)
		}
		if w == &r.words.long {
			w = nil
		}
		n.fields = append(n.fields, named{w, x.Shadowed(i)})
	}
}

// head is what the columns and the short id show.
type head struct {
	time, machine, call, leg, asterisk event.Value
}

func (n *names) head(x *event.Index) (h head) {
	if n.time >= 0 {
		h.time = x.Value(n.time)
	}
	if n.machine >= 0 {
		h.machine = x.Value(n.machine)
	}
	if n.call >= 0 {
		h.call = x.Value(n.call)
	}
	if n.leg >= 0 {
		h.leg = x.Value(n.leg)
	}
	if n.asterisk >= 0 {
		h.asterisk = x.Value(n.asterisk)
	}
	return h
}
