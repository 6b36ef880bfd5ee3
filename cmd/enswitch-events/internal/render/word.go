package render

import "github.com/enswitch-events/enswitch-events/pkg/event"

// The names of fields come again with every event, so how the line format shows
// each of them is kept ready.

// word is the name of a field as a line shows it.
type word struct {
	key    string
	role   role
	prefix []byte // a blank, the name and = in their colour
	width  int    // columns of the name and =
}

// role is what the line format makes of a field beside showing it.
type role uint8

const (
	noRole role = iota
	classRole
	eventRole
	timeRole
	machineRole
	callRole
	legRole
)

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
	}
	return noRole
}

const (
	wordSlots   = 512             // a power of two
	mostWords   = wordSlots / 2   // then all are forgotten: whoever sends so many sends new ones for ever
	longestWord = 64              // bytes of a name that is kept
	wordBytes   = 2 * longestWord // to begin with, of a prefix
)

// words is a hash table of the names seen, with open addressing.
type words struct {
	slots [wordSlots]*word
	n     int
	long  word // the last one that was too long to be kept
}

// word returns the word of a name; that of a long one is valid until the next
// call.
func (r *Renderer) word(key []byte) *word {
	if len(key) == 0 || len(key) > longestWord {
		r.words.long.prefix = r.words.long.prefix[:0]
		r.fill(&r.words.long, key)
		return &r.words.long
	}
	t := &r.words
	// Names that are in one event differ in these, mostly.
	at := (uint(len(key)) + uint(key[0])*5 + uint(key[len(key)-1])*37 + uint(key[len(key)/2])*101) % wordSlots
	for ; t.slots[at] != nil; at = (at + 1) % wordSlots {
		if t.slots[at].key == string(key) {
			return t.slots[at]
		}
	}
	if t.n == mostWords {
		clear(t.slots[:])
		t.n = 0
	}
	t.n++
	w := &word{key: string(key), prefix: make([]byte, 0, wordBytes)}
	r.fill(w, key)
	t.slots[at] = w
	return w
}

func (r *Renderer) fill(w *word, key []byte) {
	w.role = roleOf(key)
	w.prefix = append(w.prefix, ' ')
	w.prefix = append(w.prefix, r.theme.dim...)
	start := len(w.prefix)
	w.prefix = append(appendWord(w.prefix, key), '=')
	w.width = columns(w.prefix[start:])
	if r.theme.dim != "" {
		w.prefix = append(w.prefix, r.theme.reset...)
	}
}

// head is what the columns show, found in one pass over the fields.
type head struct {
	time, machine, call, leg event.Value
}

// findHead finds what the columns show, and the words of all fields: nil for a
// long name.
func (r *Renderer) findHead(x *event.Index) (h head) {
	r.named = r.named[:0]
	for i := range x.Len() {
		w := r.word(r.key(x, i))
		switch w.role {
		case timeRole:
			h.time = x.Value(i)
		case machineRole:
			h.machine = x.Value(i)
		case callRole:
			h.call = x.Value(i)
		case legRole:
			h.leg = x.Value(i)
		}
		if w == &r.words.long {
			w = nil
		}
		r.named = append(r.named, w)
	}
	return h
}
