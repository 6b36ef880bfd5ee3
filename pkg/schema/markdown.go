package schema

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
)

// Markdown returns a page with a table of the fields of each event.
func (s *Schema) Markdown() []byte {
	var out bytes.Buffer
	out.WriteString("# Enswitch events as they were seen\n\nThere may be others, and further fields: they appear without warning.\n")
	for _, k := range s.Kinds() {
		fmt.Fprintf(&out, "\n## %s\n\nSeen %s.\n\n| field | type | present | values |\n|---|---|---|---|\n", md(k.String()), count(k.Count(), "time"))
		k.Root.Walk(func(path []string, parent, f *Field) {
			present := ""
			if last := path[len(path)-1]; last != "[]" && last != AnyName {
				present = parent.PresenceText(f)
			}
			fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", md(PathText(path)), f.TypeText(), md(present), md(f.describe()))
		})
	}
	return out.Bytes()
}

// md returns a text with nothing in it that Markdown or HTML takes for its own, on one line.
func md(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '|':
			b.WriteString("&#124;")
		case strings.ContainsRune("\\`*_{}[]()#!~$", r):
			b.WriteRune('\\')
			b.WriteRune(r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, "\\\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
