package render

import (
	"bytes"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// IDs are the names of the ways to show the ids of an event in a line.
func IDs() []string { return []string{"short", "full", "none"} }

// shortest is the fewest bytes after the last dot of an id that identify it: the ids of
// Asterisk count from 0 on each machine.
const shortest = 4

// shortID writes the most useful id of an event: the callid, without a name, or else the
// uniqueid or the asteriskid, with its name.
func (r *Renderer) shortID(l *line, x *event.Index, n *names, w *walk) {
	names := [...]string{"callid", "uniqueid", "asteriskid"}
	for i, v := range [...]event.Value{w.call, n.value(x, n.leg), n.value(x, n.asterisk)} {
		if !isID(v) || r.fields != nil && r.fields.leavesOut([]byte(names[i])) {
			continue
		}
		start := len(l.dst)
		token := start
		if l.column > 0 {
			l.dst = append(l.dst, ' ')
			token++
		}
		width, color := 0, ""
		if i == 0 {
			color = w.color
		} else {
			name := r.word([]byte(names[i]))
			width = name.width
			l.dst = append(l.dst, name.text[1:]...)
		}
		l.dst = append(l.dst, color...)
		text := len(l.dst)
		l.dst = r.shortened(l.dst, v)
		width += columns(l.dst[text:])
		r.end(l, color)
		if l.width == 0 {
			l.column = 1
			return
		}
		l.place(start, token, width)
		return
	}
}

// isID reports whether a value can be an id.
func isID(v event.Value) bool {
	return v.Kind == event.Number || v.Kind == event.String && len(v.JSON) > len(`""`)
}

// shortened appends an id as … and the part after its last dot, or whole if there
// is no dot or too little after it.
func (r *Renderer) shortened(dst []byte, v event.Value) []byte {
	id := r.plain(v)
	dot := bytes.LastIndexByte(id, '.')
	if dot <= 0 || len(id)-dot-1 < shortest {
		return r.value(dst, v)
	}
	return safe.AppendWord(append(dst, "…"...), id[dot+1:])
}

// ofCall reports whether a field with the value v is the call's id, or a leg with the same one.
func (r *Renderer) ofCall(is role, v, call event.Value) bool {
	switch is {
	case callRole:
		return true
	case legRole:
		if !v.Escaped && !call.Escaped {
			return string(bare(v)) == string(bare(call))
		}
		r.text = v.AppendText(r.text[:0])
		n := len(r.text)
		r.text = call.AppendText(r.text)
		return string(r.text[:n]) == string(r.text[n:])
	}
	return false
}

func bare(v event.Value) []byte {
	if v.Kind == event.String {
		return v.JSON[1 : len(v.JSON)-1]
	}
	return v.JSON
}
