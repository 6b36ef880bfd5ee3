package trace

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/needle"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
)

// maxLooks bounds the matches that are looked at in addition to those to be shown.
const maxLooks = 16

// look finds out from the lines around the latest matches which ids their calls have, and which
// part of the capture seems to have them. Only the number of passes depends on what it finds,
// never the result.
func (n *Narrow) look() {
	count := n.t.o.Count
	n.low, n.high = n.from, n.to
	var calls []*Call // the latest first
	var tried []*match
	n.rest = n.sorted()
	for i, m := range n.rest {
		if i == maxLooks+count || len(calls) >= count && m.first <= calls[count-1].Begin {
			break
		}
		n.rest = n.rest[1:]
		tried = append(tried, m)
		if n.ids[string(m.ids[0])] {
			continue
		}
		found, ids := n.around(m)
		maps.Copy(n.ids, ids)
		calls = append(calls, found...)
		slices.SortStableFunc(calls, func(a, b *Call) int { return cmp.Compare(b.Begin, a.Begin) })
	}
	n.rest = slices.DeleteFunc(n.rest, func(m *match) bool { return n.ids[string(m.ids[0])] })
	n.bound(calls[:min(len(calls), count)], tried)
}

// bound makes the next pass one over the time of the calls, if that seems to be enough.
func (n *Narrow) bound(calls []*Call, tried []*match) {
	if len(calls) < n.t.o.Count {
		return
	}
	low, high := tried[0].first, tried[0].last
	for _, m := range tried {
		low, high = min(low, m.first), max(high, m.last)
	}
	for _, c := range calls {
		if c.State != call.Ended || !c.allStart() {
			return
		}
		low, high = min(low, c.Begin), max(high, c.latest())
	}
	if n.closed = true; n.lines == nil {
		return // all of it is read
	}
	n.low = max(low-margin-margin/10, n.from, 1)
	if high += margin + margin/10; n.to == 0 || high < n.to {
		n.high = high
	}
}

// around returns the calls that have the ids of m in the lines around it, and all ids of
// these calls.
func (n *Narrow) around(m *match) ([]*Call, map[string]bool) {
	ids := map[string]bool{}
	for _, id := range m.ids {
		ids[string(id)] = true
	}
	if n.lines == nil {
		n.text, n.begin = n.window.around(m.file, m.offset)
	} else if middle := n.begin + int64(len(n.text))/2; m.file != n.file || abs(m.offset-middle) > int64(len(n.text))*3/8 {
		n.file = m.file
		n.text, n.begin = n.lines(m.file, m.offset, n.text[:0])
	}
	for {
		calls := n.follow(ids)
		if !n.watch.learn(n.t.others) || len(ids) > maxIDs {
			return slices.Collect(maps.Values(calls)), ids
		}
	}
}

func abs(n int64) int64 { return max(n, -n) }

// follow returns the calls that are searched for among the lines with one of the ids.
func (n *Narrow) follow(ids map[string]bool) map[int64]*Call {
	t := n.t
	needles := needlesOf(ids)
	if needles == nil {
		return nil
	}
	t.restart()
	t.narrow, n.watch = n, newWatch(ids, &t.o.Tracker)
	w := &searchWorker{ids: ids}
	reader, lines := t.o.Map.NewReader(), needle.NewSearch(needles, "")
	lines.Begin(n.text)
	for at := 0; at < len(n.text); {
		hit := lines.Next(n.text, at)
		if hit < 0 {
			break
		}
		begin := at + bytes.LastIndexByte(n.text[at:hit], '\n') + 1
		line, _, _ := bytes.Cut(n.text[begin:], []byte{'\n'})
		at = begin + len(line) + 1
		if line = capture.TrimLine(line); len(line) > 0 && w.x.Scan(line) == nil && w.has(&w.x) {
			e := call.Event{Source: passes, Chosen: t.o.What.Matches(&w.x)}
			reader.Read(&e, line, &w.x)
			t.tracker.Add(&e)
		}
	}
	t.tracker.Finish()
	return t.found
}
