package enswitchtest

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// leg states
const (
	started = 1 + iota
	ringing
	answered
	ended
)

// callChecker checks the events of calls.
type callChecker struct {
	calls map[string]*checkedCall // by callid
	legs  map[string]int          // the states, by uniqueid
	over  int                     // calls that have ended
}

type checkedCall struct {
	first       string // its first callid
	legs, ended int
}

func (k *callChecker) check(t *rapid.T, raw []byte, x *event.Index) {
	callid, uniqueid, what := string(x.Get("callid").Text()), string(x.Get("uniqueid").Text()), string(x.Event().Text())
	c := k.calls[callid]
	if c == nil {
		if what != "start" || callid != uniqueid {
			t.Fatalf("call begins with %s", raw)
		}
		c = &checkedCall{first: callid}
		k.calls[callid] = c
	}
	was := k.legs[uniqueid]
	now := was
	switch what {
	case "start":
		now = started
		c.legs++
		if was != 0 {
			t.Fatalf("leg starts twice: %s", raw)
		}
	case "route", "park":
		if uniqueid != callid {
			t.Fatalf("leg of somebody called: %s", raw)
		}
	case "ring":
		now = ringing
	case "transfer", "pickup":
		if other := k.calls[uniqueid]; other != nil && other != c { // it joins two calls
			c.legs += other.legs
			c.ended += other.ended
			k.calls[uniqueid] = c
		}
		if what == "pickup" {
			now = ringing // it may answer
		}
	case "answer":
		now = answered
		if was != ringing {
			t.Fatalf("answered without ringing: %s", raw)
		}
	case "end":
		now = ended
		if c.ended++; c.ended == c.legs {
			if uniqueid != c.first {
				t.Fatalf("the caller's leg is not the last to end: %s", raw)
			}
			k.over++
		}
	}
	if was == ended || now < was || was == 0 && now != started {
		t.Fatalf("%s comes after state %d", raw, was)
	}
	k.legs[uniqueid] = now
}

// TestCallScripts: a row that is wrong would make events that no cluster can send, or
// a rate that is not the one asked for.
func TestCallScripts(t *testing.T) {
	weights, events := 0, 0
	for _, s := range callScripts {
		weights += s.weight
		events += s.weight * len(s.steps)
		open := map[uint8]bool{}
		for i, p := range s.steps {
			first := s.calls[p.leg]
			switch {
			case p.kind == legStart && first != p.leg && !open[first]:
				t.Errorf("%s: step %d: leg %d starts before the call that it belongs to", s.name, i, p.leg)
			case p.kind == legStart == open[p.leg]:
				t.Errorf("%s: step %d: leg %d is not there, or starts twice", s.name, i, p.leg)
			case (p.kind == legEnd || p.kind == callTransfer) != (p.text != ""):
				t.Errorf("%s: step %d: the text %q", s.name, i, p.text)
			case p.kind == callRoute && p.from == p.to:
				t.Errorf("%s: step %d: a route goes nowhere", s.name, i)
			}
			open[p.leg] = true
			if p.kind == legEnd {
				delete(open, p.leg)
			}
			if len(open) == 0 && i < len(s.steps)-1 || len(open) > 0 && i == len(s.steps)-1 {
				t.Errorf("%s: step %d: %d legs are up", s.name, i, len(open))
			}
		}
	}
	if weights != 100 {
		t.Errorf("the weights add up to %d", weights)
	}
	// By the odds in arrive. One in eight of the last is two events.
	if want := 0.6*float64(events)/100 + 0.15 + 0.18 + 0.07*9/8; math.Abs(perArrival-want) > 0.001 {
		t.Errorf("perArrival is %v, not %v", want, perArrival)
	}
}

// TestCallKinds: every kind of call comes within some minutes of a usual cluster, and
// a joined one names both calls in one event.
func TestCallKinds(t *testing.T) {
	g := NewGenerator(&GeneratorOptions{Rate: 50})
	kinds, joined := map[string]int{}, map[string]int{}
	of := map[string]string{} // the callid of a leg
	var x event.Index
	for range 5000 {
		if err := x.Scan(g.Next().Raw); err != nil {
			t.Fatal(err)
		}
		callid, uniqueid := string(x.Get("callid").Text()), string(x.Get("uniqueid").Text())
		name := string(x.Event().Text()) + string(x.Get("kind").Text()) + string(x.Get("cause").Text())
		kinds[name]++
		if first, ok := of[uniqueid]; ok && first != callid {
			joined[name]++
		}
		if x.Event().Is("start") {
			of[uniqueid] = callid
		}
	}
	for _, name := range []string{"transferblind", "transferattended", "transferblonde", "pickup", "park", "endforwarded", "endbusy", "endnoanswer", "endelsewhere"} {
		if kinds[name] == 0 {
			t.Errorf("no %s in %v", name, kinds)
		}
	}
	if joined["transferattended"] == 0 || joined["transferblonde"] == 0 || joined["pickup"] == 0 || len(joined) != 3 {
		t.Errorf("joined: %v", joined)
	}
}
