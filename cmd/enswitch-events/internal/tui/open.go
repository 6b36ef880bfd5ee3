package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/trace"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// openCall is a call with its events.
type openCall struct {
	row    *call.Row // of the list, as it was copied
	call   *trace.Call
	ladder *trace.Ladder
	cursor int
	top    int
	follow bool // the newest event
	large  bool // the event has most of the screen
	scroll int  // the first line of the event in sight, if it is large

	lines     []string // of the event wrapped, in that many columns
	wrapped   *trace.Event
	wrappedIn int
}

// openCurrent opens the call under the cursor.
func (m *model) openCurrent() {
	r := m.list.current()
	if r == nil {
		return
	}
	o := &openCall{ladder: trace.NewLadder(m.style.palette)}
	if o.copy(m.s, r); o.call == nil {
		m.say("the call is not kept any more: newer ones took its place")
		return
	}
	m.mode, m.open = callMode, o
}

// copy copies the call of that row, unless it is not kept any more.
func (o *openCall) copy(s *Screen, r *call.Row) {
	o.row = r
	s.sink.Look([]int64{r.Number}, func(c *call.Call) { o.call = trace.Copy(c, s.o.Map) })
	if o.call == nil {
		return
	}
	if o.follow {
		o.cursor = len(o.call.Events)
	}
	o.move(0)
}

// refresh copies the call again if anything is new about it.
func (o *openCall) refresh(s *Screen, known map[int64]*entry) {
	if e := known[o.row.Number]; e != nil && e.row != o.row {
		follow := o.follow
		o.copy(s, e.row)
		o.follow = follow
	}
}

// move moves the cursor, or what is in sight of a large event.
func (o *openCall) move(by int) {
	if o.large && by != 0 {
		o.scroll += by
		return
	}
	last := max(len(o.call.Events)-1, 0)
	o.follow = by == toEnd
	o.cursor = max(min(o.cursor+by, last), 0)
}

// enlarge gives the event most of the screen, or not.
func (m *model) enlarge() { m.open.large, m.open.scroll = !m.open.large, 0 }

// The rows of an open call that are always there: the title, the heads of the legs, and the
// line above the event.
const callRows = 3

// layout returns how many rows the story, the ladder and the event have.
func (m *model) layout() (story, ladder, event int) {
	room := m.height - footRows - callRows
	story = min(len(m.open.call.Story()), max(room/4, 1))
	room -= story
	event = len(m.eventLines())
	if m.open.large {
		ladder = min(3, max(room, 0)/4)
		return story, ladder, max(room-ladder, 0)
	}
	event = min(event, max(room/3, 1))
	return story, max(room-event, 0), event
}

func (m *model) ladderRows() int {
	_, rows, event := m.layout()
	if m.open.large {
		return event
	}
	return rows
}

// eventLines is the event under the cursor, whole, in lines.
func (m *model) eventLines() []string {
	o := m.open
	if o.cursor >= len(o.call.Events) {
		return []string{"its events are not kept any more"}
	}
	if e := &o.call.Events[o.cursor]; o.wrapped != e || o.wrappedIn != m.width {
		o.wrapped, o.wrappedIn = e, m.width
		o.lines = strings.Split(ansi.WrapWc(clean(string(e.Raw)), m.width-1, ","), "\n")
	}
	return o.lines
}

// drawCall draws an open call.
func (m *model) drawCall() []string {
	o := m.open
	title := bold + cut(cell(o.call.Title()), max(m.width-25, 20)) + reset
	if len(o.call.Events) > 0 && o.call.Events[0].Time > 0 && m.width >= 45 {
		title += " " + time.UnixMicro(o.call.Events[0].Time).In(m.s.o.Location).Format("2006-01-02 15:04:05")
	}
	storyRows, ladderRows, eventRows := m.layout()
	lines := []string{title}
	for _, line := range o.call.Story()[:storyRows] {
		lines = append(lines, cut(cell(line), m.width))
	}
	lines = append(lines, m.legTitles())
	o.top = max(min(o.top, o.cursor, len(o.call.Events)-ladderRows), o.cursor-ladderRows+1, 0)
	for n := range ladderRows {
		if i := o.top + n; i < len(o.call.Events) {
			lines = append(lines, m.eventRow(i))
		} else {
			lines = append(lines, "")
		}
	}
	event := m.eventLines()
	o.scroll = max(min(o.scroll, len(event)-eventRows), 0)
	end := min(o.scroll+eventRows, len(event))
	lines = append(lines, m.ruler(len(event)-end))
	return append(lines, event[o.scroll:end]...)
}

// ruler is the line above the event. Left is how many lines of it are not in sight.
func (m *model) ruler(left int) string {
	o := m.open
	text := fmt.Sprintf("── event %d of %d ", min(o.cursor+1, len(o.call.Events)), len(o.call.Events))
	if n := o.call.Count - len(o.call.Events); n > 0 {
		text += fmt.Sprintf("that are kept, %d are not ", n)
	}
	if left > 0 {
		text += fmt.Sprintf("── %d more lines: Tab ", left)
	}
	text = cut(text, m.width)
	var b strings.Builder
	paint(&b, m.style.dim, text+strings.Repeat("─", m.width-columns(text)))
	return b.String()
}

// legColumns is how many legs have a column.
func (m *model) legColumns() int {
	const columns, rest = 4, 36 // of a leg; for the time, the name and fields
	return max((m.width-timeColumns-rest)/columns, 1)
}

// timeColumns is how wide the times before the events are.
const timeColumns = 15

// legTitles is the line above the events: what times are shown, and the numbers of the legs.
func (m *model) legTitles() string {
	var b strings.Builder
	b.WriteString(bold)
	fit(&b, [...]string{"SINCE START", "TIME OF DAY", "SINCE LAST"}[m.times], timeColumns-2, true)
	b.WriteString("  ")
	for n := range min(len(m.open.call.Legs), m.legColumns()) {
		fit(&b, fmt.Sprint(n+1), 4, false)
	}
	b.WriteString("EVENT" + reset)
	return b.String()
}

// eventRow draws an event of the open call.
func (m *model) eventRow(i int) string {
	o := m.open
	e := &o.call.Events[i]
	cursor := i == o.cursor
	at := "?"
	switch {
	case e.Time == 0:
	case m.times == ofDay:
		at = time.UnixMicro(e.Time).In(m.s.o.Location).Format("15:04:05.000")
	case m.times == sinceLast && i > 0:
		at = fmt.Sprintf("%+.3f", float64(e.Time-o.call.Events[i-1].Time)/1e6)
	default:
		at = fmt.Sprintf("%.3f", float64(e.Time-o.call.Events[0].Time)/1e6)
	}
	var b strings.Builder
	sign := " "
	if cursor {
		b.WriteString(reverse)
		sign = ">"
	}
	fit(&b, sign, 1, false)
	fit(&b, at, timeColumns-3, true)
	b.WriteString("  ")
	room := m.width - timeColumns
	for _, s := range o.ladder.Row(o.call, i, m.legColumns()) {
		text := cell(s.Text)
		if n := columns(text); n > room {
			text = cut(text, room)
		}
		room -= columns(text)
		if cursor {
			b.WriteString(text)
		} else {
			paint(&b, s.Color, text)
		}
		if room <= 0 {
			break
		}
	}
	if cursor {
		blanks(&b, room)
		b.WriteString(reset)
	}
	return b.String()
}
