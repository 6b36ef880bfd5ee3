package trace

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// The format mermaid: one sequence diagram, in which the machines send the events of the
// legs. All texts are written so that they cannot be taken for anything else: letters and
// digits as they are, most other characters as numbers, as #59; for a semicolon.

// mermaidFormat writes sequence diagrams.
type mermaidFormat struct {
	actors map[string]string // names in the diagram, by what they stand for
	x      event.Index
}

// Header implements Format.
func (f *mermaidFormat) Header(dst []byte) []byte {
	f.actors = map[string]string{}
	return append(dst, "sequenceDiagram\n"...)
}

// Footer implements Format.
func (f *mermaidFormat) Footer(dst []byte) []byte { return dst }

// maxDiagram is how many characters of a text are in a diagram.
const maxDiagram = 120

// Call implements Format.
func (f *mermaidFormat) Call(dst []byte, c *Call) []byte {
	for _, m := range c.Machines {
		dst = f.actor(dst, "M", m, "machine "+m)
	}
	if len(c.Machines) == 0 {
		dst = f.actor(dst, "M", "", "Enswitch")
	}
	for i, leg := range c.Legs {
		dst = f.actor(dst, "L", leg, fmt.Sprintf("leg %d", i+1), leg)
	}
	all := f.span(c)
	dst = fmt.Appendf(dst, "    Note over %s: %s\n", all, diagramText(c.Title()))
	start := int64(0)
	for i := range c.Events {
		e := &c.Events[i]
		e.scan(&f.x)
		if i == 0 {
			start = e.Time
		}
		from, ok := f.actors["M"+e.Machine]
		if !ok {
			from = f.actors["M"+first(c.Machines)]
		}
		words := []string{fmt.Sprintf("%.3f s", float64(e.Time-start)/1e6), name(&f.x)}
		if e.Times > 1 {
			words = append(words, fmt.Sprintf("×%d", e.Times))
		}
		var text strings.Builder
		text.WriteString(diagramText(strings.Join(words, " ")))
		for _, field := range fields(&f.x) { // a long line would not fit between two actors
			text.WriteString("<br/>" + diagramText(string(appendField(nil, &field))))
		}
		if slices.Contains(c.Legs, e.Leg) {
			dst = fmt.Appendf(dst, "    %s->>%s: %s\n", from, f.actors["L"+e.Leg], text.String())
		} else {
			dst = fmt.Appendf(dst, "    Note over %s: %s\n", from, text.String())
		}
	}
	for _, line := range c.Story() {
		dst = fmt.Appendf(dst, "    Note over %s: %s\n", all, diagramText(line))
	}
	return dst
}

// actor appends the line that begins an actor, unless it has been begun.
func (f *mermaidFormat) actor(dst []byte, kind, of string, lines ...string) []byte {
	if f.actors[kind+of] != "" {
		return dst
	}
	id := fmt.Sprintf("%s%d", kind, len(f.actors)+1)
	f.actors[kind+of] = id
	for i, line := range lines {
		lines[i] = diagramText(safe.String(line))
	}
	return fmt.Appendf(dst, "    participant %s as %s\n", id, strings.Join(lines, "<br/>"))
}

// span returns the first and the last actor of a call, for a note over all of them.
func (f *mermaidFormat) span(c *Call) string {
	from := f.actors["M"+first(c.Machines)]
	if n := len(c.Legs); n > 0 {
		return from + "," + f.actors["L"+c.Legs[n-1]]
	}
	return from
}

func first(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

// diagramText returns text that is safe to show as a text of a diagram.
func diagramText(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > maxDiagram {
			b.WriteString("…")
			break
		}
		if unicode.IsLetter(r) || '0' <= r && r <= '9' || strings.ContainsRune(" .,=+*()…×", r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}
