package enswitchtest

import (
	"strconv"
	"time"
)

// line builds one event. Keys must not need escapes.
type line struct{ b []byte }

func (w *line) reset() { w.b = w.b[:0] }

// end closes the event and returns it. It is valid until reset.
func (w *line) end() []byte {
	w.b[0] = '{' // was the comma before the first key
	return append(w.b, '}')
}

func (w *line) key(k string) {
	w.b = append(w.b, ',', '"')
	w.b = append(w.b, k...)
	w.b = append(w.b, '"', ':')
}

// json appends a value in JSON.
func (w *line) json(k string, v []byte) {
	w.key(k)
	w.b = append(w.b, v...)
}

// plain appends a string that needs no escapes.
func (w *line) plain(k, v string) {
	w.key(k)
	w.b = append(w.b, '"')
	w.b = append(w.b, v...)
	w.b = append(w.b, '"')
}

func (w *line) machine(n int) {
	w.key("machine")
	w.b = strconv.AppendInt(w.b, int64(n), 10)
}

// text appends a number as a string.
func (w *line) text(k string, n int) {
	w.key(k)
	w.b = append(w.b, '"')
	w.b = strconv.AppendInt(w.b, int64(n), 10)
	w.b = append(w.b, '"')
}

func (w *line) id(k string, v id) {
	w.key(k)
	w.b = v.appendJSON(w.b)
}

func (w *line) timestamp(at time.Time) { w.decimal("timestamp", at.UnixMicro()) }

func (w *line) seconds(k string, d time.Duration) { w.decimal(k, max(d.Microseconds(), 0)) }

// decimal appends microseconds as a string of seconds with six decimals.
func (w *line) decimal(k string, usec int64) {
	w.key(k)
	w.b = append(w.b, '"')
	w.b = append(appendDecimal(w.b, usec), '"')
}

// appendDecimal appends microseconds as seconds with six decimals.
func appendDecimal(b []byte, usec int64) []byte {
	b = strconv.AppendInt(b, usec/1e6, 10)
	b = append(b, ".000000"...)
	for i, rest := len(b)-1, usec%1e6; rest > 0; i, rest = i-1, rest/10 {
		b[i] = byte('0' + rest%10)
	}
	return b
}
