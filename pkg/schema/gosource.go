package schema

import (
	"bytes"
	"fmt"
	"go/format"
	"go/token"
	"strconv"
	"strings"
	"unicode"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Go returns the source of a Go package of that name with a struct for each event, for
// encoding/json. A number is a json.Number, which also takes the text of a POST; what has
// several types is a Text, or else a json.RawMessage. A member of an object may be missing or
// null: its field is then zero. Names that no struct tag can have are left to a comment.
func (s *Schema) Go(pkg string) ([]byte, error) {
	if !token.IsIdentifier(pkg) || pkg == "_" {
		return nil, fmt.Errorf("%q is no name for a package", pkg)
	}
	g := &goSource{types: newIdentifiers(false, "Text")}
	kinds := s.Kinds()
	names := g.types.ofKinds(kinds)
	for i, k := range kinds {
		fmt.Fprintf(&g.body, "\n// %s is the event %s, seen %s.\n", names[i], comment(k.String()), count(k.Count(), "time"))
		fmt.Fprintf(&g.body, "type %s ", names[i])
		g.object(k.Root, names[i])
		g.body.WriteByte('\n')
		for len(g.pending) > 0 {
			next := g.pending[0]
			g.pending = g.pending[1:]
			fmt.Fprintf(&g.body, "\n// %s is in %s.\ntype %[1]s ", next.name, next.in)
			g.object(next.field, next.name)
			g.body.WriteByte('\n')
		}
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "// Package %s has the events of Enswitch as they were seen. There may be others, and\n// further fields: they appear without warning.\npackage %[1]s\n\n", pkg)
	if g.json || g.text {
		out.WriteString("import \"encoding/json\"\n")
	}
	if g.text {
		out.WriteString(goText)
	}
	out.Write(g.body.Bytes())
	return format.Source(out.Bytes())
}

// goText is the type of a field that is a text in some events and a number in others.
const goText = `
// Text is a text, a number, true or false as text. Null is "".
type Text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *Text) UnmarshalJSON(b []byte) error {
	switch {
	case len(b) > 0 && b[0] == '"':
		return json.Unmarshal(b, (*string)(t))
	case string(b) == "null":
		*t = ""
	default:
		*t = Text(b)
	}
	return nil
}
`

// goSource writes Go.
type goSource struct {
	body       bytes.Buffer
	types      *identifiers
	pending    []goType // structs still to be written
	json, text bool     // what the source needs
}

// goType is a struct that is a part of another one.
type goType struct {
	name, in string
	field    *Field
}

// object writes the struct for objects with the members of f.
func (g *goSource) object(f *Field, name string) {
	g.body.WriteString("struct {\n")
	fields := newIdentifiers(false)
	for _, member := range f.Names() {
		m := f.Members[member]
		if member == AnyName {
			fmt.Fprintf(&g.body, "\t// Members named by numbers or ids are left out: %s.\n", m.TypeText())
			continue
		}
		if !goTag(member) {
			fmt.Fprintf(&g.body, "\t// No tag can have the name \"%s\": %s.\n", comment(member), m.TypeText())
			continue
		}
		tag := member
		if tag == "-" {
			tag = "-,"
		}
		if !f.Always(m) {
			tag += ",omitempty"
		}
		field := fields.of(member)
		fmt.Fprintf(&g.body, "\t%s %s `json:%s`", field, g.goType(m, name+field, name), strconv.Quote(tag))
		if about := m.describe(); about != "" {
			fmt.Fprintf(&g.body, " // %s", comment(about))
		}
		g.body.WriteByte('\n')
	}
	g.body.WriteString("}")
}

// goTag reports whether a struct tag can have the name: encoding/json passes over others.
func goTag(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r)
	})
}

// goType returns the type of a field. A struct gets a name that begins with name.
func (g *goSource) goType(f *Field, name, in string) string {
	var types []event.Kind
	for t := event.Bool; t <= event.Object; t++ {
		if f.Has(t) {
			types = append(types, t)
		}
	}
	if len(types) == 1 {
		switch types[0] {
		case event.Bool:
			return "bool"
		case event.Number:
			g.json = true
			return "json.Number"
		case event.String:
			return "string"
		case event.Array:
			if f.Elements != nil {
				return "[]" + g.goType(f.Elements, name+"Item", in)
			}
		case event.Object:
			if any := f.Members[AnyName]; any != nil && len(f.Members) == 1 {
				return "map[string]" + g.goType(any, name+"Item", in)
			}
			if len(f.Members) > 0 {
				id := g.types.of(name)
				g.pending = append(g.pending, goType{id, in, f})
				return id
			}
		}
	}
	if len(types) > 0 && types[len(types)-1] <= event.String {
		g.json, g.text = true, true
		return "Text"
	}
	g.json = true
	return "json.RawMessage"
}
