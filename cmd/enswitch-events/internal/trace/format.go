package trace

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/charmbracelet/colorprofile"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Formats are the names of the formats, in the order in which help lists them.
func Formats() []string { return []string{"line", "ndjson", "mermaid", "html", "summary"} }

// FormatOptions say how calls are shown.
type FormatOptions struct {
	Name     string               // one of Formats
	Profile  colorprofile.Profile // of the format line
	Width    func() int           // columns of the terminal, 0 for none; may be nil
	Location *time.Location       // of the times of day; nil is time.Local
}

// NewFormat returns a format.
func NewFormat(o *FormatOptions) (Format, error) {
	location := o.Location
	if location == nil {
		location = time.Local
	}
	switch o.Name {
	case "line":
		return &lineFormat{palette: render.NewPalette(o.Profile, false), width: o.Width, location: location}, nil
	case "ndjson":
		r, err := render.New(&render.Options{Format: "ndjson"})
		return &ndjsonFormat{renderer: r}, err
	case "mermaid":
		return &mermaidFormat{}, nil
	case "html":
		return &htmlFormat{location: location, section: template.Must(template.New("call").Parse(htmlTemplate))}, nil
	case "summary":
		return &summaryFormat{}, nil
	}
	return nil, fmt.Errorf("unknown output format %q: use one of %s", o.Name, strings.Join(Formats(), ", "))
}

// bare is a Format with nothing before and after the calls.
type bare struct{}

// Header implements Format.
func (bare) Header(dst []byte) []byte { return dst }

// Footer implements Format.
func (bare) Footer(dst []byte) []byte { return dst }

// ndjsonFormat writes the events as received, one a line.
type ndjsonFormat struct {
	bare
	renderer *render.Renderer
	x        event.Index
}

// Call implements Format.
func (f *ndjsonFormat) Call(dst []byte, c *Call) []byte {
	for i := range c.Events {
		dst = f.event(dst, c, nil, &c.Events[i])
	}
	return dst
}

func (f *ndjsonFormat) begin(dst []byte, _ *Call) []byte { return dst }

func (f *ndjsonFormat) end(dst []byte, _ *Call) []byte { return dst }

func (f *ndjsonFormat) event(dst []byte, _ *Call, _ []string, e *Event) []byte {
	if f.x.Scan(e.Raw) != nil {
		return dst // it was scanned before, so this does not happen
	}
	return f.renderer.Event(dst, &event.Event{Raw: e.Raw}, &f.x)
}

// summaryFormat writes the records.
type summaryFormat struct{ bare }

// Call implements Format.
func (summaryFormat) Call(dst []byte, c *Call) []byte { return append(append(dst, c.Record...), '\n') }
