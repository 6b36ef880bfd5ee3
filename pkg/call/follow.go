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
		t.doubt()
	}
	c, late := t.find(e)
	if c == nil && !late && e.inCall {
		if e.keys == ([3]key{}) {
			t.stats.Strange++
		} else {
			c = t.begin(e)
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
	if t.o.OnEvent != nil {
		t.o.OnEvent(c, e, twice)
	}
	t.noteChange(c)
	for _, f := range t.figures {
		f.update(c, e, t.now)
	}
	t.settle(c)
	t.makeRoom(c)
	return kept
}

// find returns the call that e belongs to, nil for none. If it carries ids of several it
// joins them. Late says that its call has ended and is not kept any more.
func (t *Tracker) find(e *Event) (c *Call, late bool) {
	for i, k := range e.keys {
		if k == 0 || i > callKey && k == e.keys[callKey] || c != nil && c.has(k) {
			continue
		}
		other, _ := t.byID.get(k)
		if other == nil {
			if c == nil && !late {
				last, ok := t.ended.at(k)
				late = ok && e.Time <= last+again
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

// begin begins a call with its first event.
func (t *Tracker) begin(e *Event) *Call {
	t.number++
	t.stats.Calls++
	var c *Call
	if n := len(t.free); n > 0 {
		c, t.free = t.free[n-1], t.free[:n-1]
	} else {
		c = &Call{}
	}
	c.reset(t.number)
	t.bytes += callBytes
	t.opened.push(c)
	for _, f := range t.figures {
		f.begin(c, e)
	}
	return c
}

// twice reports whether the call has had e before.
func (t *Tracker) twice(c *Call, e *Event) bool {
	if i := slices.Index(c.hashes, e.hash); i >= 0 {
		if c.seqs != nil {
			e.First = c.seqs[i]
		}
		for _, other := range c.events {
			if other.hash == e.hash {
				other.Times += e.Times
			}
		}
		return true
	}
	i := len(c.hashes)
	if i < maxFirst+maxLast {
		c.hashes = append(c.hashes, e.hash)
	} else {
		i = maxFirst + c.count%maxLast
		c.hashes[i] = e.hash
	}
	switch {
	case t.o.OnEvent == nil:
	case i < len(c.seqs):
		c.seqs[i] = e.Seq
	default:
		c.seqs = append(c.seqs, e.Seq)
	}
	return false
}

// note notes what e says about its call.
func (t *Tracker) note(c *Call, e *Event, m *machine) {
	c.count++
	if e.Time >= c.last {
		c.last, c.offset = e.Time, e.Offset
	}
	t.order++
	t.noteMachine(c, e, m)
	for r := range c.roles {
		if json := e.text(e.roles[r]); len(json) > 0 && Role(r) != Cause {
			c.note(&c.roles[r], mark{e.Time, t.order, json, e.Offset})
		}
	}
	leg := &c.whole
	if e.inCall {
		t.addIDs(c, e)
		if first := (mark{e.Time, t.order, []byte{}, e.Offset}); first.before(&c.first) {
			c.first, c.firstLeg = first, e.keys[legKey]
		}
	}
	if k := e.keys[legKey]; k != 0 {
		if leg = c.leg(k); leg == nil {
			leg = &Leg{} // of another class, or one too many
		}
		if e.Time < leg.First {
			leg.First, leg.order = e.Time, t.order
		}
	}
	was := leg.ended()
	leg.State = max(leg.State, e.Kind)
	if e.Kind != End {
		c.stage = max(c.stage, e.Kind)
	}
	stamp := mark{e.Time, t.order, e.text(e.stamp), e.Offset}
	switch e.Kind {
	case Start:
		leg.started = true
		c.note(&c.start, stamp)
	case Ring:
		c.note(&c.ring, stamp)
	case Answer:
		c.note(&c.answer, stamp)
	case End:
		if c.end.before(&stamp) || c.end.json == nil {
			c.end = mark{e.Time, t.order, c.renew(c.end.json, stamp.json), e.Offset}
			c.cause = c.renew(c.cause, e.text(e.roles[Cause]))
		}
		switch {
		case leg == &c.whole:
			c.endLegs()
		case !was && leg.key != 0:
			c.open--
		}
	}
}

// noteMachine notes that the event e of c came from m.
func (t *Tracker) noteMachine(c *Call, e *Event, m *machine) {
	if i := slices.IndexFunc(c.machines, func(s seen) bool { return s.machine == m }); i >= 0 {
		c.machines[i].again(e.Time, t.order)
		return
	}
	if len(c.machines) == maxMarked {
		return
	}
	json := m.json
	if own := e.text(e.machine); json != nil && !bytes.Equal(json, own) { // 1 once, "1" here
		json = c.own(own)
	}
	c.machines = append(c.machines, seen{json: json, machine: m, at: e.Time, order: t.order})
}

// endLegs ends all legs.
func (c *Call) endLegs() {
	for i := range c.legs {
		c.legs[i].State = End
	}
	c.open = 0
}

// has reports whether k is one of the first ids of c, which spares a look into a large
// map. An id of c is an id of no other call.
func (c *Call) has(k key) bool { return slices.Contains(c.ids[:min(len(c.ids), 8)], k) }

// addIDs adds the ids of e to its call, and its leg.
func (t *Tracker) addIDs(c *Call, e *Event) {
	for i, k := range e.keys {
		if k == 0 || c.has(k) {
			continue
		}
		before, _ := t.byID.get(k)
		if before == c {
			continue
		}
		if i != legKey && len(c.ids) >= maxMarked+len(c.legs) {
			continue
		}
		if i == legKey && len(c.legs) >= maxLegs {
			t.stats.LegsOver++
			continue
		}
		if before != nil { // the id is used again
			before.ids = slices.DeleteFunc(before.ids, func(id key) bool { return id == k })
		}
		t.byID.set(k, c)
		c.ids = append(c.ids, k)
		c.bytes += 64
	}
	if k := e.keys[callKey]; k != 0 {
		if i := slices.IndexFunc(c.callids, func(s seen) bool { return s.key == k }); i >= 0 {
			c.callids[i].again(e.Time, t.order)
		} else if len(c.callids) < maxMarked {
			c.callids = append(c.callids, seen{json: c.own(e.text(e.callid)), key: k, at: e.Time, order: t.order})
		}
	}
	if k := e.keys[legKey]; k != 0 && c.leg(k) == nil && len(c.legs) < maxLegs {
		json := e.text(e.leg)
		c.addLeg(Leg{ID: c.own(json), key: k, First: e.Time, order: t.order})
		c.bytes += 64
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
		e = e.copyTo(t.spareEvent())
	}
	if len(c.events) == maxFirst+maxLast {
		t.stats.Unkept++
		c.bytes -= len(c.events[maxFirst].json) + eventBytes
		t.reuse(c.events[maxFirst : maxFirst+1])
		c.events = slices.Delete(c.events, maxFirst, maxFirst+1)
	}
	c.events = append(c.events, e)
	c.bytes += len(e.json) + eventBytes
	return true
}

// spareEvent returns an event whose memory is used again, or a new one.
func (t *Tracker) spareEvent() *Event {
	n := len(t.spare)
	if n == 0 {
		return &Event{}
	}
	e := t.spare[n-1]
	t.spare = t.spare[:n-1]
	return e
}

// reuse takes events that are no longer kept, so that their memory is used again.
func (t *Tracker) reuse(events []*Event) {
	if !t.o.DropEvents {
		return
	}
	for _, e := range events {
		if len(t.spare) < maxSpare && cap(e.Raw) <= maxSpareBytes {
			t.spare = append(t.spare, e)
		}
	}
}

// newest returns of what is noted of each event the first and the last, as many as are kept.
func newest[T any](all []T) []T {
	if over := len(all) - maxFirst - maxLast; over > 0 {
		all = slices.Delete(all, maxFirst, maxFirst+over)
	}
	return all
}

// takeLegs adds the legs of b to a, as long as there is room.
func (t *Tracker) takeLegs(a, b *Call) {
	for _, l := range b.legs {
		switch {
		case len(a.legs) >= maxLegs:
			t.stats.LegsOver++
			continue
		case !l.ended():
			a.open++
		}
		a.addLeg(l)
	}
}

// join makes one call of two: the older one.
func (t *Tracker) join(a, b *Call) *Call {
	if a.number > b.number {
		a, b = b, a
	}
	a.chosen, a.doubt = a.chosen || b.chosen, a.doubt || b.doubt
	for _, k := range b.ids {
		t.byID.set(k, a)
	}
	a.ids = append(a.ids, b.ids...)
	a.callids, a.machines = merge(a.callids, b.callids), merge(a.machines, b.machines)
	t.takeLegs(a, b)
	a.whole.State = max(a.whole.State, b.whole.State)
	a.whole.started = a.whole.started || b.whole.started
	for r := range a.roles {
		a.roles[r].earliest(&b.roles[r])
	}
	if b.first.before(&a.first) {
		a.first, a.firstLeg = b.first, b.firstLeg
	}
	a.start.earliest(&b.start)
	a.ring.earliest(&b.ring)
	a.answer.earliest(&b.answer)
	if b.end.json != nil && !b.end.before(&a.end) || a.end.json == nil {
		a.end, a.cause = b.end, b.cause
	}
	a.stage = max(a.stage, b.stage)
	t.noteChange(a)
	t.noteLeft(b)
	if b.last > a.last {
		a.last, a.offset = b.last, b.offset
	}
	a.touched = max(a.touched, b.touched)
	a.count += b.count
	a.hashes, a.seqs = newest(append(a.hashes, b.hashes...)), newest(append(a.seqs, b.seqs...))
	a.events = append(a.events, b.events...)
	if over := len(a.events) - maxFirst - maxLast; over > 0 {
		slices.SortStableFunc(a.events, compareEvents)
		for _, e := range a.events[maxFirst : maxFirst+over] {
			a.bytes -= len(e.json) + eventBytes
			t.bytes -= len(e.json) + eventBytes
		}
		a.events = slices.Delete(a.events, maxFirst, maxFirst+over)
		t.stats.Unkept += int64(over)
	}
	a.bytes += b.bytes
	b.list.remove(b)
	b.ending = 0
	t.stats.Calls--
	for _, f := range t.figures {
		f.joined(b)
	}
	t.reopen(a)
	if t.o.OnJoin != nil {
		t.o.OnJoin(a, b)
	}
	return a
}
