package engine

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"
)

// Input puts events into a feed until it ends, an error ends it, or ctx is
// done. One that ends by ctx returns ctx's error or nil.
type Input func(ctx context.Context) error

const (
	// drainTime is how long what waits is written once the run is to end.
	drainTime = 5 * time.Second
	// stuckTime is how long a fold that is to end may take, and once more if it is
	// writing then. Both are the end of drainTime.
	stuckTime = 200 * time.Millisecond
)

// Run runs the inputs into b and what they bring out of it into c.Sink until one of the ends of
// c is reached, an input fails, all inputs have ended, or ctx is done. Then it
// writes what waits: as long as it takes, but once ctx is done for 5 s at most.
// It returns when everything that was started has ended, but for a write that
// still blocks then. The error belongs to EndInput, EndOutput, EndClosed, EndStuck
// and EndSlow.
func (b *Buffer) Run(parent context.Context, c *Config, inputs ...Input) (End, error) {
	f, err := newFolder(c, b)
	if err != nil {
		return EndOutput, err
	}
	f.pace = &b.pace
	ctx, cancel := context.WithCancelCause(parent)
	stop := func() { cancel(nil) }
	defer stop()

	failed := make(chan error, len(inputs))
	var running sync.WaitGroup
	for _, input := range inputs {
		running.Go(func() {
			if err := input(ctx); err != nil && ctx.Err() == nil {
				failed <- err
			}
		})
	}
	ended := make(chan struct{})
	go func() { running.Wait(); close(ended) }()
	folded := f.start()

	var limit <-chan time.Time
	if c.For > 0 {
		t := time.NewTimer(c.For)
		defer t.Stop()
		limit = t.C
	}
	idle := newIdle(c.Idle, b)
	defer idle.stop()

	o := outcome{}
wait:
	for {
		select {
		case o = <-folded:
			cancel(ErrEnough)
			<-ended
			return o.end, o.err
		case <-ctx.Done():
			o.end = EndSignal
			break wait
		case o.err = <-failed:
			o.end = EndInput
			break wait
		case <-ended:
			select {
			case o.err = <-failed:
				o.end = EndInput
			default:
			}
			break wait
		case <-limit:
			o.end = EndFor
			break wait
		case <-idle.c():
			if idle.over() {
				o.end = EndIdle
				break wait
			}
		}
	}
	stop()
	<-ended
	b.Close()
	last := f.drain(parent, folded, true)
	// What was still waiting may have reached an end of its own, or failed to be
	// written.
	switch last.end {
	case EndOfInput:
		return o.end, o.err
	case EndSlow:
		return EndSlow, also(o.err, fmt.Errorf("the filters were too slow: %d events were not filtered within %v of the signal", b.Ledger().Waiting, drainTime))
	case EndStuck:
		return EndStuck, also(o.err, fmt.Errorf("stdout was too slow: %d events were not written", b.Ledger().Waiting))
	}
	return last.end, last.err
}

// also returns err, and what came first, if anything did: one error that wraps
// both.
func also(first, err error) error {
	if first == nil {
		return err
	}
	return fmt.Errorf("%w; %w", first, err)
}

// drain waits for the fold to end. Once ctx is done it may go on for drainTime, or
// with patient false for what it is writing only.
func (f *folder) drain(ctx context.Context, folded <-chan outcome, patient bool) outcome {
	select {
	case o := <-folded:
		return o
	case <-ctx.Done():
	}
	t := time.NewTimer(drainTime - 2*stuckTime)
	defer t.Stop()
	if !patient {
		f.end()
	}
	select {
	case o := <-folded:
		return o
	case <-t.C:
	}
	slow := EndSlow // whichever it is that takes the time
	if f.writing.Load() {
		slow = EndStuck
	}
	f.end()
	for range 2 {
		t.Reset(stuckTime)
		select {
		case o := <-folded:
			if o.end = cmp.Or(o.end, slow); o.end == EndSignal {
				o.end = slow
			}
			return o
		case <-t.C:
		}
		if f.silence() {
			return outcome{end: EndSlow}
		}
	}
	return outcome{end: EndStuck}
}

// silence has nothing written or counted any more: what is said of this run is its
// last word. It reports false if something is being written.
func (f *folder) silence() bool {
	if !f.writes.TryLock() {
		return false
	}
	defer f.writes.Unlock()
	f.silent = true
	return true
}

// idleTimer fires when no event has come for a time.
type idleTimer struct {
	after time.Duration
	since time.Time
	buf   *Buffer
	t     *time.Timer
}

func newIdle(after time.Duration, buf *Buffer) *idleTimer {
	i := &idleTimer{after: after, since: time.Now(), buf: buf}
	if after > 0 {
		i.t = time.NewTimer(after)
	}
	return i
}

func (i *idleTimer) c() <-chan time.Time {
	if i.t == nil {
		return nil
	}
	return i.t.C
}

// over reports whether the time is really over; if an event has come since the
// timer was set, it is set anew.
func (i *idleTimer) over() bool {
	if last := i.buf.LastReceived(); last.After(i.since) {
		i.since = last
	}
	left := i.after - time.Since(i.since)
	if left <= 0 {
		return true
	}
	i.t.Reset(left)
	return false
}

func (i *idleTimer) stop() {
	if i.t != nil {
		i.t.Stop()
	}
}
