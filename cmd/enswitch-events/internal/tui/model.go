package tui

import (
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// refreshMsg says that something has changed. The answer is how long the next one is to wait
// at least.
type refreshMsg struct{ wait chan<- time.Duration }

// secondMsg comes every second: ages have changed.
type secondMsg struct{}

// endMsg says that the run over captures has ended.
type endMsg struct{ err error }

// savedMsg says what became of a file.
type savedMsg struct{ text string }

// minRefresh is the least time between two pictures that an event asks for. After one that took
// long the next waits maxShare times that, but for maxRefresh at most: on a busy machine the
// time passes while others run.
const (
	minRefresh = 150 * time.Millisecond
	maxRefresh = time.Second
	maxShare   = 20
)

// model is the state of the screen. All but the Screen is for one goroutine.
type model struct {
	s             *Screen
	keys          []key
	style         *style
	width, height int
	dirty         bool
	drawn         tea.View
	cmd           tea.Cmd // what a key has asked for

	mode    mode
	prompt  *prompt // somebody is typing
	mouse   bool
	paused  bool
	times   times
	message string    // at the bottom until the next key or click
	fades   time.Time // when a message of the run goes by itself; zero for an answer to a key
	failed  bool // the first run has ended with an error
	ended   bool // the run is over: the capture was read

	figures figures
	changes call.Changes
	taken   time.Time // when changes was
	stopped int64     // the time that is shown while the picture is paused
	guessed guesses

	list list
	open *openCall
	help int // the first line of the help that is shown
	pick int // the column in the chooser
}

// mode is what the screen shows.
type mode uint8

const (
	listMode mode = iota
	callMode
	helpMode
	columnsMode
)

// times is how times are shown.
type times uint8

const (
	sinceStart times = iota
	ofDay
	sinceLast
	timesCount
)

func newModel(s *Screen) *model {
	return &model{s: s, keys: keys(), style: newStyle(s.o.Profile, saysLight(os.Getenv("COLORFGBG"))), list: newList(s.o.Having), dirty: true}
}

// Init implements tea.Model. It asks the terminal for its background, whose answer is a
// tea.BackgroundColorMsg.
func (m *model) Init() tea.Cmd {
	m.s.changed()
	return tea.RequestBackgroundColor
}

// Update implements tea.Model.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m.cmd = nil
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height, m.dirty = msg.Width, msg.Height, true
		m.keepInSight()
	case tea.BackgroundColorMsg:
		m.style, m.dirty = newStyle(m.s.o.Profile, !msg.IsDark()), true
	case tea.KeyPressMsg:
		m.press(msg)
	case tea.PasteMsg:
		if m.prompt != nil {
			m.prompt.insert(msg.Content)
			m.dirty = true
		}
	case tea.MouseClickMsg:
		m.message, m.dirty = "", true
		m.click(msg.Mouse())
	case tea.MouseWheelMsg:
		m.message = ""
		switch msg.Mouse().Button {
		case tea.MouseWheelUp:
			m.move(-3)
		case tea.MouseWheelDown:
			m.move(3)
		}
		m.dirty = true
	case refreshMsg:
		began := time.Now()
		m.refresh()
		msg.wait <- max(minRefresh, min(maxShare*time.Since(began), maxRefresh))
	case secondMsg:
		m.dirty = true
		if !m.fades.IsZero() && time.Now().After(m.fades) {
			m.message = ""
		}
	case endMsg:
		m.ended, m.message = true, ""
		if m.failed = msg.err != nil; m.failed {
			m.say(msg.err.Error())
		}
		m.refresh()
	case savedMsg:
		m.say(msg.text)
	case tea.ResumeMsg:
		m.refresh()
	}
	return m, m.cmd
}

// View implements tea.Model.
func (m *model) View() tea.View {
	if m.dirty {
		m.dirty = false
		m.drawn = tea.NewView(m.draw())
		m.drawn.AltScreen = true
		if m.mouse {
			m.drawn.MouseMode = tea.MouseModeCellMotion
		}
	}
	return m.drawn
}

// messageTime is how long a message of the run is shown.
const messageTime = 10 * time.Second

// say shows a message until the next key or click.
func (m *model) say(text string) {
	m.fades, m.message, m.dirty = time.Time{}, cell(strings.Join(strings.Fields(text), " ")), true
}

// refresh fetches what is new.
func (m *model) refresh() {
	m.dirty = true
	// What comes after a capture is the account of the run, for when the screen is left.
	if text := m.s.message.Swap(nil); text != nil && !m.ended {
		m.say(strings.TrimPrefix(*text, "enswitch-events: "))
		m.fades = time.Now().Add(messageTime)
	}
	m.guessed = newGuesses(m.s.sink.Guessed())
	m.figures.update(m.s.sink.Figures())
	if !m.paused {
		m.fetch(false)
	}
}

// fetch fetches what is new about the calls, or all of it.
func (m *model) fetch(all bool) {
	m.s.sink.Changes(&m.changes, all, m.list.needsRecords())
	m.taken = time.Now()
	m.list.update(&m.changes)
	m.keepInSight()
	if m.dirty = true; m.open != nil {
		m.open.refresh(m.s, m.list.known)
	}
}

// arrange fills the list anew.
func (m *model) arrange() {
	m.list.arrange()
	m.keepInSight()
	m.dirty = true
}

// now is the feed's time, in microseconds since 1970: that of a live feed goes on by itself.
func (m *model) now() int64 {
	if m.s.player != nil {
		return max(m.s.player.state().here, m.changes.Now)
	}
	if m.changes.Now == 0 {
		return 0
	}
	if m.paused {
		return m.stopped
	}
	return m.changes.Now + time.Since(m.lastEvent()).Microseconds()
}

// lastEvent is when the newest event came in.
func (m *model) lastEvent() time.Time {
	if m.s.health != nil {
		if last := m.s.health().Last; !last.IsZero() {
			return last
		}
	}
	return m.taken
}

// press does what a key is for.
func (m *model) press(msg tea.KeyPressMsg) {
	m.dirty, m.message = true, ""
	name := msg.Keystroke()
	if name == "ctrl+c" {
		m.cmd = tea.Quit
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
		} else if name == "esc" {
			m.clearFilter()
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

// back leaves an open call.
func (m *model) back() { m.mode, m.open = listMode, nil }

// backOrQuit leaves an open call, or quits.
func (m *model) backOrQuit() {
	if m.mode == callMode {
		m.back()
		return
	}
	m.cmd = tea.Quit
}

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
		m.s.player.toggle()
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

// play does something with the player, if there is one.
func (m *model) play(do func(p *player)) {
	if m.s.player == nil {
		m.seek(0, false) // which says so
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
