package stats

import (
	"math"
	"strconv"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// untimed is the window of events without a timestamp: they count in the window of the event
// before.
const untimed = math.MinInt64

// part is what Fold needs of a block.
type part struct {
	came        bool // there are events, kept or not
	cells       []cell
	first, last int64 // the least and the greatest timestamp, in microseconds since 1970; 0 for none
	since       int64 // when the first event was received, in microseconds since 1970
	received    int64 // and the last one
	seconds     []second
	machines    []machineCell

	events  []call.Event
	names   []*name // of the events, nil without groups
	guesses []report.Guess
	given   []report.Guess // not guessed, but given
	gaps    []Gap
}

// cell is the number of events of a group in a window.
type cell struct {
	name   *name
	window int64
	n      int64
}

// worker is a worker of a Sink.
type worker struct {
	sink     *Sink
	filter   *filter.Filter
	reader   *call.Reader // nil if no calls are followed
	by       []string     // what events are counted by
	every    int64        // microseconds
	looks    bool
	names    map[string]*name // by the JSON of the values
	machines map[string]*name
	all      *name // without groups
	bytes    int   // of the keys of names and machines
	buf      []byte

	part  *part
	block int64 // counts the blocks
}

// Worker implements [engine.Sink].
func (s *Sink) Worker(m engine.Mapping) (engine.Worker, error) {
	w := &worker{sink: s, every: s.o.Every.Microseconds(), looks: s.looks(), names: map[string]*name{}, machines: map[string]*name{}}
	if w.by = s.o.By; len(w.by) == 0 && s.o.Format == "table" {
		w.by = []string{"class", "event"}
	}
	if len(w.by) == 0 {
		w.all = newName(nil)
	}
	if s.tracker != nil {
		w.reader = s.o.Map.NewReader()
		w.reader.OnGuess = func(name, item string) {
			w.part.guesses = append(w.part.guesses, report.Guess{Name: name, Item: item})
		}
		w.reader.OnGiven = func(name, item string) {
			w.part.given = append(w.part.given, report.Guess{Name: name, Item: item})
		}
	}
	var err error
	w.filter, err = s.text.NewFilter(m)
	return w, err
}

// Begin implements [engine.Worker].
func (w *worker) Begin(b *engine.Block, _ bool) {
	p := engine.PartOf[part](b)
	*p = part{cells: p.cells[:0], seconds: p.seconds[:0], machines: p.machines[:0], events: p.events[:0], names: p.names[:0], guesses: p.guesses[:0], given: p.given[:0], gaps: p.gaps[:0]}
	w.part = p
	w.block++
	if len(w.names)+len(w.machines) > maxNames || w.bytes > maxNameBytes {
		clear(w.names)
		clear(w.machines)
		w.bytes = 0
	}
}

// End implements [engine.Worker].
func (w *worker) End(*engine.Block) { w.part = nil }

// Show implements [engine.Worker].
func (w *worker) Show(*engine.Event) bool { return false }

// Event implements [engine.Worker].
func (w *worker) Event(e *engine.Event) bool {
	p := w.part
	p.came = true
	chosen := w.filter.Keeps(&e.X)
	if !chosen && w.reader == nil {
		return false
	}
	var usec int64
	var of *name
	if w.reader != nil {
		p.events = append(p.events, call.Event{Received: e.Received, Source: e.Source, Chosen: chosen})
		ev := &p.events[len(p.events)-1]
		w.reader.Read(ev, e.Raw, &e.X)
		usec = ev.Time
	} else {
		usec, _ = e.X.Field("timestamp").Timestamp()
	}
	if chosen || len(w.sink.o.By) > 0 {
		of = w.name(&e.X)
	}
	if w.reader != nil {
		p.names = append(p.names, of)
	}
	if usec > 0 {
		if p.first == 0 || usec < p.first {
			p.first = usec
		}
		p.last = max(p.last, usec)
	}
	if !e.Received.IsZero() {
		p.received = e.Received.UnixMicro()
		if p.since == 0 {
			p.since = p.received
		}
	}
	if !chosen {
		return false
	}
	w.count(of, usec)
	if w.looks {
		w.look(e, usec)
	}
	return true
}

// count counts an event of a group.
func (w *worker) count(of *name, usec int64) {
	p, at := w.part, int64(0)
	if w.every > 0 {
		switch {
		case w.sink.o.Live:
			at = p.received / w.every
		case usec > 0:
			at = usec / w.every
		default:
			at = untimed
		}
	}
	if of.block != w.block || of.window != at {
		of.block, of.window, of.cell = w.block, at, len(p.cells)
		p.cells = append(p.cells, cell{of, at, 0})
	}
	p.cells[of.cell].n++
}

// name returns the name of the event's group.
func (w *worker) name(x *event.Index) *name {
	if w.all != nil {
		return w.all
	}
	w.buf = w.buf[:0]
	for _, field := range w.by {
		w.buf = append(append(w.buf, fieldOf(x, field).JSON...), 0xff) // which no JSON has
	}
	if n := w.names[string(w.buf)]; n != nil {
		return n
	}
	values := make([]value, len(w.by))
	for i, field := range w.by {
		values[i] = newValue(fieldOf(x, field))
	}
	n := newName(values)
	w.names[string(w.buf)] = n
	w.bytes += len(w.buf)
	return n
}

func fieldOf(x *event.Index, field string) event.Value {
	switch field {
	case "class":
		return x.Class()
	case "event":
		return x.Event()
	}
	return x.Get(field)
}

// newGap returns the gap that is recorded in a capture.
func newGap(x *event.Index) Gap {
	g := Gap{Reason: string(x.Field("reason").Text()), Source: string(x.Field("source").Text())}
	g.From, _ = x.Field("from").Timestamp()
	g.To, _ = x.Field("to").Timestamp()
	if dropped, err := strconv.ParseInt(string(x.Field("dropped").Text()), 10, 64); err == nil {
		g.Dropped = dropped
	}
	return g
}

// look counts an event by machine and second.
func (w *worker) look(e *engine.Event, usec int64) {
	p := w.part
	if w.sink.o.Report != nil && e.X.Event().Is("gap") && e.X.Class().Is("enswitch-events") {
		p.gaps = append(p.gaps, newGap(&e.X))
	}
	if usec > 0 {
		if at := usec / 1_000_000; len(p.seconds) == 0 || p.seconds[len(p.seconds)-1].at != at {
			p.seconds = append(p.seconds, second{at, 1})
		} else {
			p.seconds[len(p.seconds)-1].n++
		}
	}
	v := e.X.Field("machine")
	n := w.machines[string(v.JSON)]
	if n == nil {
		n = newName([]value{newValue(v)})
		w.machines[string(v.JSON)] = n
		w.bytes += len(v.JSON)
	}
	if n.block != w.block {
		n.block, n.cell = w.block, len(p.machines)
		p.machines = append(p.machines, machineCell{name: n})
	}
	received := int64(0)
	if !e.Received.IsZero() {
		received = p.received
	}
	p.machines[n.cell].add(usec, received)
}
