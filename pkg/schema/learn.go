package schema

import (
	"encoding/binary"
	"slices"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Options are the options of a Learner. The zero Options are the defaults.
type Options struct {
	// Examples says which values are kept.
	Examples Examples
	// Calls follows where events are in their calls, for [Schema.Suggest]; nil for not.
	Calls *Calls
}

// maxPlans is how many plans a Learner remembers. A stream that has more has new names all
// the time.
const maxPlans = 4096

// Learner learns from events. It is not safe for concurrent use: use one for each goroutine,
// and add what [Learner.Take] returns to one Schema.
//
// The class, the event, and the names and types of the fields make a plan. For an event with
// a known plan, a Learner increments a counter and looks only at values that may still be
// news; it does not allocate.
type Learner struct {
	o      Options
	shapes [256]shapeEntry  // plans by the number of the shape
	plans  map[string]*plan // by class, event, names and types
	kinds  map[Name]*node
	nodes  int
	serial int64 // of objects

	fresh      bool // the last event had something that was not there before
	dirtyPlans []*plan
	dirtyNodes []*node
	part       Part
	key, buf   []byte
}

// shapeEntry is the plans of events of one shape.
type shapeEntry struct {
	shape uint32
	plans []*plan
}

// plan is what to do for events with the same class and event, and the same names and types of
// fields.
type plan struct {
	class, event string       // JSON
	types        []event.Kind // of all fields
	kind         *node
	slots        []slot
	looked       int  // slots whose values are looked at
	left         Left // by each of these events
	n            int64
	ids          ids
}

// slot is a field of a plan.
type slot struct {
	index  int
	node   *node
	scalar bool
}

// node is a field as a Learner knows it. It remembers what was put into a part already and
// need not be looked at again.
type node struct {
	parent   *node
	name     string
	depth    int
	kind     Name // of a root
	private  bool
	element  bool
	children map[string]*node
	elements *node

	patterns patterns
	values   [maxValues]uint64 // hashes
	nValues  int
	lastSeen int
	many     bool
	silent   bool                // no example is kept
	idle     bool                // no text of it can tell anything new
	examples [maxExamples]uint64 // the lowest hashes
	nExample int

	counts counts

	// Of a nested field: the types that it had, and the object that had it last.
	seen       [event.Object + 1]bool
	serial     int64
	kindBefore event.Kind

	dirty bool

	// For the Schema that the part is added to.
	schema *Schema
	field  *Field
}

type counts [event.Object + 1]int64

// NewLearner returns a Learner. O may be nil.
func NewLearner(o *Options) *Learner {
	l := &Learner{plans: map[string]*plan{}, kinds: map[Name]*node{}}
	if o != nil {
		l.o = *o
	}
	return l
}

// Add learns from an event. It ignores records of class enswitch-events, which are no events
// of Enswitch: they mark a gap in the stream.
func (l *Learner) Add(x *event.Index) {
	l.fresh = false
	p := l.plan(x)
	if p.n == 0 {
		l.dirtyPlans = append(l.dirtyPlans, p)
	}
	p.n++
	for _, s := range p.slots[:p.looked] {
		if !s.node.idle || !s.scalar {
			l.value(s.node, x.Value(s.index))
		}
	}
	if p.ids.call >= 0 {
		l.note(p, x)
	}
}

// Fresh reports whether the event that was added last had something that this Learner had not
// seen: a name, a type, or a value worth keeping. Other events change only counts.
func (l *Learner) Fresh() bool { return l.fresh }

// plan returns the plan for an event.
func (l *Learner) plan(x *event.Index) *plan {
	shape, ok := x.Shape()
	if !ok {
		return l.planByName(x)
	}
	e := &l.shapes[shape&255]
	if e.shape != shape {
		*e = shapeEntry{shape: shape}
	}
	class, what := x.Class().JSON, x.Event().JSON
	for i, p := range e.plans {
		if p.event == string(what) && p.class == string(class) && p.sameTypes(x) {
			if i > 0 { // the next event may be the same
				e.plans[i], e.plans[i-1] = e.plans[i-1], e.plans[i]
			}
			return p
		}
	}
	p := l.planByName(x)
	if len(e.plans) < 64 {
		e.plans = append(e.plans, p)
	}
	return p
}

func (p *plan) sameTypes(x *event.Index) bool {
	for i, k := range p.types {
		if x.Kind(i) != k {
			return false
		}
	}
	return true
}

// planByName returns the plan for an event without its shape.
func (l *Learner) planByName(x *event.Index) *plan {
	key := l.key[:0]
	for _, v := range []event.Value{x.Class(), x.Event()} {
		key = binary.AppendUvarint(key, uint64(len(v.JSON)))
		key = append(key, v.JSON...)
	}
	for i := range x.Len() {
		v := x.Key(i)
		key = binary.AppendUvarint(key, uint64(len(v.JSON)))
		key = append(append(key, v.JSON...), byte(x.Kind(i)))
	}
	l.key = key
	if p := l.plans[string(key)]; p != nil {
		return p
	}
	if len(l.plans) >= maxPlans {
		clear(l.plans)
		clear(l.shapes[:])
	}
	p := l.newPlan(x)
	l.fresh = true
	l.plans[string(key)] = p
	return p
}

// newPlan makes the plan for an event.
func (l *Learner) newPlan(x *event.Index) *plan {
	p := &plan{class: string(x.Class().JSON), event: string(x.Event().JSON), ids: noIDs}
	for i := range x.Len() {
		p.types = append(p.types, x.Kind(i))
	}
	name := Name{string(x.Class().Text()), string(x.Event().Text())}
	switch {
	case name.Class == "enswitch-events":
		return p
	case len(name.Class) > maxName || len(name.Event) > maxName:
		p.left.Long = 1
		return p
	}
	if p.kind = l.kinds[name]; p.kind == nil {
		if len(l.kinds) >= maxKinds {
			p.left.Events = 1
			return p
		}
		p.kind = l.newNode(nil, "")
		p.kind.kind = name
		l.kinds[name] = p.kind
	}
	for i := range x.Len() {
		if x.Find(string(x.Key(i).Text())) != i {
			continue // the last of a name counts
		}
		if n := l.member(p.kind, x.Key(i), &p.left); n != nil {
			p.slots = append(p.slots, slot{i, n, x.Kind(i) < event.Array})
		}
	}
	// Those whose values are the same in all events of the plan come last.
	slices.SortStableFunc(p.slots, func(a, b slot) int { return constantLast(x, a) - constantLast(x, b) })
	for _, s := range p.slots {
		if constantLast(x, s) == 0 {
			p.looked++
		} else {
			l.value(s.node, x.Value(s.index))
		}
	}
	if l.o.Calls != nil {
		p.ids = findIDs(x)
	}
	return p
}

// constantLast is 1 for a field with one value in all events of the plan.
func constantLast(x *event.Index, s slot) int {
	if s.scalar && (x.Kind(s.index) <= event.Bool || s.node.name == "class" || s.node.name == "event") {
		return 1
	}
	return 0
}

// newNode returns the node of a field.
func (l *Learner) newNode(parent *node, name string) *node {
	n := &node{parent: parent, name: name, patterns: allPatterns}
	if parent != nil {
		n.depth = parent.depth + 1
		n.private = parent.private || privateName(name)
	}
	return n
}

// member returns the node of the member of n with that name, nil if it is left out.
func (l *Learner) member(n *node, key event.Value, left *Left) *node {
	var name []byte
	name, l.buf = textOf(key, l.buf)
	if m := n.children[string(name)]; m != nil {
		return m
	}
	text := string(name)
	if longName(text) {
		text = AnyName
		if m := n.children[text]; m != nil {
			return m
		}
	}
	switch {
	case len(text) > maxName:
		left.Long++
		return nil
	case l.nodes >= maxFields:
		left.Fields++
		return nil
	}
	if n.children == nil {
		n.children = map[string]*node{}
	}
	l.nodes++
	m := l.newNode(n, text)
	n.children[text] = m
	return m
}

// mark notes what was seen of the values of a field for the first time.
func (l *Learner) mark(n *node, m mark, text []byte) {
	l.fresh = true
	l.part.mark(n, m, text)
}

// Take moves what was learned since the last call into p, whose memory is reused. p is valid
// until the next call of Take with it. It can be added to a Schema in another goroutine, but
// all parts of one Learner must be added by one goroutine at a time.
func (l *Learner) Take(p *Part) {
	p.reset()
	*p, l.part = l.part, *p
	p.calls = l.o.Calls
	for _, d := range l.dirtyPlans {
		if d.kind != nil {
			p.plans = append(p.plans, planCount{d, d.n})
		}
		p.left.add(Left{Events: d.left.Events * d.n, Fields: d.left.Fields * d.n, Long: d.left.Long * d.n})
		d.n = 0
	}
	for _, d := range l.dirtyNodes {
		p.nodes = append(p.nodes, nodeCount{d, d.counts})
		d.counts, d.dirty = counts{}, false
	}
	l.dirtyPlans, l.dirtyNodes = l.dirtyPlans[:0], l.dirtyNodes[:0]
}
