package stats

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"math"
	"slices"
	"strconv"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// block is what is printed for an interval.
type block struct {
	from, to int64 // microseconds since 1970
	window   *window
	rows     []row
	calls    *call.Counts // all calls, nil if none are followed
}

// row is a group in an interval.
type row struct {
	by     []value
	events int64
	calls  *call.Counts // nil if no calls are followed
}

// format prints blocks.
type format interface {
	// append appends a block.
	append(dst []byte, s *Sink, b *block) []byte
}

func newFormat(o *Options, mark func() string) format {
	switch o.Format {
	case "csv":
		return &csvFormat{}
	case "ndjson":
		return ndjsonFormat{}
	}
	return &tableFormat{width: o.Width, mark: mark}
}

// print prints a block, unless it is empty, and evaluates FailIf on it.
func (s *Sink) print(from, to int64, w *window, i *call.Interval) {
	b := s.block(from, to, w, i)
	switch {
	case !s.anything():
		if s.o.Format == "table" && !s.o.Live {
			s.out = append(s.out, "no event\n"...)
		}
	case s.picture.used:
		s.blocks++
		s.printPicture(b)
	default:
		s.blocks++
		if s.out = s.format.append(s.out, s, b); len(s.out) >= portion {
			s.write()
			s.to.Flush()
		}
	}
	if s.o.FailIf == nil {
		return
	}
	for j := range b.rows {
		s.record = s.appendObject(s.record[:0], b, &b.rows[j])
		if err := s.x.Scan(s.record); err != nil {
			s.o.Log.Error("the object of a block is broken: " + err.Error()) // its values have been scanned before
			continue
		}
		yes, err := s.o.FailIf.True(&s.x)
		if err != nil {
			s.failures.AddFailure("--fail-if", err.Error(), err.Error())
		}
		s.failed = s.failed || yes
	}
}

// anything reports whether there is anything to print: an event came, or a feed is connected.
func (s *Sink) anything() bool {
	return s.came || s.o.Live && (s.o.Connected == nil || s.o.Connected())
}

// block returns the block of an interval.
func (s *Sink) block(from, to int64, w *window, i *call.Interval) *block {
	b := &block{from: from, to: to, window: w}
	if s.figures != nil {
		if i == nil {
			i = &call.Interval{Total: &call.Counts{}}
		}
		i.SetSpan(from, max(to, from+s.clocks.span))
		b.calls = i.Total
	}
	if len(s.o.By) == 0 {
		b.rows = []row{{events: w.total, calls: b.calls}}
		return b
	}
	for n, name := range s.groups.names {
		r := row{by: name.values}
		if n < len(w.events) {
			r.events = w.events[n]
		}
		if s.figures != nil {
			r.calls = i.Group(n)
		}
		if r.events == 0 && (r.calls == nil || r.calls.Empty()) {
			continue
		}
		b.rows = append(b.rows, r)
	}
	slices.SortStableFunc(b.rows, func(a, b row) int { return cmp.Compare(b.events, a.events) })
	return b
}

// columns are the names of the figures of calls, in their order.
func columns() []string {
	return []string{
		"attempts", "answered", "asr", "asr_n", "ner", "acd", "acd_n", "pdd_p50", "pdd_p95", "pdd_p99", "pdd_n",
		"concurrent_max", "cps_max", "erlang",
	}
}

// appendFigure appends the figure of that name, nothing if it is not known.
func appendFigure(dst []byte, name string, c *call.Counts, s *call.Summary) []byte {
	count := func(n int64) []byte { return strconv.AppendInt(dst, n, 10) }
	known := func(f call.Figure) []byte {
		if !f.Known() {
			return dst
		}
		return appendSeconds(dst, f.Value)
	}
	switch name {
	case "attempts":
		return count(c.Attempts)
	case "answered":
		return count(c.Answered)
	case "asr":
		return known(s.ASR)
	case "asr_n":
		return count(c.Decided)
	case "ner":
		return known(s.NER)
	case "acd":
		return known(s.ACD)
	case "acd_n":
		return count(s.ACD.N)
	case "pdd_p50":
		return known(s.PDD50)
	case "pdd_p95":
		return known(s.PDD95)
	case "pdd_p99":
		return known(s.PDD99)
	case "pdd_n":
		return count(s.PDD50.N)
	case "concurrent_max":
		return count(c.ConcurrentMax)
	case "cps_max":
		return count(c.CPSMax)
	case "erlang":
		if !math.IsNaN(s.Erlang) {
			return appendSeconds(dst, s.Erlang)
		}
	}
	return dst
}

// appendSeconds appends a number with six decimals.
func appendSeconds(dst []byte, f float64) []byte { return strconv.AppendFloat(dst, f, 'f', 6, 64) }

// appendMicros appends microseconds as seconds.
func appendMicros(dst []byte, usec int64) []byte {
	dst = append(strconv.AppendInt(dst, usec/1_000_000, 10), '.')
	fraction := usec % 1_000_000
	for unit := int64(100_000); unit > 0; unit /= 10 {
		dst = append(dst, byte('0'+fraction/unit%10))
	}
	return dst
}

// ndjsonFormat prints a group as an object.
type ndjsonFormat struct{}

func (ndjsonFormat) append(dst []byte, s *Sink, b *block) []byte {
	for i := range b.rows {
		dst = append(s.appendObject(dst, b, &b.rows[i]), '\n')
	}
	return dst
}

// appendObject appends the object of a row.
func (s *Sink) appendObject(dst []byte, b *block, r *row) []byte {
	dst = appendMicros(append(dst, `{"from":`...), b.from)
	dst = appendMicros(append(dst, `,"to":`...), b.to)
	dst = append(dst, `,"by":{`...)
	for i, field := range s.o.By {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(event.AppendString(dst, []byte(field)), ':')
		if v := r.by[i]; v.absent {
			dst = append(dst, "null"...)
		} else {
			dst = event.AppendString(dst, []byte(v.text))
		}
	}
	dst = strconv.AppendInt(append(dst, `},"events":`...), r.events, 10)
	if r.calls == nil {
		return append(dst, '}')
	}
	summary := r.calls.Summary()
	for _, name := range columns() {
		before := len(dst)
		dst = append(append(append(dst, `,"`...), name...), `":`...)
		value := len(dst)
		if dst = appendFigure(dst, name, r.calls, &summary); len(dst) == value {
			dst = dst[:before]
		}
	}
	dst = strconv.AppendInt(append(dst, `,"unknown":{"lost":`...), r.calls.Lost, 10)
	dst = strconv.AppendInt(append(dst, `,"doubtful":`...), r.calls.Doubtful, 10)
	dst = strconv.AppendInt(append(dst, `,"partial":`...), r.calls.Partial, 10)
	return append(dst, "}}"...)
}

// csvFormat prints a group as a line, as RFC 4180 has it, with a header first.
type csvFormat struct{ begun bool }

func (f *csvFormat) append(dst []byte, s *Sink, b *block) []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out) // writing to a Buffer does not fail
	if !f.begun {
		f.begun = true
		header := []string{"from", "to"}
		for _, field := range s.o.By {
			header = append(header, "by."+field)
		}
		header = append(header, "events")
		if s.figures != nil {
			header = append(append(header, columns()...), "unknown.lost", "unknown.doubtful", "unknown.partial")
		}
		_ = w.Write(header)
	}
	for i := range b.rows {
		r := &b.rows[i]
		line := []string{string(appendMicros(nil, b.from)), string(appendMicros(nil, b.to))}
		for _, v := range r.by {
			text := v.text
			if s.o.SafeCSV && render.IsFormula(text) {
				text = "'" + text
			}
			line = append(line, text)
		}
		line = append(line, strconv.FormatInt(r.events, 10))
		if r.calls != nil {
			summary := r.calls.Summary()
			for _, name := range columns() {
				line = append(line, string(appendFigure(nil, name, r.calls, &summary)))
			}
			for _, n := range []int64{r.calls.Lost, r.calls.Doubtful, r.calls.Partial} {
				line = append(line, strconv.FormatInt(n, 10))
			}
		}
		_ = w.Write(line)
	}
	w.Flush()
	return append(dst, out.Bytes()...)
}
