package pseudonym

import (
	"bytes"
	"strconv"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Rewriter rewrites events, or records of calls. It is for one goroutine.
type Rewriter struct {
	// Others leaves the originals themselves and all ids as they are, and replaces what
	// other fields have of them.
	Others bool

	p     *Pseudonyms
	names *names
	maker *Maker

	found *known

	// The event that is read or written.
	json       []byte
	collecting bool
	dst        []byte
	copied     int    // json before it is in dst
	path       []byte // of the value, with dots, if names reach into objects
	text       []byte
	made       []byte
	changed    bool
	depth      int
	buf        []byte // the last event that was written
}

// Reset forgets the originals that were collected.
func (r *Rewriter) Reset() { r.found.reset() }

// Event returns the event that x has scanned with made-up values, as valid JSON with all
// else as it was, and whether it differs. It is valid until the next call.
func (r *Rewriter) Event(x *event.Index) (json []byte, changed bool) {
	if !r.concerns(x) {
		r.found.reset()
		return x.JSON(), false
	}
	r.Reset()
	r.Collect(x.JSON())
	return r.Rewrite(x.JSON())
}

// concerns reports whether the event has a field with originals. The program's own records
// have none.
func (r *Rewriter) concerns(x *event.Index) bool {
	if x.Class().Is("enswitch-events") {
		return false
	}
	for i := range x.Len() {
		key := x.Key(i)
		r.text = key.AppendText(r.text[:0])
		if r.names.kinds[string(r.text)] == original || r.names.dotted && r.isObjectName(r.text) {
			return true
		}
	}
	return false
}

// isObjectName reports whether a name reaches into the object called name.
func (r *Rewriter) isObjectName(name []byte) bool {
	for full, kind := range r.names.kinds {
		if kind == original && len(full) > len(name) && full[len(name)] == '.' && full[:len(name)] == string(name) {
			return true
		}
	}
	return false
}

// Collect adds the originals of an event, which is valid JSON, to those that Rewrite
// replaces.
func (r *Rewriter) Collect(json []byte) {
	r.json, r.collecting, r.path = json, true, r.path[:0]
	r.depth = 0
	r.value(skipSpace(json, 0), other)
	r.collecting = false
}

// Rewrite returns an event in which made-up values replace the originals that were collected
// and its own, and whether it differs. It is valid until the next call.
func (r *Rewriter) Rewrite(json []byte) (rewritten []byte, changed bool) {
	r.json, r.dst, r.copied, r.path, r.changed = json, r.buf[:0], 0, r.path[:0], false
	r.depth = 0
	r.value(skipSpace(json, 0), other)
	if !r.changed {
		return json, false
	}
	r.buf = append(r.dst, json[r.copied:]...)
	if cap(r.buf) > 1<<20 {
		rewritten, r.buf = r.buf, nil // of a giant event
		return rewritten, true
	}
	return r.buf, true
}

// Text returns a text that is not in an event, such as the name of its source, with what it
// has of the collected originals replaced.
func (r *Rewriter) Text(text string) string {
	if r.found.none() {
		return text
	}
	return string(r.replaced([]byte(text), other))
}

// Field returns the text of the field of that name with its originals replaced.
func (r *Rewriter) Field(name, text string) string {
	return string(r.replaced([]byte(text), r.names.kinds[name]))
}

// value reads or writes the value at json[i], of a field of that kind, and returns the
// offset after it.
func (r *Rewriter) value(i int, kind fieldKind) int {
	switch c := r.json[i]; {
	case c == '"':
		end := stringEnd(r.json, i)
		r.str(i, end, kind)
		return end
	case c == '{':
		return r.object(i, kind)
	case c == '[':
		r.depth++
		for i = skipSpace(r.json, i+1); r.json[i] != ']'; {
			if i = skipSpace(r.json, r.value(i, kind)); r.json[i] == ',' {
				i = skipSpace(r.json, i+1)
			}
		}
		r.depth--
		return i + 1
	case c == '-' || isDigit(c):
		end := i + 1
		for end < len(r.json) && (isDigit(r.json[end]) || bytes.IndexByte([]byte("+-.eE"), r.json[end]) >= 0) {
			end++
		}
		r.number(i, end, kind)
		return end
	case c == 'f':
		return i + len("false")
	}
	return i + len("true") // or null
}

// object is value for an object.
func (r *Rewriter) object(i int, kind fieldKind) int {
	top := r.depth == 0
	r.depth++
	for i = skipSpace(r.json, i+1); r.json[i] != '}'; {
		end := stringEnd(r.json, i)
		r.text = unquoted(r.text[:0], r.json[i:end])
		path := len(r.path)
		of := r.member(r.text, kind, top)
		if !r.collecting {
			r.name(i, end)
		}
		i = skipSpace(r.json, r.value(skipSpace(r.json, skipSpace(r.json, end)+1), of))
		r.path = r.path[:path]
		if r.json[i] == ',' {
			i = skipSpace(r.json, i+1)
		}
	}
	r.depth--
	return i + 1
}

// member returns the kind of a member of an object, and adds its name to the path.
func (r *Rewriter) member(name []byte, within fieldKind, top bool) fieldKind {
	if r.names.dotted {
		if !top {
			r.path = append(r.path, '.')
		}
		r.path = append(r.path, name...)
		name = r.path
	}
	kind := within
	if top {
		kind = r.names.kinds[string(name)]
	} else if r.names.dotted && kind != original && r.names.kinds[string(name)] == original {
		kind = original
	}
	if kind == original && within != original && r.collecting {
		r.p.see(r.names, name)
	}
	return kind
}

// str reads or writes a string.
func (r *Rewriter) str(i, end int, kind fieldKind) {
	if kind == kept || r.collecting && kind != original {
		return
	}
	r.text = unquoted(r.text[:0], r.json[i:end])
	if r.collecting {
		r.found.add(r.text, r.maker)
		return
	}
	if made := r.replaced(r.text, kind); !bytes.Equal(made, r.text) {
		r.write(i)
		r.dst, r.copied = event.AppendString(r.dst, made), end
	}
}

// name writes the name of a member.
func (r *Rewriter) name(i, end int) {
	if r.Others {
		return
	}
	made := r.text
	if r.found.has(made) && bytes.ContainsAny(made, "0123456789@-. ") {
		r.made = r.maker.AppendText(r.made[:0], made)
		made = r.made
	} else {
		made = r.found.replaceNumbers(made, r.maker, &r.made)
	}
	if !bytes.Equal(made, r.text) {
		r.write(i)
		r.dst, r.copied = event.AppendString(r.dst, made), end
	}
}

// number reads or writes a number.
func (r *Rewriter) number(i, end int, kind fieldKind) {
	if kind == kept || r.collecting && kind != original {
		return
	}
	text := r.json[i:end]
	if r.collecting {
		r.found.add(text, r.maker)
		return
	}
	switch {
	case r.Others && kind != other:
	case kind == original, kind == other && (len(text) > 2 && r.found.has(text) || r.found.tooMany()), r.found.sharesDigits(text):
		r.write(i)
		r.dst, r.copied = r.maker.appendJSONNumber(r.dst, text), end
	}
}

// write writes what is before json[i] as it is.
func (r *Rewriter) write(i int) {
	r.dst = append(r.dst, r.json[r.copied:i]...)
	r.changed = true
}

// replaced returns what takes the place of a text in a field of that kind. It is valid until
// the next call.
func (r *Rewriter) replaced(text []byte, kind fieldKind) []byte {
	switch {
	case r.Others && (kind == original || kind == id || kind == fixed):
		return text
	case kind == original, kind == other && (r.found.has(text) || r.found.tooMany()):
		r.made = r.maker.AppendText(r.made[:0], text)
		return r.made
	case kind == id && isTimeID(text):
		return text
	case kind != fixed:
		text = r.found.replaceTexts(text)
	}
	return r.found.replaceNumbers(text, r.maker, &r.made)
}

// isTimeID reports whether an id is of the form of the vendor's example, a Unix time, a dot
// and a number: what it has in common with a telephone number is chance.
func isTimeID(text []byte) bool {
	seconds, number, ok := bytes.Cut(text, []byte("."))
	return ok && len(seconds) >= 9 && len(seconds) <= 11 && len(number) > 0 &&
		len(digitsOf(nil, text)) == len(text)-1
}

func skipSpace(json []byte, i int) int {
	for i < len(json) && (json[i] == ' ' || json[i] == '\t' || json[i] == '\n' || json[i] == '\r') {
		i++
	}
	return i
}

// stringEnd returns the offset after the string that begins at json[i].
func stringEnd(json []byte, i int) int {
	for i++; json[i] != '"'; i++ {
		if json[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// unquoted appends the text of a JSON string.
func unquoted(dst, json []byte) []byte {
	return event.Value{JSON: json, Kind: event.String, Escaped: bytes.IndexByte(json, '\\') >= 0}.AppendText(dst)
}

// appendJSONNumber appends a JSON number made up for another one: with other digits in front
// of its exponent. One of more than maxNumber digits becomes one of few.
func (m *Maker) appendJSONNumber(dst, text []byte) []byte {
	mantissa := text
	if i := bytes.IndexAny(text, "eE"); i >= 0 {
		mantissa = text[:i]
	}
	if len(mantissa) > maxNumber {
		return strconv.AppendUint(dst, uint64(number32(m.hash('l', 0, 0, text), 100_000)), 10)
	}
	return append(m.appendNumber(dst, mantissa), text[len(mantissa):]...)
}
