package call

import (
	"bytes"
	"slices"
)

// follow assigns e to its call and notes what it means there. It reports whether the call
// keeps e.
func (t *Tracker) follow(e *Event) (kept bool) {
	m := t.machine(e.text(e.machine))
	t.now = max(t.now, e.at)
	m.newest, m.heard = max(m.newest, e.at), t.now
	t.endDue(m)
	t.lose()
	if e.gap {
		for c := t.opened.first; c != nil; c = c.next {
			c.doubt = true
		}
	}
	c, late := t.find(e)
	if c == nil && !late && e.inCall {
		if e.keys == ([3]key{}) {
			t.stats.Strange++
		} else {
			c = t.begin()
		}
	}
	if late {
		t.stats.Late++
	}
	if c == nil {
		if t.o.OnEvent != nil {
			t.o.OnEvent(nil, e, false)
		}
		return false
	}
	c.chosen = c.chosen || e.Chosen
	before := c.bytes
	twice := t.twice(c, e)
	if !twice {
		t.note(c, e, m)
		kept = t.keep(c, e)
	}
	t.bytes += c.bytes - before
	t.settle(c)
	if t.o.OnEvent != nil {
		t.o.OnEvent(c, e, twice)
	}
	t.makeRoom(c)
	return kept
}

// find returns the call that e belongs to, nil for none. If it carries ids of several it
// joins them. Late says that its call has ended and is not kept any more.
func (t *Tracker) find(e *Event) (c *Call, late bool) {
	for _, k := range e.keys {
		if k == (key{}) {
			continue
		}
		other := t.byID[k]
		if other == nil {
			if last, ok := t.ended.at(k); ok && e.Time <= last+again {
				late = true
			}
			continue
		}
		if other.state != Open && e.Time > other.over()+again {
			continue // the id is used again
		}
		switch {
		case c == nil:
			c = other
		case c != other && e.inCall:
			c = t.join(c, other)
		}
	}
	return c, late && c == nil
}

// over is when a call that is not open was over.
func (c *Call) over() int64 {
	if c.state == Ended {
		return c.end.at
	}
	return c.last
}

// begin begins a call.
func (t *Tracker) begin() *Call {
	t.number++
	t.stats.Calls++
	c := &Call{number: t.number, bytes: callBytes}
	t.bytes += callBytes
	t.opened.push(c)
	return c
}

// twice reports whether the call has had e before.
func (t *Tracker) twice(c *Call, e *Event) bool {
	if slices.Contains(c.hashes, e.hash) {
		for _, other := range c.events {
			if other.hash == e.hash {
				other.Times += e.Times
			}
		}
		return true
	}
	if len(c.hashes) < maxFirst+maxLast {
		c.hashes = append(c.hashes, e.hash)
	} else {
		c.hashes[maxFirst+c.count%maxLast] = e.hash
	}
	return false
}

// note notes what e says about its call.
func (t *Tracker) note(c *Call, e *Event, m *machine) {
	c.count++
	c.last = max(c.last, e.Time)
	if !slices.Contains(c.machines, m) && len(c.machines) < maxMarked {
		c.machines = append(c.machines, m)
	}
	for r := range c.roles {
		if json := e.text(e.roles[r]); len(json) > 0 && Role(r) != Cause {
			c.roles[r].earliest(e.Time, json)
		}
	}
	leg := &c.whole
	if e.inCall {
		t.addIDs(c, e)
		if c.first.json == nil || e.Time < c.first.at {
			c.first, c.firstLeg = mark{e.Time, []byte{}}, e.keys[legKey]
		}
	}
	if k := e.keys[legKey]; k != (key{}) {
		if leg = c.leg(k); leg == nil {
			leg = &Leg{} // of another class, or one too many
		}
		leg.First = min(leg.First, e.Time)
	}
	was := leg.ended()
	leg.State = max(leg.State, e.Kind)
	stamp := e.text(e.stamp)
	switch e.Kind {
	case Start:
		leg.started = true
		c.start.earliest(e.Time, stamp)
	case Ring:
		c.ring.earliest(e.Time, stamp)
	case Answer:
		c.answer.earliest(e.Time, stamp)
	case End:
		if c.end.json == nil || e.Time >= c.end.at {
			c.end = mark{e.Time, bytes.Clone(stamp)}
			c.cause = bytes.Clone(e.text(e.roles[Cause]))
		}
		switch {
		case leg == &c.whole:
			c.endLegs()
		case !was && leg.key != (key{}):
			c.open--
		}
	}
}

// endLegs ends all legs.
func (c *Call) endLegs() {
	for i := range c.legs {
		c.legs[i].State = End
	}
	c.open = 0
}

// addIDs adds the ids of e to its call, and its leg.
func (t *Tracker) addIDs(c *Call, e *Event) {
	for i, k := range e.keys {
		if k == (key{}) || t.byID[k] == c {
			continue
		}
		if i != legKey && len(c.ids) >= maxMarked+len(c.legs) {
			continue
		}
		if i == legKey && len(c.legs) >= maxLegs {
			t.stats.LegsOver++
			continue
		}
		t.byID[k] = c
		c.ids = append(c.ids, k)
		c.bytes += 64
	}
	if k := e.keys[callKey]; k != (key{}) {
		if json := e.text(e.callid); !slices.ContainsFunc(c.callids, func(b []byte) bool { return bytes.Equal(b, json) }) && len(c.callids) < maxMarked {
			c.callids = append(c.callids, bytes.Clone(json))
			c.bytes += len(json)
		}
	}
	if k := e.keys[legKey]; k != (key{}) && c.leg(k) == nil && len(c.legs) < maxLegs {
		json := e.text(e.leg)
		c.legs = append(c.legs, Leg{ID: bytes.Clone(json), key: k, First: e.Time})
		c.bytes += len(json) + 64
		c.open++
		t.reopen(c)
	}
}

// keep keeps e with its call, and reports whether it did.
func (t *Tracker) keep(c *Call, e *Event) bool {
	if !t.o.KeepEvents {
		return false
	}
	if !e.own {
		e = (&hold{}).copy(e)
	}
	if len(c.events) == maxFirst+maxLast {
		t.stats.Unkept++
		c.bytes -= len(c.events[maxFirst].json)
		c.events = slices.Delete(c.events, maxFirst, maxFirst+1)
	}
	c.events = append(c.events, e)
	c.bytes += len(e.json) + 256
	return true
}

// join makes one call of two: the older one.
func (t *Tracker) join(a, b *Call) *Call {
	if a.number > b.number {
		a, b = b, a
	}
	a.chosen, a.doubt = a.chosen || b.chosen, a.doubt || b.doubt
	for _, k := range b.ids {
		t.byID[k] = a
	}
	a.ids = append(a.ids, b.ids...)
	for _, id := range b.callids {
		if !slices.ContainsFunc(a.callids, func(other []byte) bool { return bytes.Equal(id, other) }) {
			a.callids = append(a.callids, id)
		}
	}
	a.legs = append(a.legs, b.legs...)
	a.open += b.open
	a.whole.State = max(a.whole.State, b.whole.State)
	a.whole.started = a.whole.started || b.whole.started
	for _, m := range b.machines {
		if !slices.Contains(a.machines, m) {
			a.machines = append(a.machines, m)
		}
	}
	for r := range a.roles {
		if b.roles[r].json != nil {
			a.roles[r].earliest(b.roles[r].at, b.roles[r].json)
		}
	}
	if b.first.json != nil && (a.first.json == nil || b.first.at < a.first.at) {
		a.first, a.firstLeg = b.first, b.firstLeg
	}
	for _, m := range [...]struct{ to, from *mark }{{&a.start, &b.start}, {&a.ring, &b.ring}, {&a.answer, &b.answer}} {
		if m.from.json != nil {
			m.to.earliest(m.from.at, m.from.json)
		}
	}
	if b.end.json != nil && (a.end.json == nil || b.end.at >= a.end.at) {
		a.end, a.cause = b.end, b.cause
	}
	a.last, a.touched = max(a.last, b.last), max(a.touched, b.touched)
	a.count += b.count
	a.hashes = append(a.hashes, b.hashes...)
	a.events = append(a.events, b.events...)
	if over := len(a.events) - maxFirst - maxLast; over > 0 {
		slices.SortStableFunc(a.events, compareEvents)
		a.events = slices.Delete(a.events, maxFirst, maxFirst+over)
		t.stats.Unkept += int64(over)
	}
	a.bytes += b.bytes
	b.list.remove(b)
	b.joined, b.ending = a, 0
	t.stats.Calls--
	t.reopen(a)
	if t.o.OnJoin != nil {
		t.o.OnJoin(a, b)
	}
	return a
}
