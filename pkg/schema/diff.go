package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Change says what differs between two schemas.
type Change uint8

// The changes. The first two are about events, and their Path is empty; the others are about
// fields.
const (
	Removed         Change = iota // the second schema does not have it
	Added                         // the first one does not have it
	TypesChanged                  // values have other JSON types
	PresenceChanged               // one has the field always, the other sometimes
	PatternChanged                // no pattern of the one's texts matches the other's
)

// String returns the name of the change.
func (c Change) String() string {
	return [...]string{"removed", "added", "types", "presence", "pattern"}[c]
}

// Difference is something that differs between two schemas.
type Difference struct {
	Change Change
	Name   Name
	Path   []string // of the field, nil for the event
	// Before and After describe the two schemas, as "always" and "37 %". One is empty if only
	// the other schema has the event or field.
	Before, After string
}

// Diff returns what differs between two schemas, sorted by event and field. Counts, values and
// examples do not matter, and neither does a number that comes as a text, because a POSTed form
// has only texts. An event or a field that only one of them has is one Difference, whatever is
// in it.
func Diff(a, b *Schema) (all []Difference) {
	names := slices.Collect(maps.Keys(a.kinds))
	for n := range b.kinds {
		if a.kinds[n] == nil {
			names = append(names, n)
		}
	}
	slices.SortFunc(names, Name.Compare)
	for _, n := range names {
		switch k, o := a.kinds[n], b.kinds[n]; {
		case o == nil:
			all = append(all, Difference{Change: Removed, Name: n, Before: "event"})
		case k == nil:
			all = append(all, Difference{Change: Added, Name: n, After: "event"})
		default:
			all = diffMembers(all, Difference{Name: n}, k.Root, o.Root)
		}
	}
	return all
}

// diffMembers appends what differs below two fields of the same name.
func diffMembers(all []Difference, at Difference, a, b *Field) []Difference {
	names := a.Names()
	for _, name := range b.Names() {
		if a.Members[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	path := at.Path
	for _, name := range names {
		d := at
		d.Path = append(slices.Clip(path), name)
		all = diffField(all, d, a, b, a.Members[name], b.Members[name])
	}
	if a.Elements != nil || b.Elements != nil {
		d := at
		d.Path = append(slices.Clip(path), "[]")
		all = diffField(all, d, nil, nil, a.Elements, b.Elements)
	}
	return all
}

// diffField appends what differs between two fields, which are in parents, nil for the
// elements of an array. One of the fields may be nil.
func diffField(all []Difference, d Difference, parentA, parentB, a, b *Field) []Difference {
	switch {
	case b == nil:
		d.Change, d.Before = Removed, a.TypeText()
		return append(all, d)
	case a == nil:
		d.Change, d.After = Added, b.TypeText()
		return append(all, d)
	}
	if a.foreign(b) || b.foreign(a) {
		d.Change, d.Before, d.After = TypesChanged, a.TypeText(), b.TypeText()
		all = append(all, d)
		if a.Has(event.Object) != b.Has(event.Object) || a.Has(event.Array) != b.Has(event.Array) {
			a, b = &Field{}, &Field{} // its members are no differences of their own
		}
	} else if p, q := a.patterns&^printable, b.patterns&^printable; a.patterns != allPatterns && b.patterns != allPatterns && p != 0 && q != 0 && p&q == 0 {
		d.Change, d.Before, d.After = PatternChanged, a.Pattern(), b.Pattern()
		all = append(all, d)
	}
	if parentA != nil && a.Count > 0 && parentA.Always(a) != parentB.Always(b) {
		d.Change, d.Before, d.After = PresenceChanged, parentA.PresenceText(a), parentB.PresenceText(b)
		all = append(all, d)
	}
	return diffMembers(all, d, a, b)
}

// foreign reports whether f has a type that o has not, other than one that a POSTed form
// turns into a text.
func (f *Field) foreign(o *Field) bool {
	for t, n := range f.Types {
		if k := event.Kind(t); n > 0 && o.Types[k] == 0 && !o.excuses(k, f.patterns) {
			return true
		}
	}
	return false
}

// TypeText returns the types of the values as text, as "number or string".
func (f *Field) TypeText() string {
	var names []string
	for k, n := range f.Types {
		if n > 0 {
			names = append(names, event.Kind(k).String())
		}
	}
	return strings.Join(names, " or ")
}

// PresenceText returns how many of the objects f have the member m, as "always" or "37 %".
func (f *Field) PresenceText(m *Field) string {
	if f.Always(m) {
		return "always"
	}
	share := 100 * float64(m.Count) / float64(f.objects())
	switch {
	case share < 1:
		return "<1 %"
	case share > 99:
		return ">99 %"
	}
	return fmt.Sprintf("%.0f %%", share)
}

// PathText returns a path as text, as "device.ids[]".
func PathText(path []string) string {
	return strings.ReplaceAll(strings.Join(path, "."), ".[]", "[]")
}
