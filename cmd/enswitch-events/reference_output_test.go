//go:build unix

package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// printer prints what is kept.
type printer struct {
	c   *catCase
	out []byte

	// The format line has the program's own renderer, which remembers the event
	// before.
	people *render.Renderer
	x      event.Index
}

func newPrinter(c *catCase) *printer {
	p := &printer{c: c}
	if c.format == "line" {
		profile, err := render.ColorProfile(c.color, false, nil)
		if err != nil {
			panic(err)
		}
		o := &render.Options{Format: "line", Fields: c.fields, Time: c.time, Profile: profile, RawOutput: c.raw}
		if p.people, err = render.New(o); err != nil {
			panic(err)
		}
	}
	return p
}

func (p *printer) header() {
	if p.c.format == "csv" || p.c.format == "tsv" {
		p.row(p.c.fields)
	}
}

func (p *printer) print(source string, r *record, o output) {
	if p.people != nil {
		p.line(source, r, o)
		return
	}
	json, fields := r.text, r.fields
	if o.value != nil {
		made, ok := parseRecord(o.value)
		if !ok {
			p.scalar(source, o.value)
			return
		}
		json, fields = o.value, made.fields
	}
	switch p.c.format {
	case "json":
		if o.value == nil {
			json = r.raw
		}
		p.json(source, json)
	case "csv", "tsv":
		var cells []string
		for _, name := range p.c.fields {
			value, _ := field(fields, name)
			cells = append(cells, cellText(value))
		}
		p.row(cells)
	default:
		if p.c.fields != nil {
			json = pick(fields, p.c.fields)
		} else if bytes.ContainsAny(json, "\r") {
			json = compact(json) // on one line
		}
		p.json(source, json)
	}
}

// line prints by the program's own renderer.
func (p *printer) line(source string, r *record, o output) {
	ev := &event.Event{Raw: r.raw, Source: source}
	if o.value != nil {
		p.out = p.people.Value(p.out, ev, o.value)
		return
	}
	if err := p.x.Scan(r.raw); err != nil {
		panic(err)
	}
	p.out = p.people.Event(p.out, ev, &p.x)
}

// json prints JSON on a line, or indented.
func (p *printer) json(source string, text []byte) {
	if p.c.meta {
		name, _ := json.Marshal(source)
		text = fmt.Appendf(nil, `{"received":null,"source":%s,"event":%s}`, name, text)
	}
	if p.c.format == "pretty" {
		var b bytes.Buffer
		if err := json.Indent(&b, bytes.TrimSpace(text), "", "  "); err != nil {
			panic(err)
		}
		text = []byte(shown.Replace(b.String()))
	}
	p.out = append(append(p.out, text...), '\n')
}

// shown has the characters of the captures of this test that a terminal must
// not see.
var shown = strings.NewReplacer("\x7f", `\u007f`, "\u0085", `\u0085`, "\u202e", `\u202e`)

// scalar prints a value of jq that is no object.
func (p *printer) scalar(source string, value []byte) {
	table := p.c.format == "csv" || p.c.format == "tsv"
	switch {
	case table:
		p.row([]string{cellText(value)})
	case value[0] == '"' && p.c.raw && !p.c.meta:
		text := words(value)
		if p.c.format == "pretty" {
			p.out = safe.Append(p.out, []byte(text))
		} else {
			p.out = append(p.out, text...)
		}
		p.out = append(p.out, '\n')
	default:
		p.json(source, value)
	}
}

var tsvEscapes = strings.NewReplacer("\x00", `\0`, "\\", `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

func (p *printer) row(cells []string) {
	if p.c.format == "tsv" {
		for i := range cells {
			cells[i] = tsvEscapes.Replace(cells[i])
		}
		p.out = append(append(p.out, strings.Join(cells, "\t")...), '\n')
		return
	}
	if len(p.c.fields) == 1 && cells[0] == "" {
		p.out = append(p.out, "\"\"\n"...) // an empty line would be skipped
		return
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(cells) // to memory
	w.Flush()
	p.out = append(p.out, b.Bytes()...)
}

func cellText(value []byte) string {
	switch {
	case len(value) == 0 || string(value) == "null":
		return ""
	case value[0] == '{' || value[0] == '[':
		return string(compact(value))
	}
	return words(value)
}

func compact(text []byte) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// pick is an object of the fields that were asked for.
func pick(fields []pair, names []string) []byte {
	var members []string
	for _, name := range names {
		if value, ok := field(fields, name); ok {
			members = append(members, fmt.Sprintf("%q:%s", name, compact(value)))
		}
	}
	return []byte("{" + strings.Join(members, ",") + "}")
}
