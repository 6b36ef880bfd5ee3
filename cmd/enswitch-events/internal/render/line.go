package render

import (
	"bytes"
	"strconv"

	"github.com/charmbracelet/x/ansi"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// The line is laid out so that the eye can run down it: time, what happened
// and machine stand in columns, the other fields follow as key=value in the
// order received. What is the same on every line is dim, values are in the
// terminal's own colour, and what belongs to one call has the call's colour.
// The ids come last: they are long, and say the least to a person.

const (
	nameColumns    = 12  // of class.event to begin with
	maxNameColumns = 24  // a longer name pushes its own line aside, not all
	roomyColumns   = 100 // of a terminal where the column may grow
	fewBlanks      = 2   // before further rows where the columns leave too little room
	minColumns     = 40  // of a terminal where rows are laid out by hand
)

// line is a line being written.
type line struct {
	dst    []byte
	column int // where the next character goes, counted from 0
	width  int // columns of the terminal, 0 where rows are left to it
	indent int // column of the first field
}

// line appends an event as a line. With result, x is an object that a jq
// expression made: it leads with what it has of the columns, and has no time
// but its own.
func (r *Renderer) line(dst []byte, ev *event.Event, x *event.Index, result bool) []byte {
	l := line{dst: dst}
	if r.width != nil {
		if l.width = r.width(); l.width < minColumns {
			l.width = 0
		}
	}
	n := r.names(x)
	call := n.value(x, n.call)
	color := &callColor{name: r.theme.name}
	class, what := r.cellWord(&r.classes, x.Class()), r.cellWord(&r.events, x.Event())
	switch {
	case call.Kind != event.Absent:
		color = r.theme.call(r.plain(call))
	case what.meaning != "":
		color.name = what.meaning
	}

	usec, own := int64(0), false
	if at := n.value(x, n.time); at.Kind == event.String || at.Kind == event.Number {
		usec, own = event.Timestamp(r.plain(at))
	}
	showTime := r.clock.style != "none" && (own || !result)
	if showTime {
		r.begin(&l, r.theme.dim)
		r.time(&l, ev, usec, own)
		r.end(&l, r.theme.dim)
	}
	showName := !result || x.Class().Kind != event.Absent || x.Event().Kind != event.Absent
	if showName {
		r.gap(&l, own || !showTime)
		r.name(&l, class, what, color.name, result)
	}
	if !result {
		r.machine(&l, n.value(x, n.machine))
	}
	if l.indent = l.column + 1; l.column == 0 || l.indent > l.width/3 {
		l.indent = fewBlanks
	}
	l.column = l.wrapped(l.column)
	if r.came > 1 {
		l.repeated(r.came)
	}
	w := walk{color: color.id, showName: showName, machine: !result, result: result, hideTime: own && showTime || r.clock.style == "none", call: call}
	if r.fields != nil && !r.fields.others {
		r.some(&l, x, &w)
	} else {
		r.all(&l, x, n, &w)
	}
	if r.theme.on {
		if !hasSuffix(l.dst[len(dst):], reset) {
			l.dst = append(l.dst, reset...)
		}
	}
	l.dst = r.mark(l.dst, len(dst))
	return append(l.dst, '\n')
}

func hasSuffix(b []byte, suffix string) bool {
	return len(b) >= len(suffix) && string(b[len(b)-len(suffix):]) == suffix
}

func (r *Renderer) begin(l *line, color string) { l.dst = append(l.dst, color...) }

func (r *Renderer) end(l *line, color string) {
	if color != "" {
		l.dst = append(l.dst, r.theme.reset...)
	}
}

// gap separates the columns with a blank. The ~ after a time that is not the event's
// own takes the place of the blank, so that the columns stay aligned.
func (r *Renderer) gap(l *line, own bool) {
	if l.column > 0 && own {
		l.dst = append(l.dst, ' ')
		l.column++
	}
}

func (r *Renderer) time(l *line, ev *event.Event, usec int64, own bool) {
	start := len(l.dst)
	switch {
	case own || !ev.Received.IsZero():
		if !own {
			usec = max(ev.Received.UnixMicro(), 0)
		}
		l.dst = r.clock.append(l.dst, usec, own, ev.Received)
	default:
		l.dst = r.clock.appendNone(l.dst)
	}
	l.column += len(l.dst) - start
}

// name writes class.event and pads it to the widest seen so far, so that what
// follows lines up. The event has the colour of its meaning, if it has one.
func (r *Renderer) name(l *line, class, what *word, color string, result bool) {
	r.begin(l, color)
	l.dst = append(class.append(l.dst), '.')
	if what.meaning != "" && what.meaning != color {
		r.end(l, color)
		color = what.meaning
		r.begin(l, color)
	}
	l.dst = what.append(l.dst)
	r.end(l, color)
	n := class.width + len(".") + what.width
	l.column += n
	if result {
		return
	}
	roomy := l.width == 0 || l.width >= roomyColumns
	if n > r.nameColumns && n <= maxNameColumns && roomy {
		r.nameColumns = n
	}
	if n < r.nameColumns {
		const blanks = "                        " // maxNameColumns
		l.dst = append(l.dst, blanks[:r.nameColumns-n]...)
		l.column += r.nameColumns - n
	}
}

func (r *Renderer) part(dst []byte, v event.Value) []byte {
	if v.Kind == event.Absent {
		return append(dst, '-')
	}
	return r.value(dst, v)
}

func (r *Renderer) machine(l *line, v event.Value) {
	l.dst = append(l.dst, "  "...)
	l.column += 2
	start := len(l.dst)
	l.dst = r.part(l.dst, v)
	n := columns(l.dst[start:])
	if n > 1 {
		// Right-aligned in two columns: the second blank was for one digit.
		copy(l.dst[start-1:], l.dst[start:])
		l.dst = l.dst[:len(l.dst)-1]
		l.column--
	}
	l.column += n
}

// walk says which fields the columns have shown already.
type walk struct {
	color    string
	showName bool
	machine  bool
	result   bool // an object that a jq expression made
	hideTime bool
	call     event.Value // the callid
}

func (w *walk) shown(r role) bool {
	switch r {
	case classRole, eventRole:
		return w.showName
	case machineRole:
		return w.machine
	case timeRole:
		return w.hideTime
	}
	return false
}

// all writes the fields of an event that the user did not leave out, the ids last; an
// object that a jq expression made has its own order.
func (r *Renderer) all(l *line, x *event.Index, n *names, w *walk) {
	for i := range n.fields {
		f := &n.fields[i]
		name := f.word
		if name == nil {
			name = r.word(r.key(x, i))
		}
		switch {
		case f.shadowed || name.role != noRole && (w.shown(name.role) || name.role.isID() && !w.result):
		case r.fields != nil && r.fields.leavesOut(r.key(x, i)):
		default:
			r.put(l, name, x.Value(i), w)
		}
	}
	switch {
	case w.result || r.ids == "none":
	case r.ids == "short":
		r.shortID(l, x, n, w)
	default:
		for _, i := range n.ids {
			if f := &n.fields[i]; !f.shadowed && (r.fields == nil || !r.fields.leavesOut(r.key(x, i))) {
				r.put(l, f.word, x.Value(i), w)
			}
		}
	}
}

func (r *Renderer) put(l *line, name *word, v event.Value, w *walk) {
	if l.width > 0 || l.column == 0 {
		r.field(l, name, v, w)
		return
	}
	l.dst = r.appendField(l.dst, name, v, w)
}

// appendField appends a blank and key=value, where nothing has to be laid out.
func (r *Renderer) appendField(dst []byte, name *word, v event.Value, w *walk) []byte {
	dst = name.append(dst)
	if name.role != noRole && w.color != "" && r.ofCall(name.role, v, w.call) {
		dst = r.value(append(dst, w.color...), v)
		return append(dst, r.theme.reset...)
	}
	return r.value(dst, v)
}

// some writes the fields that the user picked. Those that the columns show are not
// shown again, but for the timestamp: to pick it is to ask for all of its digits.
func (r *Renderer) some(l *line, x *event.Index, w *walk) {
	for _, p := range r.picked(x) {
		name := r.fieldName(x, &p)
		switch role := roleOf(name); {
		case role == timeRole && p.field == nil && w.shown(role), role != timeRole && role != noRole && w.shown(role):
		default:
			r.field(l, r.word(name), p.value, w)
		}
	}
}

// field writes one key=value, on a row of its own begun with blanks if it
// would be cut at the edge of the terminal and fits there whole. The terminal
// breaks the row itself, so that the line stays one line to copy and to grep.
func (r *Renderer) field(l *line, name *word, v event.Value, w *walk) {
	start := len(l.dst)
	token, prefix := start+1, name.text
	if l.column == 0 {
		token, prefix = start, prefix[1:]
	}
	dst, color := append(l.dst, prefix...), ""
	if name.role != noRole && w.color != "" && r.ofCall(name.role, v, w.call) {
		color = w.color
		dst = append(dst, color...)
	}
	text := len(dst)
	l.dst = r.value(dst, v)
	if l.width == 0 {
		l.column = 1 // not counted, but no longer the beginning
		r.end(l, color)
		return
	}
	n := name.width + columns(l.dst[text:])
	r.end(l, color)
	l.place(start, token, n)
}

// repeated marks an event that came more than once.
func (l *line) repeated(times int) {
	start := len(l.dst)
	l.dst = strconv.AppendInt(append(l.dst, " ×"...), int64(times), 10)
	if l.width > 0 {
		l.place(start, start+1, columns(l.dst[start+1:]))
	}
}

// key returns the name of field i as text, valid until the next call.
func (r *Renderer) key(x *event.Index, i int) []byte {
	key := x.Key(i)
	if !key.Escaped {
		return bare(key)
	}
	r.keyText = key.AppendText(r.keyText[:0])
	return r.keyText
}

// plain returns the value's text, valid until the next call.
func (r *Renderer) plain(v event.Value) []byte {
	if !v.Escaped {
		return bare(v)
	}
	r.text = v.AppendText(r.text[:0])
	return r.text
}

// value appends a value as one word, safe for a terminal: text bare where it
// can be, objects and arrays as compact JSON, all else as received.
func (r *Renderer) value(dst []byte, v event.Value) []byte {
	switch v.Kind {
	case event.String:
		text := v.JSON[1 : len(v.JSON)-1]
		if !v.Escaped {
			if word, ok := safe.CopyPlain(dst, text); ok {
				return word
			}
		}
		// Most of what needs quotes looks the same in them as it did in JSON.
		if (v.Escaped || bytes.IndexByte(text, ' ') >= 0) && safe.SameInQuotes(text) {
			return append(dst, v.JSON...)
		}
		return safe.AppendWord(dst, r.plain(v))
	case event.Object, event.Array:
		if safe.IsGraphic(v.JSON) {
			return append(dst, v.JSON...) // nothing to hide, and nothing to leave out
		}
		r.text = event.AppendCompact(r.text[:0], v.JSON)
		if safe.IsASCII(r.text) {
			return safe.AppendJSON(dst, r.text)
		}
		return safe.AppendSpelledJSON(dst, r.text)
	}
	return append(dst, v.JSON...)
}

// columns is how many columns of a terminal text takes. It holds no escape
// sequences.
func columns(text []byte) int {
	if safe.IsASCII(text) {
		return len(text)
	}
	n := 0
	for len(text) > 0 {
		cluster, w := ansi.FirstGraphemeCluster(text, ansi.GraphemeWidth)
		if len(cluster) == 0 {
			break
		}
		n += w
		text = text[len(cluster):]
	}
	return n
}
