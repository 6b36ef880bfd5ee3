package event

import (
	"fmt"
	"strings"
)

// MaxDepth is how deep arrays and objects may be nested, the event itself
// included: the limit of encoding/json.
const MaxDepth = 10000

// field is a key and its value as offsets into the text.
type field struct {
	key, keyEnd     uint32 // between the quotes
	value, valueEnd uint32
	kind            Kind
	escaped         bool // the value
	keyEscaped      bool
}

// Index finds the fields of an event's top level in one pass over its bytes.
// The zero Index is ready; reuse one for many events and it stops allocating.
// It is not safe for concurrent use.
type Index struct {
	text     []byte
	fields   []field
	class    int32 // number of the field, -1 for none
	event    int32
	repaired bool
	lines    bool // a newline or carriage return stands between tokens

	escapedKeys bool     // at least one
	open        []uint64 // one bit an open bracket below the top: 1 for an object
	buf         []byte   // text of a repaired event
	shadows     shadows
	shapes      shapes
}

// Error says why bytes are no event.
type Error struct {
	// Offset is the number of bytes before the fault.
	Offset int
	// Reason says what is wrong there, in lower case.
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset) }

// Scan indexes raw, which must stay unchanged as long as the Index or any
// Value of it is in use. It accepts what encoding/json accepts as one object
// (white space around it included) and, beyond that, strings that hold bytes
// that are not UTF-8 or raw control characters: these are repaired, and so is the
// escape of half a surrogate pair, at which other readers stop; see
// [Index.Repaired]. Everything else is an [*Error], after which the Index is
// empty.
func (x *Index) Scan(raw []byte) error {
	err := x.scan(raw)
	if err == nil && x.repaired {
		x.buf = appendRepaired(x.buf[:0], raw)
		err = x.scan(x.buf)
		x.repaired = true
	}
	if err != nil {
		x.text, x.fields, x.class, x.event = nil, x.fields[:0], -1, -1
		return err
	}
	return nil
}

// JSON is the event as valid JSON in valid UTF-8: the very bytes given to
// Scan, unless they had to be repaired. A repaired event is overwritten by the
// next Scan.
func (x *Index) JSON() []byte { return x.text }

// Repaired reports whether strings of the event held bytes that are not UTF-8
// (each is U+FFFD in JSON), raw control characters (escaped in JSON) or the
// escape of half a surrogate pair (\ufffd in JSON).
func (x *Index) Repaired() bool { return x.repaired }

// OneLine reports whether JSON holds no line break.
func (x *Index) OneLine() bool { return !x.lines }

// Len is the number of fields, repeated ones counted each time.
func (x *Index) Len() int { return len(x.fields) }

// Key returns the name of field i, a string.
func (x *Index) Key(i int) Value {
	f := &x.fields[i]
	return Value{JSON: x.text[f.key-1 : f.keyEnd+1], Kind: String, Escaped: f.keyEscaped}
}

// Value returns the value of field i.
func (x *Index) Value(i int) Value {
	f := &x.fields[i]
	return Value{JSON: x.text[f.value:f.valueEnd], Kind: f.kind, Escaped: f.escaped}
}

// Class returns the event's class, absent if it has none.
func (x *Index) Class() Value { return x.at(x.class) }

// Event returns what happened, absent if the event does not say.
func (x *Index) Event() Value { return x.at(x.event) }

func (x *Index) at(i int32) Value {
	if uint(i) >= uint(len(x.fields)) { // class and event of the zero Index are 0
		return Value{}
	}
	return x.Value(int(i))
}

// Find returns the number of the field called name, the last one if it is
// repeated, as in jq; -1 if there is none.
func (x *Index) Find(name string) int {
	for i := len(x.fields) - 1; i >= 0; i-- {
		f := &x.fields[i]
		if !f.keyEscaped {
			if string(x.text[f.key:f.keyEnd]) == name {
				return i
			}
		} else if x.Key(i).Is(name) {
			return i
		}
	}
	return -1
}

// Field returns the value of the field called name, the last one if it is
// repeated, and an absent value if there is none. Dots in name mean nothing.
func (x *Index) Field(name string) Value { return x.at(int32(x.Find(name))) }

// Get returns the value that name leads to: that of the field called name or, if
// there is none and name has a dot, what the rest of the name leads to in the same
// way in the object that is called by the text before the first dot. So a.b is the
// field "a.b", or else the member b of the object a. Of repeated names the last
// counts. The value is absent if there is none. Get does not allocate.
func (x *Index) Get(name string) Value {
	v := x.Field(name)
	if v.Kind == Absent {
		if object, rest, ok := strings.Cut(name, "."); ok {
			return x.Field(object).get(rest)
		}
	}
	return v
}
