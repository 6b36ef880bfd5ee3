package enswitchtest

import (
	"strconv"
	"time"
)

// call is a running call, or two that become one.
type call struct {
	script   *callScript
	customer int
	parties  [parties]int // their indices in the names and numbers
	legs     [maxCallLegs]leg
}

// leg is a channel of a call. Leg 0 is the caller's.
type leg struct {
	machine              int
	uniqueid, asteriskid id
	phone                int
	began                time.Time
}

// id is an id as in the vendor's example: Unix time, point, number.
type id struct {
	unix   int64
	number uint64
}

func (v id) appendJSON(b []byte) []byte {
	b = append(b, '"')
	b = strconv.AppendInt(b, v.unix, 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, v.number, 10)
	return append(b, '"')
}

// newCall plans all events of a call that begins at the given time.
func (g *Generator) newCall(at time.Duration) {
	c := &call{script: g.callScript(), customer: g.rand.IntN(len(customers))}
	person, apart := g.rand.IntN(len(people)), 1+g.rand.IntN(len(people)/int(pickupCode))
	for i := range c.parties {
		if c.parties[i] = len(people) + i - int(pickupCode); i < int(pickupCode) {
			c.parties[i] = (person + i*apart) % len(people)
		}
	}
	phone, apart := g.rand.IntN(len(phones)), 1+g.rand.IntN(len(phones)/maxCallLegs)
	for i := range c.legs {
		l := &c.legs[i]
		l.phone = (phone + i*apart) % len(phones)
		if first := int(c.script.calls[i]); first == i {
			l.machine = g.machine()
		} else {
			l.machine = c.legs[first].machine
		}
	}
	for i := range c.script.steps {
		s := &c.script.steps[i]
		if ranges := pauses[s.after]; len(ranges) > 0 {
			r := ranges[g.rand.IntN(len(ranges))]
			at += g.between(r.low, r.high)
		}
		g.plan(at, step{kind: s.kind, part: uint8(i), call: c})
	}
}

// callScript returns one of the scripts, each as often as its weight says.
func (g *Generator) callScript() *callScript {
	i := 0
	for n := g.rand.IntN(100); n >= callScripts[i].weight; i++ {
		n -= callScripts[i].weight
	}
	return &callScripts[i]
}

// The functions below write the fields in alphabetical order, as the published
// example has them.

// callEvent writes an event of a call. The start has exactly the fields of the published
// example.
func (g *Generator) callEvent(s step, at time.Time) {
	c := s.call
	part := &c.script.steps[s.part]
	l := &c.legs[part.leg]
	at = at.Add(g.skew[l.machine])
	if s.kind == legStart {
		g.unique++
		g.asterisk[l.machine]++
		l.uniqueid, l.asteriskid = id{at.Unix(), g.unique}, id{at.Unix(), g.asterisk[l.machine]}
		l.began = at
	}
	callid := c.legs[c.script.calls[part.leg]].uniqueid
	if s.kind == callTransfer || s.kind == callPickup {
		callid = c.legs[0].uniqueid // of another call, perhaps: it joins the two
	}
	w := &g.line
	w.id("asteriskid", l.asteriskid)
	w.id("callid", callid)
	if s.kind == legEnd {
		w.plain("cause", part.text)
	}
	w.plain("class", "call")
	switch s.kind {
	case callRoute:
		w.json("customer", g.words.customers[c.customer])
	case legEnd:
		w.seconds("duration", at.Sub(l.began))
	}
	w.plain("event", callEvents[s.kind])
	switch s.kind {
	case callRoute:
		w.plain("from", dialled(c.parties[part.from]))
		w.json("fromname", g.words.names[c.parties[part.from]])
	case callTransfer:
		w.plain("kind", part.text)
	}
	w.machine(l.machine)
	switch s.kind {
	case legRing, legAnswer, callPickup:
		w.plain("phone", phones[l.phone])
	case callPark:
		w.plain("slot", parkingSlot)
	}
	w.timestamp(at)
	switch s.kind {
	case callRoute:
		w.plain("to", dialled(c.parties[part.to]))
		w.json("toname", g.words.names[c.parties[part.to]])
	case callTransfer:
		w.plain("to", dialled(c.parties[part.to]))
	}
	w.id("uniqueid", l.uniqueid)
}

// callEvents are the names of the events of a call.
var callEvents = [...]string{
	legStart: "start", callRoute: "route", legRing: "ring", legAnswer: "answer", legEnd: "end",
	callTransfer: "transfer", callPickup: "pickup", callPark: "park",
}

// dialled returns the telephone number of a party by its index.
func dialled(i int) string {
	if i < len(people) {
		return people[i].number
	}
	return services[i-len(people)].number
}

func (g *Generator) messageEvent(at time.Time) {
	from, to := g.rand.IntN(len(people)), g.rand.IntN(len(people))
	what := "receive"
	if g.rand.IntN(2) == 0 {
		what = "send"
	}
	g.messageid++
	machine := g.machine()
	at = at.Add(g.skew[machine])
	w := &g.line
	w.plain("class", "message")
	w.plain("event", what)
	w.plain("from", people[from].number)
	w.json("fromname", g.words.names[from])
	w.machine(machine)
	w.id("messageid", id{at.Unix(), g.messageid})
	w.json("text", g.words.texts[g.rand.IntN(len(texts))])
	w.timestamp(at)
	w.plain("to", people[to].number)
}

func (g *Generator) registrationEvent(at time.Time, again bool) {
	what, expires := "register", "300"
	if !again && g.rand.IntN(8) == 0 {
		what, expires = "unregister", "0"
	}
	w := &g.line
	w.json("agent", g.words.agents[g.rand.IntN(len(agents))])
	w.plain("class", "registration")
	w.plain("event", what)
	w.plain("expires", expires)
	machine := g.machine()
	w.machine(machine)
	w.plain("phone", phones[g.rand.IntN(len(phones))])
	w.timestamp(at.Add(g.skew[machine]))
}

func (g *Generator) machineEvent(s step, at time.Time) {
	var what string
	var watcher, watched int
	switch s.kind {
	case machineCheck:
		what, watcher, watched = "check", g.machine(), g.machine()
	case machineDown:
		what, watcher, watched = "down", int(s.watcher), int(s.watched)
	default:
		what, watcher, watched = "up", int(s.watcher), int(s.watched)
	}
	w := &g.line
	w.plain("class", "asterisk")
	w.plain("event", what)
	w.machine(watcher)
	if s.kind == machineCheck {
		w.seconds("roundtrip", time.Millisecond+time.Duration(g.rand.Int64N(int64(20*time.Millisecond))))
	}
	w.timestamp(at.Add(g.skew[watcher]))
	w.text("watched", watched)
}
