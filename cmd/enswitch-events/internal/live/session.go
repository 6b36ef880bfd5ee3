// Package live is a live run: events from messaged's websockets, from a port that
// takes POSTs or from the demo go through the buffer and the engine to stdout, to a
// recording and to commands.
package live

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
)

// session is a live run with everything compiled.
type session struct {
	a      *cli.App
	end    flags.Ends
	loss   bool
	config engine.Config
	buffer *engine.Buffer
	faults *report.Sampler
	feeds  []feed
	drops  drops
	record *recorder // nil if nothing is recorded
	await  Awaiter   // nil: everything that the filters keep
	exec   *commands // nil if none are run
	tally  *tally.Tally
	unseen func() []string // see flags.Output

	rejected sync.Once
}

// reject says once what kind of thing was rejected, and with -v each time. The
// count comes with the ledger. Raw is the beginning of what was received, which
// has that size.
func (l *session) reject(source string, err error, raw []byte, size int64) {
	msg := "rejected, no event " + report.Rejection(err, raw, size)
	if source != "" {
		msg = source + ": " + msg
	}
	first := false
	l.rejected.Do(func() { first = true })
	if first {
		l.a.Log.Warn(msg, "source", source)
		return
	}
	l.a.Log.Debug(msg, "source", source)
}

// gap notes a gap whose place in the stream has been reached.
func (l *session) gap(g engine.Gap) {
	if g.Dropped > 0 {
		l.drops.end(g)
	}
}

// run runs the sources to one of the ends and says how it went.
func (l *session) run(ctx context.Context, sources ...engine.Input) error {
	beside, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	cli.OnUSR1(beside, &running, func() { l.say(l.buffer.Ledger()) })
	if l.a.Line != nil {
		l.a.Line.Start(newStatus(l).text)
	}
	runCtx, stop := context.WithCancel(ctx)
	defer stop()
	if l.record != nil {
		l.record.endedBy(ctx, stop)
	}
	if l.exec != nil {
		l.exec.start(runCtx)
	}
	late, lateStop := after(ctx, recordDrain)
	defer lateStop()
	end, err := l.buffer.Run(runCtx, &l.config, sources...)
	if l.exec != nil {
		l.exec.finish()
	}
	if l.a.Line != nil {
		l.a.Line.Stop()
	}
	cancel()
	running.Wait()
	ledger := l.buffer.Ledger()
	if err := l.buffer.Release(); err != nil {
		l.a.Log.Warn("what waited on disk could not be removed: " + cli.OneLine(err))
	}
	l.drops.mu.Lock()
	l.drops.flush()
	l.drops.mu.Unlock()
	l.faults.Sum()
	never := l.missing(end)
	report.Empty(l.a, l.tally, ledger)
	report.Unseen(l.a, l.unseen(), ledger)
	if end != engine.EndInput || ledger.Received > 0 {
		l.say(ledger)
	}
	outcome := l.outcome(end, err, ledger)
	if never != nil {
		outcome = never
	}
	unrecorded := int64(0)
	if l.record != nil {
		if unrecorded, err = l.record.close(late, outcome); err != nil {
			return err
		}
		if unrecorded > 0 {
			l.a.Log.Warn(cli.Plural(unrecorded, "event") + " not recorded: the disk was too slow")
		}
	}
	if outcome != nil {
		return outcome
	}
	if l.loss && (ledger.Lost() || unrecorded > 0) {
		return cli.NewError(cli.ExitLoss, fmt.Errorf("events were lost: %d dropped, %s", ledger.Dropped, cli.Plural(ledger.Gaps, "gap")), "")
	}
	return nil
}

// after returns a context that is done that long after ctx.
func after(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(d, cancel) })
	return late, cancel
}

// say says the ledger.
func (l *session) say(ledger engine.Ledger) {
	msg, attrs := report.Ledger(&ledger), []any{
		"received", ledger.Received, "kept", ledger.Kept, "filtered", ledger.Filtered, "rejected", ledger.Rejected,
		"dropped", ledger.Dropped, "waiting", ledger.Waiting, "repaired", ledger.Repaired,
		"duplicates", ledger.Duplicates, "failed", ledger.Failed, "gaps", ledger.Gaps,
	}
	if c := l.exec; c != nil {
		msg += c.summary()
		attrs = append(attrs, "commands", c.run.Load(), "commands_failed", c.failed.Load(), "commands_not_run", c.left.Load())
	}
	l.a.Log.Info(msg, attrs...)
}
