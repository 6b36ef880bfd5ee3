package trace

import (
	"slices"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/needle"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// gapClass is the class of the records of gaps, which make open calls doubtful.
const gapClass = "enswitch-events"

// needlesOf returns texts of which a line with one of the ids, or with the record of a
// gap, contains one; nil if there are none.
func needlesOf(ids map[string]bool) []string {
	needles := []string{gapClass}
	for id := range ids {
		text, ok := needle.OfText(id)
		if !ok {
			return nil
		}
		needles = append(needles, text)
	}
	return needles
}

// search is the sink of a pass that follows the events with one of the ids.
type search struct {
	*Trace
	n *Narrow
}

// Worker implements [engine.Sink].
func (s *search) Worker(m engine.Mapping) (engine.Worker, error) {
	w, err := s.newWorker(m)
	if err != nil {
		return nil, err
	}
	w.tally = nil // the first pass has counted
	return &searchWorker{worker: w, ids: s.n.ids}, nil
}

// Fold implements [engine.Sink].
func (s *search) Fold(b *engine.Block, remap func(engine.Place) *engine.Block) bool {
	for i := range b.Part.(*part).events {
		// The time of an event without a timestamp is that of the event before it.
		s.n.watch.unsure = s.n.watch.unsure || b.Part.(*part).events[i].Time == 0
	}
	return s.Trace.Fold(b, remap)
}

// searchWorker is the worker of a search. It implements [engine.Sampler].
type searchWorker struct {
	*worker
	ids map[string]bool
	x   event.Index
}

// Event implements [engine.Worker].
func (w *searchWorker) Event(e *engine.Event) bool {
	return w.has(&e.X) && w.worker.Event(e)
}

// has reports whether the event is followed.
func (w *searchWorker) has(x *event.Index) bool {
	for _, name := range idNames {
		if v := x.Field(name); w.ids[string(v.Text())] {
			return true
		}
	}
	return x.Class().Is(gapClass)
}

// sampled is the Source of an event that only tells the time.
const sampled = "sampled"

// Sample implements [engine.Sampler]: only the time of an event with other ids counts, by the
// clock of its machine.
func (w *searchWorker) Sample(e *engine.Event) {
	stamp, machine := e.X.Field("timestamp"), e.X.Field("machine")
	if len(stamp.JSON) == 0 {
		return
	}
	begin := len(w.part.samples)
	w.part.samples = append(append(w.part.samples, `{"timestamp":`...), stamp.JSON...)
	if len(machine.JSON) > 0 {
		w.part.samples = append(append(w.part.samples, `,"machine":`...), machine.JSON...)
	}
	w.part.samples = append(w.part.samples, '}')
	text := slices.Clip(w.part.samples[begin:])
	if w.x.Scan(text) == nil {
		w.part.events = append(w.part.events, call.Event{Source: sampled})
		w.reader.Read(&w.part.events[len(w.part.events)-1], text, &w.x)
	}
}

// watch finds out whether a pass shows its calls as following every event would: whether they
// have ids that are not searched for, and whether events that are not followed could end a call
// earlier.
type watch struct {
	linger int64
	ids    map[string]bool    // that are searched for
	more   map[int64][]string // others, by the number of the call that has them
	chosen map[int64]bool     // calls that are searched for
	ends   map[int64]int64    // the last end of a call, by its number
	due    map[int64]int64    // when open calls whose legs have all ended end
	unsure bool
	x      event.Index
}

func newWatch(ids map[string]bool, o *call.Options) watch {
	linger := o.Linger
	if linger == 0 {
		linger = 2 * time.Second
	}
	return watch{
		linger: max(linger, 0).Microseconds(), ids: ids,
		more: map[int64][]string{}, chosen: map[int64]bool{}, ends: map[int64]int64{}, due: map[int64]int64{},
	}
}

// event is called with each event that was followed, and its call, nil for none.
func (w *watch) event(c *call.Call, e *call.Event) {
	if e.Source == sampled {
		return
	}
	// The call may have ended before, by the clock of its machine.
	for number, due := range w.due {
		if (c == nil || c.Number() == number) && e.Time >= due {
			w.unsure = true
		}
	}
	if c == nil {
		return
	}
	n := c.Number()
	w.chosen[n] = w.chosen[n] || c.Chosen()
	if w.x.Scan(e.Raw) == nil && w.x.Class().Is("call") { // others add no id
		for _, id := range idsOf(&w.x) {
			if !w.ids[id] && !slices.Contains(w.more[n], id) {
				w.more[n] = append(w.more[n], id)
			}
		}
	}
	if e.Kind == call.End {
		w.ends[n] = max(w.ends[n], e.Time)
	}
	delete(w.due, n)
	if end, ok := w.ends[n]; ok && c.State() == call.Open && !slices.ContainsFunc(c.Legs(), func(l call.Leg) bool { return l.State != call.End }) {
		w.due[n] = end + w.linger
	}
}

// join is called when a call becomes part of another one.
func (w *watch) join(into, from int64) {
	w.more[into] = append(w.more[into], w.more[from]...)
	w.chosen[into] = w.chosen[into] || w.chosen[from]
	if end, ok := w.ends[from]; ok {
		w.ends[into] = max(w.ends[into], end)
	}
	delete(w.due, into)
	delete(w.due, from)
}

// learn adds the further ids of the calls that are searched for, without the calls that began
// too early to be shown, and reports whether there are any. With more events a call may pass
// the filters.
func (w *watch) learn(early map[int64]other) (more bool) {
	for number, ids := range w.more {
		if _, ok := early[number]; ok || !w.chosen[number] {
			continue
		}
		for _, id := range ids {
			w.ids[id], more = true, true
		}
	}
	return more
}
