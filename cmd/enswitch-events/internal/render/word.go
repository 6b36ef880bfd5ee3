package render

import (
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// The same field names, classes and events come again and again, so the line format keeps
// how it shows each of them.

// word is a field's name, a class or an event as a line shows it.
type word struct {
	key     string
	role    role           // of a field
	meaning string         // colour of an event, see theme.meaning
	text    []byte         // of a field: a blank, the name and = in their colour
	width   int            // columns of it, without that blank
	room    [textRoom]byte // the text, if it is not longer
}

// textRoom is the number of bytes that are always copied for a text: a copy of a
// fixed size is faster.
const textRoom = 48

func (w *word) append(dst []byte) []byte {
	end := len(dst)
	if cap(dst)-end < textRoom || len(w.text) > textRoom {
		return append(dst, w.text...)
	}
	*(*[textRoom]byte)(dst[end : end+textRoom]) = w.room
	return dst[:end+len(w.text)]
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
	wordSlots  = 512            // a power of two
	maxWords   = wordSlots / 2  // after that all are forgotten: a source with that many keeps sending new ones
	maxWordLen = 64             // bytes of a key that is kept
	textBytes  = 2 * maxWordLen // initial capacity of a text
)

// words is a hash table of words, with open addressing.
type words struct {
	slots [wordSlots]*word
	n     int
	long  word // the last one that was too long to be kept
}

// find returns the word of a key. One that is not known is yet to be filled in, and one
// whose key is long is valid until the next call.
func (t *words) find(key []byte) (w *word, known bool) {
	if len(key) == 0 || len(key) > maxWordLen {
		t.long.text = t.long.text[:0]
		return &t.long, false
	}
	// Most keys differ in these bytes.
	at := (uint(len(key)) + uint(key[0])*5 + uint(key[len(key)-1])*37 + uint(key[len(key)/2])*101) % wordSlots
	for ; t.slots[at] != nil; at = (at + 1) % wordSlots {
		if t.slots[at].key == string(key) {
			return t.slots[at], true
		}
	}
	if t.n == maxWords {
		clear(t.slots[:])
		t.n = 0
	}
	t.n++
	w = &word{key: string(key), text: make([]byte, 0, textBytes)}
	t.slots[at] = w
	return w, false
}

// word returns the word of a field's name, see find.
func (r *Renderer) word(name []byte) *word {
	w, known := r.words.find(name)
	if !known {
		w.role = roleOf(name)
		w.text = append(w.text, ' ')
		w.text = append(w.text, r.theme.dim...)
		start := len(w.text)
		w.text = append(safe.AppendWord(w.text, name), '=')
		w.width = columns(w.text[start:])
		if r.theme.dim != "" {
			w.text = append(w.text, r.theme.reset...)
		}
		copy(w.room[:], w.text)
	}
	return w
}

// cellWord returns the word of a class or an event in its column, see find.
func (r *Renderer) cellWord(t *words, v event.Value) *word {
	w, known := t.find(v.JSON)
	if !known {
		w.text = r.part(w.text, v)
		w.width, w.meaning = columns(w.text), r.theme.meaning(v)
		copy(w.room[:], w.text)
	}
	return w
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

// value returns the value of field i, one of the fields with a role: absent if i is -1.
func (n *names) value(x *event.Index, i int) event.Value {
	if i < 0 {
		return event.Value{}
	}
	return x.Value(i)
}
