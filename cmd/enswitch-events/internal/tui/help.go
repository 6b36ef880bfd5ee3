package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// openHelp opens the help.
func (m *model) openHelp() { m.mode, m.help = helpMode, 0 }

// helpLines are the lines of the help.
func (m *model) helpLines() []string {
	var lines []string
	row := func(name, what string) {
		const indent = 14
		for line := range strings.SplitSeq(ansi.WordwrapWc(what, max(m.width-indent-1, 1), ""), "\n") {
			var b strings.Builder
			b.WriteString("  ")
			fit(&b, name, indent-2, false)
			lines = append(lines, cut(b.String()+line, m.width))
			name = ""
		}
	}
	for _, part := range []struct {
		title string
		where where
	}{{"Keys", everywhere}, {"Keys of the list", inList}, {"Keys of an open call", inCall}} {
		lines = append(lines, bold+part.title+reset)
		for i := range m.keys {
			if k := &m.keys[i]; k.where == part.where {
				row(k.shown, k.what)
			}
		}
		lines = append(lines, "")
	}
	lines = append(lines, bold+"States"+reset)
	for _, s := range stateWords {
		row(s.word, s.what)
	}
	row(guessSign, "after a word: its meaning is a guess from a name; --map says what it means")
	row(partialSign, "after a state: the call began before the first event here")
	row(doubtfulSign, "after a state: events may be missing")
	lines = append(lines, "", bold+"Columns, and what < and > sort by"+reset)
	for _, c := range m.list.columns {
		what := c.what
		switch {
		case c.extra:
			what += " (hidden at first)"
		case c.wide:
			what += " (from 120 columns on)"
		}
		row(c.title, what)
	}
	return lines
}

// drawHelp draws the part of the help that is in sight.
func (m *model) drawHelp() []string {
	lines := m.helpLines()
	rows := m.height - footRows
	m.help = max(min(m.help, len(lines)-rows), 0)
	return lines[m.help:min(m.help+rows, len(lines))]
}

// pressInHelp scrolls the help, or leaves it.
func (m *model) pressInHelp(name string) {
	page := max(m.height-footRows-1, 1)
	switch name {
	case "up", "k":
		m.help--
	case "down", "j":
		m.help++
	case "pgup":
		m.help -= page
	case "pgdown", "space", " ":
		m.help += page
	case "g", "home":
		m.help = 0
	case "G", "end":
		m.help = toEnd
	case "ctrl+z":
		m.suspend()
	case "esc", "q", "?", "enter":
		m.mode = listMode
		if m.open != nil {
			m.mode = callMode
		}
	}
}

// chooseColumns opens the chooser of columns.
func (m *model) chooseColumns() { m.mode, m.pick = columnsMode, 0 }

// drawColumns draws the chooser.
func (m *model) drawColumns() []string {
	lines := []string{bold + "Columns" + reset, ""}
	for i, c := range m.list.columns {
		sign, box := "  ", "[x] "
		if i == m.pick {
			sign = "> "
		}
		if m.list.hidden[c] {
			box = "[ ] "
		}
		text := box + c.title
		if c.wide && m.width < wideFrom {
			text += " (from 120 columns on)"
		}
		if text = cut(sign+text, m.width); i == m.pick {
			text = reverse + text + reset
		}
		lines = append(lines, text)
	}
	return lines
}

// pressInColumns takes a key for the chooser.
func (m *model) pressInColumns(name string) {
	switch name {
	case "up", "k":
		m.pick = max(m.pick-1, 0)
	case "down", "j":
		m.pick = min(m.pick+1, len(m.list.columns)-1)
	case "space", " ", "x":
		c := m.list.columns[m.pick]
		m.list.hidden[c] = !m.list.hidden[c]
	case "ctrl+z":
		m.suspend()
	case "esc", "q", "t", "enter":
		m.mode = listMode
	}
}
