package schema

import (
	"cmp"
	"slices"
)

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

// callField is what is known of a field of the events of calls.
type callField struct {
	// Calls is the number of calls that had the field. Of these, Numbers counts calls in
	// which all its values looked like telephone numbers, Same those in which all values
	// were the same, and Early those in which an event before the last one had it.
	Calls   int64 `json:"calls"`
	Numbers int64 `json:"numbers,omitempty"`
	Same    int64 `json:"same,omitempty"`
	Early   int64 `json:"early,omitempty"`
	// Different is how many different values there were, up to 1,000, and Digits how many
	// digits they had, all calls together.
	Different int64 `json:"different,omitempty"`
	Digits    int64 `json:"digits,omitempty"`
}

// AddTo adds to s what was found about the calls that have probably finished: those that were
// silent for 10 minutes, or for half of the run if that is shorter. If there are fewer than
// 20 of them it adds all calls. Then it forgets the calls. Their events must have been added
// to s, or to a Schema that was merged into s: what s does not have is left out.
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
	for id, name := range c.fields {
		if f := s.callFields[name]; f != nil {
			f.Different = max(f.Different, int64(len(c.values[id])))
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
	for _, v := range f.fields {
		s.addCallField(c.fields[v.id], v.known(f.steps[len(f.steps)-1].at))
	}
}

// known returns what is known of the field from one call, whose last event has the timestamp
// last.
func (v *followedField) known(last int64) *callField {
	f := &callField{Calls: 1}
	if v.numbers {
		f.Numbers, f.Digits = 1, int64(v.digits)
	}
	if !v.changed {
		f.Same = 1
	}
	if v.first < last {
		f.Early = 1
	}
	return f
}

func (s *Schema) addCallField(name string, o *callField) {
	f := s.callFields[name]
	if f == nil {
		if len(s.callFields) >= maxCallFields {
			return
		}
		if s.callFields == nil {
			s.callFields = map[string]*callField{}
		}
		f = &callField{}
		s.callFields[name] = f
	}
	f.Calls += o.Calls
	f.Numbers += o.Numbers
	f.Same += o.Same
	f.Early += o.Early
	f.Digits += o.Digits
	f.Different = max(f.Different, o.Different)
}
