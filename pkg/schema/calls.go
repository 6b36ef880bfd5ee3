package schema

import (
	"cmp"
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

// Steps is where events of a kind are in their calls.
type Steps struct {
	// Calls and Legs are the numbers of calls and legs that had such an event.
	Calls int64 `json:"calls"`
	Legs  int64 `json:"legs"`
	// First and Last are the numbers of legs of which it was the first event, and the last.
	First int64 `json:"first,omitempty"`
	Last  int64 `json:"last,omitempty"`
	// Wait is the time until the next event of the call, in microseconds, all together.
	Wait int64 `json:"wait_us,omitempty"`
	// Next counts the events of the call that came next, by "class.event".
	Next map[string]int64 `json:"next,omitempty"`
}

func (s *Steps) merge(o *Steps) *Steps {
	if o == nil {
		return s
	}
	if s == nil {
		s = &Steps{}
	}
	s.Calls += o.Calls
	s.Legs += o.Legs
	s.First += o.First
	s.Last += o.Last
	s.Wait += o.Wait
	for name, n := range o.Next {
		s.next(name, n)
	}
	return s
}

func (s *Steps) next(name string, n int64) {
	if s.Next == nil {
		s.Next = map[string]int64{}
	}
	if _, ok := s.Next[name]; ok || len(s.Next) < maxNext {
		s.Next[name] += n
	}
}

// CallField is what is known of a field of the events of calls.
type CallField struct {
	// Calls is the number of calls that had the field, Numbers of those in which all its
	// values looked like telephone numbers, Same of those in which all were the same, and
	// Early of those in which an event before the last one had it.
	Calls   int64 `json:"calls"`
	Numbers int64 `json:"numbers,omitempty"`
	Same    int64 `json:"same,omitempty"`
	Early   int64 `json:"early,omitempty"`
	// Different is how many different values there were, up to 1,000, and Digits how many
	// digits they had, all calls together.
	Different int64 `json:"different,omitempty"`
	Digits    int64 `json:"digits,omitempty"`
}

// AddTo adds to s what was found so far about the calls that have probably finished: those that
// were silent for 10 minutes, or for half of the time. Of less than 20 of them it adds all
// calls. It forgets the calls. The events of
// the calls must have been added to s, or to a Schema that s was merged with.
func (c *Calls) AddTo(s *Schema) {
	from, to := c.span()
	s.span = max(s.span, to-from)
	quiet, finished := min((to-from)/2, maxQuiet), 0
	for _, f := range c.calls {
		if f.last() <= to-quiet {
			finished++
		}
	}
	few := finished < 20 // then all must do
	for _, f := range c.calls {
		if few || f.last() <= to-quiet {
			c.settle(s, f)
		}
	}
	for id, name := range c.roles {
		if f := s.callFields[name]; f != nil {
			f.Different = max(f.Different, int64(len(c.known[uint16(id)])))
		}
	}
	clear(c.calls)
}

// maxQuiet is the silence, in microseconds, after which a call counts as finished; in a run of
// less than twice that it is half of the run.
const maxQuiet = 10 * 60 * 1_000_000

// last returns the timestamp of the last event of a call.
func (f *followed) last() (at int64) {
	for _, s := range f.steps {
		at = max(at, s.at)
	}
	return at
}

// span returns the first and the last timestamp.
func (c *Calls) span() (from, to int64) {
	for _, f := range c.calls {
		for _, s := range f.steps {
			if from == 0 || s.at < from {
				from = s.at
			}
			to = max(to, s.at)
		}
	}
	return from, to
}

// settle adds a call to s.
func (c *Calls) settle(s *Schema, f *followed) {
	slices.SortStableFunc(f.steps, func(a, b callStep) int {
		return cmp.Or(cmp.Compare(a.at, b.at), c.names[a.name].Compare(c.names[b.name]), cmp.Compare(a.leg, b.leg))
	})
	of := func(id uint16) *Steps {
		k := s.kinds[c.names[id]]
		if k == nil {
			return &Steps{} // there was no room for it
		}
		if k.Steps == nil {
			k.Steps = &Steps{}
		}
		return k.Steps
	}
	type legEvent struct {
		leg  uint64
		name uint16
	}
	var legs []legEvent
	var inCall []uint16
	last := map[uint64]uint16{}
	for i, st := range f.steps {
		t := of(st.name)
		if !slices.Contains(inCall, st.name) {
			inCall = append(inCall, st.name)
			t.Calls++
		}
		if !slices.Contains(legs, legEvent{st.leg, st.name}) {
			legs = append(legs, legEvent{st.leg, st.name})
			t.Legs++
		}
		if _, ok := last[st.leg]; !ok {
			t.First++
		}
		last[st.leg] = st.name
		if i+1 < len(f.steps) {
			t.Wait += f.steps[i+1].at - st.at
			t.next(c.names[f.steps[i+1].name].String(), 1)
		}
	}
	for _, name := range last {
		of(name).Last++
	}
	s.legs += int64(len(last))
	s.calls++
	for _, r := range f.roles {
		s.addCallField(c.roles[r.id], r.stats(f.steps[len(f.steps)-1].at))
	}
}

func (r *callRole) stats(last int64) *CallField {
	f := &CallField{Calls: 1}
	if r.numbers {
		f.Numbers, f.Digits = 1, int64(r.digits)
	}
	if !r.changed {
		f.Same = 1
	}
	if r.first < last {
		f.Early = 1
	}
	return f
}

func (s *Schema) addCallField(name string, o *CallField) {
	f := s.callFields[name]
	if f == nil {
		if len(s.callFields) >= maxCallRoles {
			return
		}
		if s.callFields == nil {
			s.callFields = map[string]*CallField{}
		}
		f = &CallField{}
		s.callFields[name] = f
	}
	f.Calls += o.Calls
	f.Numbers += o.Numbers
	f.Same += o.Same
	f.Early += o.Early
	f.Digits += o.Digits
	f.Different = max(f.Different, o.Different)
}
