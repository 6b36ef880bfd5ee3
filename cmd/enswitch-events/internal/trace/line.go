package trace

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// The format line: a row an event, with the time since the first event, the time since
// the one before, and the event in the column of its leg. What it says goes on to the
// right of the column, and on further rows where the line is full.
//
//	   0.000          ● start
//	   0.127  +0.050  │   ● start
//	   0.777  +0.650  │   ● ring phone=desk-101
//
// With more than 4 legs the number of the leg takes the place of the columns.

const (
	lanes       = 4 // columns of legs
	laneColumns = 4
	timeColumns = 19
	minWidth    = 60
	lineWidth   = 80
)

// lineFormat writes calls in the format line. It shows a call that goes on event by event.
type lineFormat struct {
	bare
	palette  *render.Palette
	width    func() int // columns of the terminal, 0 for none
	location *time.Location

	any      bool        // call was shown
	numbered bool        // by leg, as there are too many for columns
	active   [lanes]bool // legs that have begun
	ended    [lanes]bool
	start    int64
	before   int64
	x        event.Index
}

// Call implements Format.
func (f *lineFormat) Call(dst []byte, c *Call) []byte {
	dst = f.begin(dst, c)
	f.numbered = len(c.Legs) > lanes
	left := c.Count - len(c.Events)
	for i := range c.Events {
		if left > 0 && i == keptFirst {
			dst = fmt.Appendf(dst, "%*s  … %d events\n", timeColumns, "", left)
		}
		dst = f.event(dst, c, c.Legs, &c.Events[i])
	}
	return f.end(dst, c)
}

// keptFirst is how many events from the beginning of a call a tracker keeps.
const keptFirst = 400

// begin appends what is before the events of a call.
func (f *lineFormat) begin(dst []byte, c *Call) []byte {
	if f.any {
		dst = append(dst, '\n')
	}
	f.any, f.numbered, f.active, f.ended = true, false, [lanes]bool{}, [lanes]bool{}
	f.start, f.before = 0, 0
	dst = f.colored(dst, f.palette.Call(c.id()), c.Title())
	if len(c.Events) > 0 && c.Events[0].Time > 0 {
		f.start = c.Events[0].Time
		f.before = f.start
		at := time.UnixMicro(f.start).In(f.location).Format("2006-01-02 15:04:05.000000 MST")
		dst = append(dst, ' ')
		dst = f.colored(dst, f.palette.Dim(), at)
	}
	return append(dst, '\n')
}

// id returns what the colour of the call goes by.
func (s *Call) id() []byte {
	if len(s.CallIDs) > 0 {
		return []byte(s.CallIDs[0])
	}
	return nil
}

// end appends what follows the events.
func (f *lineFormat) end(dst []byte, c *Call) []byte {
	for i, line := range c.Story() {
		color := ""
		if i > 0 {
			color = f.palette.Dim()
		}
		dst = append(f.colored(dst, color, line), '\n')
	}
	return dst
}

// event implements follower.
func (f *lineFormat) event(dst []byte, c *Call, legs []string, e *Event) []byte {
	e.scan(&f.x)
	x := &f.x
	dst = f.times(dst, e)
	lane := -1
	if e.Leg != "" {
		lane = slices.Index(legs, e.Leg)
	}
	first := lane >= 0 && lane < lanes && !f.active[lane]
	column := timeColumns + 2
	bars := 0
	switch {
	case lane >= lanes || f.numbered && lane >= 0:
		text := fmt.Sprintf("leg %-3d ", lane+1)
		dst = f.colored(dst, f.palette.Dim(), text)
		column += len(text)
	case lane >= 0:
		dst = f.bars(dst, lane)
		dst = f.colored(dst, f.palette.Call([]byte(e.Leg)), "● ")
		column += lane*laneColumns + 2
		bars = lane
	case f.numbered:
		dst = append(dst, "        "...)
		column += 8
	}
	if lane >= 0 && lane < lanes {
		f.active[lane] = true
	}
	text := name(x)
	dst = f.colored(dst, f.palette.Name(x.Event(), c.id()), text)
	at := column + ansi.StringWidth(text)
	var words []string
	if e.Times > 1 {
		words = append(words, fmt.Sprintf("×%d", e.Times))
	}
	for _, field := range fields(x) {
		words = append(words, string(appendField(nil, &field)))
	}
	if first || f.numbered && e.Leg != "" && e.Kind != 0 && e.Kind.String() == "start" {
		words = append(words, "uniqueid="+string(safe.AppendWord(nil, []byte(e.Leg))))
		if len(c.Machines) > 1 || e.Machine != "" && len(c.Machines) == 0 {
			words = append(words, "machine="+string(safe.AppendWord(nil, []byte(e.Machine))))
		}
	}
	dst = append(f.words(dst, words, at, column, bars), '\n')
	if e.Kind == call.End && (lane >= 0 || e.Leg == "") {
		f.hangUp(lane)
	}
	return dst
}

// hangUp notes that the leg in that lane has ended; all have if it is -1.
func (f *lineFormat) hangUp(lane int) {
	for i := range f.ended {
		f.ended[i] = f.ended[i] || lane == i || lane < 0
	}
}

// times appends the time since the first event and since the one before.
func (f *lineFormat) times(dst []byte, e *Event) []byte {
	since := "?"
	step := ""
	if e.Time > 0 {
		since = fmt.Sprintf("%.3f", float64(e.Time-f.start)/1e6)
		if e.Time != f.before || e.Time != f.start {
			step = fmt.Sprintf("%+.3f", float64(e.Time-f.before)/1e6)
		}
		f.before = e.Time
	}
	return f.colored(dst, f.palette.Dim(), fmt.Sprintf("%9s %9s  ", since, step))
}

// bars appends the columns before a lane: a bar for each leg that is up.
func (f *lineFormat) bars(dst []byte, lane int) []byte {
	var b strings.Builder
	for i := range lane {
		if f.active[i] && !f.ended[i] {
			b.WriteString("│   ")
		} else {
			b.WriteString("    ")
		}
	}
	return f.colored(dst, f.palette.Dim(), b.String())
}

// words appends words with blanks before them, on a new row from indent on where one does
// not fit into the line. At is the column of the cursor, bars the number of lanes before.
func (f *lineFormat) words(dst []byte, words []string, at, indent, bars int) []byte {
	width := lineWidth
	if f.width != nil {
		if n := f.width(); n >= minWidth {
			width = n
		}
	}
	for _, word := range words {
		n := ansi.StringWidth(word)
		if at+1+n > width && at > indent+2 {
			dst = append(dst, '\n')
			dst = fmt.Appendf(dst, "%*s", timeColumns+2, "")
			dst = f.bars(dst, bars)
			at = timeColumns + 2 + bars*laneColumns
			dst = fmt.Appendf(dst, "%*s", indent+1-at, "")
			at = indent + 1
		}
		name, value, ok := strings.Cut(word, "=")
		dst = append(dst, ' ')
		if ok {
			dst = append(f.colored(dst, f.palette.Dim(), name+"="), value...)
		} else {
			dst = append(dst, word...)
		}
		at += 1 + n
	}
	return dst
}

// colored appends text in a colour.
func (f *lineFormat) colored(dst []byte, color, text string) []byte {
	if color == "" || text == "" {
		return append(dst, text...)
	}
	dst = append(append(dst, color...), text...)
	return append(dst, f.palette.Reset()...)
}
