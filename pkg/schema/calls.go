package schema

import (
	"slices"
	"sync/atomic"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// The limits of Calls.
const (
	maxCalls     = 5_000
	maxSteps     = 64 // of a call
	maxRoles     = 32 // fields of a call
	maxNext      = 32 // events that come next
	maxCallRoles = 200
)

// Calls follows where events are in their calls: which is the first of its leg, which the
// last, and how long the next one takes. A call is known by callid, a leg by uniqueid, which
// the vendor documents.
//
// It follows 5,000 calls. When there are more it goes on with every second one, then every
// fourth, and so on. It is filled by [Schema.Add], and [Calls.AddTo] adds what it found.
type Calls struct {
	level atomic.Uint32 // of 1<<level calls one is followed
	calls map[uint64]*followed
	names []Name
	ids   map[Name]uint16
	roles []string
	byID  map[string]uint16
	known map[uint16]map[uint64]struct{} // values of each role
}

// NewCalls returns a Calls.
func NewCalls() *Calls {
	return &Calls{calls: map[uint64]*followed{}, ids: map[Name]uint16{}, byID: map[string]uint16{}, known: map[uint16]map[uint64]struct{}{}}
}

// followed is a call.
type followed struct {
	steps []callStep
	roles []callRole
}

type callStep struct {
	at   int64
	leg  uint64
	name uint16
}

// callRole is a field of a call.
type callRole struct {
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
	roles, end int // in Part.roles
}

// role is a field of such an event.
type role struct {
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
	s := step{call: call, leg: hash(x.Value(p.ids.leg).JSON), at: at, kind: p.kind, roles: len(l.part.roles)}
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
		l.part.roles = append(l.part.roles, role{slot.node, hash(text), telephone(text)})
	}
	s.end = len(l.part.roles)
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
		for _, r := range p.roles[s.roles:s.end] {
			c.addRole(f, s.at, r)
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
	id, ok := c.ids[n]
	if !ok {
		id = uint16(len(c.names))
		c.names = append(c.names, n)
		c.ids[n] = id
	}
	return id
}

func (c *Calls) addRole(f *followed, at int64, r role) {
	id, ok := c.byID[r.node.name]
	if !ok {
		if len(c.roles) >= maxCallRoles {
			return
		}
		id = uint16(len(c.roles))
		c.roles = append(c.roles, r.node.name)
		c.byID[r.node.name] = id
		c.known[id] = map[uint64]struct{}{}
	}
	if seen := c.known[id]; len(seen) < 1000 {
		seen[r.value] = struct{}{}
	}
	i := slices.IndexFunc(f.roles, func(o callRole) bool { return o.id == id })
	if i < 0 {
		if len(f.roles) < maxRoles {
			f.roles = append(f.roles, callRole{id: id, value: r.value, numbers: r.digits > 0, first: at, digits: r.digits})
		}
		return
	}
	o := &f.roles[i]
	o.numbers = o.numbers && r.digits > 0
	o.changed = o.changed || o.value != r.value
	o.first = min(o.first, at)
}
