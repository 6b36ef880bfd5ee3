package post

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// encoding is how a body holds an event.
type encoding uint8

const (
	unstated encoding = iota
	urlencoded
	multipartForm
	jsonObject
)

// media is what a Content-Type says.
type media struct {
	encoding encoding
	boundary string
	charset  string
}

func parseMedia(contentType string) media {
	switch contentType { // the two that come, without an allocation
	case "application/x-www-form-urlencoded":
		return media{encoding: urlencoded}
	case "application/json":
		return media{encoding: jsonObject}
	}
	name, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return media{}
	}
	m := media{boundary: parameters["boundary"], charset: parameters["charset"]}
	switch {
	case name == "application/x-www-form-urlencoded":
		m.encoding = urlencoded
	case name == "multipart/form-data":
		m.encoding = multipartForm
	case name == "application/json", name == "text/json", strings.HasSuffix(name, "+json"):
		m.encoding = jsonObject
	}
	return m
}

// isLatin1 reports whether text in the charset must be converted, and a note
// if it is in neither that nor UTF-8.
func isLatin1(charset string) (bool, Note) {
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return false, 0
	case "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1", "l1":
		return true, 0
	}
	return false, UnknownCharset
}

// event makes an event of the body. The result is part of x.
func (x *exchange) event(number func(name []byte) bool) ([]byte, Note, error) {
	m := parseMedia(x.contentType)
	text := bytes.TrimLeft(x.body, " \t\r\n")
	if len(text) == 0 {
		return nil, 0, errors.New("empty body")
	}
	switch {
	case m.encoding == unstated && text[0] == '{':
		m.encoding = jsonObject
	case m.encoding == unstated && bytes.IndexByte(text, '=') >= 0:
		m.encoding = urlencoded
	case m.encoding == urlencoded && text[0] == '{' && x.index.Scan(x.body) == nil:
		m.encoding = jsonObject
	}
	var note Note
	var err error
	switch m.encoding {
	case jsonObject:
		if err := x.index.Scan(x.body); err != nil {
			return nil, 0, err
		}
		if x.index.Len() == 0 {
			return nil, 0, errors.New("no fields")
		}
		if x.index.Class().Kind == event.Absent {
			note = NoClass
		}
		return x.body, note, nil
	case urlencoded:
		latin1, odd := isLatin1(m.charset)
		x.json, note, err = appendForm(x.json[:0], x.body, number, latin1)
		return x.json, note | odd, err
	case multipartForm:
		x.json, note, err = appendMultipart(x.json[:0], x.body, m, number)
		return x.json, note, err
	}
	return nil, 0, errors.New("neither a form nor JSON")
}

// appendMultipart does for multipart/form-data what appendForm does for the
// other form. Its errors never quote the body, as those of mime/multipart do.
func appendMultipart(dst, body []byte, m media, number func(name []byte) bool) ([]byte, Note, error) {
	if m.boundary == "" {
		return dst, 0, errors.New("multipart without boundary")
	}
	var names names
	var odd Note
	json := append(dst, '{')
	for parts := multipart.NewReader(bytes.NewReader(body), m.boundary); ; {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return dst, 0, errors.New("malformed multipart body")
		}
		if names.count == MaxFields {
			return dst, 0, errors.New("too many fields")
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return dst, 0, errors.New("malformed multipart body")
		}
		charset := m.charset
		if own := parseMedia(part.Header.Get("Content-Type")).charset; own != "" {
			charset = own
		}
		latin1, unknown := isLatin1(charset)
		odd |= unknown

		field := len(json)
		json = openField(json, names.count)
		start := len(json)
		for _, c := range []byte(part.FormName()) {
			json = appendByte(json, c, latin1)
		}
		end := len(json)
		if !names.add(json, start, end) {
			json = json[:field]
			continue
		}
		json = append(json, '"', ':', '"')
		value := len(json)
		for _, c := range text {
			json = appendByte(json, c, latin1)
		}
		json = closeField(json, json[start:end], value, number)
	}
	if names.count == 0 {
		return dst, 0, errors.New("no fields")
	}
	return append(json, '}'), names.note() | odd, nil
}
