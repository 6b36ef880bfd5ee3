// Package statusline draws a status line at the bottom of a terminal while events and
// messages scroll above it.
//
// The rules: the line goes to stderr and is never part of the data. It is erased before
// anything else is written and drawn again after it, so that the two never mix and the
// line is always there. It is one row at most. Its text is made a few times a second, never
// for each event. Above it can be a picture of several rows, which is drawn like it, once a
// second at most.
package statusline

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
)

const (
	// interval is the time between two redraws while nothing else is written.
	interval = 250 * time.Millisecond
	// minRefresh is the time for which a text is shown at least, however much is written,
	// and pictureRefresh that for a picture.
	minRefresh     = 100 * time.Millisecond
	pictureRefresh = time.Second

	// The cursor stays at the start of the row. Erasing works from there after a resize,
	// too: a terminal that rewraps the row leaves the cursor at its first column.
	// And the ^C that the terminal echoes does not wrap the row.
	// The rows below are erased from the second column on: tmux keeps a picture of the whole
	// screen in its history when all of it is erased.
	erase = "\r\x1b[K\x1b[C\x1b[J\r"
	dim   = "\x1b[2m"
	reset = "\x1b[m"
)

// Line is the status line of a terminal. It and its writers are safe for concurrent use.
type Line struct {
	tty   io.Writer
	width func() int

	mu   sync.Mutex
	text func(width int) string // nil until Start and after Stop
	// picture returns the rows above the line; nil for none. With alone there is no line.
	picture func() []string
	height  func() int
	alone   bool

	drawn bool
	row   string    // what was drawn last
	at    int       // the width that row was made for
	last  time.Time // when row was made
	stop  chan struct{}
	ended chan struct{}
}

// New returns a Line on the terminal tty. width returns the columns of tty. Nothing is
// shown before Start.
func New(tty io.Writer, width func() int) *Line {
	return &Line{tty: tty, width: width}
}

// SetPicture shows rows above the line, or in its place if alone is set. Call it before Start.
// Picture returns the rows, without control characters; when it returns none they are erased
// at once. It is called as the function of Start is. Height returns the rows of the terminal:
// what does not fit is cut off.
func (l *Line) SetPicture(picture func() []string, height func() int, alone bool) {
	l.picture, l.height, l.alone = picture, height, alone
}

// Wrap returns a writer to w, which writes to the same terminal. It erases the line
// before each Write and draws it again.
func (l *Line) Wrap(w io.Writer) io.Writer { return wrapped{l, w} }

// wrapped is the writer that Wrap returns.
type wrapped struct {
	l *Line
	w io.Writer
}

// Write writes p above the line.
func (a wrapped) Write(p []byte) (int, error) {
	a.l.mu.Lock()
	defer a.l.mu.Unlock()
	a.l.clear()
	n, err := a.w.Write(p)
	a.l.draw()
	return n, err
}

// Start shows the line until Stop. text returns its text for width columns, without line
// breaks, control characters or colours; what is wider is cut off. A goroutine of the Line and
// its writers call it.
func (l *Line) Start(text func(width int) string) {
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

// Stop erases the line for good. It waits for a blocked terminal for a second at most.
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

// draw draws the line, with a new text if the last one is old or was made for another
// width.
func (l *Line) draw() {
	width := l.width()
	if l.text == nil || width < 20 {
		return
	}
	refresh := minRefresh
	if l.picture != nil {
		refresh = pictureRefresh
	}
	switch {
	case width != l.at || time.Since(l.last) >= refresh || l.picture != nil && len(l.picture()) == 0:
		// One column for the cursor, and one left free: a full row would wrap.
		text := ansi.Truncate(strings.ToValidUTF8(l.text(width-2), ""), width-2, "…")
		l.row, l.at, l.last = erase+dim+" "+text+reset+"\r", width, time.Now()
		if l.picture != nil {
			l.row = erase + l.pictureRows(width, dim+" "+text+reset)
		}
	case l.drawn && l.picture != nil:
		return // it is as it was
	}
	_, _ = io.WriteString(l.tty, l.row)
	l.drawn = true
}

// pictureRows returns the picture and the line below it, and puts the cursor at the start of
// its first row.
func (l *Line) pictureRows(width int, line string) string {
	rows := l.picture()
	if !l.alone {
		rows = append(rows[:len(rows):len(rows)], line)
	}
	// The last row of the terminal stays free, so that nothing scrolls.
	if most := l.height() - 1; len(rows) > most && most > 1 {
		rows = append(rows[:most-1:most-1], rows[len(rows)-1])
	}
	var b strings.Builder
	for i, row := range rows {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(ansi.Truncate(row, width-1, "…"))
	}
	if len(rows) > 1 {
		fmt.Fprintf(&b, "\x1b[%dA", len(rows)-1)
	}
	return b.String() + "\r"
}
