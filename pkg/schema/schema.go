// Package schema learns which classes and events there are in a stream of Enswitch events,
// which fields they have, and what the values look like. The vendor publishes no list, and
// says that new events and fields appear without warning.
//
// A [Schema] is what was learned. [Learner] learns from events, one for each goroutine that
// reads them; what it has learned since the last time is a [Part], which [Schema.Add] adds.
// A Schema can be merged with others, kept in a file ([Read], [Update]), compared ([Diff]),
// exported ([Schema.JSONSchema], [Schema.Go], [Schema.TypeScript], [Schema.Markdown]), and
// asked which event begins, answers or ends a call ([Schema.Suggest]).
//
// Apart from what the limits leave out, and from what [Schema.Suggest] rests on, a Schema does
// not depend on the order of the events, nor on how they were split among learners and files.
//
// # Limits
//
// A Schema has at most 2,000 events, by class and name, and 20,000 fields, nested ones
// included, 16 levels deep. Names have at most 256 bytes. Of a field it keeps up to 16 values
// if there are no more, or else 3 examples, of at most 64 bytes each. What is beyond that is
// left out and counted: see [Left].
//
// # What is kept of values
//
// Values that may be secrets or telephone numbers are not kept, unless [Options] ask for
// them: those of fields that are called so (password, token, from, to, …), and those that look
// so in any field. See [Examples].
package schema

import (
	"cmp"
	"maps"
	"slices"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// The limits.
const (
	maxKinds    = 2_000
	maxFields   = 20_000
	maxDepth    = 16
	maxName     = 256 // bytes of a class, an event, or a field
	maxValues   = 16
	maxExamples = 3
	maxText     = 64 // bytes of a value that is kept
)

// AnyName is the name of the members of an object whose names are telephone numbers, UUIDs
// or other long numbers: all of them are one field.
const AnyName = "*"

// Name is the name of an event: its class and what happened. Either is empty if events have
// no such field.
type Name struct{ Class, Event string }

// String returns "class.event".
func (n Name) String() string { return n.Class + "." + n.Event }

// Compare compares names by class, then event.
func (n Name) Compare(o Name) int {
	return cmp.Or(cmp.Compare(n.Class, o.Class), cmp.Compare(n.Event, o.Event))
}

// Left counts what was left out.
type Left struct {
	// Events counts events that were not learned, because there were too many different
	// classes and events.
	Events int64 `json:"events,omitempty"`
	// Fields counts fields of events that were not learned, because there were too many
	// different fields.
	Fields int64 `json:"fields,omitempty"`
	// Long counts events and fields whose names are too long.
	Long int64 `json:"long_names,omitempty"`
	// Deep counts objects and arrays that were not looked into, because they are nested too
	// deep.
	Deep int64 `json:"deep,omitempty"`
}

func (l *Left) add(o Left) {
	l.Events += o.Events
	l.Fields += o.Fields
	l.Long += o.Long
	l.Deep += o.Deep
}

// Schema is what was learned. It is not safe for concurrent use. The zero Schema is empty
// and ready.
type Schema struct {
	kinds  map[Name]*Kind
	fields int
	left   Left

	calls, legs int64 // that were followed
	span        int64 // of the longest run in which they were followed, in microseconds
	callFields  map[string]*callField
}

// Kind is what is known of the events with the same class and name.
type Kind struct {
	Name
	// Root is the event itself, whose Count is the number of events, and whose Members are
	// its fields.
	Root *Field
	// Steps is where these events are in their calls; nil if they were in none.
	Steps *Steps
}

// Count returns the number of events.
func (k *Kind) Count() int64 { return k.Root.Count }

// Field is what is known of a field, of a member of an object, or of the elements of an
// array. It must not be changed.
type Field struct {
	// Count is the number of values. Of a name that an object has several times the last
	// counts.
	Count int64
	// Types counts the values by their JSON type.
	Types [event.Object + 1]int64
	// Values are all the values that texts and numbers had, sorted, unless Many is set.
	Values []string
	// Many says that there were more values than Values can hold, or values that are not
	// kept.
	Many bool
	// Examples are a few of the values if there are many, sorted. Which ones depends on
	// nothing but the values.
	Examples []string
	// Members are the members of objects, Elements the elements of arrays, nil if there
	// was none.
	Members  map[string]*Field
	Elements *Field

	patterns patterns
}

func newField() *Field { return &Field{patterns: allPatterns} }

// Events returns the number of events that were learned.
func (s *Schema) Events() (n int64) {
	for _, k := range s.kinds {
		n += k.Root.Count
	}
	return n
}

// Left returns what was left out.
func (s *Schema) Left() Left { return s.left }

// Empty reports whether s has no event, and none was left out.
func (s *Schema) Empty() bool { return len(s.kinds) == 0 && s.left == Left{} }

// Kinds returns the kinds, sorted by name.
func (s *Schema) Kinds() []*Kind {
	return slices.SortedFunc(maps.Values(s.kinds), func(a, b *Kind) int { return a.Compare(b.Name) })
}

// Kind returns the kind of that name, nil if there is none.
func (s *Schema) Kind(n Name) *Kind { return s.kinds[n] }

// kind returns the kind of that name, and makes it if there is room.
func (s *Schema) kind(n Name) *Kind {
	k := s.kinds[n]
	if k == nil {
		if len(s.kinds) >= maxKinds || len(n.Class) > maxName || len(n.Event) > maxName {
			return nil
		}
		if s.kinds == nil {
			s.kinds = map[Name]*Kind{}
		}
		k = &Kind{Name: n, Root: newField()}
		s.kinds[n] = k
	}
	return k
}

// member returns the member of f of that name, and makes it if there is room.
func (s *Schema) member(f *Field, name string) *Field {
	m := f.Members[name]
	if m == nil {
		if s.fields >= maxFields {
			return nil
		}
		if f.Members == nil {
			f.Members = map[string]*Field{}
		}
		m = newField()
		f.Members[name] = m
		s.fields++
	}
	return m
}

// elements returns the elements of f, and makes them if there is room.
func (s *Schema) elements(f *Field) *Field {
	if f.Elements == nil {
		if s.fields >= maxFields {
			return nil
		}
		f.Elements = newField()
		s.fields++
	}
	return f.Elements
}

// Names returns the names of the members, sorted.
func (f *Field) Names() []string { return slices.Sorted(maps.Keys(f.Members)) }

// Has reports whether values were of that JSON type.
func (f *Field) Has(k event.Kind) bool { return f.Types[k] > 0 }

// objects returns how many objects there were in which a member of f could be.
func (f *Field) objects() int64 { return f.Types[event.Object] }

// Always reports whether each of the objects that f describes has the member m, which may be
// nil. For a field of an event f is Kind.Root.
func (f *Field) Always(m *Field) bool { return m != nil && m.Count >= f.objects() }

// Walk calls visit for each field below f, in the order of names, with its path. Elements of
// an array have the name "[]". The path is valid during the call.
func (f *Field) Walk(visit func(path []string, parent, f *Field)) { f.walk(nil, visit) }

func (f *Field) walk(path []string, visit func(path []string, parent, f *Field)) {
	for _, name := range f.Names() {
		m := f.Members[name]
		at := append(path, name)
		visit(at, f, m)
		m.walk(at, visit)
	}
	if f.Elements != nil {
		at := append(path, "[]")
		visit(at, f, f.Elements)
		f.Elements.walk(at, visit)
	}
}

// addValue adds a value that may be kept.
func (f *Field) addValue(text string) {
	if f.Many {
		f.addExample(text)
		return
	}
	i, found := slices.BinarySearch(f.Values, text)
	if found {
		return
	}
	if f.Values = slices.Insert(f.Values, i, text); len(f.Values) > maxValues {
		f.setMany()
	}
}

// setMany notes that not all values are kept.
func (f *Field) setMany() {
	if f.Many {
		return
	}
	f.Many = true
	values := f.Values
	f.Values = nil
	for _, v := range values {
		f.addExample(v)
	}
}

// addExample adds an example. Those with the lowest hashes stay, so that it does not matter
// which came first.
func (f *Field) addExample(text string) {
	i, found := slices.BinarySearch(f.Examples, text)
	if found {
		return
	}
	f.Examples = slices.Insert(f.Examples, i, text)
	if len(f.Examples) > maxExamples {
		highest := 0
		for i := range f.Examples {
			if hashText(f.Examples[i]) > hashText(f.Examples[highest]) {
				highest = i
			}
		}
		f.Examples = slices.Delete(f.Examples, highest, highest+1)
	}
}

// Merge adds what o knows to s. O is not changed, and shares nothing with s.
func (s *Schema) Merge(o *Schema) {
	s.left.add(o.left)
	for _, k := range o.Kinds() {
		own := s.kind(k.Name)
		if own == nil {
			s.left.Events += k.Root.Count
			continue
		}
		s.merge(own.Root, k.Root)
		own.Steps = own.Steps.merge(k.Steps)
	}
	s.calls += o.calls
	s.legs += o.legs
	s.span = max(s.span, o.span)
	for _, name := range slices.Sorted(maps.Keys(o.callFields)) {
		s.addCallField(name, o.callFields[name])
	}
}

func (s *Schema) merge(f, o *Field) {
	f.Count += o.Count
	for i, n := range o.Types {
		f.Types[i] += n
	}
	f.patterns &= o.patterns
	for _, v := range o.Values {
		f.addValue(v)
	}
	if o.Many {
		f.setMany()
	}
	for _, v := range o.Examples {
		f.addExample(v)
	}
	for _, name := range o.Names() {
		if m := s.member(f, name); m != nil {
			s.merge(m, o.Members[name])
		} else {
			s.left.Fields += o.Members[name].Count
		}
	}
	if o.Elements != nil {
		if m := s.elements(f); m != nil {
			s.merge(m, o.Elements)
		} else {
			s.left.Fields += o.Elements.Count
		}
	}
}
