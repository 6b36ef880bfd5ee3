package tui

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// key is a key of the list or of an open call, and what it does.
type key struct {
	names string // as bubbletea names them, with blanks between
	shown string // in the help
	what  string // in the help
	foot  string // at the bottom of the screen; empty to leave it out there
	where where
	do    func(m *model)
}

// where a key works.
type where uint8

const (
	inList where = 1 << iota
	inCall
	everywhere = inList | inCall
)

// keys are the keys, in the order of the help.
func keys() []key {
	return []key{
		{"enter", "Enter", "open the call: its events, a column for each leg", "Enter open", inList, (*model).openCurrent},
		{"esc q", "Esc q", "go back", "Esc back", inCall, (*model).back},
		{"q", "q", "quit", "q quit", inList, (*model).quit},
		{"esc", "Esc", "show all calls again: no filter, all states", "", inList, (*model).clearFilter},
		{"up k", "↑ k", "one up", "", everywhere, func(m *model) { m.move(-1) }},
		{"down j", "↓ j", "one down", "", everywhere, func(m *model) { m.move(1) }},
		{"pgup ctrl+b", "PgUp", "a page up", "", everywhere, func(m *model) { m.move(-m.page()) }},
		{"pgdown ctrl+f", "PgDn", "a page down", "", everywhere, func(m *model) { m.move(m.page()) }},
		{"g home", "g Home", "to the first", "", everywhere, func(m *model) { m.move(-toEnd) }},
		{"G shift+g end", "G End", "to the last", "", everywhere, func(m *model) { m.move(toEnd) }},
		{"A shift+a", "A", "follow the newest call or event, until the cursor moves", "A newest", everywhere, (*model).followNewest},
		{"/", "/", "filter: a text, or as --where on the fields of a record; ! in front inverts", "/ filter", inList, (*model).askFilter},
		{"f", "f", "show calls of one state only: open, answered, unanswered, lost, or all", "f states", inList, (*model).nextStates},
		{"space", "Space", "mark the call", "Space mark", inList, (*model).mark},
		{"<", "<", "sort by the column to the left", "", inList, func(m *model) { m.sortBy(-1) }},
		{">", ">", "sort by the column to the right", "<> sort", inList, func(m *model) { m.sortBy(1) }},
		{"R shift+r", "R", "reverse the order", "R reverse", inList, (*model).reverse},
		{"p", "p", "stop the picture of a live feed, counting goes on; play a capture or stop it", "p pause", everywhere, (*model).pause},
		{"[", "[", "of a capture: 10 s back", "", everywhere, func(m *model) { m.seek(-10*time.Second, false) }},
		{"]", "]", "of a capture: 10 s on", "", everywhere, func(m *model) { m.seek(10*time.Second, false) }},
		{"{", "{", "of a capture: to its beginning", "", everywhere, func(m *model) { m.seek(-time.Second, true) }},
		{"}", "}", "of a capture: to its end", "", everywhere, func(m *model) { m.seek(time.Second, true) }},
		{".", ".", "of a capture: the next event", "", everywhere, func(m *model) { m.play((*player).step) }},
		{"+ =", "+", "of a capture: play twice as fast", "", everywhere, func(m *model) { m.play(func(p *player) { p.faster(true) }) }},
		{"-", "-", "of a capture: play half as fast", "", everywhere, func(m *model) { m.play(func(p *player) { p.faster(false) }) }},
		{"w", "w", "times: since the start, of day, or since the event before", "w times", everywhere, (*model).nextTimes},
		{"s", "s", "save the marked calls, or those that are shown", "s save", everywhere, (*model).askSave},
		{"y", "y", "copy the callid to the clipboard of the terminal", "y copy id", everywhere, (*model).copyID},
		{"t", "t", "choose the columns", "t columns", inList, (*model).chooseColumns},
		{"m", "m", "mouse on or off: while it is on the terminal cannot select text", "m mouse", everywhere, (*model).toggleMouse},
		{"tab", "Tab", "give the event more room, or less", "Tab event", inCall, (*model).enlarge},
		{"ctrl+l", "^L", "clear the calls that have ended", "^L clear", inList, (*model).clearEnded},
		{"ctrl+z", "^Z", "stop the program; fg goes on", "", everywhere, (*model).suspend},
		{"? f1", "?", "this help", "? help", everywhere, (*model).openHelp},
	}
}

// find returns the key with that name, nil for none.
func find(keys []key, name string, w where) *key {
	for i := range keys {
		if k := &keys[i]; k.where&w != 0 {
			for n := range strings.FieldsSeq(k.names) {
				if n == name {
					return k
				}
			}
		}
	}
	return nil
}

// press does what a key is for.
func (m *model) press(msg tea.KeyPressMsg) {
	m.dirty, m.message = true, ""
	name := msg.Keystroke()
	if name == "ctrl+c" {
		m.quit()
		return
	}
	if text := msg.Key().Text; text != "" && text != " " && len(text) == 1 {
		name = text // as it was typed, whatever keys that took
	}
	switch {
	case m.prompt != nil:
		m.enter(msg, name)
	case m.mode == helpMode:
		m.pressInHelp(name)
	case m.mode == columnsMode:
		m.pressInColumns(name)
	default:
		w := inList
		if m.mode == callMode {
			w = inCall
		}
		if k := find(m.keys, name, w); k != nil {
			k.do(m)
		}
	}
}

// enter gives a key to the prompt.
func (m *model) enter(msg tea.KeyPressMsg, name string) {
	switch name {
	case "esc":
		m.prompt = nil
	case "enter":
		p := m.prompt
		if p.done(p.text()) {
			m.prompt = nil
		}
	default:
		m.prompt.press(name, msg.Key().Text)
	}
}
