package post

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime/quotedprintable"
	"strings"
)

// appendMultipart is appendForm for multipart/form-data. It accepts damage that leaves
// fields readable: a missing end, header lines without a colon, line ends without CR.
// Its errors never quote the body.
func appendMultipart(dst, body []byte, m media, number func(name []byte) bool) ([]byte, Note, error) {
	if m.boundary == "" {
		return dst, Note{}, errors.New("multipart without boundary")
	}
	var names names
	latin1, note := isLatin1(m.charset)
	json := append(dst, '{')
	delimiter := []byte("--" + m.boundary)
	for _, rest := cutPart(body, delimiter); rest != nil; {
		var part []byte
		part, rest = cutPart(rest, delimiter)
		if names.count == MaxFields {
			return dst, Note{}, errors.New("too many fields")
		}
		header, text := cutHeader(part)
		latin1 := latin1
		if own := parseMedia(header.contentType).charset; own != "" {
			var odd Note
			if latin1, odd = isLatin1(own); odd.Charset != "" {
				note.Charset = odd.Charset
			}
		}
		field := len(json)
		json = openField(json, names.distinct)
		start := len(json)
		for _, c := range []byte(parameters(header.disposition)["name"]) {
			json = appendByte(json, c, latin1)
		}
		end := len(json)
		if !names.add(json, start, end) {
			json = json[:field]
			continue
		}
		json = append(json, '"', ':', '"')
		value := len(json)
		for _, c := range transferred(text, header.transfer) {
			json = appendByte(json, c, latin1)
		}
		json = closeField(json, json[start:end], value, number)
	}
	if names.count == 0 {
		return dst, Note{}, errors.New("no fields")
	}
	return append(json, '}'), names.note(note), nil
}

// cutPart returns the bytes before the next line that is the delimiter, and the bytes
// after it. The rest is nil after the last delimiter and if there is none.
func cutPart(body, delimiter []byte) (part, rest []byte) {
	for from := 0; ; {
		i := bytes.Index(body[from:], delimiter)
		if i < 0 {
			return body, nil
		}
		i += from
		from = i + len(delimiter)
		if i > 0 && body[i-1] != '\n' {
			continue // in the middle of a line
		}
		line, after, _ := bytes.Cut(body[from:], []byte("\n"))
		line = bytes.TrimRight(line, " \t\r")
		if len(line) > 0 && string(line) != "--" {
			continue // a longer line
		}
		part = bytes.TrimSuffix(bytes.TrimSuffix(body[:i], []byte("\n")), []byte("\r"))
		if string(line) == "--" || len(after) == 0 {
			return part, nil
		}
		return part, after
	}
}

// partHeader is the header of a part.
type partHeader struct{ disposition, contentType, transfer string }

// maxPartHeader is the largest size of a header line of a part, with its continuation
// lines, in bytes.
const maxPartHeader = 4 << 10

// cutHeader splits a part into its header and its content.
func cutHeader(part []byte) (h partHeader, text []byte) {
	var line *string
	for len(part) > 0 {
		var b []byte
		b, part, _ = bytes.Cut(part, []byte("\n"))
		if b = bytes.TrimSuffix(b, []byte("\r")); len(b) == 0 {
			break
		}
		if b[0] == ' ' || b[0] == '\t' {
			if line != nil && len(*line)+len(b) <= maxPartHeader {
				*line += string(b)
			}
			continue
		}
		name, value, _ := bytes.Cut(b, []byte(":"))
		switch line = nil; strings.ToLower(string(bytes.TrimSpace(name[:min(len(name), 100)]))) {
		case "content-disposition":
			line = &h.disposition
		case "content-type":
			line = &h.contentType
		case "content-transfer-encoding":
			line = &h.transfer
		}
		if line != nil && len(value) <= maxPartHeader {
			*line = string(bytes.TrimSpace(value))
		}
	}
	return h, part
}

// boundaryOf returns the boundary with which a multipart body begins, for a request
// without the parameter boundary.
func boundaryOf(body []byte) string {
	line, _, _ := bytes.Cut(body, []byte("\n"))
	boundary, ok := bytes.CutPrefix(bytes.TrimRight(line, " \t\r"), []byte("--"))
	if !ok || len(boundary) > 200 {
		return ""
	}
	return string(boundary)
}

// transferred decodes a Content-Transfer-Encoding. Text that cannot be decoded is
// returned unchanged.
func transferred(text []byte, encoding string) []byte {
	var r io.Reader
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		r = quotedprintable.NewReader(bytes.NewReader(text))
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, bytes.NewReader(text))
	default:
		return text
	}
	if plain, err := io.ReadAll(r); err == nil {
		return plain
	}
	return text
}
