// Package statusline keeps one line of status at the foot of a terminal while
// events and messages scroll above it.
//
// The rules: the line goes to stderr and is never part of the data. It is taken
// away before anything else is written and drawn again after it, so the two
// never mix. It is at most one row, redrawn a few times a second, never once an
// event.
package statusline

import (
	"io"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
)

const (
	// interval is the time between two drawings while nothing else is written.
	interval = 250 * time.Millisecond
	// atMost bounds how often events that scroll by have it drawn again.
	atMost = 100 * time.Millisecond

	erase = "\r\x1b[K"
	dim   = "\x1b[2m"
	reset = "\x1b[m"
)

// Line is the line of status on a terminal. Its writers may be used by several
// goroutines.
type Line struct {
	tty   io.Writer
	width func() int

	mu    sync.Mutex
	text  func() string // nil until Start and after Stop
	drawn bool
	last  time.Time
	stop  chan struct{}
	ended chan struct{}
}

// New returns a Line for the terminal tty, whose columns width returns. It
// shows nothing before Start.
func New(tty io.Writer, width func() int) *Line {
	return &Line{tty: tty, width: width}
}

// Above returns a writer to w, which shows on the same terminal, that takes the
// line away first and draws it again.
func (l *Line) Above(w io.Writer) io.Writer { return above{l, w} }

type above struct {
	l *Line
	w io.Writer
}

func (a above) Write(p []byte) (int, error) {
	a.l.mu.Lock()
	defer a.l.mu.Unlock()
	a.l.clear()
	n, err := a.w.Write(p)
	if time.Since(a.l.last) >= atMost {
		a.l.draw()
	}
	return n, err
}

// Start shows the line until Stop. text returns what it says, without line
// breaks, control characters or colours; it is called by a goroutine of Line's
// and by those that write.
func (l *Line) Start(text func() string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text, l.stop, l.ended = text, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(l.ended)
		t := time.NewTicker(interval)
		defer t.Stop()
		for {
			select {
			case <-l.stop:
				return
			case <-t.C:
				l.mu.Lock()
				l.draw()
				l.mu.Unlock()
			}
		}
	}()
}

// Stop takes the line away for good. A terminal that takes nothing holds it up
// for a second at most.
func (l *Line) Stop() {
	close(l.stop)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		<-l.ended
		l.mu.Lock()
		defer l.mu.Unlock()
		l.clear()
		l.text = nil
	}()
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-gone:
	case <-t.C:
	}
}

func (l *Line) clear() {
	if l.drawn {
		_, _ = io.WriteString(l.tty, erase)
		l.drawn = false
	}
}

func (l *Line) draw() {
	width := l.width()
	if l.text == nil || width < 20 {
		return
	}
	// One column is left free: a full row would wrap.
	text := ansi.Truncate(strings.ToValidUTF8(l.text(), ""), width-1, "…")
	_, _ = io.WriteString(l.tty, erase+dim+text+reset)
	l.drawn, l.last = true, time.Now()
}
