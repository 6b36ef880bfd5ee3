package render

import (
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// object appends what ndjson and pretty show of an event: all of it on one
// line, or the fields that were picked.
func (r *Renderer) object(dst []byte, x *event.Index) []byte {
	if r.fields == nil {
		if x.OneLine() {
			return append(dst, x.JSON()...)
		}
		return event.AppendCompact(dst, x.JSON())
	}
	dst = append(dst, '{')
	first := true
	for _, p := range r.picked(x) {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if p.field != nil {
			dst = append(dst, p.field.key...)
		} else {
			dst = append(dst, x.Key(p.index).JSON...)
		}
		dst = append(dst, ':')
		if v := p.value; v.Kind == event.Object || v.Kind == event.Array {
			dst = event.AppendCompact(dst, v.JSON)
		} else {
			dst = append(dst, v.JSON...)
		}
	}
	return append(dst, '}')
}

// openMeta and closeMeta wrap an event in what is known about its coming, if
// that was asked for.
func (r *Renderer) openMeta(dst []byte, ev *event.Event) []byte {
	if !r.meta {
		return dst
	}
	dst = append(dst, `{"received":`...)
	if ev.Received.IsZero() {
		dst = append(dst, "null"...)
	} else {
		dst = append(dst, '"')
		dst = ev.Received.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000000Z")
		dst = append(dst, '"')
	}
	dst = append(dst, `,"source":`...)
	r.text = append(r.text[:0], ev.Source...)
	dst = event.AppendString(dst, r.text)
	return append(dst, `,"event":`...)
}

func (r *Renderer) closeMeta(dst []byte) []byte {
	if r.meta {
		dst = append(dst, '}')
	}
	return append(dst, '\n')
}

// maxIndent bounds the blanks before a line of pretty JSON. An event may be
// nested thousands of levels deep, and blanks for each would be megabytes.
const maxIndent = 64

// pretty appends valid JSON indented by two blanks, keys in the order received
// and tokens as received, but for characters that a terminal must not see.
func (r *Renderer) pretty(dst, json []byte) []byte {
	start := len(dst)
	depth := 0
	row := func() {
		dst = append(dst, '\n')
		for range min(depth, maxIndent) {
			dst = append(dst, ' ', ' ')
		}
	}
	for i := 0; i < len(json); {
		c := json[i]
		switch c {
		case ' ', '\t', '\n', '\r':
			i++
		case '{', '[':
			dst = append(dst, c)
			i = skipSpace(json, i+1)
			if json[i] == c+2 { // } and ] follow { and [ at a distance of two
				dst = append(dst, c+2)
				i++
				continue
			}
			depth++
			row()
		case '}', ']':
			depth--
			row()
			dst = append(dst, c)
			i++
		case ',':
			dst = append(dst, c)
			row()
			i++
		case ':':
			dst = append(dst, ':', ' ')
			i++
		default:
			end := tokenEnd(json, i)
			color := r.theme.other
			if c == '"' {
				color = r.theme.text
				if next := skipSpace(json, end); next < len(json) && json[next] == ':' {
					color = r.theme.key
				}
			} else if c == 'n' {
				color = r.theme.dim
			}
			dst = append(dst, color...)
			dst = safe.AppendJSON(dst, json[i:end])
			dst = append(dst, r.theme.reset...)
			i = end
		}
	}
	dst = r.mark(dst, start)
	return append(dst, '\n')
}

func skipSpace(json []byte, i int) int {
	for i < len(json) && (json[i] == ' ' || json[i] == '\t' || json[i] == '\n' || json[i] == '\r') {
		i++
	}
	return i
}

// tokenEnd returns where the string, number or word that begins at json[i]
// ends.
func tokenEnd(json []byte, i int) int {
	if json[i] == '"' {
		for i++; json[i] != '"'; i++ {
			if json[i] == '\\' {
				i++
			}
		}
		return i + 1
	}
	for i < len(json) {
		switch json[i] {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			return i
		}
		i++
	}
	return i
}
