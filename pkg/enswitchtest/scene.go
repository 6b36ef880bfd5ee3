package enswitchtest

import (
	"strconv"
	"time"
)

// call is a running call. A health check uses it too, for its two machines.
type call struct {
	machine  int
	from, to int // persons
	customer int
	id       id
	legs     []leg
}

// leg is a channel of a call. Leg 0 is the caller's.
type leg struct {
	uniqueid, asteriskid id
	phone                int
	began                time.Time
	cause                string
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

// newCall plans all events of a call that begins at the given time: the caller's leg
// starts and is routed, one to three phones ring, and every leg ends, the caller's last.
func (g *Generator) newCall(at time.Duration) {
	c := &call{
		machine:  g.machine(),
		from:     g.rand.IntN(len(people)),
		to:       g.rand.IntN(len(people)),
		customer: g.rand.IntN(len(customers)),
	}
	outcome := g.rand.IntN(100)
	legs := 2
	switch p := g.rand.IntN(20); {
	case outcome >= 92:
		legs = 1
	case outcome >= 80: // busy: one phone
	case p < 2:
		legs = 4
	case p < 5:
		legs = 3
	}
	c.legs = make([]leg, legs)
	for i := range c.legs {
		c.legs[i].phone = g.rand.IntN(len(phones))
	}
	g.plan(at, legStart, c, 0)
	at += g.between(20*time.Millisecond, 200*time.Millisecond)
	g.plan(at, callRoute, c, 0)
	switch {
	case outcome < 62:
		g.answered(c, at)
	case outcome < 80:
		at = g.ring(c, at) + g.between(8*time.Second, 20*time.Second)
		g.endAll(c, at, "noanswer")
	case outcome < 92:
		at += g.between(20*time.Millisecond, 150*time.Millisecond)
		g.plan(at, legStart, c, 1)
		g.endAll(c, at+g.between(200*time.Millisecond, 800*time.Millisecond), "busy")
	default:
		g.endAll(c, at+g.between(100*time.Millisecond, 400*time.Millisecond), "failed")
	}
}

// answered plans the rest of a call that is answered.
func (g *Generator) answered(c *call, at time.Duration) {
	at = g.ring(c, at) + g.between(time.Second, 6*time.Second)
	winner := 1 + g.rand.IntN(len(c.legs)-1)
	g.plan(at, legAnswer, c, winner)
	for i := 1; i < len(c.legs); i++ {
		if i != winner {
			c.legs[i].cause = "elsewhere"
			g.plan(at+g.between(time.Millisecond, 30*time.Millisecond), legEnd, c, i)
		}
	}
	talk := g.between(3*time.Second, 10*time.Second)
	switch p := g.rand.IntN(10); {
	case p < 2:
		talk = g.between(40*time.Second, 4*time.Minute)
	case p < 6:
		talk = g.between(8*time.Second, 40*time.Second)
	}
	at += talk + 30*time.Millisecond/g.shrink // the other legs have ended by then
	c.legs[winner].cause, c.legs[0].cause = "answered", "answered"
	g.plan(at, legEnd, c, winner)
	g.plan(at+g.between(time.Millisecond, 20*time.Millisecond), legEnd, c, 0)
}

// ring plans the start and the ringing of all legs but the caller's. It returns the time
// at which the last one rings.
func (g *Generator) ring(c *call, at time.Duration) time.Duration {
	last := at
	for i := 1; i < len(c.legs); i++ {
		at += g.between(10*time.Millisecond, 80*time.Millisecond)
		g.plan(at, legStart, c, i)
		rings := at + g.between(200*time.Millisecond, 1200*time.Millisecond)
		g.plan(rings, legRing, c, i)
		last = max(last, rings)
	}
	return last
}

// endAll plans the end of all legs with the same cause, the caller's last.
func (g *Generator) endAll(c *call, at time.Duration, cause string) {
	for i := len(c.legs) - 1; i >= 0; i-- {
		c.legs[i].cause = cause
		g.plan(at, legEnd, c, i)
		at += g.between(time.Millisecond, 10*time.Millisecond)
	}
}

// The functions below write the fields in alphabetical order, as the published
// example has them.

func (g *Generator) callEvent(s step, at time.Time) {
	c, l := s.call, &s.call.legs[s.leg]
	at = at.Add(g.skew[c.machine])
	if s.kind == legStart {
		g.unique++
		g.asterisk[c.machine]++
		l.uniqueid, l.asteriskid = id{at.Unix(), g.unique}, id{at.Unix(), g.asterisk[c.machine]}
		l.began = at
		if s.leg == 0 {
			c.id = l.uniqueid
		}
	}
	w, words := &g.line, &g.words
	w.id("asteriskid", l.asteriskid)
	w.id("callid", c.id)
	if s.kind == legEnd {
		w.plain("cause", l.cause)
	}
	w.plain("class", "call")
	if s.kind == callRoute {
		w.json("customer", words.customers[c.customer])
	}
	if s.kind == legEnd {
		w.seconds("duration", at.Sub(l.began))
	}
	switch s.kind {
	case legStart: // exactly the fields of the published example
		w.plain("event", "start")
	case callRoute:
		w.plain("event", "route")
		w.plain("from", people[c.from].number)
		w.json("fromname", words.names[c.from])
	case legRing:
		w.plain("event", "ring")
	case legAnswer:
		w.plain("event", "answer")
	case legEnd:
		w.plain("event", "end")
	}
	w.machine(c.machine)
	if s.kind == legRing || s.kind == legAnswer {
		w.plain("phone", phones[l.phone])
	}
	w.timestamp(at)
	if s.kind == callRoute {
		w.plain("to", people[c.to].number)
		w.json("toname", words.names[c.to])
	}
	w.id("uniqueid", l.uniqueid)
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
		what, watcher, watched = "down", s.call.machine, s.call.from
	default:
		what, watcher, watched = "up", s.call.machine, s.call.from
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
