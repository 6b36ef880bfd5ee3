// Package live runs the commands on live events: those from messaged's websockets, from
// a port that takes POSTs, or from the demo. They go through the buffer and the engine
// to stdout, to a recording and to commands.
package live

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/metrics"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/whole"
)

// session is a live run, compiled from Options.
type session struct {
	a          *cli.App
	end        flags.Ends
	failOnLoss bool
	config     engine.Config
	buffer     *engine.Buffer
	warnings   *report.Sampler
	feeds      []feed
	drops      dropLog
	record     *recorder      // nil if nothing is recorded
	sinkGap    gapSink        // the sink, nil if it is no gapSink
	account    report.Account // of the sink, nil if it has none
	awaiter    report.Awaiter // nil: everything that the filters keep
	watch      func(health func() Health)
	exec       *commands    // nil if none are run
	whole      *whole.Calls // nil without --whole-calls
	tally      *tally.Tally
	jq         bool            // the filters have a jq expression
	unseen     func() []string // see flags.Output
	pseudonyms *flags.Pseudonyms

	metrics          net.Listener // nil without --metrics
	collectors       []metrics.Collector
	droppedElsewhere func(map[string]int64) // see Options.Dropped
	lags             lags
	watchdog         *watchdog

	rejected report.Rejections

	atEnd []func() // called when what has come is written
}

// reject warns of the first input of each kind that is no event, and logs the others with
// -v; the ledger counts them all. raw is the beginning of the input, size its length in bytes.
func (s *session) reject(source string, err error, raw []byte, size int64) {
	msg := "rejected, no event " + report.RejectionText(err, raw, size, s.pseudonyms.On)
	if source != "" {
		msg = source + ": " + msg
	}
	if s.rejected.First(err) {
		s.a.Log.Warn(msg, "source", source)
		return
	}
	s.a.Log.Debug(msg, "source", source)
}

// connected reports whether any feed is connected.
func (s *session) connected() bool {
	return slices.ContainsFunc(s.feeds, func(f feed) bool {
		_, _, connected := f.health(time.Now())
		return connected
	})
}

// failed counts a failure of an expression or a template.
func (s *session) failed(what, kind, text string) {
	s.warnings.AddFailure(report.Failure(what, kind, text, s.pseudonyms.On))
}

// onGap is called when the run reaches the place of a gap in the stream.
func (s *session) onGap(g engine.Gap) {
	if s.sinkGap != nil {
		s.sinkGap.Gap(g)
	}
	if g.Dropped > 0 {
		s.drops.end(g)
	}
}

// run receives from the sources until one of the ends, logs the ledger, and returns the
// error of the run.
func (s *session) run(ctx context.Context, sources ...engine.Input) error {
	stopShowing := s.show(ctx)
	runCtx, stop := context.WithCancel(ctx)
	defer stop()
	if s.record != nil {
		s.record.endedBy(ctx, stop)
	}
	if s.exec != nil {
		s.exec.open(runCtx)
	}
	late, lateStop := delayed(ctx, recordDrain)
	defer lateStop()
	end, err := s.buffer.Run(runCtx, &s.config, sources...)
	for _, f := range s.atEnd {
		f()
	}
	if s.exec != nil {
		s.exec.finish()
	}
	stopShowing()
	ledger, comparison := s.buffer.Ledger(), s.buffer.Compare()
	if err := s.buffer.Release(); err != nil {
		s.a.Log.Warn("the files of --spill could not be removed: " + cli.OneLine(err))
	}
	s.drops.mu.Lock()
	s.drops.flush()
	s.drops.mu.Unlock()
	s.warnings.LogTotals()
	s.whole.LogLosses(s.a.Log.Warn)
	never := s.disconnected(end)
	s.warnUnseen(ledger)
	if end != engine.EndInput || ledger.Received > 0 {
		s.logLedger(ledger)
		report.LogComparison(s.a.Log, comparison)
		if s.account != nil {
			s.account.Log()
		}
	}
	outcome := s.outcome(end, err, ledger)
	if never != nil {
		outcome = never
	}
	unrecorded := int64(0)
	if s.record != nil {
		if unrecorded, err = s.record.close(late, outcome); err != nil {
			return err
		}
		if unrecorded > 0 {
			s.a.Log.Warn(cli.Plural(unrecorded, "event") + " not recorded: the disk was too slow")
		}
	}
	if outcome != nil {
		return outcome
	}
	return s.incomplete(ledger, unrecorded)
}

// show starts what shows how the run is while it goes on: metrics, the watchdog of systemd,
// the ledger after SIGUSR1, and the status line. stop ends it.
func (s *session) show(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	s.serveMetrics(ctx, &running)
	s.watchdog.notify(ctx, &running, s.buffer.Poke)
	cli.OnUSR1(ctx, &running, func() { s.a.Guard(func() { s.logLedger(s.buffer.Ledger()) }) })
	if s.a.StatusLine != nil {
		s.a.StatusLine.Start(newStatus(s).text)
	}
	if s.watch != nil {
		s.watch(s.health)
	}
	return func() {
		if s.a.StatusLine != nil {
			s.a.StatusLine.Stop()
		}
		cancel()
		running.Wait()
	}
}

// warnUnseen warns of flags that had no effect on the events of the run.
func (s *session) warnUnseen(ledger engine.Ledger) {
	report.WarnNothingKept(s.a, s.tally, ledger)
	came, what := report.Counted(s.account, ledger)
	report.WarnUnseenFields(s.a, s.unseen(), came, what)
	if s.exec != nil && s.exec.limit != nil && ledger.Kept > 0 {
		if names := s.exec.limit.unseen(); names != "" {
			s.a.Log.Warn("--exec-by: no event had the field " + names)
		}
	}
	report.WarnUnseenPseudonyms(s.a, s.pseudonyms, ledger)
}

// incomplete returns an error if not all was done that the flags ask for, in a run that
// ended without an error.
func (s *session) incomplete(ledger engine.Ledger, unrecorded int64) error {
	if s.failOnLoss && (ledger.Lost() || unrecorded > 0) {
		return cli.NewError(cli.ExitLoss, fmt.Errorf("events were lost: %s dropped, %s", humanize.Comma(ledger.Dropped), cli.Plural(ledger.Gaps, "gap")), "")
	}
	if s.exec != nil && s.exec.notRun.Load() > 0 {
		return cli.NewError(cli.ExitFailure, fmt.Errorf("--exec: %s not run: those before were still running %v after the end",
			cli.Plural(s.exec.notRun.Load(), "command"), execDrain), "--exec-parallel runs more of them at a time")
	}
	return nil
}

// delayed returns a context that is done d after ctx.
func delayed(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(d, cancel) })
	return late, cancel
}

// logLedger logs the ledger, and how many commands ran.
func (s *session) logLedger(ledger engine.Ledger) {
	msg, attrs := report.LedgerText(&ledger), []any{
		"received", ledger.Received, "kept", ledger.Kept, "filtered", ledger.Filtered, "rejected", ledger.Rejected,
		"dropped", ledger.Dropped, "waiting", ledger.Waiting, "repaired", ledger.Repaired,
		"duplicates", ledger.Duplicates, "failed", ledger.Failed, "gaps", ledger.Gaps,
	}
	if c := s.exec; c != nil {
		msg += c.summary()
		if c.limit != nil {
			attrs = append(attrs, "commands_left_out", c.limit.leftOut.Load())
		}
		attrs = append(attrs, "commands", c.run.Load(), "commands_failed", c.failed.Load(), "commands_not_run", c.notRun.Load())
	}
	s.a.Log.Info(msg, attrs...)
}
