package enswitchtest

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// GeneratorOptions are the settings of a [Generator]. Nil and zero fields mean the
// defaults that are named here.
type GeneratorOptions struct {
	// Seed decides everything that is random: the same seed and options give the same
	// bytes, on every machine.
	Seed uint64
	// Rate is the average number of events a second, in event time, once calls end as
	// often as they begin; 10 if zero. Up to 1,000 a call lasts as long as people talk.
	// Above, calls become shorter, so that at most some thousands run at once. With
	// math.Inf(1) Play does not wait at all, and Next advances event time by about a
	// microsecond for each event.
	Rate float64
	// Machines is the number of machines in the cluster, numbered from 1; 7 if zero.
	Machines int
	// Shape is how the rate changes over time. It has no effect if Rate is math.Inf(1).
	Shape Shape
	// Skew is the largest error of the machines' clocks: each one is ahead or behind by
	// an amount of its own. It shows in timestamps and in ids with a time, not in
	// Event.At.
	Skew time.Duration
	// Scenario replaces what the generator makes up by itself. At most 100,000 of its
	// flows run at once.
	Scenario *Scenario
	// Start is the time of the first event that Next returns. If zero it is the second
	// of the vendor's example, 1234567890 (13 February 2009), so that output can be
	// compared with a file. Play uses the clock instead.
	Start time.Time
}

// Event is one generated event.
type Event struct {
	// Raw is the event in JSON. It belongs to the receiver, who may change it.
	Raw []byte
	// At is the time of the event by a clock that is right.
	At time.Time
}

// Generator makes up the events of a cluster: overlapping calls with their legs, text
// messages, registrations of phones, and the health checks of Asterisk machines. Calls
// are answered, not answered, busy, failed, forked to several phones, forwarded, queued,
// transferred, picked up or parked. The documentation of the package says what of it is
// illustrative. Every event has class, event, timestamp and machine. Events of the class
// call also have callid, uniqueid and asteriskid. A transfer or pickup that joins two
// calls has the callid of the first and the uniqueid of a leg of the second. Events of one
// class and event always have the same fields. A Generator is not safe for concurrent use.
type Generator struct {
	start    time.Time
	machines int
	paced    bool
	gap      int64         // average event time between two arrivals, in nanoseconds
	shrink   time.Duration // calls are shorter by this factor
	shape    Shape
	storms   int64           // number of the period of the last storm, from 1
	skew     []time.Duration // by machine
	scenario *Scenario
	running  int // flows of the scenario

	rand      *rand.Rand
	steps     steps
	order     uint64   // of steps at the same time
	unique    uint64   // last number given to a leg
	asterisk  []uint64 // last number given to a channel, by machine
	messageid uint64
	words     words
	line      line
}

const defaultMachines = 7

// perArrival is the average number of events of an arrival, from the odds in arrive and
// the weights of callScripts.
const perArrival = 5.32875

// NewGenerator makes a generator. A nil o means the defaults.
func NewGenerator(o *GeneratorOptions) *Generator {
	var set GeneratorOptions
	if o != nil {
		set = *o
	}
	if !(set.Rate > 0) {
		set.Rate = 10
	}
	g := &Generator{
		start:    set.Start,
		machines: cmp.Or(max(set.Machines, 0), defaultMachines),
		paced:    !math.IsInf(set.Rate, 1),
		rand:     rand.New(rand.NewPCG(set.Seed, 0)),
		unique:   99_999,
		words:    newWords(),
	}
	if g.start.IsZero() {
		g.start = time.Unix(1234567890, 123456000).UTC()
	}
	if g.shape = set.Shape; !g.paced {
		g.shape.Kind = Constant
	}
	g.shape.setDefaults()
	each := perArrival
	if g.scenario = set.Scenario; g.scenario != nil {
		each = g.scenario.perArrival
	}
	rate := min(set.Rate, 1e6)
	g.gap = max(int64(float64(time.Second)*each/rate), 1)
	g.shrink = time.Duration(max(rate/1000, 1))
	g.asterisk = make([]uint64, g.machines+1)
	g.skew = make([]time.Duration, g.machines+1)
	if limit := set.Skew.Microseconds(); limit > 0 {
		clocks := rand.New(rand.NewPCG(set.Seed, 1))
		for i := range g.skew {
			g.skew[i] = time.Duration(clocks.Int64N(2*limit+1)-limit) * time.Microsecond
		}
	}
	// The first call begins at once, so that whoever watches need not wait.
	if g.scenario != nil {
		g.newFlow(0)
	} else {
		g.newCall(0)
	}
	g.plan(g.nextArrival(0), step{kind: arrival})
	return g
}

// Next returns the next event in order of time. The events never end.
func (g *Generator) Next() Event {
	at := g.start.Add(g.due())
	return g.emit(at)
}

// Play calls send with events at the pace of the clock, stamped with the current time,
// until ctx ends. It returns the error of ctx. The events belong to send. If send takes
// longer than the time between events, Play catches up, but at most one second.
func (g *Generator) Play(ctx context.Context, send func(raw []byte)) error {
	const maxLag = time.Second
	base := time.Now().Add(-g.due())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		due := g.due()
		if g.paced {
			switch wait := time.Until(base.Add(due)); {
			case wait < -maxLag:
				base = base.Add(-wait)
			case wait > 0:
				timer.Reset(wait)
				select {
				case <-timer.C:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		send(g.emit(time.Now()).Raw)
	}
	return ctx.Err()
}

// kind is the kind of a step.
type kind uint8

const (
	arrival kind = iota // a call or the like begins; it makes no event itself
	legStart
	callRoute
	legRing
	legAnswer
	legEnd
	callTransfer
	callPickup
	callPark
	textMessage
	registration
	machineCheck
	machineDown
	machineUp
	registerAgain
	flowStep
)

// step is a planned event or arrival.
type step struct {
	at               time.Duration // since the start
	order            uint64
	kind             kind
	part             uint8  // of a call, the index of the step in its script
	watcher, watched uint32 // of machineDown and machineUp
	call             *call
	flow             *run
}

func (g *Generator) plan(at time.Duration, s step) {
	g.order++
	s.at, s.order = at, g.order
	g.steps.push(s)
}

// planOutage plans that a machine goes down and comes up again.
func (g *Generator) planOutage(at, length time.Duration) {
	s := step{kind: machineDown, watcher: uint32(g.machine()), watched: uint32(g.machine())}
	g.plan(at, s)
	s.kind = machineUp
	g.plan(at+length, s)
}

// due handles the arrivals before the next event, and returns the time of that event.
func (g *Generator) due() time.Duration {
	for g.steps[0].kind == arrival {
		at := g.steps.pop().at
		g.arrive(at)
		next := g.nextArrival(at)
		if g.running >= maxRunning {
			next = max(next, g.steps[0].at) // none ends before that
		}
		g.plan(next, step{kind: arrival})
	}
	return g.steps[0].at
}

// nextArrival returns the time of the next arrival. Gaps are uniform, in whole numbers:
// exponential ones need floating point functions, which differ between machines in the
// last bit.
func (g *Generator) nextArrival(at time.Duration) time.Duration {
	return g.shape.after(at, time.Duration(g.rand.Int64N(2*g.gap+1)))
}

// arrive plans a new call, message, registration or check at the given time.
func (g *Generator) arrive(at time.Duration) {
	if g.shape.Kind == Storm && g.storm(at) {
		return
	}
	if g.scenario != nil {
		g.newFlow(at)
		return
	}
	switch p := g.rand.IntN(100); {
	case p < 60:
		g.newCall(at)
	case p < 75:
		g.plan(at, step{kind: textMessage})
	case p < 93:
		g.plan(at, step{kind: registration})
	case g.rand.IntN(8) == 0:
		g.planOutage(at, g.between(2*time.Second, 15*time.Second))
	default:
		g.plan(at, step{kind: machineCheck})
	}
}

// storm plans what a storm adds at the given time. It returns false if the arrival is a
// usual one.
func (g *Generator) storm(at time.Duration) bool {
	n, high := g.shape.high(at)
	if !high {
		return false
	}
	if n+1 != g.storms {
		g.storms = n + 1
		g.planOutage(at, g.shape.Period/10)
	}
	if g.rand.Int64N(g.shape.rateFactor(at)) < 1000 {
		return false
	}
	g.plan(at, step{kind: registerAgain})
	return true
}

func (g *Generator) machine() int { return 1 + g.rand.IntN(g.machines) }

// between returns a random duration of the range, shorter if the rate is high.
func (g *Generator) between(low, high time.Duration) time.Duration {
	return (low + time.Duration(g.rand.Int64N(int64(high-low)))) / g.shrink
}

// emit makes the event of the first step. due must have been called before.
func (g *Generator) emit(at time.Time) Event {
	at = at.Truncate(time.Microsecond)
	s := g.steps.pop()
	g.line.reset()
	switch s.kind {
	case legStart, callRoute, legRing, legAnswer, legEnd, callTransfer, callPickup, callPark:
		g.callEvent(s, at)
	case textMessage:
		g.messageEvent(at)
	case registration, registerAgain:
		g.registrationEvent(at, s.kind == registerAgain)
	case flowStep:
		return Event{Raw: g.flowEvent(s.flow, at), At: at}
	default:
		g.machineEvent(s, at)
	}
	return Event{Raw: slices.Clone(g.line.end()), At: at}
}

// steps is a heap with the earliest step first.
type steps []step

func (a step) before(b step) bool {
	return a.at < b.at || a.at == b.at && a.order < b.order
}

func (q *steps) push(s step) {
	h := append(*q, s)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !s.before(h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = s
	*q = h
}

func (q *steps) pop() step {
	h := *q
	first, s := h[0], h[len(h)-1]
	h[len(h)-1] = step{}
	h = h[:len(h)-1]
	i := 0
	for {
		down := 2*i + 1
		if down >= len(h) {
			break
		}
		if down+1 < len(h) && h[down+1].before(h[down]) {
			down++
		}
		if !h[down].before(s) {
			break
		}
		h[i] = h[down]
		i = down
	}
	if len(h) > 0 {
		h[i] = s
	}
	*q = h
	return first
}
