package files

import (
	"bytes"
	"sync/atomic"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/pipeline"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// sampled is how many lines of a block are counted to say what came, where only
// lines with a needle are looked at.
const sampled = 16

// worker filters blocks.
type worker struct {
	c             *Config
	keep          *filter.Filter
	until, failIf *filter.Query
	renderer      pipeline.Renderer // nil with InOrder, unless it is Selective
	asItStands    func(*event.Index) bool
	needles       *search // nil: look at every line
	emit          func(filter.Output) bool

	s    *slot
	run  int
	at   int // of the event in the text of s
	ev   event.Event
	x    event.Index
	kept bool // the event
	done bool // it has been rendered, though perhaps as nothing
	fail bool // something has failed on it

	tried []byte // what the one renderer will print, with InOrder

	tally *tally.Tally
	found *atomic.Bool // some worker has kept an event
}

func newWorker(c *Config, found *atomic.Bool) (*worker, error) {
	w := &worker{c: c, tally: c.Tally.Part(), found: found}
	w.emit = w.output
	var err error
	if w.keep, err = c.Filter(func(err error) { w.failed(noteFilter, err) }); err != nil {
		return nil, err
	}
	if c.Until != nil {
		w.until = c.Until.Clone()
	}
	if c.FailIf != nil {
		w.failIf = c.FailIf.Clone()
	}
	if !c.InOrder || c.Selective {
		if w.renderer, err = c.Renderer(func(err error) { w.failed(noteRender, err) }); err != nil {
			return nil, err
		}
		if r, ok := w.renderer.(interface{ AsItStands(*event.Index) bool }); ok {
			w.asItStands = r.AsItStands
		}
	}
	if len(c.Needles) > 0 {
		w.needles = newSearch(c.Needles)
	}
	return w, nil
}

// failed notes that the jq expression or the renderer failed on the event.
func (w *worker) failed(kind noteKind, err error) {
	if !w.fail {
		w.fail = true
		w.s.ledger.Failed++
	}
	w.s.note(kind, err)
}

func (s *slot) note(kind noteKind, err error) {
	if len(s.notes) < maxNotes {
		s.notes = append(s.notes, note{kind: kind, err: err})
	}
}

// filter filters the block in s, up to the end of the input or another end.
// Limit is how many events are kept at most, 0 for all.
func (w *worker) filter(s *slot, limit int64) {
	w.s = s
	s.out, s.row, s.items, s.values, s.notes = s.out[:0], row{}, s.items[:0], s.values[:0], s.notes[:0]
	s.ledger, s.untimed, s.end = pipeline.Ledger{}, 0, pipeline.EndOfInput
	for i := range s.runs {
		end := len(s.text)
		if i+1 < len(s.runs) {
			end = s.runs[i+1].begin
		}
		w.run, w.ev.Source = i, s.runs[i].name
		var stop int
		if w.needles != nil {
			stop = w.candidates(s.runs[i].begin, end, limit)
		} else {
			stop = w.lines(s.runs[i].begin, end, limit)
		}
		if s.end != pipeline.EndOfInput {
			s.stopped(s.runs[i].name, s.runs[i].offset+int64(stop-s.runs[i].begin))
			return
		}
	}
}

// lines looks at every line of text[begin:end], and returns where it stopped.
func (w *worker) lines(begin, end int, limit int64) int {
	text := w.s.text
	for begin < end {
		next := end
		line := text[begin:end]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i:i]
			next = begin + i + 1
		}
		w.line(line, begin, limit)
		begin = next
		if w.s.end != pipeline.EndOfInput {
			break
		}
	}
	return begin
}

// candidates looks at the lines of text[begin:end] that have one of the
// needles, and returns where it stopped. All others are filtered.
func (w *worker) candidates(begin, end int, limit int64) int {
	text := w.s.text[:end]
	l := &w.s.ledger
	at := begin
	seen := int64(0)
	w.sample(text[begin:])
	w.needles.begin(text[begin:])
	for at < end {
		hit := w.needles.next(text, at)
		if hit < 0 {
			at = end
			break
		}
		start := lineBegin(text, at, hit)
		stop, next := end, end
		if i := bytes.IndexByte(text[hit:], '\n'); i >= 0 {
			stop, next = hit+i, hit+i+1
		}
		w.line(text[start:stop:stop], start, limit)
		seen++
		at = next
		if w.s.end != pipeline.EndOfInput {
			break
		}
	}
	lines := int64(bytes.Count(text[begin:at], []byte{'\n'}))
	if at > begin && text[at-1] != '\n' {
		lines++
	}
	l.Received += lines - seen
	l.Filtered += lines - seen
	return at
}

// lineBegin returns where the line that has text[hit] begins, at or behind at.
func lineBegin(text []byte, at, hit int) int {
	for end := hit; end > at; {
		begin := max(at, end-64)
		// Backwards goes a byte at a time, forwards many.
		if bytes.IndexByte(text[begin:end], '\n') >= 0 {
			return begin + bytes.LastIndexByte(text[begin:end], '\n') + 1
		}
		end = begin
	}
	return at
}

// line filters one line, which stands at the given place of the text.
func (w *worker) line(line []byte, at int, limit int64) {
	if line = capture.TrimLine(line); len(line) == 0 {
		return
	}
	s := w.s
	l := &s.ledger
	l.Received++
	w.at, w.ev.Raw = at, line
	if err := w.x.Scan(line); err != nil {
		l.Rejected++
		r := &s.runs[w.run]
		s.notes = addReject(s.notes, r.name, line, r.offset+int64(at-r.begin), err)
		return
	}
	if w.x.Repaired() {
		l.Repaired++
	}
	w.kept, w.done, w.fail = false, false, false
	if w.inBounds() {
		w.keep.Run(&w.x, w.emit)
		switch {
		case w.failIf != nil && w.ask(w.failIf):
			s.end = pipeline.EndFailIf
		case w.until != nil && w.ask(w.until):
			s.end = pipeline.EndUntil
		}
		if s.end != pipeline.EndOfInput && !w.done {
			w.output(filter.Output{Event: true})
		}
	}
	if !w.kept {
		l.Filtered++
		w.missed()
		return
	}
	w.found.Store(true)
	if l.Kept++; l.Kept == limit && s.end == pipeline.EndOfInput {
		s.end = pipeline.EndCount
	}
}

// missed counts the event, which was dropped, as long as none was kept. Where there
// are needles the sample has counted it, or one like it.
func (w *worker) missed() {
	switch {
	case w.tally == nil || w.found.Load():
	case w.needles != nil:
		w.tally.Fit(&w.x)
	default:
		w.tally.Count(&w.x)
	}
}

// sample counts some of the lines that are not looked at for want of a needle, as
// long as nothing was kept.
func (w *worker) sample(text []byte) {
	if w.tally == nil || w.found.Load() {
		return
	}
	for n := 0; n < sampled && len(text) > 0; n++ {
		line, rest, _ := bytes.Cut(text, []byte{'\n'})
		if line = capture.TrimLine(line); len(line) > 0 && w.x.Scan(line) == nil {
			w.tally.Count(&w.x)
		}
		text = rest
	}
}

// inBounds reports whether the event's time is within the bounds.
func (w *worker) inBounds() bool {
	if w.c.From == 0 && w.c.To == 0 {
		return true
	}
	usec, ok := capture.Time(&w.x)
	if !ok {
		w.s.untimed++
		return false
	}
	return usec >= w.c.From && (w.c.To == 0 || usec < w.c.To)
}

func (w *worker) ask(q *filter.Query) bool {
	yes, err := q.True(&w.x)
	if err != nil {
		w.s.note(noteQuery, err)
	}
	return yes
}

// output renders something to print for the event, or notes it for the one
// renderer.
func (w *worker) output(o filter.Output) bool {
	w.done = true
	s := w.s
	end := w.at + len(w.ev.Raw)
	switch {
	case w.c.InOrder:
		if w.c.Selective {
			if w.tried = w.render(w.tried[:0], o); len(w.tried) == 0 {
				return true
			}
		}
		it := item{begin: w.at, end: end, run: w.run, value: !o.Event, valueBegin: len(s.values)}
		s.values = append(s.values, o.JSON...)
		it.valueEnd = len(s.values)
		s.items = append(s.items, it)
	case o.Event && end < len(s.text) && s.text[end] == '\n' && w.asItStands != nil && w.asItStands(&w.x):
		s.asItStands(w.at, end+1)
	default:
		s.settle()
		before := len(s.out)
		if s.out = w.render(s.out, o); len(s.out) == before {
			return true
		}
	}
	w.kept = true
	return true
}

func (w *worker) render(dst []byte, o filter.Output) []byte {
	if o.Event {
		return w.renderer.Event(dst, &w.ev, &w.x)
	}
	return w.renderer.Value(dst, &w.ev, o.JSON)
}
