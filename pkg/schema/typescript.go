package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// TypeScript returns the source of a TypeScript module with an interface for each event, and
// the type EnswitchEvent of all of them. A number may also be a text, as in a POST. Fields that
// were not always there are optional. There may be further fields, which are unknown.
func (s *Schema) TypeScript() []byte {
	types := newIdentifiers(true, "EnswitchEvent", "Record", "Array", "Object", "String", "Number", "Boolean", "Symbol")
	var out bytes.Buffer
	out.WriteString("// The events of Enswitch as they were seen. There may be others, and further fields: they\n// appear without warning.\n")
	kinds := s.Kinds()
	names := types.ofKinds(kinds)
	for i, k := range kinds {
		fmt.Fprintf(&out, "\n// The event %s, seen %s.\nexport interface %s ", comment(k.String()), count(k.Count(), "time"), names[i])
		tsObject(&out, k.Root, k, "")
		out.WriteByte('\n')
	}
	out.WriteString("\nexport type EnswitchEvent =")
	if len(names) == 0 {
		out.WriteString(" never")
	}
	for _, name := range names {
		out.WriteString("\n  | " + name)
	}
	out.WriteString(";\n")
	return out.Bytes()
}

// tsObject writes the type of objects with the members of f; k is the event, nil for others.
func tsObject(out *bytes.Buffer, f *Field, k *Kind, indent string) {
	out.WriteString("{\n")
	for _, name := range f.Names() {
		m := f.Members[name]
		if name == AnyName {
			continue
		}
		optional := ""
		if !f.Always(m) {
			optional = "?"
		}
		fmt.Fprintf(out, "%s  %s%s: ", indent, tsString(name), optional)
		switch {
		case k != nil && name == "class" && m.Types[event.String] == m.Count:
			out.WriteString(tsString(k.Class))
		case k != nil && name == "event" && m.Types[event.String] == m.Count:
			out.WriteString(tsString(k.Event))
		default:
			tsType(out, m, indent+"  ")
		}
		out.WriteString(";")
		if about := m.describe(); about != "" && (k == nil || name != "class" && name != "event") {
			out.WriteString(" // " + comment(about))
		}
		out.WriteByte('\n')
	}
	fmt.Fprintf(out, "%s  [field: string]: unknown;\n%s}", indent, indent)
}

// tsType writes the type of a field.
func tsType(out *bytes.Buffer, f *Field, indent string) {
	n := 0
	or := func(s string) {
		if n++; n > 1 {
			out.WriteString(" | ")
		}
		out.WriteString(s)
	}
	if f.Has(event.Object) {
		or("")
		tsObject(out, f, nil, indent)
	}
	if f.Has(event.Array) {
		or("")
		out.WriteString("Array<")
		if f.Elements != nil {
			tsType(out, f.Elements, indent)
		} else {
			out.WriteString("unknown")
		}
		out.WriteString(">")
	}
	for _, t := range []event.Kind{event.Bool, event.Number} {
		if f.Has(t) {
			or(t.String())
		}
	}
	if f.Has(event.String) || f.Has(event.Bool) || f.Has(event.Number) {
		or("string")
	}
	if f.Has(event.Null) {
		or("null")
	}
	if n == 0 {
		out.WriteString("unknown")
	}
}

// tsString returns a text as a literal of TypeScript, in ASCII.
func tsString(s string) string {
	b, err := json.Marshal(s) // which escapes <, >, & and the line breaks of JavaScript
	if err != nil {
		return `""` // a text can be written
	}
	var out strings.Builder
	for _, r := range string(b) {
		switch {
		case r < 0x80:
			out.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}
