package engine

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/fault"
)

// Input receives events into a [Feed] until there are no more, an error ends it, or
// ctx is done. One that ctx ends returns its error or nil.
type Input func(ctx context.Context) error

const (
	// drainTime is how long events that wait are still written after a signal.
	drainTime = 5 * time.Second
	// stuckTime is how long the fold may take to stop at the end of drainTime, and
	// the same again if it is writing then.
	stuckTime = 200 * time.Millisecond
)

// Run puts what the inputs receive into b, and what comes out of b into c.Sink. It
// ends when one of the ends of c is reached, an input fails, all inputs have ended,
// or ctx is done. Then it writes what still waits, which may take any time, but no
// more than 5 s once ctx is done.
//
// When Run returns, everything that it started has ended, except a Write that
// blocks. The error belongs to EndInput, EndOutput, EndClosed, EndStuck, EndSlow and
// EndFault.
func (b *Buffer) Run(ctx context.Context, c *Config, inputs ...Input) (End, error) {
	f, err := newFolder(c, b)
	if err != nil {
		return EndOutput, err
	}
	f.pace = &b.pace
	inputCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := startInputs(inputCtx, inputs)
	folded := f.start()
	o, done := b.wait(inputCtx, c, ended, folded)
	if done {
		cancel(ErrEnough)
		waitFor(ended)
		return o.end, o.err
	}
	cancel(nil)
	waitFor(ended)
	b.Close()
	// What was still waiting may have reached an end of its own, or failed to be
	// written.
	switch last := f.drain(ctx, folded, true); last.end {
	case EndOfInput:
		return o.end, o.err
	case EndSlow:
		return EndSlow, both(o.err, fmt.Errorf("%d events were not processed within %v of the signal", b.Ledger().Waiting, drainTime))
	case EndStuck:
		return EndStuck, both(o.err, fmt.Errorf("stdout was too slow: %d events were not written", b.Ledger().Waiting))
	default:
		return last.end, last.err
	}
}

// startInputs starts the inputs. The channel gets the first error of one that failed,
// and is closed when all have ended.
func startInputs(ctx context.Context, inputs []Input) <-chan error {
	ended := make(chan error, 1)
	var running sync.WaitGroup
	for _, input := range inputs {
		running.Go(func() {
			if err := input.try(ctx); err != nil && ctx.Err() == nil {
				select {
				case ended <- err:
				default:
				}
			}
		})
	}
	go func() { running.Wait(); close(ended) }()
	return ended
}

// try runs the input and turns a panic into an error.
func (i Input) try(ctx context.Context) (err error) {
	defer fault.Catch(&err)
	return i(ctx)
}

// waitFor waits until all inputs have ended.
func waitFor(ended <-chan error) {
	for range ended { // until it is closed
	}
}

// wait waits for an end of the run. Done says that it is that of the fold.
func (b *Buffer) wait(ctx context.Context, c *Config, ended <-chan error, folded <-chan outcome) (o outcome, done bool) {
	limit, idle, started := newTimer(c.For), newTimer(c.Idle), time.Now()
	defer limit.Stop()
	defer idle.Stop()
	for {
		select {
		case o := <-folded:
			return o, true
		case <-ctx.Done():
			return outcome{end: EndSignal}, false
		case err := <-ended:
			if err != nil {
				o = outcome{EndInput, err}
			}
			return o, false
		case <-limit.C:
			return outcome{end: EndFor}, false
		case <-idle.C:
			last := b.LastReceived()
			if last.Before(started) {
				last = started
			}
			left := c.Idle - time.Since(last)
			if left <= 0 {
				return outcome{end: EndIdle}, false
			}
			idle.Reset(left)
		}
	}
}

// newTimer returns a timer that fires after d, or never if d is 0.
func newTimer(d time.Duration) *time.Timer {
	t := time.NewTimer(d)
	if d == 0 {
		t.Stop()
	}
	return t
}

// both returns one error that wraps both, or err if there is no first one.
func both(first, err error) error {
	if first == nil {
		return err
	}
	return fmt.Errorf("%w; %w", first, err)
}

// drain waits for the fold to end. Once ctx is done the fold may go on for drainTime;
// if patient is false it stops at once, and drainTime is for the current write.
func (f *folder) drain(ctx context.Context, folded <-chan outcome, patient bool) outcome {
	select {
	case o := <-folded:
		return o
	case <-ctx.Done():
	}
	began, wrote := time.Now(), f.writing.read()
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
	slow := EndSlow
	if f.writing.read()-wrote > time.Since(began)/2 {
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
			break
		}
	}
	return outcome{end: slow}
}

// silence makes sure that nothing is written or counted any more, so that the counts
// reported at the end are final. It reports false if a write is under way.
func (f *folder) silence() bool {
	if !f.writes.TryLock() {
		return false
	}
	defer f.writes.Unlock()
	f.silent = true
	return true
}
