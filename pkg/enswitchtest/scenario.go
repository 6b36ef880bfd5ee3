package enswitchtest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Scenario is a description of what happens in a cluster, for a [Generator]:
// flows, each of some events one after the other, such as the calls that are
// answered and those that are busy. [ParseScenario] makes one. It is not changed
// after that and may be used by several generators.
type Scenario struct {
	flows      []flow
	weights    int
	perArrival float64 // events that a flow makes on average
}

// flow is one kind of thing that happens.
type flow struct {
	weight int
	fields []scenarioField // picked once for a run of the flow
	steps  []scenarioStep
}

// scenarioStep is one event of a flow.
type scenarioStep struct {
	low, high time.Duration // after the step before
	leg       int
	class     string
	event     string
	fields    []scenarioField
	raw       []byte // sent as it stands instead of an event, if not nil
	// With these odds in a hundred the flow goes on with otherwise, and ends
	// with that, instead of with this step.
	odds      int
	otherwise []scenarioStep
}

// scenarioField is a field with its values, as JSON; one is picked.
type scenarioField struct {
	name   string
	values [][]byte
}

// events is how many events the steps make on average.
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

// run is a flow that goes on.
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

// maxGoing is how many flows go on at the same time: scenarios with long delays
// would take any amount of memory.
const maxGoing = 100_000

// newFlow plans all events of one of the scenario's flows, unless too many go on.
func (g *Generator) newFlow(at time.Duration) {
	if g.going >= maxGoing {
		return
	}
	g.going++
	i := 0
	for n := g.rand.IntN(g.scenario.weights); n >= g.scenario.flows[i].weight; i++ {
		n -= g.scenario.flows[i].weight
	}
	f := &g.scenario.flows[i]
	r := &run{machine: g.machine(), legs: map[int]*leg{}, picked: g.pick(nil, f.fields)}
	g.planSteps(r, f.steps, at)
}

// planSteps plans steps that follow one another.
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

// pick appends one value of each field.
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

// flowEvent makes the next event of a flow: the fields in alphabetical order, as
// the published example has them.
func (g *Generator) flowEvent(r *run, at time.Time) []byte {
	s := r.steps[r.next]
	if r.next++; r.next == len(r.steps) {
		g.going--
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
