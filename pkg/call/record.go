package call

import (
	"strconv"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Fields returns the names of the fields of a record, in their order. Records leave out
// what is not known.
func Fields() []string {
	return []string{
		"callid", "callids", "uniqueids", "machines", "state", "answered", "partial", "doubtful",
		"from", "to", "customer", "cause", "start", "ring", "answer", "end", "pdd", "duration", "talk", "legs", "events",
	}
}

// AppendRecord appends the record of the call, a JSON object on one line, to dst:
//
//   - callid, and callids if there are several: as received. A call without a callid has
//     none.
//   - uniqueids, machines: arrays, in the order seen, values as first received
//   - state: open, ended or lost
//   - answered, partial, doubtful: booleans
//   - from, to, customer, cause: text
//   - start, ring, answer, end: timestamps as received, the first of each and the last
//     end; the end only in state ended, the start not of a partial call
//   - pdd, duration, talk: seconds with six decimals; those that are not known, or would
//     be negative, are left out
//   - legs, events: counts
func (c *Call) AppendRecord(dst []byte) []byte {
	dst = append(dst, '{')
	ids := inOrder(c.callids)
	if len(ids) > 0 {
		dst = append(append(append(dst, `"callid":`...), ids[0].json...), ',')
	}
	if len(ids) > 1 {
		dst = appendArray(append(dst, `"callids":`...), len(ids), func(i int) []byte { return ids[i].json })
	}
	legs := c.Legs()
	if len(legs) > 0 {
		dst = appendArray(append(dst, `"uniqueids":`...), len(legs), func(i int) []byte { return legs[i].ID })
	}
	if machines := c.known(); len(machines) > 0 {
		dst = appendArray(append(dst, `"machines":`...), len(machines), func(i int) []byte { return machines[i] })
	}
	dst = append(append(append(dst, `"state":"`...), c.state.String()...), '"')
	dst = strconv.AppendBool(append(dst, `,"answered":`...), c.Answered())
	dst = strconv.AppendBool(append(dst, `,"partial":`...), c.Partial())
	dst = strconv.AppendBool(append(dst, `,"doubtful":`...), c.Doubtful())
	for r := range roleCount {
		if text, ok := c.text(r); ok {
			dst = append(append(append(dst, `,"`...), roles[r]...), `":`...)
			dst = event.AppendString(dst, text)
		}
	}
	start, ring, answer, end := c.times()
	for _, m := range [...]struct {
		name string
		mark
	}{{"start", start}, {"ring", ring}, {"answer", answer}, {"end", end}} {
		if len(m.json) > 0 { // empty for an event without a timestamp
			dst = append(append(append(dst, `,"`...), m.name...), `":`...)
			dst = append(dst, m.json...)
		}
	}
	for _, s := range [...]struct {
		name string
		get  func() (float64, bool)
	}{{"pdd", c.PDD}, {"duration", c.Duration}, {"talk", c.Talk}} {
		if seconds, ok := s.get(); ok {
			dst = append(append(append(dst, `,"`...), s.name...), `":`...)
			dst = strconv.AppendFloat(dst, seconds, 'f', 6, 64)
		}
	}
	dst = strconv.AppendInt(append(dst, `,"legs":`...), int64(len(legs)), 10)
	dst = strconv.AppendInt(append(dst, `,"events":`...), int64(c.count), 10)
	return append(dst, '}')
}

// known returns the machines that have a name.
func (c *Call) known() (machines [][]byte) {
	for _, s := range inOrder(c.machines) {
		if len(s.json) > 0 {
			machines = append(machines, s.json)
		}
	}
	return machines
}

// appendArray appends n JSON values as an array, and a comma.
func appendArray(dst []byte, n int, value func(i int) []byte) []byte {
	for i := range n {
		sep := byte(',')
		if i == 0 {
			sep = '['
		}
		dst = append(append(dst, sep), value(i)...)
	}
	return append(dst, "],"...)
}

// times returns the times that a record shows.
func (c *Call) times() (start, ring, answer, end mark) {
	start, ring, answer, end = c.start, c.ring, c.answer, c.end
	if c.Partial() {
		start = mark{}
	}
	if c.state != Ended {
		end = mark{}
	}
	return
}

// PDD returns the post-dial delay in seconds: from the start to the earlier of ring and
// answer.
func (c *Call) PDD() (seconds float64, ok bool) {
	start, first, answer, _ := c.times()
	if first.json == nil || answer.json != nil && answer.at < first.at {
		first = answer
	}
	return between(start, first)
}

// Duration returns the time from the start to the end in seconds.
func (c *Call) Duration() (seconds float64, ok bool) {
	start, _, _, end := c.times()
	return between(start, end)
}

// Talk returns the time from the answer to the end in seconds.
func (c *Call) Talk() (seconds float64, ok bool) {
	_, _, answer, end := c.times()
	return between(answer, end)
}

// between returns the time from a to b in seconds, false if it is not known or negative.
func between(a, b mark) (seconds float64, ok bool) {
	if len(a.json) == 0 || len(b.json) == 0 || b.at < a.at { // empty for an event without a timestamp
		return 0, false
	}
	return float64(b.at-a.at) / 1e6, true
}
