package post

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// AppendJSON appends the fields of an application/x-www-form-urlencoded body to dst as
// one JSON object. It returns the extended slice, what is odd about the form, and an
// [*event.Error] if there is no object; then the slice is dst. The form must not
// overlap the free capacity of dst.
//
// Names and values are those of [net/url.ParseQuery], but what is an error there is text
// here: a semicolon, a percent sign without two hexadecimal digits. Beyond that:
//
//   - The fields keep their order. If a field is repeated, the first one counts.
//   - A value is a string, empty if the field has none. It is a number if number returns
//     true for the name and the text is exactly a JSON number. A nil number stands for
//     machine alone.
//   - Bytes that are not UTF-8 stay, for [event.Index] to repair and count.
//   - A form without fields, or with more than [MaxFields], is an error.
//
// It takes one pass. It allocates only to grow dst, and for forms with more than 32
// fields.
func AppendJSON(dst, form []byte, number func(name []byte) bool) ([]byte, Note, error) {
	return appendForm(dst, form, number, false)
}

// appendForm is AppendJSON for a form in UTF-8 or ISO-8859-1.
func appendForm(dst, form []byte, number func(name []byte) bool, latin1 bool) ([]byte, Note, error) {
	var names names
	json := append(dst, '{')
	for i := 0; i < len(form); {
		if form[i] == '&' {
			i++
			continue
		}
		if names.count == MaxFields {
			return dst, Note{}, &event.Error{Offset: i, Reason: "too many fields"}
		}
		field := len(json)
		json = openField(json, names.count)
		start := len(json)
		json, i = appendText(json, form, i, '=', latin1)
		end := len(json)
		json = append(json, '"', ':', '"')
		value := len(json)
		if i < len(form) && form[i] == '=' {
			json, i = appendText(json, form, i+1, '&', latin1)
		}
		if !names.add(json, start, end) {
			json = json[:field]
			continue
		}
		json = closeField(json, json[start:end], value, number)
	}
	if names.count == 0 {
		return dst, Note{}, &event.Error{Offset: len(form), Reason: "no fields"}
	}
	return append(json, '}'), names.note(Note{}), nil
}

// openField appends the bytes before the name of a field.
func openField(json []byte, earlier int) []byte {
	if earlier > 0 {
		json = append(json, ',')
	}
	return append(json, '"')
}

// closeField ends a field whose value begins at value, and removes the quotes of a
// number. name is escaped as in the JSON.
func closeField(json, name []byte, value int, number func(name []byte) bool) []byte {
	if isNumberField(name, number) && event.IsNumber(json[value:]) {
		copy(json[value-1:], json[value:])
		return json[:len(json)-1]
	}
	return append(json, '"')
}

func isNumberField(name []byte, number func(name []byte) bool) bool {
	if number == nil {
		return string(name) == "machine"
	}
	if bytes.IndexByte(name, '\\') >= 0 {
		quoted := append(append([]byte{'"'}, name...), '"')
		name = event.Value{JSON: quoted, Kind: event.String, Escaped: true}.AppendText(nil)
	}
	return number(name)
}

// span is the place of a name in the JSON.
type span struct{ start, end int }

// names are the names of an object's fields, escaped as in its JSON. Most forms need
// only few, which is on the stack.
type names struct {
	few      [32]span
	more     map[string]struct{}
	distinct int
	mask     uint64 // one bit for each name: a name whose bit is not set is new
	count    int    // repeated names included
	class    bool
	repeated bool
}

// add adds a name and reports whether it is new.
func (n *names) add(json []byte, start, end int) bool {
	name := json[start:end]
	n.count++
	hash := uint(len(name))
	if len(name) > 0 {
		hash = hash*31 + uint(name[0])*7 + uint(name[len(name)-1])
	}
	bit := uint64(1) << (hash & 63)
	if n.mask&bit != 0 {
		same := func(s span) bool { return string(json[s.start:s.end]) == string(name) }
		if _, known := n.more[string(name)]; known || slices.ContainsFunc(n.few[:min(n.distinct, len(n.few))], same) {
			n.repeated = true
			return false
		}
	}
	n.mask |= bit
	if n.distinct < len(n.few) {
		n.few[n.distinct] = span{start, end}
	} else {
		if n.more == nil {
			n.more = make(map[string]struct{})
		}
		n.more[string(name)] = struct{}{}
	}
	n.distinct++
	n.class = n.class || string(name) == "class"
	return true
}

// note returns the note with what is odd about the names.
func (n *names) note(note Note) Note {
	note.NoClass, note.Repeated = !n.class, n.repeated
	return note
}

// special marks the bytes of a form that are not copied as they are.
var special = func() (t [256]bool) {
	for c := range t {
		t[c] = c < 0x20 || c >= utf8.RuneSelf
	}
	for _, c := range `&=+%"\` {
		t[c] = true
	}
	return t
}()

// appendText appends the text of form from i to the next ampersand, stop or the end. It
// replaces the escapes of the form by those of a JSON string. It returns the offset of
// the end.
func appendText(json, form []byte, i int, stop byte, latin1 bool) ([]byte, int) {
	for {
		run := i
		for i < len(form) && !special[form[i]] {
			i++
		}
		json = append(json, form[run:i]...)
		if i == len(form) {
			return json, i
		}
		c := form[i]
		switch c {
		case '&', stop:
			return json, i
		case '+':
			c = ' '
		case '%':
			if i+2 < len(form) && unhex[form[i+1]]|unhex[form[i+2]] != notHex {
				c = unhex[form[i+1]]<<4 | unhex[form[i+2]]
				i += 2
			}
		}
		i++
		json = appendByte(json, c, latin1)
	}
}

const notHex = 0xff

// unhex is the value of each hexadecimal digit, notHex for all other bytes.
var unhex = func() (t [256]byte) {
	for c := range t {
		t[c] = notHex
	}
	for v, c := range "0123456789abcdef" {
		t[c] = byte(v)
	}
	for v, c := range "ABCDEF" {
		t[c] = byte(v + 10)
	}
	return t
}()

// appendByte appends one byte of text to a JSON string.
func appendByte(json []byte, c byte, latin1 bool) []byte {
	if latin1 && c >= utf8.RuneSelf {
		return utf8.AppendRune(json, rune(c))
	}
	return event.AppendEscaped(json, c)
}
