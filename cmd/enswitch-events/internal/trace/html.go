package trace

import (
	"bytes"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/htmlpage"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// htmlFormat writes one file that needs nothing else: a table a call, with a column a leg,
// in the colours that the reader's system has, light or dark. It has no script, and its
// policy forbids any.
type htmlFormat struct {
	location *time.Location
	section  *template.Template // of a call
	x        event.Index
}

// Header implements Format.
func (f *htmlFormat) Header(dst []byte) []byte {
	return append(dst, htmlpage.Head("Enswitch call", htmlStyle)...)
}

// Footer implements Format.
func (f *htmlFormat) Footer(dst []byte) []byte { return append(dst, htmlpage.Foot...) }

// htmlCall is a call for the template.
type htmlCall struct {
	Title, At string
	Story     []string
	Legs      []htmlLeg
	Rows      []htmlRow
	Left      int
}

type htmlLeg struct {
	Number int
	ID     string
}

type htmlRow struct {
	Since, Step, Name string
	Before, After     []bool // the columns of legs beside that of the event: whether they are up
	Leg               string
	Class             string
	Times             int
	Fields            []htmlField
	Gap               int // events that are not shown before this one
}

type htmlField struct{ Name, Value string }

// Call implements Format.
func (f *htmlFormat) Call(dst []byte, c *Call) []byte {
	h := htmlCall{Title: strings.TrimPrefix(c.Title(), "call "), Story: c.Story(), Left: c.Count - len(c.Events)}
	columns := c.Legs
	if len(columns) > maxColumns {
		columns = nil
	}
	for i, leg := range columns {
		h.Legs = append(h.Legs, htmlLeg{i + 1, safe.String(leg)})
	}
	start, before := int64(0), int64(0)
	for i := range c.Events {
		e := &c.Events[i]
		e.scan(&f.x)
		if i == 0 {
			start, before = e.Time, e.Time
			if start > 0 {
				h.At = time.UnixMicro(start).In(f.location).Format("2006-01-02 15:04:05.000000 MST")
			}
		}
		row := f.row(c, i, len(columns))
		row.Since = fmt.Sprintf("%.3f", float64(e.Time-start)/1e6)
		if i > 0 {
			row.Step = fmt.Sprintf("%+.3f", float64(e.Time-before)/1e6)
		}
		if i == keptFirst {
			row.Gap = h.Left
		}
		before = e.Time
		h.Rows = append(h.Rows, row)
	}
	var b bytes.Buffer
	if err := f.section.Execute(&b, &h); err != nil {
		return dst // the template has no part that can fail on a text
	}
	return append(dst, b.Bytes()...)
}

// maxColumns is how many legs have columns.
const maxColumns = 8

// row returns the row of event i, which f.x has scanned, where that many legs have columns.
func (f *htmlFormat) row(c *Call, i, columns int) htmlRow {
	e := &c.Events[i]
	row := htmlRow{Name: name(&f.x), Class: e.Kind.String()}
	if e.Times > 1 {
		row.Times = e.Times
	}
	up := make([]bool, columns)
	if columns > 0 {
		begun, ended := c.legsAt(i)
		for leg := range up {
			up[leg] = begun[leg] && !ended[leg]
		}
	}
	n := c.leg(e.Leg)
	switch {
	case n > 0 && n <= columns:
		row.Before, row.After = up[:n-1], up[n:]
	case n > 0:
		row.Leg = fmt.Sprintf("leg %d", n)
	default:
		row.After = up[min(1, columns):]
	}
	for _, field := range fields(&f.x) {
		row.Fields = append(row.Fields, htmlField{safe.String(string(field.key.Text())), string(appendValue(nil, field.value))})
	}
	return row
}

const htmlTemplate = `{{define "lane"}}<td{{if .}} class="lane"{{end}}></td>{{end}}<section>
<h1>Call {{.Title}}</h1>
{{with .At}}<p class="at">{{.}}</p>
{{end}}{{range $i, $line := .Story}}<p class="{{if $i}}more{{else}}story{{end}}">{{$line}}</p>
{{end}}<div class="wide"><table>
<thead><tr><th>since start</th><th>step</th>{{range .Legs}}<th>leg {{.Number}}<br><small>{{.ID}}</small></th>{{else}}<th>event</th>{{end}}<th>fields</th></tr></thead>
<tbody>
{{range .Rows}}{{if .Gap}}<tr><td colspan="99">… {{.Gap}} events</td></tr>
{{end}}<tr><td class="n">{{.Since}}</td><td class="n">{{.Step}}</td>{{range .Before}}{{template "lane" .}}{{end}}<td class="event {{.Class}}"><span>{{if .Leg}}<small>{{.Leg}}</small> {{end}}{{.Name}}{{if .Times}} <b>×{{.Times}}</b>{{end}}</span></td>{{range .After}}{{template "lane" .}}{{end}}<td class="fields">{{range .Fields}}<span><i>{{.Name}}</i> {{.Value}}</span> {{end}}</td></tr>
{{end}}</tbody>
</table></div>
</section>
`

// htmlStyle is the style of what only a trace has.
const htmlStyle = `.lane { background: linear-gradient(var(--line), var(--line)) 1rem 0 / 1px 100% no-repeat; }
.event span { display: inline-block; white-space: nowrap; font-weight: 600; border-left: 3px solid currentColor; padding-left: 0.4rem; }
.start { color: var(--start); } .ring { color: var(--ring); } .answer { color: var(--answer); } .end { color: var(--end); }
.fields { min-width: 13rem; } .fields span { margin-right: 0.8rem; overflow-wrap: anywhere; } .fields i { color: var(--dim); font-style: normal; }
small { color: var(--dim); overflow-wrap: anywhere; }
`
