package render

import (
	"strconv"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// A record of a call is shown as an event would be. What differs: in csv and tsv an array
// is its values with blanks between, and the columns start, ring, answer and end are
// times; and a line leads with what a person asks of a call: when it began, what became
// of it, how long it took, and who called whom.

// callTimes are the fields of a record that are times, the earliest first.
var callTimes = [...]string{"start", "ring", "answer", "end"}

// isTime reports whether a column of csv or tsv is shown as a time.
func (r *Renderer) isTime(name string) bool {
	if !r.calls {
		return name == "timestamp"
	}
	for _, t := range callTimes {
		if name == t {
			return true
		}
	}
	return false
}

// appendJoined appends the values of a JSON array with blanks between them.
func (r *Renderer) appendJoined(dst, array []byte) []byte {
	for i, first := skipSpace(array, 1), true; array[i] != ']'; first = false {
		end := tokenEnd(array, i)
		v := event.Value{JSON: array[i:end], Kind: event.Number}
		if array[i] == '"' {
			v.Kind, v.Escaped = event.String, true
		}
		if !first {
			dst = append(dst, ' ')
		}
		dst = v.AppendText(dst)
		if i = skipSpace(array, end); array[i] == ',' {
			i = skipSpace(array, i+1)
		}
	}
	return dst
}

// The columns of the line of a call.
const (
	stateColumns    = len("unanswered")
	durationColumns = len("59m59s")
)

// callLine appends the record of a call as a line.
func (r *Renderer) callLine(dst []byte, ev *event.Event, x *event.Index) []byte {
	l := line{dst: dst, indent: fewBlanks}
	if r.width != nil {
		if l.width = r.width(); l.width < minColumns {
			l.width = 0
		}
	}
	n := r.names(x)
	w := walk{call: n.value(x, n.call)}
	if isID(w.call) {
		w.color = r.theme.call(r.plain(w.call)).id
	}
	if r.clock.style != "none" {
		var usec int64
		own := false
		for _, name := range callTimes {
			if usec, own = x.Get(name).Timestamp(); own {
				break
			}
		}
		r.begin(&l, r.theme.dim)
		r.time(&l, ev, usec, own)
		r.end(&l, r.theme.dim)
		r.gap(&l, own)
	}
	r.callState(&l, x)
	l.pad(r.appendSpan(r.text[:0], x.Get("duration")), durationColumns)
	r.parties(&l, x)
	if r.fields != nil && !r.fields.others {
		r.some(&l, x, &w)
	} else {
		r.callFields(&l, x, n, &w)
	}
	l.dst = r.mark(l.dst, len(dst))
	return append(l.dst, '\n')
}

// callState writes what became of a call.
func (r *Renderer) callState(l *line, x *event.Index) {
	answered := x.Get("answered").Is("true")
	word, color := "open", r.theme.ring
	switch state := x.Get("state"); {
	case state.Is("lost"):
		word, color = "lost", r.theme.bad
	case state.Is("ended") && answered:
		word, color = "answered", r.theme.good
	case state.Is("ended"):
		word, color = "unanswered", r.theme.name
	}
	r.begin(l, color)
	l.dst = append(l.dst, word...)
	r.end(l, color)
	for n := len(word); n < stateColumns; n++ {
		l.dst = append(l.dst, ' ')
	}
	l.column += stateColumns
}

// pad writes text aligned right in the given number of columns, and a blank before it.
func (l *line) pad(text []byte, columns int) {
	for n := len(text); n <= columns; n++ {
		l.dst = append(l.dst, ' ')
	}
	l.dst = append(l.dst, text...)
	l.column += max(columns, len(text)) + 1
}

// appendSpan appends seconds as a person says them: 4.2s, 1m05s, 2h03m; - if they are not
// known.
func (r *Renderer) appendSpan(dst []byte, v event.Value) []byte {
	if v.Kind != event.Number {
		return append(dst, '-')
	}
	seconds, err := strconv.ParseFloat(string(v.JSON), 64)
	if err != nil {
		return append(dst, '-')
	}
	d := time.Duration(seconds * float64(time.Second)).Round(100 * time.Millisecond)
	two := func(n time.Duration, unit byte) {
		dst = append(dst, byte('0'+n/10), byte('0'+n%10), unit)
	}
	switch {
	case d < time.Minute:
		return append(strconv.AppendFloat(dst, d.Seconds(), 'f', 1, 64), 's')
	case d < time.Hour:
		d = d.Round(time.Second)
		dst = append(strconv.AppendInt(dst, int64(d/time.Minute), 10), 'm')
		two(d%time.Minute/time.Second, 's')
	default:
		d = d.Round(time.Minute)
		dst = append(strconv.AppendInt(dst, int64(d/time.Hour), 10), 'h')
		two(d%time.Hour/time.Minute, 'm')
	}
	return dst
}

// parties writes who called whom.
func (r *Renderer) parties(l *line, x *event.Index) {
	from, to := x.Get("from"), x.Get("to")
	if from.Kind == event.Absent && to.Kind == event.Absent {
		return
	}
	start := len(l.dst)
	l.dst = append(l.dst, ' ')
	text := len(l.dst)
	l.dst = append(append(r.part(l.dst, from), " → "...), r.part(nil, to)...)
	n := columns(l.dst[text:])
	if l.width == 0 {
		l.column = 1
		return
	}
	l.place(start, start+1, n)
}

// callFields writes what else a person asks of a call, its id last: for a line of 80
// columns that is not all.
func (r *Renderer) callFields(l *line, x *event.Index, n *names, w *walk) {
	put := func(name string, v event.Value) {
		if v.Kind != event.Absent && (r.fields == nil || !r.fields.leavesOut([]byte(name))) {
			r.field(l, r.word([]byte(name)), v, w)
		}
	}
	for _, name := range [...]string{"talk", "pdd"} {
		if v := x.Get(name); v.Kind == event.Number {
			put(name, event.Value{Kind: event.Number, JSON: r.appendSpan(nil, v)})
		}
	}
	if !x.Get("answered").Is("true") {
		put("cause", x.Get("cause"))
	}
	for _, name := range [...]string{"partial", "doubtful"} {
		if v := x.Get(name); v.Is("true") {
			put(name, v)
		}
	}
	switch r.ids {
	case "none":
	case "short":
		r.shortID(l, x, n, w)
	default:
		put("callid", w.call)
	}
}
