package schema

import (
	"slices"
	"sync/atomic"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// The limits of Calls.
const (
	maxCalls      = 5_000
	maxSteps      = 64 // of a call
	maxNext       = 32 // events that come next
	maxCallFields = 200
	maxOneCall    = 32 // fields of one call
)

// Calls follows where events are in their calls: which is the first of its leg, which the
// last, and how long it takes until the next one. The callid tells calls apart, the
// uniqueid legs; the vendor documents both.
//
// It follows 5,000 calls. If there are more, it continues with every second call, then
// every fourth, and so on. [Schema.Add] fills it, and [Calls.AddTo] adds what it found to a
// Schema.
type Calls struct {
	level    atomic.Uint32 // of 1<<level calls one is followed
	calls    map[uint64]*followed
	names    []Name
	nameIDs  map[Name]uint16
	fields   []string // names
	fieldIDs map[string]uint16
	values   []map[uint64]struct{} // hashes, of each field
}

// NewCalls returns a Calls.
func NewCalls() *Calls {
	return &Calls{calls: map[uint64]*followed{}, nameIDs: map[Name]uint16{}, fieldIDs: map[string]uint16{}}
}

// followed is a call.
type followed struct {
	steps  []callStep
	fields []followedField
}

type callStep struct {
	at   int64
	leg  uint64
	name uint16
}

// followedField is a field of a call.
type followedField struct {
	id               uint16
	value            uint64
	numbers, changed bool
	first            int64 // timestamp of the event
	digits           int
}

// step is an event of a call in a Part.
type step struct {
	call, leg  uint64
	at         int64
	kind       *node
	begin, end int // of its fields in Part.stepFields
}

// stepField is a field of such an event.
type stepField struct {
	node   *node
	value  uint64
	digits int // 0 if it is no telephone number
}

// ids are where the ids and the timestamp are in events of a plan, -1 for nowhere.
type ids struct{ call, leg, at int }

var noIDs = ids{-1, -1, -1} //nolint:gochecknoglobals // nothing changes it

// findIDs returns where the ids of an event are. Without a call, a leg or a time there are
// none.
func findIDs(x *event.Index) ids {
	i := ids{x.Find("callid"), x.Find("uniqueid"), x.Find("timestamp")}
	if i.call < 0 || i.leg < 0 || i.at < 0 {
		return noIDs
	}
	return i
}

// note notes an event of a call, if the call is one of those that are followed.
func (l *Learner) note(p *plan, x *event.Index) {
	call := hash(x.Value(p.ids.call).JSON)
	if call&(1<<l.o.Calls.level.Load()-1) != 0 {
		return
	}
	at, ok := x.Value(p.ids.at).Timestamp()
	if !ok {
		return
	}
	s := step{call: call, leg: hash(x.Value(p.ids.leg).JSON), at: at, kind: p.kind, begin: len(l.part.stepFields)}
	for _, slot := range p.slots {
		v := x.Value(slot.index)
		if v.Kind != event.String && v.Kind != event.Number {
			continue
		}
		switch slot.node.name {
		case "class", "event", "callid", "uniqueid", "asteriskid", "timestamp", "machine":
			continue
		}
		var text []byte
		text, l.buf = textOf(v, l.buf)
		l.part.stepFields = append(l.part.stepFields, stepField{slot.node, hash(text), telephone(text)})
	}
	s.end = len(l.part.stepFields)
	l.part.steps = append(l.part.steps, s)
}

// telephone returns how many digits a telephone number has, 0 if b is none.
func telephone(b []byte) (n int) {
	for _, prefix := range []string{"sips:", "sip:", "tel:"} {
		if hasPrefix(b, prefix) {
			b = b[len(prefix):]
			break
		}
	}
	for i, c := range b {
		switch {
		case isDigit(c):
			n++
		case c == '+' && i == 0, c == ' ' || c == '-' || c == '(' || c == ')' || c == '/':
		case c == '@' && n > 0:
			return n
		default:
			return 0
		}
	}
	if n < 3 || n > 20 {
		return 0
	}
	return n
}

// add adds the steps of a part.
func (c *Calls) add(p *Part) {
	for i := range p.steps {
		s := &p.steps[i]
		if s.call&(1<<c.level.Load()-1) != 0 {
			continue
		}
		f := c.calls[s.call]
		if f == nil {
			if len(c.calls) >= maxCalls {
				c.thin()
			}
			f = &followed{}
			c.calls[s.call] = f
		}
		if len(f.steps) < maxSteps {
			f.steps = append(f.steps, callStep{s.at, s.leg, c.name(s.kind.kind)})
		}
		for _, v := range p.stepFields[s.begin:s.end] {
			c.addField(f, s.at, v)
		}
	}
}

// thin drops every second call.
func (c *Calls) thin() {
	level := c.level.Add(1)
	for call := range c.calls {
		if call&(1<<level-1) != 0 {
			delete(c.calls, call)
		}
	}
}

func (c *Calls) name(n Name) uint16 {
	id, ok := c.nameIDs[n]
	if !ok {
		id = uint16(len(c.names))
		c.names = append(c.names, n)
		c.nameIDs[n] = id
	}
	return id
}

func (c *Calls) addField(f *followed, at int64, v stepField) {
	id, ok := c.fieldIDs[v.node.name]
	if !ok {
		if len(c.fields) >= maxCallFields {
			return
		}
		id = uint16(len(c.fields))
		c.fields = append(c.fields, v.node.name)
		c.fieldIDs[v.node.name] = id
		c.values = append(c.values, map[uint64]struct{}{})
	}
	if seen := c.values[id]; len(seen) < 1000 {
		seen[v.value] = struct{}{}
	}
	i := slices.IndexFunc(f.fields, func(o followedField) bool { return o.id == id })
	if i < 0 {
		if len(f.fields) < maxOneCall {
			f.fields = append(f.fields, followedField{id: id, value: v.value, numbers: v.digits > 0, first: at, digits: v.digits})
		}
		return
	}
	o := &f.fields[i]
	o.numbers = o.numbers && v.digits > 0
	o.changed = o.changed || o.value != v.value
	o.first = min(o.first, at)
}
