package call

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// plainEvent is an event as its generator knows it.
type plainEvent struct {
	at                           int64 // microseconds since 1970
	class, name                  string
	machine                      int
	callid, uniqueid, asteriskid string
	from, to, cause              string
	arrives                      int64
	json                         string
}

func (e *plainEvent) write() {
	var b strings.Builder
	b.WriteByte('{')
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%q:%q,", name, value)
		}
	}
	field("asteriskid", e.asteriskid)
	field("callid", e.callid)
	field("class", e.class)
	field("event", e.name)
	fmt.Fprintf(&b, `"machine":%d,"timestamp":"%d.%06d"`, e.machine, e.at/1e6, e.at%1e6)
	b.WriteByte(',')
	field("uniqueid", e.uniqueid)
	field("from", e.from)
	field("to", e.to)
	field("cause", e.cause)
	e.json = strings.TrimSuffix(b.String(), ",") + "}"
}

// plainCall is a call as the reference keeps it.
type plainCall struct {
	number   int
	ids      map[string]bool
	events   []*plainEvent // of class call and others
	state    State
	touched  int64
	reported string          // the last record
	done     map[string]bool // by leg: an end was seen
}

func (e *plainEvent) ids() (all []string) {
	if e.callid != "" {
		all = append(all, e.callid)
	}
	if e.uniqueid != "" {
		all = append(all, e.uniqueid)
	}
	if e.asteriskid != "" {
		all = append(all, fmt.Sprintf("%d/%s", e.machine, e.asteriskid))
	}
	return all
}

// reference follows calls by the rules in the package comment, the plain way: it sorts
// all events, and looks at all calls for each.
type reference struct {
	calls           []*plainCall
	newest, heard   map[int]int64
	number          int
	linger, timeout int64
}

func (r *reference) run(events []*plainEvent) []string {
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b *plainEvent) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(fmt.Sprint(a.machine), fmt.Sprint(b.machine)), cmp.Compare(a.json, b.json))
	})
	r.newest, r.heard = map[int]int64{}, map[int]int64{}
	for _, e := range events {
		r.follow(e)
	}
	var all []string
	for _, c := range r.calls {
		if c.state == Open && c.over() {
			c.state = Ended
			c.reported = c.record()
		} else if c.state == Open {
			c.reported = c.record()
		}
		all = append(all, c.reported)
	}
	slices.Sort(all)
	return all
}

func (r *reference) follow(e *plainEvent) {
	r.newest[e.machine], r.heard[e.machine] = e.at, e.at
	for _, c := range r.calls {
		if c.state != Open {
			continue
		}
		newest, heard := int64(0), int64(0)
		for _, other := range c.events {
			newest, heard = max(newest, r.newest[other.machine]), max(heard, r.heard[other.machine])
		}
		due := c.end() + r.linger
		switch {
		case c.over() && (newest >= due || e.at >= due && e.at-heard > silence):
			c.state = Ended
			c.reported = c.record()
		case e.at-c.touched > r.timeout:
			c.state = Lost
			c.reported = c.record()
		}
	}
	var found []*plainCall
	for _, c := range r.calls {
		for _, id := range e.ids() {
			if c.ids[id] && !slices.Contains(found, c) {
				over := c.touched
				if c.state == Ended {
					over = c.end()
				}
				if c.state == Open || e.at <= over+again {
					found = append(found, c)
				} else {
					delete(c.ids, id) // it is used again
				}
			}
		}
	}
	switch {
	case e.class == "call" && len(found) == 0 && len(e.ids()) > 0:
		r.number++
		c := &plainCall{number: r.number, ids: map[string]bool{}, done: map[string]bool{}}
		r.calls = append(r.calls, c)
		found = append(found, c)
	case len(found) == 0:
		return
	case e.class != "call":
		found = found[:1]
		// The call of the first id of callid, uniqueid and asteriskid.
		for _, id := range slices.Backward(e.ids()) {
			for _, c := range r.calls {
				if c.ids[id] {
					found[0] = c
				}
			}
		}
	}
	c := found[0]
	for _, other := range found[1:] {
		maps.Copy(c.ids, other.ids)
		for leg, done := range other.done {
			c.done[leg] = c.done[leg] || done
		}
		c.events = append(c.events, other.events...)
		c.touched = max(c.touched, other.touched)
		c.state = min(c.state, other.state)
		r.calls = slices.DeleteFunc(r.calls, func(x *plainCall) bool { return x == other })
		c.state = Open
	}
	if slices.ContainsFunc(c.events, func(o *plainEvent) bool { return o.json == e.json }) {
		if len(found) > 1 || c.state == Open {
			c.touched = e.at
		}
		return
	}
	if e.class == "call" {
		for _, id := range e.ids() {
			for _, other := range r.calls {
				delete(other.ids, id)
			}
			c.ids[id] = true
		}
		if e.uniqueid != "" && !slices.Contains(c.legs(), e.uniqueid) {
			c.state = Open
		}
	}
	if e.class == "call" {
		end := e.name == "end"
		if e.uniqueid != "" {
			c.done[e.uniqueid] = c.done[e.uniqueid] || end
		} else if end {
			for leg := range c.done {
				c.done[leg] = true
			}
		}
	}
	c.events = append(c.events, e)
	c.touched = e.at
}

// legs returns the uniqueids.
func (c *plainCall) legs() (all []string) {
	for _, e := range c.sorted() {
		if e.class == "call" && e.uniqueid != "" && !slices.Contains(all, e.uniqueid) {
			all = append(all, e.uniqueid)
		}
	}
	return all
}

func (c *plainCall) sorted() []*plainEvent {
	slices.SortStableFunc(c.events, func(a, b *plainEvent) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(fmt.Sprint(a.machine), fmt.Sprint(b.machine)), cmp.Compare(a.json, b.json))
	})
	return c.events
}

// distinct returns the values of the events of class call, in order.
func (c *plainCall) distinct(value func(*plainEvent) string) (all []string) {
	for _, e := range c.sorted() {
		if v := value(e); v != "" && !slices.Contains(all, v) && (e.class == "call" || v != e.callid) {
			all = append(all, v)
		}
	}
	return all
}

// end returns the time of the last end, 0 for none.
func (c *plainCall) end() (at int64) {
	for _, e := range c.events {
		if e.class == "call" && e.name == "end" {
			at = max(at, e.at)
		}
	}
	return at
}

// over reports whether an end was seen and all legs have ended.
func (c *plainCall) over() bool {
	if c.end() == 0 {
		return false
	}
	for _, done := range c.done {
		if !done {
			return false
		}
	}
	return true
}

// record is what is compared: the parts of a record that the rules decide.
func (c *plainCall) record() string {
	first := map[string]int64{}
	answered, partial := false, true
	var from, cause string
	var begin *plainEvent
	for _, e := range c.sorted() {
		if e.class == "call" && begin == nil {
			begin = e
		}
		if e.class == "call" && from == "" {
			from = e.from
		}
		if _, ok := first[e.name]; !ok && e.class == "call" {
			first[e.name] = e.at
		}
		if e.class == "call" && e.name == "end" {
			cause = e.cause
			first["end"] = e.at
		}
		answered = answered || e.class == "call" && e.name == "answer"
	}
	for _, e := range c.events {
		if e.class == "call" && e.name == "start" && (e.uniqueid == begin.uniqueid || e.uniqueid == "") {
			partial = false
		}
	}
	if partial {
		delete(first, "start")
	}
	if c.state != Ended {
		delete(first, "end")
	}
	return fmt.Sprintln(c.legs(), c.distinct(func(e *plainEvent) string { return e.callid }), c.distinct(func(e *plainEvent) string { return fmt.Sprint(e.machine) }), c.state, answered, partial, from, cause, first["start"], first["ring"], first["answer"], first["end"], len(c.events))
}

// brief is the same of a Call.
func brief(c *Call) string {
	var legs []string
	for _, l := range c.Legs() {
		legs = append(legs, string(valueOf(l.ID).Text()))
	}
	at := func(m mark) int64 {
		if m.json == nil {
			return 0
		}
		return m.at
	}
	start, ring, answer, end := c.times()
	values := func(all []seen) (texts []string) {
		for _, s := range inOrder(all) {
			texts = append(texts, string(valueOf(s.json).Text()))
		}
		return texts
	}
	return fmt.Sprintln(legs, values(c.callids), values(c.machines), c.State(), c.Answered(), c.Partial(), c.Text(From), c.Text(Cause), at(start), at(ring), at(answer), at(end), c.Count())
}

// drawn is an event and its copies, as drawn.
type drawn struct {
	event  plainEvent
	pause  int64   // after the event before
	delays []int64 // of each copy
}

// drawEvents draws events of a few calls, which share ids now and then.
func drawEvents(t *rapid.T) []*plainEvent {
	id := func(t *rapid.T, label, prefix string, n int) string {
		i := rapid.IntRange(-1, n).Draw(t, label)
		if i < 0 {
			return ""
		}
		return fmt.Sprint(prefix, i)
	}
	all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) drawn {
		return drawn{
			event: plainEvent{
				class:   rapid.SampledFrom([]string{"call", "call", "call", "other"}).Draw(t, "class"),
				name:    rapid.SampledFrom([]string{"start", "route", "ring", "answer", "end", "end", "end", "hold"}).Draw(t, "event"),
				machine: rapid.IntRange(1, 3).Draw(t, "machine"),
				callid:  id(t, "callid", "c", 3), uniqueid: id(t, "uniqueid", "u", 5), asteriskid: id(t, "asteriskid", "a", 2),
				from: rapid.SampledFrom([]string{"", "+441", "+442"}).Draw(t, "from"), cause: rapid.SampledFrom([]string{"", "busy", "34"}).Draw(t, "cause"),
			},
			pause: rapid.SampledFrom([]int64{
				0, 1, 400_000, 1_999_999, 2_000_000, 2_000_001, 9_000_000, 10_000_001, 100_000_000, 300_000_000, 301_000_000, 3_000_000_000,
			}).Draw(t, "pause"),
			delays: rapid.SliceOfN(rapid.Int64Range(0, 1_999_999), 1, 2).Draw(t, "delays"),
		}
	}), 1, 40).Draw(t, "events")
	now := int64(1_234_567_890_000_000)
	var events []*plainEvent
	for _, d := range all {
		now += d.pause
		d.event.at = now
		d.event.write()
		for _, delay := range d.delays {
			e := d.event
			e.arrives = now + delay
			events = append(events, &e)
		}
	}
	return events
}

// TestOrder compares the Tracker with the reference: on the same events, in any order
// that is off by less than the linger.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		r := reference{linger: 2_000_000, timeout: (4 * time.Hour).Microseconds()}
		want := r.run(events)
		slices.SortStableFunc(events, func(a, b *plainEvent) int { return cmp.Compare(a.arrives, b.arrives) })
		var lines strings.Builder
		for _, e := range events {
			lines.WriteString(e.json + "\n")
		}
		last := map[int64]string{}
		follow(t, lines.String(), &Options{
			OnEnd:  func(c *Call) { last[c.Number()] = brief(c) },
			OnJoin: func(into, from *Call) { delete(last, from.Number()) },
		})
		got := slices.Sorted(maps.Values(last))
		if !slices.Equal(got, want) {
			t.Fatalf("%sgot\n%swant\n%s", lines.String(), strings.Join(got, ""), strings.Join(want, ""))
		}
	})
}
