package trace

import (
	"slices"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// covers reports whether the calls are those that following the whole capture finds, if
// their ids are in no event less than the margin before or after them.
func (n *Narrow) covers(calls map[int64]*Call) bool {
	room := n.room()
	if len(calls) < min(n.t.o.Count, len(n.matches)) && !n.inWindow(n.low) {
		return false
	}
	for _, c := range calls {
		if n.low != n.from && (c.Begin < n.low+room || !c.allStart()) || c.Count > len(c.Events) {
			return false
		}
		if n.high != n.to && (c.State != call.Ended || c.Events[len(c.Events)-1].Time > n.high-room) {
			return false
		}
	}
	return len(calls) > 0
}

// room is how far from the ends of what is followed a call must be: the margin, or if
// that is checked the time for which events may be out of order.
func (n *Narrow) room() int64 {
	if rooms[n.attempt-1] > margin {
		return margin
	}
	return max(n.t.o.Tracker.Linger, 2*time.Second).Microseconds() + 3_000_000
}

// maxIDs is how many ids are looked for at most: each is a search of its own.
const maxIDs = 10

// checkPass looks for the ids of the calls that were found, around what was followed.
func (n *Narrow) checkPass() engine.Pass {
	c := &checker{n: n, ids: n.ids()}
	p := engine.Pass{Sink: c, From: max(n.low-margin, n.from, 1), To: n.high + margin}
	if n.to > 0 {
		p.To = min(p.To, n.to)
	}
	for id := range c.ids {
		p.Needles = append(p.Needles, id)
	}
	return p
}

// ids returns the ids of the calls that were found.
func (n *Narrow) ids() map[string]bool {
	ids := map[string]bool{}
	for _, c := range n.t.found {
		for _, id := range slices.Concat(c.CallIDs, c.Legs) {
			ids[id] = true
		}
		for i := range c.Events {
			if id := c.Events[i].Channel; id != "" {
				ids[id] = true
			}
		}
	}
	return ids
}

// searchable reports whether all ids can be looked for as they are.
func searchable(ids map[string]bool) bool {
	for id := range ids {
		for _, c := range []byte(id) {
			if c < '+' || c > 'z' || c == '/' || c == '\\' {
				return false
			}
		}
		if len(id) < 4 {
			return false
		}
	}
	return len(ids) <= maxIDs
}

// checker is the sink of a check.
type checker struct {
	n   *Narrow
	ids map[string]bool
}

// checkWorker is its worker.
type checkWorker struct {
	c    *checker
	part *checkPart
}

type checkPart struct{ foreign bool }

// InOrder implements [engine.Sink].
func (c *checker) InOrder() bool { return false }

// Worker implements [engine.Sink].
func (c *checker) Worker(engine.Mapping) (engine.Worker, error) { return &checkWorker{c: c}, nil }

// Begin implements [engine.Worker].
func (w *checkWorker) Begin(b *engine.Block, _ bool) {
	w.part = engine.PartOf[checkPart](b)
	w.part.foreign = false
}

// Event implements [engine.Worker].
func (w *checkWorker) Event(e *engine.Event) bool {
	usec, _ := e.X.Field("timestamp").Timestamp()
	if usec >= w.c.n.low && usec < w.c.n.high {
		return false // it was followed
	}
	for _, name := range []string{"callid", "uniqueid", "asteriskid"} {
		if w.c.ids[string(e.X.Field(name).Text())] {
			w.part.foreign = true
		}
	}
	return false
}

// Show implements [engine.Worker].
func (w *checkWorker) Show(*engine.Event) bool { return false }

// End implements [engine.Worker].
func (w *checkWorker) End(*engine.Block) {}

// Fold implements [engine.Sink].
func (c *checker) Fold(b *engine.Block, _ func(engine.Place) *engine.Block) bool {
	c.n.foreign = c.n.foreign || b.Part.(*checkPart).foreign
	return true
}

// Tick implements [engine.Ticker].
func (c *checker) Tick(time.Duration, *engine.Output) (time.Duration, engine.End) {
	return 0, engine.EndOfInput
}

// Finish implements [engine.Ticker]: it shows the calls if nothing else has their ids.
func (c *checker) Finish(out *engine.Output) {
	t := c.n.t
	if t.certain = !c.n.foreign; t.certain {
		t.showFound()
		t.footer()
		t.flush(out)
	}
	c.n.foreign = false
}
