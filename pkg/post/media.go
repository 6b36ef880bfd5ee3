package post

import (
	"mime"
	"strings"
)

// encoding is the form in which a body holds an event.
type encoding uint8

const (
	unstated encoding = iota
	urlencoded
	multipartForm
	jsonObject
)

// media is a parsed Content-Type.
type media struct {
	encoding encoding
	boundary string
	charset  string
}

func parseMedia(contentType string) media {
	switch contentType { // the usual ones, without an allocation
	case "":
		return media{}
	case "application/x-www-form-urlencoded":
		return media{encoding: urlencoded}
	case "application/json":
		return media{encoding: jsonObject}
	}
	name, _, _ := strings.Cut(contentType, ";")
	name = strings.ToLower(strings.TrimSpace(name))
	given := parameters(contentType)
	m := media{boundary: given["boundary"], charset: given["charset"]}
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

// parameters returns the parameters of a header such as Content-Type. In a header that
// breaks the rules it reads what it can: a value without the quotes that it needs ends
// at the next semicolon.
func parameters(header string) map[string]string {
	if _, all, err := mime.ParseMediaType(header); err == nil {
		return all
	}
	all := make(map[string]string)
	_, rest, _ := strings.Cut(header, ";")
	for rest != "" {
		var name, value string
		name, rest, _ = strings.Cut(rest, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if i := strings.LastIndexByte(name, ';'); i >= 0 { // one without a value
			name = strings.TrimSpace(name[i+1:])
		}
		if rest = strings.TrimLeft(rest, " \t"); strings.HasPrefix(rest, `"`) {
			value, rest = cutQuoted(rest[1:])
			_, rest, _ = strings.Cut(rest, ";")
		} else {
			value, rest, _ = strings.Cut(rest, ";")
			value = strings.TrimSpace(value)
		}
		if _, known := all[name]; !known {
			all[name] = value
		}
	}
	return all
}

// cutQuoted returns the text up to the closing quote, unescaped, and the rest.
func cutQuoted(s string) (text, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// isLatin1 reports whether the charset is ISO-8859-1. It notes one that is neither that
// nor UTF-8.
func isLatin1(charset string) (bool, Note) {
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return false, Note{}
	case "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1", "l1":
		return true, Note{}
	}
	return false, Note{Charset: charset[:min(len(charset), maxCharset)]}
}

// maxCharset is the largest size of Note.Charset, in bytes.
const maxCharset = 40
