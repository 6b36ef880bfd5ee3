package schema

import (
	"encoding/json"
	"maps"
	"strconv"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// JSONSchema returns a JSON Schema (draft 2020-12) of the events. It accepts all events that
// were learned and not left out, whether they came from the websocket or as POSTs. It requires
// the fields that were always there, and accepts further ones, because new fields appear
// without warning; events that were never seen it refuses.
func (s *Schema) JSONSchema() []byte {
	defs := map[string]any{}
	anyOf := []any{}
	for _, k := range s.Kinds() {
		name := k.String()
		for i := 2; defs[name] != nil; i++ { // a.b and c, and a and b.c
			name = k.String() + "#" + strconv.Itoa(i)
		}
		def := object(k.Root)
		def["title"] = k.String()
		for field, text := range map[string]string{"class": k.Class, "event": k.Event} {
			properties, _ := def["properties"].(map[string]any)
			if properties == nil {
				properties = map[string]any{}
				def["properties"] = properties
			}
			if m := k.Root.Members[field]; m == nil {
				properties[field] = false // it has none
			} else if m.Types[event.String] == m.Count {
				properties[field] = map[string]any{"const": text}
			}
		}
		defs[name] = def
		anyOf = append(anyOf, map[string]any{"$ref": "#/$defs/" + pointer(name)})
	}
	root := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Enswitch events as they were seen",
		"type": "object", "$defs": defs,
	}
	if len(anyOf) > 0 {
		root["anyOf"] = anyOf
	} else {
		root["not"] = map[string]any{}
	}
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil // texts and numbers can be written
	}
	return append(out, '\n')
}

// pointer returns a name as a part of a JSON pointer in a URI.
func pointer(name string) string {
	var b []byte
	for i := range len(name) {
		switch c := name[i]; {
		case c == '~':
			b = append(b, "~0"...)
		case c == '/':
			b = append(b, "~1"...)
		case isWord(c), c == '.':
			b = append(b, c)
		default:
			const hexDigits = "0123456789ABCDEF"
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(b)
}

// object returns the part of a schema for objects with the members of f.
func object(f *Field) map[string]any {
	o := map[string]any{}
	properties, required := map[string]any{}, []string{}
	for _, name := range f.Names() {
		m := f.Members[name]
		if name == AnyName {
			if len(f.Members) == 1 {
				o["additionalProperties"] = property(m)
			}
			continue
		}
		properties[name] = property(m)
		if f.Always(m) {
			required = append(required, name)
		}
	}
	if len(properties) > 0 {
		o["properties"] = properties
	}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// property returns the part of a schema for a field.
func property(f *Field) map[string]any {
	o := map[string]any{}
	types := []string{}
	p := f.pattern()
	for t := event.Null; t <= event.Object; t++ {
		// A number comes as a text in a POST, and the reverse.
		if f.Has(t) || t == event.String && (f.Has(event.Number) || f.Has(event.Bool)) || t == event.Number && f.Has(event.String) && f.patterns&decimal != 0 && f.patterns != allPatterns {
			types = append(types, t.String())
		}
	}
	if len(types) > 0 {
		o["type"] = types
	}
	if len(types) == 1 {
		o["type"] = types[0]
	}
	if p >= 0 && known[p].regexp != "" && !f.Has(event.Bool) {
		o["pattern"] = "^(" + known[p].regexp + ")?$"
	}
	if values, _ := f.shown(); len(values) > 0 {
		o["examples"] = values
	}
	if len(f.Members) > 0 {
		maps.Copy(o, object(f))
	}
	if f.Elements != nil {
		o["items"] = property(f.Elements)
	}
	return o
}
