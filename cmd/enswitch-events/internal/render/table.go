package render

import (
	"unicode"
	"unicode/utf8"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// csv is RFC 4180 as encoding/csv writes and reads it, lines ending in a
// single newline like all else that this program prints. tsv is jq's @tsv:
// tabs, newlines, carriage returns, backslashes and NUL are \t, \n, \r, \\ and
// \0, and nothing is quoted. A cell is a value's text, empty for null and for a
// field that is not there; objects and arrays are compact JSON.

func (r *Renderer) row(dst []byte, x *event.Index) []byte {
	for i := range r.fields.items {
		if i > 0 {
			dst = r.separator(dst)
		}
		f := &r.fields.items[i]
		v := x.Get(f.name)
		if v.Kind != event.Absent {
			r.fields.note(i)
		}
		var text []byte
		switch v.Kind {
		case event.Absent, event.Null:
		case event.Array:
			if r.calls {
				r.text = r.appendJoined(r.text[:0], v.JSON)
			} else {
				r.text = event.AppendCompact(r.text[:0], v.JSON)
			}
			text = r.text
		case event.Object:
			r.text = event.AppendCompact(r.text[:0], v.JSON)
			text = r.text
		default:
			text = r.plain(v)
		}
		if r.cellTime && r.isTime(f.name) {
			if usec, ok := v.Timestamp(); ok {
				r.text = r.clock.appendWhole(r.text[:0], usec)
				text = r.text
			}
		}
		dst = r.cell(dst, text)
	}
	return append(dst, '\n')
}

func (r *Renderer) separator(dst []byte) []byte {
	if r.format == "tsv" {
		return append(dst, '\t')
	}
	return append(dst, ',')
}

func (r *Renderer) cell(dst, text []byte) []byte {
	formula := r.safeCSV && IsFormula(text)
	if r.format == "tsv" {
		if formula {
			dst = append(dst, '\'')
		}
		return appendTSV(dst, text)
	}
	// A row of one empty cell would be an empty line, which readers skip.
	if !needsCSVQuotes(text) && (len(text) > 0 || len(r.fields.items) > 1) {
		if formula {
			dst = append(dst, '\'')
		}
		return append(dst, text...)
	}
	dst = append(dst, '"')
	if formula {
		dst = append(dst, '\'')
	}
	for _, c := range text {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// IsFormula reports whether a spreadsheet would take the text of a cell for a formula.
func IsFormula[T string | []byte](text T) bool {
	if len(text) == 0 {
		return false
	}
	switch text[0] {
	case '=', '+', '-', '@', '\t', '\r':
		return true
	}
	return false
}

// needsCSVQuotes is the rule of encoding/csv.
func needsCSVQuotes(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	if string(text) == `\.` { // the end of the data to PostgreSQL
		return true
	}
	for _, c := range text {
		if c == ',' || c == '"' || c == '\n' || c == '\r' {
			return true
		}
	}
	first, _ := utf8.DecodeRune(text)
	return unicode.IsSpace(first)
}

func appendTSV(dst, text []byte) []byte {
	for _, c := range text {
		switch c {
		case '\t':
			dst = append(dst, `\t`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\\':
			dst = append(dst, `\\`...)
		case 0:
			dst = append(dst, `\0`...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
