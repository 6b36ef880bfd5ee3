package tui

import (
	"strings"

	"github.com/charmbracelet/colorprofile"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// style has the colours of the screen: those of the line format, darker ones on a light
// terminal. They are empty where there is no colour; bold and reverse are not colours.
type style struct {
	palette                *render.Palette
	dim, good, ring, start string
	bad                    string
}

const (
	bold    = "\x1b[1m"
	reverse = "\x1b[7m"
	reset   = "\x1b[m"
)

func newStyle(p colorprofile.Profile, light bool) *style {
	palette := render.NewPalette(p, light)
	return &style{
		palette: palette, dim: palette.Dim(),
		good: palette.Named("green"), ring: palette.Named("yellow"), start: palette.Named("cyan"), bad: palette.Named("red"),
	}
}

// saysLight reports whether COLORFGBG, which some terminals set, says that the background is
// white: as 0;15. It counts until the terminal answers what its background is.
func saysLight(colors string) bool {
	background := colors[strings.LastIndexByte(colors, ';')+1:]
	return background == "7" || background == "15"
}

// state returns the colour of the state of a call.
func (s *style) state(r *call.Row) string {
	switch {
	case r.State == call.Lost:
		return s.bad
	case r.State == call.Ended || r.Ending:
		return s.dim
	case r.Stage == call.Answer:
		return s.good
	case r.Stage == call.Ring:
		return s.ring
	}
	return s.start
}

// paint writes text in a colour.
func paint(b *strings.Builder, color, text string) {
	if color == "" || text == "" {
		b.WriteString(text)
		return
	}
	b.WriteString(color)
	b.WriteString(text)
	b.WriteString(reset)
}
