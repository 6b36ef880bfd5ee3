package schema

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// Suggestion is what probably has a meaning for calls. It rests on names that are usual in
// telephony, and on where events are in their calls: see [Calls].
type Suggestion struct {
	// Meaning is start, ring, answer or end, of an event; or from or to, of a field.
	Meaning string
	// Item is the event, as "class.event", or the field; empty if nothing was found.
	Item string
	// By is documented, name or structure: what it rests on first. It is empty if there is
	// no Item.
	By string
	// Evidence says with numbers what was seen. It has names of events in it, as they came.
	Evidence string
}

// The shares that are enough.
const (
	nearlyAll = 0.8
	most      = 0.5
	few       = 0.02
)

// suggester looks for meanings.
type suggester struct {
	s      *Schema
	usual  *call.Map
	kinds  []*Kind // those in calls
	taken  map[Name]string
	result []Suggestion
}

// Calls returns how many calls [Schema.Suggest] goes by, how many legs they had, and how long
// the longest run was in which they were followed, by the timestamps.
func (s *Schema) Calls() (calls, legs int64, span time.Duration) {
	return s.calls, s.legs, time.Duration(s.span) * time.Microsecond
}

// Suggest returns what probably means start, ring, answer, end, from and to: for each meaning
// at least one Suggestion, in this order. They are guesses from what was seen.
func (s *Schema) Suggest() []Suggestion {
	usual, err := call.NewMap()
	if err != nil {
		return nil // it has no items that could be wrong
	}
	g := &suggester{s: s, usual: usual, taken: map[Name]string{}}
	for _, k := range s.Kinds() {
		if k.Steps != nil && k.Steps.Legs > 0 {
			g.kinds = append(g.kinds, k)
		}
	}
	starts := g.edge(call.Start, func(t *Steps) int64 { return t.First }, "the first")
	ends := g.edge(call.End, func(t *Steps) int64 { return t.Last }, "the last")
	answers := g.answer()
	rings := g.ring(answers)
	g.result = slices.Concat(starts, rings, answers, ends)
	g.fields()
	return g.result
}

// found returns s, or that nothing was found.
func found(s []Suggestion, meaning, why string) []Suggestion {
	if len(s) == 0 {
		return []Suggestion{{Meaning: meaning, Evidence: why}}
	}
	return s
}

// byName returns the events whose names usually have that meaning.
func (g *suggester) byName(k call.Kind) (all []*Kind) {
	for _, kind := range g.kinds {
		if means, _ := g.usual.Kind([]byte(kind.Class), []byte(kind.Event)); means == k && g.taken[kind.Name] == "" {
			all = append(all, kind)
		}
	}
	return all
}

func (g *suggester) suggest(k *Kind, meaning, by, evidence string) Suggestion {
	g.taken[k.Name] = meaning
	if k.String() == "call.start" {
		by = "documented"
	}
	return Suggestion{meaning, k.String(), by, evidence}
}

// edge looks for the events at one edge of a leg.
func (g *suggester) edge(kind call.Kind, at func(*Steps) int64, which string) []Suggestion {
	meaning := kind.String()
	evidence := func(t *Steps) string {
		return fmt.Sprintf("%s event in %s of the %s that have it, and in %s of all %s",
			which, percent(at(t), t.Legs), count(t.Legs, "leg"), percent(at(t), g.s.legs), count(g.s.legs, "leg"))
	}
	var all []Suggestion
	for _, k := range g.byName(kind) {
		all = append(all, g.suggest(k, meaning, "name", evidence(k.Steps)))
	}
	other := func(t *Steps) int64 { return t.First + t.Last - at(t) }
	for _, k := range g.kinds {
		t := k.Steps
		if g.taken[k.Name] == "" && g.unknown(k) && share(at(t), t.Legs) >= nearlyAll && share(at(t), g.s.legs) >= few && share(other(t), t.Legs) < most {
			all = append(all, g.suggest(k, meaning, "structure", evidence(t)))
		}
	}
	return found(all, meaning, "no event is "+which+" of its leg nearly always")
}

// unknown reports whether the name of an event has no usual meaning.
func (g *suggester) unknown(k *Kind) bool {
	means, _ := g.usual.Kind([]byte(k.Class), []byte(k.Event))
	return means == call.None
}

// middle are the events that are neither the first nor the last of their leg nearly always,
// and have no usual name.
func (g *suggester) middle() (all []*Kind, wait int64) {
	for _, k := range g.kinds {
		if means := g.taken[k.Name]; means != "" {
			continue
		}
		wait += k.Steps.Wait
		if g.unknown(k) {
			all = append(all, k)
		}
	}
	return all, wait
}

// answer looks for the event after which calls spend most of their time.
func (g *suggester) answer() []Suggestion {
	evidence := func(k *Kind, wait int64) string {
		t := k.Steps
		return fmt.Sprintf("in %s of %s; they spend %s of the time between their first and last events after it, %s on average",
			percent(t.Calls, g.s.calls), count(g.s.calls, "call"), percent(t.Wait, wait), seconds(t.Wait, t.Calls))
	}
	others, wait := g.middle()
	var all []Suggestion
	for _, k := range g.byName(call.Answer) {
		all = append(all, g.suggest(k, "answer", "name", evidence(k, wait)))
	}
	if all == nil && len(others) > 0 {
		k := slices.MaxFunc(others, func(a, b *Kind) int { return cmp.Compare(a.Steps.Wait, b.Steps.Wait) })
		if share(k.Steps.Wait, wait) >= 0.3 {
			all = append(all, g.suggest(k, "answer", "structure", evidence(k, wait)))
		}
	}
	return found(all, "answer", "after no event in the middle of their legs calls spend much of their time")
}

// ring looks for the event that comes before an answer.
func (g *suggester) ring(answers []Suggestion) []Suggestion {
	before := func(k *Kind) (n int64) {
		for _, a := range answers {
			n += k.Steps.Next[a.Item]
		}
		return n
	}
	var answered int64
	for _, k := range g.kinds {
		answered += before(k)
	}
	evidence := func(k *Kind) string {
		return fmt.Sprintf("in %s of %s; the event right before %s of %s, %s before the next event on average",
			percent(k.Steps.Calls, g.s.calls), count(g.s.calls, "call"), percent(before(k), answered), count(answered, "answer"), seconds(k.Steps.Wait, k.Steps.Calls))
	}
	others, _ := g.middle()
	var all []Suggestion
	for _, k := range g.byName(call.Ring) {
		all = append(all, g.suggest(k, "ring", "name", evidence(k)))
	}
	if all == nil && len(others) > 0 && answered > 0 {
		k := slices.MaxFunc(others, func(a, b *Kind) int { return cmp.Compare(before(a), before(b)) })
		if share(before(k), answered) >= 0.3 {
			all = append(all, g.suggest(k, "ring", "structure", evidence(k)))
		}
	}
	return found(all, "ring", "no event in the middle of their legs comes right before most answers")
}

// sideWords are parts of names that say which side a telephone number is of, in lower case.
var sideWords = [...]struct{ role, words string }{
	{"from", "from caller calling clid cli ani src source origin sender anruf rufer quelle absender von appelant llamante origen chiamante beller"},
	{"to", "callee called dest dst dnis dialed dialled target recipient ziel nach gerufen empf wahl appele destino llamado chiamato gebeld"},
}

// fields looks for the fields with the numbers of a call.
func (g *suggester) fields() {
	type candidate struct {
		name string
		f    *callField
	}
	var all []candidate
	for _, name := range slices.Sorted(maps.Keys(g.s.callFields)) {
		f := g.s.callFields[name]
		if share(f.Calls, g.s.calls) >= 0.3 && share(f.Numbers, f.Calls) >= most && share(f.Same, f.Calls) >= 0.3 && share(f.Early, f.Calls) >= most {
			all = append(all, candidate{name, f})
		}
	}
	// The most numbers of the most digits first: an id of a customer has few.
	slices.SortStableFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.f.Digits*a.f.Numbers, a.f.Digits*b.f.Numbers), cmp.Compare(b.f.Different, a.f.Different))
	})
	evidence := func(f *callField) string {
		return fmt.Sprintf("like a telephone number in %s of %s, of %s on average; the same throughout in %s; there before the last event in %s; %s different",
			percent(f.Numbers, f.Calls), count(f.Calls, "call"), fmt.Sprintf("%.0f digits", float64(f.Digits)/float64(max(f.Numbers, 1))),
			percent(f.Same, f.Calls), percent(f.Early, f.Calls), atMost(f.Different))
	}
	got := map[string]Suggestion{}
	take := func(role, by string, is func(name string) bool) {
		if _, ok := got[role]; ok {
			return
		}
		if i := slices.IndexFunc(all, func(c candidate) bool { return is(c.name) }); i >= 0 {
			got[role] = Suggestion{role, all[i].name, by, evidence(all[i].f)}
			all = slices.Delete(all, i, i+1)
		}
	}
	for _, role := range []call.Role{call.From, call.To} {
		for _, usual := range g.usual.Fields(role) {
			take(role.String(), "name", func(name string) bool { return strings.EqualFold(name, usual) })
		}
	}
	for _, side := range sideWords {
		take(side.role, "name", func(name string) bool {
			return slices.ContainsFunc(strings.Fields(side.words), func(w string) bool { return strings.Contains(strings.ToLower(name), w) })
		})
	}
	if len(got) == 0 && len(all) > 1 && all[1].f.Different > all[0].f.Different {
		all[0], all[1] = all[1], all[0] // more people call than are called
	}
	for _, role := range []string{"from", "to"} {
		missing := "no other field looks like a telephone number that stays the same in a call"
		if len(all) > 1 && all[0].f.short() && all[1].f.short() {
			missing = fmt.Sprintf("fields have short numbers, any of which may be it: %s (%s), %s (%s)", all[0].name, evidence(all[0].f), all[1].name, evidence(all[1].f))
		} else {
			take(role, "structure", func(string) bool { return true })
		}
		s, ok := got[role]
		if !ok {
			s = Suggestion{Meaning: role, Evidence: missing}
		}
		g.result = append(g.result, s)
	}
}

// short reports whether the numbers are short on average: a duration has as many digits.
func (f *callField) short() bool { return f.Digits < 5*f.Numbers }

func share(n, of int64) float64 { return float64(n) / float64(max(of, 1)) }

func percent(n, of int64) string { return fmt.Sprintf("%.0f %%", 100*share(n, of)) }

func count(n int64, what string) string {
	if n != 1 {
		what += "s"
	}
	return thousands(n) + " " + what
}

// thousands returns n with commas.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func atMost(n int64) string {
	if n >= 1000 {
		return "1,000 or more"
	}
	return thousands(n)
}

func seconds(usec, n int64) string {
	return fmt.Sprintf("%.1f s", float64(usec)/1e6/float64(max(n, 1)))
}
