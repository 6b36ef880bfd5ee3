package enswitchtest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Scenario describes what happens in a cluster, for a [Generator]: flows, each a sequence
// of events, such as the calls that are answered and those that are busy. [ParseScenario]
// makes one. It does not change afterwards, so several generators can use it.
type Scenario struct {
	flows      []flow
	weights    int
	perArrival float64 // average number of events of a flow
}

// flow is one kind of sequence.
type flow struct {
	weight int
	fields []scenarioField // chosen once for each run of the flow
	steps  []scenarioStep
}

// scenarioStep is one event of a flow.
type scenarioStep struct {
	low, high time.Duration // after the step before
	leg       int
	class     string
	event     string
	fields    []scenarioField
	raw       []byte // if not nil, sent unchanged instead of an event
	// In this many of a hundred runs the flow continues with otherwise instead of
	// this step, and ends with it.
	odds      int
	otherwise []scenarioStep
}

// scenarioField is a field with its possible values in JSON.
type scenarioField struct {
	name   string
	values [][]byte
}

// events returns the average number of events of the steps.
func events(steps []scenarioStep) float64 {
	n, reached := 0.0, 1.0
	for i := range steps {
		if s := &steps[i]; s.odds > 0 {
			n += reached * float64(s.odds) / 100 * events(s.otherwise)
			reached *= float64(100-s.odds) / 100
		}
		n += reached
	}
	return n
}

// run is a run of a flow.
type run struct {
	machine int
	callid  id
	legs    map[int]*leg
	picked  []pickedField // of the flow
	steps   []*scenarioStep
	next    int
}

type pickedField struct {
	name  string
	value []byte
}

// maxRunning is the number of flows that run at the same time. Without a limit,
// scenarios with long delays would need any amount of memory.
const maxRunning = 100_000

// newFlow plans all events of one of the scenario's flows, unless too many run.
func (g *Generator) newFlow(at time.Duration) {
	if g.running >= maxRunning {
		return
	}
	g.running++
	i := 0
	for n := g.rand.IntN(g.scenario.weights); n >= g.scenario.flows[i].weight; i++ {
		n -= g.scenario.flows[i].weight
	}
	f := &g.scenario.flows[i]
	r := &run{machine: g.machine(), legs: map[int]*leg{}, picked: g.pick(nil, f.fields)}
	g.planSteps(r, f.steps, at)
}

// planSteps plans a sequence of steps.
func (g *Generator) planSteps(r *run, steps []scenarioStep, at time.Duration) {
	for i := range steps {
		s := &steps[i]
		if s.odds > 0 && g.rand.IntN(100) < s.odds {
			g.planSteps(r, s.otherwise, at)
			return
		}
		wait := s.low
		if s.high > s.low {
			wait += time.Duration(g.rand.Int64N(int64(s.high-s.low) + 1))
		}
		at += wait / g.shrink
		r.steps = append(r.steps, s)
		g.order++
		g.steps.push(step{at: at, order: g.order, kind: flowStep, flow: r})
	}
}

// pick appends each field with one of its values.
func (g *Generator) pick(dst []pickedField, fields []scenarioField) []pickedField {
	for i := range fields {
		f := &fields[i]
		v := f.values[0]
		if len(f.values) > 1 {
			v = f.values[g.rand.IntN(len(f.values))]
		}
		dst = append(dst, pickedField{f.name, v})
	}
	return dst
}

// flowEvent makes the next event of a flow, with the fields in alphabetical order as in
// the published example.
func (g *Generator) flowEvent(r *run, at time.Time) []byte {
	s := r.steps[r.next]
	if r.next++; r.next == len(r.steps) {
		g.running--
	}
	if s.raw != nil {
		return slices.Clone(s.raw)
	}
	at = at.Add(g.skew[r.machine])
	fields := slices.Clone(r.picked)
	for _, f := range g.pick(nil, s.fields) {
		if i := slices.IndexFunc(fields, func(o pickedField) bool { return o.name == f.name }); i >= 0 {
			fields[i] = f // the step's own
		} else {
			fields = append(fields, f)
		}
	}
	add := func(name string, value []byte) { fields = append(fields, pickedField{name, value}) }
	add("class", event.AppendString(nil, []byte(s.class)))
	add("event", event.AppendString(nil, []byte(s.event)))
	add("machine", strconv.AppendInt(nil, int64(r.machine), 10))
	add("timestamp", append(appendDecimal([]byte{'"'}, at.UnixMicro()), '"'))
	if s.class == "call" {
		l := r.legs[s.leg]
		if l == nil {
			g.unique++
			g.asterisk[r.machine]++
			l = &leg{uniqueid: id{at.Unix(), g.unique}, asteriskid: id{at.Unix(), g.asterisk[r.machine]}}
			if len(r.legs) == 0 {
				r.callid = l.uniqueid
			}
			r.legs[s.leg] = l
		}
		add("asteriskid", l.asteriskid.appendJSON(nil))
		add("callid", r.callid.appendJSON(nil))
		add("uniqueid", l.uniqueid.appendJSON(nil))
	}
	slices.SortStableFunc(fields, func(a, b pickedField) int { return strings.Compare(a.name, b.name) })
	w := &g.line
	for _, f := range fields {
		w.b = append(w.b, ',')
		w.b = append(event.AppendString(w.b, []byte(f.name)), ':')
		w.b = append(w.b, f.value...)
	}
	return slices.Clone(w.end())
}
