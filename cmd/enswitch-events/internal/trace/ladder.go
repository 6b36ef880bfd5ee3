package trace

import (
	"fmt"
	"slices"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Ladder draws the events of a call for a screen: a row each, with a column for each leg, in
// which it shows from its first event to its last.
type Ladder struct {
	palette *render.Palette
	x       event.Index
}

// NewLadder returns a Ladder.
func NewLadder(p *render.Palette) *Ladder { return &Ladder{palette: p} }

// Segment is a text in a colour of the palette, which may be none.
type Segment struct{ Color, Text string }

// Row returns event i of c, with that many columns for legs. It is safe to show.
func (l *Ladder) Row(c *Call, i, columns int) (row []Segment) {
	e := &c.Events[i]
	e.scan(&l.x)
	lane := slices.Index(c.Legs, e.Leg)
	begun, ended := c.legsAt(i)
	for n := range min(len(c.Legs), columns) {
		switch {
		case n == lane:
			row = append(row, Segment{l.palette.Call([]byte(e.Leg)), "●   "})
		case begun[n] && !ended[n]:
			row = append(row, Segment{l.palette.Dim(), "│   "})
		default:
			row = append(row, Segment{"", "    "})
		}
	}
	if lane >= columns {
		row = append(row, Segment{l.palette.Dim(), fmt.Sprintf("leg %d ", lane+1)})
	}
	text := name(&l.x)
	if e.Kind != call.None && e.Guessed {
		text += mark
	}
	row = append(row, Segment{l.palette.Name(l.x.Event(), c.id()), text})
	if e.Times > 1 {
		row = append(row, Segment{"", fmt.Sprintf(" ×%d", e.Times)})
	}
	for _, f := range fields(&l.x) {
		row = append(row, Segment{l.palette.Dim(), " " + string(safe.AppendWord(nil, f.key.Text())) + "="}, Segment{"", string(appendValue(nil, f.value))})
	}
	if e.Machine != "" && len(c.Machines) > 1 {
		row = append(row, Segment{l.palette.Dim(), " machine="}, Segment{"", string(safe.AppendWord(nil, []byte(e.Machine)))})
	}
	return row
}

// legsAt returns which legs have begun at event i, and which had ended before.
func (s *Call) legsAt(i int) (begun, ended []bool) {
	begun, ended = make([]bool, len(s.Legs)), make([]bool, len(s.Legs))
	for n := range i + 1 {
		e := &s.Events[n]
		lane := slices.Index(s.Legs, e.Leg)
		switch {
		case lane >= 0:
			begun[lane] = true
			ended[lane] = ended[lane] || e.Kind == call.End && n < i
		case e.Kind == call.End && e.Leg == "" && n < i:
			for lane := range ended {
				ended[lane] = true
			}
		}
	}
	return begun, ended
}
