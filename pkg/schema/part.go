package schema

import (
	"slices"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Part is what a [Learner] learned from some events. The zero Part is empty.
type Part struct {
	plans      []planCount // in the order of the first event of each
	nodes      []nodeCount
	marks      []mark
	texts      []byte
	steps      []step
	stepFields []stepField
	calls      *Calls
	left       Left
}

type planCount struct {
	plan *plan
	n    int64
}

type nodeCount struct {
	node   *node
	counts counts
}

// mark says what was seen for the first time of the values of a field.
type mark struct {
	node       *node
	kind       markKind
	patterns   patterns
	begin, end int // of the value in texts
}

type markKind uint8

const (
	markPatterns markKind = iota // fewer patterns match
	markMany                     // there are values that are not kept
	markValue
)

func (p *Part) reset() {
	clear(p.plans)
	clear(p.nodes)
	clear(p.marks)
	*p = Part{plans: p.plans[:0], nodes: p.nodes[:0], marks: p.marks[:0], texts: p.texts[:0], steps: p.steps[:0], stepFields: p.stepFields[:0]}
}

func (p *Part) mark(n *node, m mark, text []byte) {
	m.node, m.begin = n, len(p.texts)
	p.texts = append(p.texts, text...)
	m.end = len(p.texts)
	p.marks = append(p.marks, m)
}

// News is something that a Schema did not have.
type News struct {
	Name Name
	// Path are the names of the field and of those that it is in; nil for an event. An
	// element of an array has the name "[]".
	Path []string
	// Type is the JSON type, if only that is new, and else [event.Absent]. A number that
	// came as a text, or the reverse, is not new: a POSTed form has texts only.
	Type event.Kind
	// Types are the types that the field had before, if Type is new.
	Types []event.Kind
}

// Add adds a part, and calls news, which may be nil, for each event, field and type that s
// did not have. What is in a new event or a new field is not reported on its own. To get the
// news of each event, add each event that is [Learner.Fresh] as a part of its own.
func (s *Schema) Add(p *Part, news func(News)) {
	s.left.add(p.left)
	a := adder{s: s, news: news}
	for i := range p.marks {
		a.mark(&p.marks[i], p.texts)
	}
	for _, c := range p.plans {
		root := a.field(c.plan.kind)
		if root == nil {
			s.left.Events += c.n
			continue
		}
		a.count(c.plan.kind, root, event.Object, c.n)
		for _, slot := range c.plan.slots {
			a.count(slot.node, a.field(slot.node), c.plan.types[slot.index], c.n)
		}
	}
	for i := range p.nodes {
		c := &p.nodes[i]
		f := a.field(c.node)
		for k, n := range c.counts {
			if n > 0 {
				a.count(c.node, f, event.Kind(k), n)
			}
		}
	}
	if p.calls != nil {
		p.calls.add(p)
	}
}

// adder adds a part to a Schema.
type adder struct {
	s    *Schema
	news func(News)
	// fresh are the fields with news in this part, before the patterns that they had before it.
	fresh  []*Field
	before map[*Field]patterns
}

// field returns the field of a node, nil if there is no room for it.
func (a *adder) field(n *node) *Field {
	if n.schema == a.s {
		return n.field
	}
	var f *Field
	if n.parent == nil {
		if k := a.s.kind(n.kind); k != nil {
			f = k.Root
		}
	} else if parent := a.field(n.parent); parent != nil {
		if n.element {
			f = a.s.elements(parent)
		} else {
			f = a.s.member(parent, n.name)
		}
	}
	n.schema, n.field = a.s, f
	return f
}

func (a *adder) mark(m *mark, texts []byte) {
	f := a.field(m.node)
	if f == nil {
		return
	}
	switch m.kind {
	case markPatterns:
		if a.news != nil {
			if a.before == nil {
				a.before = map[*Field]patterns{}
			}
			a.before[f] |= f.patterns
		}
		f.patterns &= m.patterns
	case markMany:
		f.setMany()
	case markValue:
		f.addValue(string(texts[m.begin:m.end]))
	}
}

// count counts n values of a type, and says what is new.
func (a *adder) count(n *node, f *Field, k event.Kind, times int64) {
	if f == nil {
		a.s.left.Fields += times
		return
	}
	if a.news != nil {
		a.judge(n, f, k)
	}
	f.Count += times
	f.Types[k] += times
}

// judge says what is new about a value of type k.
func (a *adder) judge(n *node, f *Field, k event.Kind) {
	switch {
	case f.Count == 0:
		a.fresh = append(a.fresh, f)
		if n.parent == nil || !slices.Contains(a.fresh, a.field(n.parent)) {
			a.tell(n, News{})
		}
	case slices.Contains(a.fresh, f):
	case f.Types[k] == 0 && !f.excuses(k, f.patterns), k == event.String && f.Has(event.Number) && a.before[f]&decimal != 0 && f.patterns&decimal == 0:
		var types []event.Kind
		for t, n := range f.Types {
			if n > 0 && event.Kind(t) != k {
				types = append(types, event.Kind(t))
			}
		}
		a.tell(n, News{Type: k, Types: types})
		a.fresh = append(a.fresh, f)
	}
}

// tell reports news about the field of n.
func (a *adder) tell(n *node, news News) {
	for ; n.parent != nil; n = n.parent {
		name := n.name
		if n.element {
			name = "[]"
		}
		news.Path = append(news.Path, name)
	}
	slices.Reverse(news.Path)
	news.Name = n.kind
	a.news(news)
}

// excuses reports whether a value of type k may be one that f had with another type, because
// a POSTed form has only texts. The texts of the new type match p.
func (f *Field) excuses(k event.Kind, p patterns) bool {
	switch k {
	case event.Number:
		return f.Has(event.String) && f.patterns&decimal != 0
	case event.Bool:
		return f.Has(event.String) && f.patterns&flag != 0
	case event.Null:
		return f.Has(event.String) && f.patterns == allPatterns
	case event.String:
		return f.Has(event.Number) && p&decimal != 0 || f.Has(event.Bool) && p&flag != 0 || f.Has(event.Null) && p == allPatterns
	}
	return false
}
