package stats

import (
	"sync"
	"time"
)

// redraw is the time between two pictures on a terminal.
const redraw = time.Second

// picture is the table that is drawn again and again on a terminal: of all so far or, with
// intervals, of the last one that is over.
type picture struct {
	used bool
	last time.Time // when it was made

	mu    sync.Mutex
	lines []string

	whole []string // the last block, with all its rows
}

// Picture returns the rows of the table as of now, for Options.Picture. It is safe for
// concurrent use with everything else.
func (s *Sink) Picture() []string {
	s.picture.mu.Lock()
	defer s.picture.mu.Unlock()
	return s.picture.lines
}

func (p *picture) set(lines []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = lines
}

// draw makes a new picture if the last one is old.
func (s *Sink) draw() {
	p := &s.picture
	if !p.used || time.Since(p.last) < redraw || s.o.Every > 0 && s.blocks > 0 {
		return
	}
	p.last = time.Now()
	now := p.last.UnixMicro()
	at, from := int64(0), s.windows.begin
	if s.windows.every > 0 {
		at = s.windows.next
	}
	w := s.windows.open[at]
	if w == nil {
		w = &window{}
	}
	b := s.block(from, now, w, s.lastInterval())
	p.set(s.table().linesFor(s, b, s.height()))
}

// pictureRows bounds the rows of a section of the picture.
const pictureRows = 12

// table returns the format, which is a table.
func (s *Sink) table() *tableFormat { return s.format.(*tableFormat) }

// printPicture puts a block into the picture instead of the output.
func (s *Sink) printPicture(b *block) {
	s.picture.set(s.table().linesFor(s, b, s.height()))
	s.picture.whole = s.table().lines(s, b, maxRows)
}

// height returns the rows for the picture, 0 for any number.
func (s *Sink) height() int {
	if s.o.Height == nil {
		return 0
	}
	return s.o.Height()
}
