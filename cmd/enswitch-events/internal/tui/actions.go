package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// What the keys and the mouse do: those of the list are in list.go, those of an open call in open.go.

// back leaves an open call.
func (m *model) back() { m.mode, m.open = listMode, nil }

func (m *model) quit() { m.cmd = tea.Quit }

func (m *model) suspend() { m.cmd = tea.Suspend }

func (m *model) toggleMouse() {
	m.mouse = !m.mouse
	m.say("mouse " + onOff(m.mouse))
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func (m *model) pause() {
	if m.s.player != nil {
		m.play((*player).toggle)
		return
	}
	m.stopped = m.now()
	if m.paused = !m.paused; !m.paused {
		m.refresh()
	}
}

// nextTimes shows other times. The column that has them is sorted by what it shows.
func (m *model) nextTimes() {
	m.times = (m.times + 1) % timesCount
	c := m.list.column("age")
	if c.compare = newestFirst; m.times == sinceLast {
		c.compare = latestFirst
	}
	m.arrange()
}

// seek goes to another time of the capture.
func (m *model) seek(by time.Duration, whole bool) {
	switch {
	case m.s.player == nil:
		m.say("a live feed has no past: --read FILE plays a capture")
	case by < 0 && !m.s.o.Again:
		m.say("standard input and pipes cannot be read again")
	case !m.ended:
		m.say("the capture is being read for the first time")
	case m.failed:
		m.say("the capture could not be read to its end")
	default:
		m.s.player.seek(by.Microseconds(), whole)
		m.s.changed()
	}
}

// play does something with the player, if there is one, and something to play.
func (m *model) play(do func(p *player)) {
	switch {
	case m.s.player == nil || !m.ended || m.failed:
		m.seek(0, false) // which says so
		return
	case m.s.player.state().over:
		m.say("the capture is at its end: [ goes back 10 s, { to its beginning")
		return
	}
	do(m.s.player)
	m.s.changed()
}

// toEnd moves as far as it goes.
const toEnd = 1 << 30

// page is how many rows there are to move by.
func (m *model) page() int {
	if m.mode == callMode {
		return max(m.ladderRows()-1, 1)
	}
	return max(m.tableRows()-1, 1)
}

// move moves the cursor of the list or of the open call.
func (m *model) move(by int) {
	if m.mode == callMode {
		m.open.move(by)
		return
	}
	if m.mode == listMode {
		m.list.move(by)
		m.keepInSight()
	}
}

// followNewest has the cursor go with the newest call or event.
func (m *model) followNewest() {
	if m.mode == callMode {
		m.open.move(toEnd)
		return
	}
	m.list.follow = !m.list.follow
	m.list.place()
	m.keepInSight()
}

// keepInSight scrolls so that the cursor is in sight.
func (m *model) keepInSight() { m.list.scroll(m.tableRows()) }

// click moves the cursor to the row under the mouse, and opens it if it is there already.
func (m *model) click(mouse tea.Mouse) {
	row := mouse.Y - headRows
	if mouse.Button != tea.MouseLeft || m.mode != listMode || m.prompt != nil || row < 0 || row >= m.tableRows() || m.list.top+row >= len(m.list.rows) {
		return
	}
	if m.list.top+row == m.list.cursor && !m.list.follow {
		m.openCurrent()
		return
	}
	m.list.move(m.list.top + row - m.list.cursor)
}

// copyID copies the callid of the call under the cursor, or of the open one.
func (m *model) copyID() {
	r := m.current()
	if r == nil || r.CallID == "" {
		m.say("no callid to copy")
		return
	}
	m.cmd = tea.SetClipboard(r.CallID)
	m.say("callid " + r.CallID + " copied")
}

// current returns the row of the open call, or that under the cursor; nil for none.
func (m *model) current() *call.Row {
	if m.open != nil {
		return m.open.row
	}
	return m.list.current()
}
