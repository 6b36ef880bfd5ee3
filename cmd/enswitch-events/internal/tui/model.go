package tui

import (
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// refreshMsg says that something has changed. The answer is how long the sender must wait
// before the next one.
type refreshMsg struct{ wait chan<- time.Duration }

// secondMsg comes every second: ages have changed.
type secondMsg struct{}

// endMsg says that the run over captures has ended.
type endMsg struct{ err error }

// savedMsg says what became of a file.
type savedMsg struct{ text string }

// minRefresh is the least time between two pictures that are drawn because of events. After a
// picture that took long, the next one waits maxShare times as long, but maxRefresh at most: on
// a busy machine most of that time may belong to other programs.
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
	failed  bool      // the first run has ended with an error
	ended   bool      // the run is over: the capture was read

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

// arrange fills the list again.
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
