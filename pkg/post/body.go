package post

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// event makes an event of the body, which has at most maxBytes when decompressed. The
// result is memory of x.
func (x *exchange) event(number func(name []byte) bool, maxBytes int64) ([]byte, Note, error) {
	if x.isCompressed() {
		var err error
		if x.body, err = decompress(x.body, maxBytes); err != nil {
			return nil, Note{}, err
		}
	}
	m := parseMedia(x.contentType)
	body := bytes.TrimPrefix(x.body, []byte("\ufeff"))
	text := bytes.TrimLeft(body, " \t\r\n")
	switch {
	case len(text) == 0:
		return nil, Note{}, errors.New("empty body")
	case isUTF16(text):
		return nil, Note{}, errors.New("text in UTF-16; the sender has to send UTF-8")
	case m.encoding == unstated:
		m.encoding = sniff(text)
	case m.encoding == urlencoded && (text[0] == '{' || text[0] == '[') && x.isJSON(text):
		m.encoding = jsonObject
	}
	switch m.encoding {
	case jsonObject:
		note, err := x.jsonEvent(body)
		return body, note, err
	case urlencoded:
		latin1, odd := isLatin1(m.charset)
		var note Note
		var err error
		x.json, note, err = appendForm(x.json[:0], body, number, latin1)
		note.Charset = odd.Charset
		return x.json, note, err
	case multipartForm:
		if m.boundary == "" {
			m.boundary = boundaryOf(text)
		}
		var note Note
		var err error
		x.json, note, err = appendMultipart(x.json[:0], body, m, number)
		return x.json, note, err
	}
	return nil, Note{}, errors.New("neither a form nor JSON")
}

// sniff guesses the encoding of a body whose type says nothing.
func sniff(text []byte) encoding {
	switch {
	case text[0] == '{', text[0] == '[':
		return jsonObject
	case bytes.HasPrefix(text, []byte("--")) && bytes.Contains(text[:min(len(text), maxPartHeader)], []byte("form-data")):
		return multipartForm
	case bytes.IndexByte(text, '=') >= 0:
		return urlencoded
	}
	return unstated
}

// isJSON reports whether a body that is declared as a form is JSON, perhaps cut short
// or not an object: a form that begins with a brace has an equals sign.
func (x *exchange) isJSON(text []byte) bool {
	return x.index.Scan(text) == nil || bytes.IndexByte(text, '=') < 0 || json.Valid(text)
}

// jsonEvent checks that the body is an event.
func (x *exchange) jsonEvent(body []byte) (note Note, err error) {
	if err := x.index.Scan(body); err != nil {
		e, ok := errors.AsType[*event.Error](err)
		if ok && e.Offset < len(body) && body[e.Offset] == '{' && strings.HasSuffix(e.Reason, "where the end should be") {
			return note, &event.Error{Offset: e.Offset, Reason: "more than one JSON object"}
		}
		return note, err
	}
	if x.index.Len() == 0 {
		return note, errors.New("no fields")
	}
	note.NoClass = x.index.Class().Kind == event.Absent
	return note, nil
}

// isUTF16 reports whether text is in UTF-16, with or without a byte order mark:
// every other byte of its ASCII is zero.
func isUTF16(text []byte) bool {
	if len(text) < 2 {
		return false
	}
	first, second := text[0], text[1]
	return first == 0xff && second == 0xfe || first == 0xfe && second == 0xff || (first == 0) != (second == 0)
}
