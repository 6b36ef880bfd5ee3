package pipeline

import (
	"errors"
	"math"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// In a flood a second worker does the next block, but for the writing, while
// the first does one of its own. How an event looks may depend on those before
// it, so the second goes on from what the renderer remembers at the moment. If
// that is still the same when its block has its turn, what it made is written;
// else the block is done again.

// second is that worker.
type second struct {
	*worker
	first, own *render.Renderer
	c          *block    // what it is at or has done, nil for nothing
	done       chan bool // receives whether it could do c
	pause      int       // blocks to leave alone
}

// errAgain ends a block that has something in it for the first worker to tell.
var errAgain = errors.New("to be done by the first worker")

// newSecond returns nil where every event has to be looked at in its turn: to
// count them, to hand them on, to compare those of several feeds, or because a jq expression may
// fail and an error be told.
func newSecond(w *worker) *second {
	first, ok := w.Renderer.(*render.Renderer)
	if !ok || w.Count > 0 || w.inTurn() || w.OnKept != nil || w.seen != nil || w.Filter.Engine() != "" {
		return nil
	}
	own := first.Twin()
	if own == nil {
		return nil
	}
	s := &second{first: first, own: own, done: make(chan bool, 1)}
	reject := func(*event.Event, error) { s.fail.err = errAgain }
	s.worker = newBareWorker(&Config{Filter: w.Filter.Clone(), Renderer: own, OnReject: reject}, w.buf)
	s.most = math.MaxInt
	return s
}

// begin gives it the next block, if a full one is waiting.
func (s *second) begin() {
	if s == nil {
		return
	}
	if s.pause > 0 {
		s.pause--
		return
	}
	if s.c = s.buf.takeFull(); s.c == nil {
		return
	}
	s.own.Follow(s.first)
	go func() {
		_, err := s.events(s.c)
		s.done <- err == nil
	}()
}

// end waits for its block and returns it, nil if it has none; ok is whether
// what it made of it can be written.
func (s *second) end() (c *block, ok bool) {
	if s == nil || s.c == nil {
		return nil, false
	}
	ok = <-s.done
	c, s.c, s.fail = s.c, nil, outcome{}
	if ok && !s.own.Followed(s.first) {
		ok, s.pause = false, earlyPause
	}
	if !ok {
		s.out, s.l = s.out[:0], Ledger{}
	}
	return c, ok
}

// adopt writes what the second worker made.
func (w *worker) adopt(s *second) (End, error) {
	s.first.Follow(s.own)
	w.out, s.out = s.out, w.out
	w.l, s.l = s.l, Ledger{}
	return w.write()
}

// takeFull takes the next block if it is worth to be done apart, else nil.
func (b *Buffer) takeFull() *block {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 || b.spill != nil && b.spill.active {
		return nil
	}
	if n := len(b.queue[0].data); b.queue[0].gap != nil || n < blockSize/2 || n > 2*blockSize {
		return nil
	}
	return b.shift()
}
