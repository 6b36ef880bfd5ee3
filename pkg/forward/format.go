package forward

import (
	"errors"
	"net/url"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Format says how events are written in the body of a request.
type Format string

// The formats.
const (
	// JSON is the event as it is, of type application/json; an array of them in batches.
	JSON Format = "json"
	// NDJSON is an event a line, of type application/x-ndjson.
	NDJSON Format = "ndjson"
	// Form is the fields of one event as application/x-www-form-urlencoded; objects and
	// arrays are JSON text.
	Form Format = "form"
	// CloudEvents is structured CloudEvents 1.0. Data is the event, id the ID, type
	// "enswitch.CLASS.EVENT", source the machine.
	CloudEvents Format = "cloudevents"
)

// Formats returns all formats.
func Formats() []Format { return []Format{JSON, NDJSON, Form, CloudEvents} }

// mediaType returns the Content-Type of a body.
func (f Format) mediaType(batch bool) string {
	switch {
	case f == NDJSON:
		return "application/x-ndjson"
	case f == Form:
		return "application/x-www-form-urlencoded"
	case f == CloudEvents && batch:
		return "application/cloudevents-batch+json"
	case f == CloudEvents:
		return "application/cloudevents+json"
	}
	return "application/json"
}

// errNoObject is the error for a value that has no fields.
var errNoObject = errors.New("it is no JSON object, and a form has fields")

// appendBody appends items as the body of a request. Without batch there is one item, and
// the body is not an array.
func (f Format) appendBody(dst []byte, items []*Item, batch bool) (body []byte, err error) {
	switch {
	case f == NDJSON:
		return appendLines(dst, items), nil
	case f == Form:
		return appendForm(dst, items[0].Payload)
	case !batch:
		return f.appendItem(dst, items[0]), nil
	}
	for i, it := range items {
		dst = append(dst, "[,"[min(i, 1)])
		dst = f.appendItem(dst, it)
	}
	return append(dst, ']'), nil
}

func (f Format) appendItem(dst []byte, it *Item) []byte {
	if f == CloudEvents {
		return appendCloudEvent(dst, it)
	}
	return append(dst, it.Payload...)
}

// appendLines appends an event a line.
func appendLines(dst []byte, items []*Item) []byte {
	for _, it := range items {
		dst = append(append(dst, it.Payload...), '\n')
	}
	return dst
}

// appendForm appends the fields of a JSON object. Of repeated fields the last counts.
func appendForm(dst, payload []byte) ([]byte, error) {
	var x event.Index
	if x.Scan(payload) != nil {
		return dst, errNoObject
	}
	first := true
	for i := range x.Len() {
		if x.Shadowed(i) {
			continue
		}
		if !first {
			dst = append(dst, '&')
		}
		first = false
		dst = append(dst, url.QueryEscape(string(x.Key(i).AppendText(nil)))...)
		dst = append(dst, '=')
		v := x.Value(i)
		text := v.AppendText(nil)
		if v.Kind == event.Object || v.Kind == event.Array {
			text = event.AppendCompact(nil, v.JSON)
		}
		dst = append(dst, url.QueryEscape(string(text))...)
	}
	return dst, nil
}

// appendCloudEvent appends an event as structured CloudEvents 1.0.
func appendCloudEvent(dst []byte, it *Item) []byte {
	dst = append(dst, `{"specversion":"1.0","id":"`...)
	dst = append(dst, it.ID.String()...)
	dst = append(dst, `","source":`...)
	dst = event.AppendString(dst, cloudSource(it.Machine))
	dst = append(dst, `,"type":`...)
	dst = event.AppendString(dst, attribute("enswitch."+it.Class+"."+it.Event))
	dst = append(dst, `,"datacontenttype":"application/json","data":`...)
	dst = append(dst, it.Payload...)
	return append(dst, '}')
}

// cloudSource returns the machine as a source, which is a URI reference and not empty.
func cloudSource(machine string) string {
	if machine == "" {
		return "enswitch"
	}
	var dst []byte
	for i := range len(machine) {
		c := machine[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
			dst = append(dst, c)
		default:
			dst = append(dst, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		}
	}
	return string(dst)
}

// attribute returns text without the characters that an attribute of CloudEvents must not
// have, which are written like \u000a.
func attribute(text string) string {
	var dst []byte
	for _, r := range text {
		if unicode.IsControl(r) || r >= 0xFDD0 && r <= 0xFDEF || r&0xFFFE == 0xFFFE {
			hex := strconv.FormatInt(int64(r)|1<<24, 16)[1:]
			for len(hex) > 4 && hex[0] == '0' {
				hex = hex[1:]
			}
			dst = append(append(dst, `\u`...), hex...)
			continue
		}
		dst = utf8.AppendRune(dst, r)
	}
	return string(dst)
}
