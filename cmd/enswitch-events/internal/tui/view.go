package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// The rows of the list: two of the head, the titles, the table, the foot.
const (
	headRows = 3
	footRows = 1
)

// tableRows is how many calls are in sight.
func (m *model) tableRows() int { return max(m.height-headRows-footRows, 1) }

// draw returns the whole screen: a line for each row, none wider than it.
func (m *model) draw() string {
	if m.width < 20 || m.height < 5 {
		return cut("too small: "+fmt.Sprintf("%d×%d", m.width, m.height), max(m.width, 1))
	}
	var lines []string
	switch m.mode {
	case helpMode:
		lines = m.drawHelp()
	case columnsMode:
		lines = m.drawColumns()
	case callMode:
		lines = m.drawCall()
	default:
		lines = m.drawList()
	}
	for len(lines) < m.height-footRows {
		lines = append(lines, "")
	}
	return strings.Join(append(lines[:m.height-footRows], m.foot()), "\n")
}

// drawList draws the head, the titles and the calls in sight.
func (m *model) drawList() []string {
	lines := m.head()
	columns := m.list.shown(m.width)
	widths := widthsOf(columns, m.width-signColumns)
	lines = append(lines, m.titles(columns, widths))
	rows := m.list.rows
	for i := m.list.top; i < len(rows) && i < m.list.top+m.tableRows(); i++ {
		lines = append(lines, m.row(rows[i].row, columns, widths, i == m.list.cursor))
	}
	if len(rows) == 0 {
		lines = append(lines, "", "  "+m.nothing())
	}
	return lines
}

// nothing says why the list is empty.
func (m *model) nothing() string {
	switch {
	case len(m.list.known) > 0:
		return "no call passes the filter; Esc shows all"
	case m.ended:
		return "no call in the capture"
	case m.s.o.Live:
		return "no call yet"
	}
	return "reading the capture"
}

// signColumns are before the first column: the cursor and the mark.
const signColumns = 3

// widthsOf returns the widths of columns that fill room columns of the terminal, with one blank
// between them. Those that do not fit are 0 wide.
func widthsOf(columns []*column, room int) []int {
	widths := make([]int, len(columns))
	shares := 0
	for i, c := range columns {
		if room < c.width {
			break
		}
		widths[i] = c.width
		room -= c.width + 1
		shares += c.grow
	}
	for room++; shares > 0 && room > 0; {
		for i, c := range columns {
			if widths[i] > 0 && c.grow > 0 {
				n := room * c.grow / shares
				widths[i] += n
				room -= n
				shares -= c.grow
			}
		}
	}
	return widths
}

// titles draws the line with the titles of the columns.
func (m *model) titles(columns []*column, widths []int) string {
	var b strings.Builder
	b.WriteString(bold)
	blanks(&b, signColumns)
	for i, c := range columns {
		if widths[i] > 0 {
			fit(&b, m.titleOf(c), widths[i], c.right)
			b.WriteByte(' ')
		}
	}
	b.WriteString(reset)
	return b.String()
}

// row draws a call.
func (m *model) row(r *call.Row, columns []*column, widths []int, cursor bool) string {
	var b strings.Builder
	sign, mark := " ", " "
	if cursor {
		sign = ">"
	}
	if m.list.marked[r.Number] {
		mark = "+"
	}
	over := r.State != call.Open || r.Ending
	switch {
	case cursor:
		b.WriteString(reverse)
	case over:
		b.WriteString(m.style.dim)
	}
	b.WriteString(sign + mark + " ")
	for i, c := range columns {
		if widths[i] == 0 {
			continue
		}
		text := c.text(m, r)
		if c.name == "callid" {
			text = cutFront(text, widths[i])
		}
		if c.name == "state" && !cursor && m.style.dim != "" {
			b.WriteString(m.style.state(r))
			fit(&b, text, widths[i], c.right)
			b.WriteString(reset)
			if over {
				b.WriteString(m.style.dim)
			}
		} else {
			fit(&b, text, widths[i], c.right)
		}
		if i < len(columns)-1 && widths[i+1] > 0 {
			b.WriteByte(' ')
		}
	}
	if cursor || over && m.style.dim != "" {
		b.WriteString(reset)
	}
	return b.String()
}

// head draws how the feed is, and the figures.
func (m *model) head() []string {
	var feed []string
	if m.s.health != nil {
		feed = m.feed()
	} else {
		feed = m.capture()
	}
	return []string{joined(feed, m.width), joined(m.figureParts(), m.width)}
}

// feed says how a live feed is.
func (m *model) feed() []string {
	h := m.s.health()
	now := time.Now()
	sign := "● "
	if !h.Connected {
		sign = "○ "
	}
	parts := []string{sign + clean(strings.TrimSpace(h.State+" "+h.Address))}
	if h.Last.IsZero() {
		parts = append(parts, "no event yet")
	} else {
		parts = append(parts, "last event "+ago(now.Sub(h.Last))+" ago")
	}
	if machine, behind, ok := m.s.sink.Lag(now); ok && behind.Abs() < maxLag {
		name := "machine " + cell(machine)
		if machine == "" {
			name = "events"
		}
		parts = append(parts, fmt.Sprintf("%s %s behind", name, ago(behind)))
	}
	if h.Ledger.Gaps > 0 {
		parts = append(parts, cli.Plural(h.Ledger.Gaps, "gap"))
	}
	if h.Ledger.Dropped > 0 {
		parts = append(parts, cli.Plural(h.Ledger.Dropped, "event")+" dropped")
	}
	return parts
}

// maxLag is the longest lag that is shown: events that are older are a recording that is played
// again.
const maxLag = 24 * time.Hour

// capture says how far a capture is read.
func (m *model) capture() []string {
	s := m.s.player.state()
	word := "reading the capture"
	switch {
	case s.over:
		word = "capture read to its end"
	case m.ended && !s.all:
		return []string{s.line(m.width, m.s.o.Location)}
	}
	parts := []string{word}
	if m.changes.Now > 0 {
		parts = append(parts, "last event at "+time.UnixMicro(m.changes.Now).In(m.s.o.Location).Format("2006-01-02 15:04:05"))
	}
	return parts
}

// ago is a time as a person says it, in a few characters.
func ago(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + ago(-d)
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < 100*time.Second:
		return fmt.Sprintf("%.0fs", d.Seconds())
	}
	return span(d.Microseconds())
}

// joined joins parts with dots between them, as many as fit.
func joined(parts []string, width int) string {
	line := cut(parts[0], width)
	for _, p := range parts[1:] {
		if columns(line)+3+columns(p) <= width {
			line += " · " + p
		}
	}
	return line
}

// foot draws the last line: what is typed, a message, or what is shown and the keys.
func (m *model) foot() string {
	switch {
	case m.prompt != nil && m.message != "":
		left := cut(m.prompt.label, m.width/4) + ": " + m.prompt.shown(m.width/4)
		return m.bar(left, cut(m.message, max(m.width-columns(left)-4, 1)))
	case m.prompt != nil:
		label := cut(m.prompt.label, m.width/2)
		return m.bar(label+": "+m.prompt.shown(m.width-columns(label)-4), m.prompt.hint)
	case m.message != "":
		return m.bar(cut(m.message, m.width-1), "")
	}
	return m.bar(m.footKeys(), m.position())
}

// bar draws the last line, with left and right, the latter if there is room for it.
func (m *model) bar(left, right string) string {
	var b strings.Builder
	b.WriteString(reverse)
	left = " " + left
	room := m.width - columns(left)
	if right != "" && room > columns(right)+1 {
		b.WriteString(left)
		fit(&b, right+" ", room, true)
	} else {
		fit(&b, left, m.width, false)
	}
	b.WriteString(reset)
	return b.String()
}

// footKeys says that the screen is paused, filtered or has marks, and then the keys, as many as
// fit.
func (m *model) footKeys() string {
	w := inList
	var parts []string
	if m.paused {
		parts = append(parts, "PAUSED")
	}
	switch m.mode {
	case callMode:
		w = inCall
	case helpMode:
		return "Esc back  ↑↓ scroll"
	case columnsMode:
		return "Space shows or hides the column  Esc back"
	default:
		if m.list.states != allStates {
			parts = append(parts, "["+m.list.states.String()+"]")
		}
		if m.list.match != nil {
			parts = append(parts, "[/"+cut(clean(m.list.match.text), 20)+"]")
		}
		if n := len(m.list.marked); n > 0 {
			parts = append(parts, fmt.Sprintf("[%d marked]", n))
		}
	}
	room := m.width - columns(m.position()) - 3
	line := strings.Join(parts, " ")
	help := find(m.keys, "?", w).foot
	for i := range m.keys {
		k := &m.keys[i]
		if k.where&w == 0 || k.foot == "" || k.foot == help {
			continue
		}
		if columns(line)+2+columns(k.foot)+2+columns(help) > room {
			break
		}
		line += "  " + k.foot
	}
	return strings.TrimPrefix(line+"  "+help, "  ")
}

// position says which part of the list is in sight, and how many calls are not kept.
func (m *model) position() string {
	if m.mode != listMode {
		return ""
	}
	n := len(m.list.rows)
	text := "no calls"
	if n > 0 {
		text = fmt.Sprintf("%s–%s of %s", humanize.Comma(int64(m.list.top+1)), humanize.Comma(int64(min(m.list.top+m.tableRows(), n))), humanize.Comma(int64(n)))
	}
	if m.changes.Gone > 0 {
		text += ", " + humanize.Comma(m.changes.Gone) + " older gone"
	}
	if m.list.follow {
		text += " ↥"
	}
	return text
}
