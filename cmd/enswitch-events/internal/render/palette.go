package render

import (
	"github.com/charmbracelet/colorprofile"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Palette is the colours of the line format, for other outputs that show events. All are
// escape sequences that Reset ends, and empty where there is no colour.
type Palette struct{ theme theme }

// NewPalette returns the colours of a profile: those that can be read on light and on dark or,
// if the background is known to be light, darker ones.
func NewPalette(p colorprofile.Profile, light bool) *Palette { return &Palette{themeOn(p, light)} }

// Reset ends a colour.
func (p *Palette) Reset() string { return p.theme.reset }

// Dim is for what is the same on every line: times, names of fields.
func (p *Palette) Dim() string { return p.theme.dim }

// Call returns the colour of the id of a call: the same for the same id in every run.
func (p *Palette) Call(id []byte) string { return p.theme.call(id).id }

// Name returns the colour of the name of an event, of the call with that id.
func (p *Palette) Name(what event.Value, id []byte) string {
	if color := p.theme.meaning(what); color != "" {
		return color
	}
	return p.theme.call(id).name
}

// Named returns the colour that templates call by that name, as red.
func (p *Palette) Named(name string) string { return p.theme.named[name] }
