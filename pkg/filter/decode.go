package filter

import (
	"bytes"
	"encoding/json"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// decoder decodes an event's bytes, which are valid JSON, to values of gojq. Numbers
// keep their text, as json.Number.
type decoder struct {
	json []byte
	text string // a copy of json; strings of the values are parts of it
	at   int
	top  map[string]any // the last event
	buf  []byte
}

// object decodes an event. The map is valid until the next call.
func (d *decoder) object(json []byte) map[string]any {
	if d.top == nil {
		d.top = map[string]any{}
	}
	clear(d.top)
	d.begin(json)
	d.fields(d.top)
	return d.top
}

// fieldsOf decodes some fields of an event. A decoder must always get the same names.
// The map is valid until the next call.
func (d *decoder) fieldsOf(x *event.Index, names []string) map[string]any {
	if d.top == nil {
		d.top = map[string]any{}
	}
	for _, name := range names {
		if v := x.Field(name); v.Kind != event.Absent {
			d.begin(v.JSON)
			d.top[name] = d.value()
		} else {
			delete(d.top, name)
		}
	}
	return d.top
}

// begin copies the text. The event's bytes are overwritten by later events, and gojq
// keeps the regular expressions that it has seen, which may be parts of events.
func (d *decoder) begin(json []byte) { d.json, d.text, d.at = json, string(json), 0 }

// next moves to the next token and returns its first byte.
func (d *decoder) next() byte {
	for d.text[d.at] <= ' ' {
		d.at++
	}
	return d.text[d.at]
}

// fields decodes the next object into m. Of a repeated field the last one counts.
func (d *decoder) fields(m map[string]any) {
	d.next()
	d.at++
	for {
		switch d.next() {
		case '}':
			d.at++
			return
		case ',':
			d.at++
			d.next()
		}
		key := d.str()
		d.next() // the colon
		d.at++
		m[key] = d.value()
	}
}

func (d *decoder) value() any {
	switch d.next() {
	case '{':
		m := make(map[string]any)
		d.fields(m)
		return m
	case '[':
		d.at++
		a := []any{}
		for {
			switch d.next() {
			case ']':
				d.at++
				return a
			case ',':
				d.at++
			}
			a = append(a, d.value())
		}
	case '"':
		return d.str()
	case 't':
		d.at += len("true")
		return true
	case 'f':
		d.at += len("false")
		return false
	case 'n':
		d.at += len("null")
		return nil
	}
	start := d.at
	for d.at++; d.at < len(d.text); d.at++ {
		if c := d.text[d.at]; (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c|0x20 != 'e' {
			break
		}
	}
	return json.Number(d.text[start:d.at])
}

// str decodes the next string.
func (d *decoder) str() string {
	start, escaped := d.at, false
	d.at++
	for {
		i := bytes.IndexByte(d.json[d.at:], '"')
		j := bytes.IndexByte(d.json[d.at:d.at+i], '\\')
		if j < 0 {
			d.at += i + 1
			break
		}
		escaped = true
		d.at += j + 2
	}
	if !escaped {
		return d.text[start+1 : d.at-1]
	}
	d.buf = event.Value{JSON: d.json[start:d.at], Kind: event.String, Escaped: true}.AppendText(d.buf[:0])
	return string(d.buf)
}
