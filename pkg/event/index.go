package event

import (
	"fmt"
	"strings"
)

// MaxDepth is how deep arrays and objects may be nested, including the event
// itself. It is the limit of encoding/json.
const MaxDepth = 10000

// field is a field as offsets into the text.
type field struct {
	key, keyEnd     uint32 // without the quotes
	value, valueEnd uint32 // with them
	kind            Kind
	escaped         bool // the value is a string with a backslash
	keyEscaped      bool
}

// Index holds the fields of an event's top level, which [Index.Scan] finds in one
// pass. The zero Index is empty and ready to use. Reuse an Index for many events:
// it stops allocating once it has grown to the largest. It is not safe for
// concurrent use.
type Index struct {
	text     []byte
	fields   []field
	class    int32 // index in fields, -1 for none
	event    int32
	repaired bool
	breaks   bool // there is a line break between tokens

	escapedKeys bool     // at least one key has a backslash
	open        []uint64 // a bit for each open bracket below the top: 1 for an object
	buf         []byte   // text of a repaired event
	shadows     shadows
	shapes      shapes
}

// Error says why bytes are not an event.
type Error struct {
	// Offset is the number of bytes before the fault.
	Offset int
	// Reason says what is wrong there, in lower case and printable ASCII.
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset) }

// Scan finds the fields of raw, which must stay unchanged as long as the Index or
// any Value from it is in use. Scan accepts one JSON object, with white space around
// it, as strictly as encoding/json does. Beyond that it accepts and repairs three
// things inside of strings: bytes that are not UTF-8, raw control characters, and the
// escape of half a surrogate pair, which other readers refuse; see [Index.Repaired].
// Anything else, and more than 2 GiB, is an [*Error], after which the Index is empty.
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

// JSON returns the event as valid JSON in valid UTF-8. That is the slice given to
// Scan, or a repaired copy, which the next Scan overwrites.
func (x *Index) JSON() []byte { return x.text }

// Repaired reports whether Scan has repaired strings of the event. In JSON each byte
// that was not UTF-8 is then U+FFFD, each raw control character is escaped, and the
// escape of half a surrogate pair is \ufffd.
func (x *Index) Repaired() bool { return x.repaired }

// OneLine reports whether JSON has no line break.
func (x *Index) OneLine() bool { return !x.breaks }

// Len returns the number of fields. A repeated field counts each time.
func (x *Index) Len() int { return len(x.fields) }

// Key returns the name of field i as a Value of kind String.
func (x *Index) Key(i int) Value {
	f := &x.fields[i]
	return Value{JSON: x.text[f.key-1 : f.keyEnd+1], Kind: String, Escaped: f.keyEscaped}
}

// Value returns the value of field i.
func (x *Index) Value(i int) Value {
	f := &x.fields[i]
	return Value{JSON: x.text[f.value:f.valueEnd], Kind: f.kind, Escaped: f.escaped}
}

// Kind returns the JSON type of field i.
func (x *Index) Kind(i int) Kind { return x.fields[i].kind }

// Class returns the value of the field class, absent if there is none.
func (x *Index) Class() Value { return x.at(x.class) }

// Event returns the value of the field event, absent if there is none.
func (x *Index) Event() Value { return x.at(x.event) }

func (x *Index) at(i int32) Value {
	if uint(i) >= uint(len(x.fields)) { // class and event of the zero Index are 0
		return Value{}
	}
	return x.Value(int(i))
}

// Find returns the index of the field called name, or -1 if there is none. Of
// repeated fields it is the last, as in jq. Dots in name mean nothing.
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

// Field returns the value of the field called name, absent if there is none. Of
// repeated fields it is the last, as in jq. Dots in name mean nothing.
func (x *Index) Field(name string) Value { return x.at(int32(x.Find(name))) }

// Get returns the value of the field called name. If there is none and name has a
// dot, the text before the first dot names an object, and the rest is looked up in
// that object in the same way: a.b is the field "a.b", or else the member b of the
// object a. Of repeated names the last counts. The value is absent if nothing is
// found. Get does not allocate, except for long names with escapes.
func (x *Index) Get(name string) Value {
	v := x.Field(name)
	if v.Kind == Absent {
		if object, rest, ok := strings.Cut(name, "."); ok {
			return x.Field(object).get(rest)
		}
	}
	return v
}
