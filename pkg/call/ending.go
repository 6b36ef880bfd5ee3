package call

import (
	"cmp"
	"slices"
)

// ending is a call whose legs have all ended, in a queue to end. It counts as long as
// the call's stay has that number.
type ending struct {
	c    *Call
	stay int
	due  int64 // when the linger has passed
}

func (e *ending) counts() bool { return e.c.ending == e.stay }

// settle puts c into the queues to end if all its legs have ended, and out of them if not.
func (t *Tracker) settle(c *Call) {
	c.touched = t.now
	if c.state != Open {
		return
	}
	t.opened.toEnd(c)
	if c.end.json == nil || c.open > 0 {
		c.ending = 0
		return
	}
	due := c.end.at + t.linger
	if c.ending != 0 && c.due == due && c.queues == len(c.machines) {
		return
	}
	t.stay++
	c.ending, c.due, c.queues = t.stay, due, len(c.machines)
	e := ending{c, t.stay, due}
	for _, s := range c.machines {
		if due <= s.machine.newest {
			t.close(c, Ended)
			return
		}
	}
	t.queue = insert(t.queue, e)
	for _, s := range c.machines {
		s.machine.queue = insert(s.machine.queue, e)
	}
}

// insert puts e into q, which is sorted by when the calls are due.
func insert(q []ending, e ending) []ending {
	i := len(q)
	for i > 0 && q[i-1].due > e.due {
		i--
	}
	return slices.Insert(q, i, e)
}

// endDue ends the calls that are due by the clock of m, which has just sent an event, and
// those whose machines are silent.
func (t *Tracker) endDue(m *machine) {
	n := 0
	for n < len(m.queue) && (!m.queue[n].counts() || m.queue[n].due <= m.newest) {
		t.endIf(&m.queue[n])
		n++
	}
	m.queue = dropFirst(m.queue, n)
	t.endSilent()
}

// endSilent ends the calls that are due by the feed's time and whose machines are all
// silent. Others are looked at again when they would be.
func (t *Tracker) endSilent() {
	for _, q := range []*[]ending{&t.queue, &t.heard} {
		for len(*q) > 0 && (!(*q)[0].counts() || (*q)[0].due <= t.now) {
			e := (*q)[0]
			*q = dropFirst(*q, 1)
			if !e.counts() {
				continue
			}
			heard := int64(0)
			for _, s := range e.c.machines {
				heard = max(heard, s.machine.heard)
			}
			if t.now-heard > silence {
				t.endIf(&e)
			} else {
				t.heard = insert(t.heard, ending{e.c, e.stay, heard + silence + 1})
			}
		}
	}
}

// endQuiet ends the calls that are due at that time: all machines are silent.
func (t *Tracker) endQuiet(now int64) {
	n := 0
	for n < len(t.queue) && (!t.queue[n].counts() || t.queue[n].due <= now) {
		t.endIf(&t.queue[n])
		n++
	}
	t.queue = dropFirst(t.queue, n)
	for i := range t.heard {
		if t.heard[i].c.due <= now {
			t.endIf(&t.heard[i])
		}
	}
}

// endAll ends all calls whose legs have all ended.
func (t *Tracker) endAll() {
	for _, e := range append(t.queue, t.heard...) {
		t.endIf(&e)
	}
	t.queue, t.heard = nil, nil
}

// dropFirst drops the first n elements. It frees the memory of long queues as they
// become short.
func dropFirst(q []ending, n int) []ending {
	if n == 0 {
		return q
	}
	clear(q[:n])
	if q = q[n:]; len(q) == 0 {
		return nil
	}
	return q
}

func (t *Tracker) endIf(e *ending) {
	if e.counts() && e.c.state == Open {
		t.close(e.c, Ended)
	}
}

// lose gives up the calls that have been silent for too long.
func (t *Tracker) lose() {
	for c := t.opened.first; c != nil && t.now-c.touched > t.timeout; c = t.opened.first {
		t.close(c, Lost)
	}
}

// close ends an open call.
func (t *Tracker) close(c *Call, s State) {
	t.closed++
	c.state, c.ending, c.overNumber = s, 0, t.closed
	t.noteChange(c)
	t.opened.remove(c)
	t.kept.push(c)
	for _, f := range t.figures {
		f.ended(c, t.now)
	}
	if t.o.OnEnd != nil {
		t.o.OnEnd(c)
	}
	for t.kept.count > maxKept {
		t.forget(t.kept.first)
	}
}

// reopen opens a call that has ended.
func (t *Tracker) reopen(c *Call) {
	if c.state == Open {
		return
	}
	c.state = Open
	t.noteChange(c)
	for _, f := range t.figures {
		f.reopened(c)
	}
	c.list.remove(c)
	t.opened.push(c)
}

// forget drops all of a call that has ended, except its ids.
func (t *Tracker) forget(c *Call) {
	for _, k := range c.ids {
		t.byID.remove(k)
		t.stats.IDsOver += t.ended.add(k, c.over())
	}
	if c.list.remove(c); c.chosen {
		t.forgotten++
	}
	t.bytes -= c.bytes
	t.noteLeft(c)
	t.reuse(c.events)
	clear(c.events)
	if len(t.free) < maxFree {
		t.free = append(t.free, c)
	}
}

// makeRoom forgets ended calls, gives up open ones, and drops kept events, until the
// bounds are kept. C is the call that was just followed.
func (t *Tracker) makeRoom(c *Call) {
	for t.bytes > maxBytes || t.opened.count > maxOpen {
		switch {
		case t.bytes > maxBytes && t.kept.count > 0 && t.kept.first != c:
			t.forget(t.kept.first)
		case t.o.DropEvents && t.bytes > maxBytes && t.dropEvents(c):
		case t.opened.count > 1 && t.opened.first != c:
			oldest := t.opened.first
			if oldest.ending != 0 { // it waits for the linger alone
				t.close(oldest, Ended)
				continue
			}
			oldest.doubt = true
			t.stats.GivenUp++
			t.close(oldest, Lost)
		case len(c.events) > 0:
			t.drop(c)
		default:
			return // one call of a single large event
		}
	}
}

// dropped is how many bytes of events are dropped together, so that the search for them pays.
const dropped = 1 << 20

// dropEvents drops events of open calls, other than c, from the one that was silent longest
// on, until there is some room. It reports whether there were any. If c is open it is the last
// one. Those whose events were dropped before are not looked at again: there may be 50,000.
func (t *Tracker) dropEvents(c *Call) bool {
	before, o := t.bytes, t.opened.first
	if t.opened.bare != nil {
		o = t.opened.bare.next
	}
	for ; o != nil && o != c && before-t.bytes < dropped; o = o.next {
		t.drop(o)
		t.opened.bare = o
	}
	return t.bytes < before
}

// drop drops the events of c.
func (t *Tracker) drop(c *Call) {
	t.stats.Unkept += int64(len(c.events))
	for _, e := range c.events {
		n := len(e.json) + eventBytes
		c.bytes -= n
		t.bytes -= n
	}
	t.reuse(c.events)
	c.events = nil
}

// list is a list of calls.
type list struct {
	first, last *Call
	bare        *Call // neither it nor a call before it has events that are kept; nil if the first has some
	count       int
}

func (l *list) push(c *Call) {
	c.list, c.prev, c.next = l, l.last, nil
	if l.last != nil {
		l.last.next = c
	} else {
		l.first = c
	}
	l.last = c
	l.count++
}

func (l *list) remove(c *Call) {
	if l.bare == c {
		l.bare = c.prev
	}
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		l.last = c.prev
	}
	c.list, c.prev, c.next = nil, nil, nil
	l.count--
}

// toEnd makes c, of which an event may have been kept, the last one.
func (l *list) toEnd(c *Call) {
	if l.last != c || l.bare == c {
		l.remove(c)
		l.push(c)
	}
}

// all returns the calls.
func (l *list) all() (calls []*Call) {
	for c := l.first; c != nil; c = c.next {
		calls = append(calls, c)
	}
	return calls
}

// sortCalls sorts calls by their beginning.
func sortCalls(calls []*Call) {
	slices.SortStableFunc(calls, func(a, b *Call) int {
		return cmp.Or(cmp.Compare(a.first.at, b.first.at), cmp.Compare(a.number, b.number))
	})
}

// gone is the ids of calls that ended and are not kept any more, and when they were over.
type gone struct {
	current, older table[uint32] // seconds since 1970
	began          int64         // when the first of current was over
	newest         int64         // when the newest of older was
}

// maxGone bounds the ids in each of the two maps: as many as fit in a table of 8 MiB.
const maxGone = 3 << 17

// at returns when the call with that id was over, in microseconds since 1970.
func (g *gone) at(k key) (int64, bool) {
	over, ok := g.current.get(k)
	if !ok {
		over, ok = g.older.get(k)
	}
	return int64(over) * 1_000_000, ok
}

// add adds an id and returns how many it forgets.
func (g *gone) add(k key, over int64) (forgotten int64) {
	if g.current.count >= maxGone || over > g.began+again {
		if g.newest+again > over {
			forgotten = int64(g.older.count)
		}
		g.older, g.current, g.newest = g.current, table[uint32]{}, over
		g.began = over
	}
	if g.current.count == 0 {
		g.began = over
	}
	g.current.set(k, uint32(over/1_000_000))
	return forgotten
}
