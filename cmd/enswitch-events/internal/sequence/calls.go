package sequence

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// SameCall is the value of same by which the events of a sequence are of one call.
const SameCall = "call"

// follower finds the calls of events. They are followed in the order in which they come.
type follower struct {
	sequence *Sequence
	reader   *call.Reader
	tracker  *call.Tracker
	whole    bool // the whole call is printed

	own   call.Event
	call  *call.Call // of own, nil for none
	twice bool       // its call has had it before

	x         event.Index   // of an earlier event
	completed []event.Event // the events of a sequence that became complete when calls were joined
}

// FollowCalls has the sequence follow calls: for same, if that is SameCall, and with whole
// to print all events of the call up to the one that completes the sequence.
func (s *Sequence) FollowCalls(m *call.Map, o call.Options, whole bool) {
	f := &follower{sequence: s, reader: m.NewReader(), whole: whole}
	o.Hold, o.KeepEvents = -1, true
	o.OnEvent = func(c *call.Call, _ *call.Event, twice bool) { f.call, f.twice = c, twice }
	o.OnJoin = f.join
	f.tracker, s.calls = call.NewTracker(&o), f
}

// follow finds the call of an event. It returns the events of a sequence that is complete
// because ev joins two calls.
func (f *follower) follow(ev *event.Event, x *event.Index, kept bool) []event.Event {
	f.own.Received, f.own.Source, f.own.Chosen, f.own.Seq = ev.Received, ev.Source, kept, f.own.Seq+1
	f.reader.Read(&f.own, ev.Raw, x)
	f.tracker.Add(&f.own)
	completed := f.completed
	f.completed = nil
	return completed
}

// join makes the unfinished sequences of two calls one.
func (f *follower) join(into, from *call.Call) {
	s := f.sequence
	if s.same != SameCall {
		return
	}
	a, b := s.drop(keyOf(into)), s.drop(keyOf(from))
	if !a && !b {
		return
	}
	events := slices.Clone(into.Events()) // of both
	slices.SortFunc(events, func(a, b *call.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	s.value = append(s.value[:0], keyOf(into)...)
	for _, e := range events {
		if !e.Chosen || f.x.Scan(e.Raw) != nil {
			continue
		}
		if f.completed = s.advance(&event.Event{Raw: e.Raw, Received: e.Received, Source: e.Source}, &f.x); f.completed != nil {
			return
		}
	}
}

// keyOf returns what the events of a call share.
func keyOf(c *call.Call) string { return strconv.FormatInt(c.Number(), 10) }

// times returns how often event i of those that allOf returned has come.
func (f *follower) times(i int) int {
	if f.call == nil {
		return 1
	}
	return f.call.Events()[i].Times
}

// allOf returns the events to print when those in events have come.
func (f *follower) allOf(events []event.Event) []event.Event {
	if !f.whole || f.call == nil {
		return events
	}
	kept := f.call.Events()
	if missing := f.call.Count() - len(kept); missing > 0 {
		f.sequence.warn("--whole-calls: " + cli.Plural(int64(missing), "event") + " not printed: of a call the first 400 and the last 100 are kept, and 64 MiB in all")
	}
	all := make([]event.Event, len(kept))
	for i, e := range kept {
		all[i] = event.Event{Raw: e.Raw, Received: e.Received, Source: e.Source}
	}
	return all
}
