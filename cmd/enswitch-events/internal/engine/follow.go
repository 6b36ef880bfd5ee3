package engine

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/capture"
)

// followed reads files that grow, side by side, in the order in which their lines
// come; what they hold at first is read one file after the other. It ends when the
// context of the run is done, with the time of For or Idle, or when nothing that is
// read can grow.
type followed struct {
	o       *CaptureOptions
	pieces  chan piece
	idle    time.Duration
	last    time.Time // when a line came
	running sync.WaitGroup

	parent context.Context
	soft   context.Context // done when the files are no longer waited for
	enough context.CancelFunc
	hard   context.Context // done when nothing more is read
	end    End
}

// piece is lines that a file has got, or notes of it.
type piece struct {
	name   string
	lines  []byte
	offset int64
	notes  []note
	back   chan []byte // gets memory for the next lines; nil if there are no lines
}

// begin begins to read. It returns the context of the run and what ends it.
func (q *followed) begin(parent context.Context, cfg *Config) (context.Context, context.CancelFunc) {
	q.parent, q.idle, q.last, q.pieces = parent, cfg.Idle, time.Now(), make(chan piece)
	if cfg.For > 0 {
		q.soft, q.enough = context.WithTimeout(parent, cfg.For)
	} else {
		q.soft, q.enough = context.WithCancel(parent)
	}
	hard, stop := context.WithCancel(context.WithoutCancel(parent))
	q.hard = hard
	before := make(chan struct{})
	close(before)
	for _, name := range q.o.Names {
		f := &follower{q: q, name: name, before: before, current: make(chan struct{})}
		q.running.Go(f.run)
		before = f.current
	}
	go func() {
		q.running.Wait()
		close(q.pieces)
	}()
	return hard, func() { stop(); q.enough() }
}

func (q *followed) fill(ctx context.Context, b *Block) bool {
	p, ok := q.next(ctx)
	if !ok {
		return false
	}
	b.addNotes(p.notes, p.offset)
	if p.back != nil {
		memory := b.data
		b.data = p.lines
		b.files = append(b.files, span{name: p.name, offset: p.offset})
		p.back <- memory
		q.last = time.Now()
	}
	return true
}

// next waits for a piece.
func (q *followed) next(ctx context.Context) (p piece, ok bool) {
	select {
	case p, ok = <-q.pieces: // however long the one before took to be written
		return p, ok
	default:
	}
	var idle <-chan time.Time
	if q.idle > 0 && q.soft.Err() == nil {
		t := time.NewTimer(q.idle - time.Since(q.last))
		defer t.Stop()
		idle = t.C
	}
	select {
	case p, ok = <-q.pieces:
		return p, ok
	case <-ctx.Done():
		return p, false
	case <-idle:
		q.end = EndIdle
		q.enough()
	}
	p, ok = <-q.pieces
	return p, ok
}

// ended returns why the reading ended.
func (q *followed) ended() End {
	switch {
	case q.parent.Err() != nil:
		return EndSignal
	case q.end == EndOfInput && errors.Is(q.soft.Err(), context.DeadlineExceeded):
		return EndFor
	}
	return q.end
}

func (q *followed) position() int64 { return 0 }

func (q *followed) close() {
	q.enough()
	q.running.Wait()
}

// follower reads one file.
type follower struct {
	q       *followed
	name    string
	before  <-chan struct{} // closed when it is the turn of this file
	current chan struct{}   // closed when everything that it held at first was read
	once    sync.Once
	notes   []note
}

// reader is a capture.Follower or, for standard input, a capture.Reader.
type reader interface {
	Next(buf []byte) (lines []byte, offset int64, err error)
	Close() error
}

func (f *follower) run() {
	defer f.caughtUp()
	select {
	case <-f.before:
	case <-f.q.hard.Done():
		return
	}
	shown, r := f.open()
	defer r.Close() // it was only read
	back := make(chan []byte, 1)
	var buf []byte
	for {
		lines, offset, err := r.Next(buf)
		if err != nil && !errors.Is(err, io.EOF) && f.q.soft.Err() == nil {
			f.note(damage(shown, err))
		}
		if err != nil || len(lines) == 0 {
			buf = lines
			f.say(shown)
			if err != nil || f.q.hard.Err() != nil {
				return
			}
			continue
		}
		if !f.hand(piece{shown, lines, offset, f.notes, back}) {
			return
		}
		buf = <-back
		f.notes = f.notes[:0]
	}
}

// open begins to read the file.
func (f *follower) open() (shown string, r reader) {
	q := f.q
	shown = shownName(f.name)
	options := capture.Options{Name: shown, MaxLine: q.o.MaxLine}
	options.OnReject = func(line []byte, offset int64, err error) {
		// At the end of the run a pipe may hold a part of a line, which is not worth a note.
		if q.soft.Err() == nil || !errors.Is(err, q.soft.Err()) {
			f.note(rejection(shown, line, offset, err))
		}
	}
	options.OnDamage = func(d capture.Damage) { f.note(damage(shown, d)) }
	if f.name == "-" {
		f.caughtUp()
		return shown, capture.NewReaderContext(q.soft, q.o.Stdin, &options)
	}
	o := &capture.FollowOptions{
		Options: options,
		OnWait: func() {
			f.say(shown)
			f.caughtUp()
		},
		OnSkip: func(bytes int64) {
			f.notes = append(f.notes, note{kind: noteSkip, name: shown, offset: bytes})
		},
		OnChange: func(c capture.Change) {
			f.note(note{kind: noteChange, name: shown, change: c})
			f.say(shown)
		},
		OnFault: func(err error) {
			f.note(damage(shown, err))
			f.say(shown)
		},
	}
	if q.o.SeekTime {
		o.From = q.o.From
	}
	return shown, capture.Follow(q.soft, f.name, o)
}

func (f *follower) note(n note) { f.notes = addRead(f.notes, n) }

// say hands over the notes.
func (f *follower) say(shown string) {
	if len(f.notes) > 0 {
		f.hand(piece{name: shown, notes: f.notes})
		f.notes = nil
	}
}

// hand hands over p. It reports false if nothing more is read.
func (f *follower) hand(p piece) bool {
	select {
	case f.q.pieces <- p:
		return true
	case <-f.q.hard.Done():
		return false
	}
}

func (f *follower) caughtUp() { f.once.Do(func() { close(f.current) }) }
