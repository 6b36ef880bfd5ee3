package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
)

// ID identifies an event on every machine and in every version of this package, whether
// it came by websocket or by POST: for targets that leave out what they have already.
// See [Identifier.ID].
type ID [16]byte

// String returns 32 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Identifier computes IDs. The zero Identifier is ready to use. It is not safe for
// concurrent use. It keeps memory in proportion to the largest event.
type Identifier struct {
	text  []byte   // what is hashed
	names []byte   // names without escapes, and for a moment a string
	named []named  // the fields, and the members of the objects that are being written
	ends  []ending // of the objects and arrays of a field, in the order in which they begin
	open  []uint32 // those of them that have begun
}

// named is a field, or a member of an object.
type named struct {
	name, nameEnd uint32 // in names
	value         uint32 // number of the field, or where the value begins
	nested        uint32 // for an object or an array: which one of ends
}

// ending says where an object or an array ends.
type ending struct {
	end  uint32 // the offset past it
	next uint32 // the number of the next object or array outside of it
}

// ID returns the ID of the event that x has scanned: the first 16 bytes of the SHA-256 of
// its fields, sorted by the bytes of their names. Of each field that is
//
//   - the length of the name in bytes, as 4 bytes with the highest first, and the name
//   - the length of the value in the same way, and the value as text: a number, true,
//     false and null as written; a string without quotes and escapes; an object or array
//     as JSON without white space, its members sorted like the fields, numbers as
//     written, strings with only those escapes that must be: \" \\ \b \f \n \r \t, and
//     \u00xx in lower case for other control characters below U+0020
//
// Bytes that are not UTF-8 and halves of surrogate pairs are U+FFFD. Of repeated names the
// last counts. So the number 1 of the websocket is the string "1" of a POST.
//
// testdata/identity.ndjson has events with their IDs. ID does not allocate once the
// buffers have grown.
func (d *Identifier) ID(x *Index) ID {
	d.text, d.names, d.named = d.text[:0], d.names[:0], d.named[:0]
	for i := range x.Len() {
		d.add(x.Key(i), i, 0)
	}
	for i := range d.sort(0) {
		f := d.named[i]
		d.text = binary.BigEndian.AppendUint32(d.text, f.nameEnd-f.name)
		d.text = append(d.text, d.names[f.name:f.nameEnd]...)
		begin := len(d.text)
		d.text = append(d.text, 0, 0, 0, 0)
		switch v := x.Value(int(f.value)); v.Kind {
		case Array, Object:
			d.find(v.JSON)
			d.write(v.JSON, 0, 0)
		default:
			d.text = v.AppendText(d.text)
		}
		binary.BigEndian.PutUint32(d.text[begin:], uint32(len(d.text)-begin-4))
	}
	sum := sha256.Sum256(d.text)
	return ID(sum[:16])
}

// add adds a field or a member.
func (d *Identifier) add(name Value, value int, nested uint32) {
	begin := uint32(len(d.names))
	d.names = name.AppendText(d.names)
	d.named = append(d.named, named{begin, uint32(len(d.names)), uint32(value), nested})
}

// sort sorts the entries from number begin on, removes those that do not count, and returns how
// many are left.
func (d *Identifier) sort(begin int) int {
	all := d.named[begin:]
	name := func(m named) []byte { return d.names[m.name:m.nameEnd] }
	slices.SortStableFunc(all, func(a, b named) int { return bytes.Compare(name(a), name(b)) })
	kept := 0
	for i, m := range all {
		if i+1 == len(all) || !bytes.Equal(name(m), name(all[i+1])) {
			all[kept] = m
			kept++
		}
	}
	return kept
}

// find finds the ends of all objects and arrays in json. Members are written sorted, so
// write jumps over values. With the ends its time stays in proportion to the size, however
// deep the nesting.
func (d *Identifier) find(json []byte) {
	d.ends, d.open = d.ends[:0], d.open[:0]
	for i := 0; i < len(json); i++ {
		switch json[i] {
		case '"':
			i, _ = skipString(json, i)
			i--
		case '{', '[':
			d.open = append(d.open, uint32(len(d.ends)))
			d.ends = append(d.ends, ending{})
		case '}', ']':
			last := len(d.open) - 1
			d.ends[d.open[last]] = ending{uint32(i + 1), uint32(len(d.ends))}
			d.open = d.open[:last]
		}
	}
}

// write appends the value at json[i] and returns the offset past it. n is the index in ends
// of the first object or array at or after json[i], behind that of the first one after the
// value.
func (d *Identifier) write(json []byte, i int, n uint32) (end int, behind uint32) {
	switch json[i] {
	case '{':
		d.object(json, i, n)
		return int(d.ends[n].end), d.ends[n].next
	case '[':
		d.array(json, i, n)
		return int(d.ends[n].end), d.ends[n].next
	}
	v, end := next(json, i)
	if v.Kind != String {
		d.text = append(d.text, v.JSON...)
		return end, n
	}
	begin := len(d.names)
	d.names = v.AppendText(d.names)
	d.str(d.names[begin:])
	d.names = d.names[:begin]
	return end, n
}

func (d *Identifier) array(json []byte, i int, n uint32) {
	d.text = append(d.text, '[')
	n++
	for i = token(json, i+1); json[i] != ']'; i = token(json, i) {
		if json[i] == ',' {
			d.text = append(d.text, ',')
			i = token(json, i+1)
		}
		i, n = d.write(json, i, n)
	}
	d.text = append(d.text, ']')
}

func (d *Identifier) object(json []byte, i int, n uint32) {
	begin, nameBegin := len(d.named), len(d.names)
	n++
	for i = token(json, i+1); json[i] != '}'; i = token(json, i) {
		if json[i] == ',' {
			i = token(json, i+1)
		}
		name, colon := next(json, i)
		i = token(json, token(json, colon)+1)
		d.add(name, i, n)
		if json[i] == '{' || json[i] == '[' {
			i, n = int(d.ends[n].end), d.ends[n].next
		} else {
			_, i = next(json, i)
		}
	}
	d.text = append(d.text, '{')
	for k := range d.sort(begin) {
		if k > 0 {
			d.text = append(d.text, ',')
		}
		m := d.named[begin+k]
		d.str(d.names[m.name:m.nameEnd])
		d.text = append(d.text, ':')
		d.write(json, int(m.value), m.nested)
	}
	d.text = append(d.text, '}')
	d.named, d.names = d.named[:begin], d.names[:nameBegin]
}

// token returns the offset of the token at or after json[i].
func token(json []byte, i int) int {
	for json[i] <= ' ' {
		i++
	}
	return i
}

// str appends text, which is valid UTF-8, as a string with the fewest escapes.
func (d *Identifier) str(text []byte) {
	d.text = append(d.text, '"')
	for _, c := range text {
		switch c {
		case '\b':
			d.text = append(d.text, '\\', 'b')
		case '\f':
			d.text = append(d.text, '\\', 'f')
		default:
			d.text = AppendEscaped(d.text, c)
		}
	}
	d.text = append(d.text, '"')
}
