// Package captures runs a command over capture files: it reads them into the engine,
// shows its progress, and reports damage.
package captures

import (
	"context"
	"io"
	"runtime"
	"strings"
	"sync"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/whole"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
)

// session is a run over capture files, compiled from Options.
type session struct {
	app      *cli.App
	faults   *report.CaptureFaults
	failures *report.Sampler
	source   *engine.Captures
	end      flags.Ends
	account  report.Account // of the sink, nil if it has none
	awaiter  report.Awaiter // nil: everything that the filters keep
	later    *laterPasses   // nil if there are none
	total    int64          // bytes of all files, 0 if unknown
	tally    *tally.Tally
	pager    *cli.Pager      // nil if there is none
	unseen   func() []string // see flags.Output
	whole    *whole.Calls    // nil without --whole-calls
	first    *firstPass      // nil if the files are read once
	text     *engine.Text
	vars     map[string]any // of jq expressions
	jq       bool           // the filters have a jq expression

	pseudonyms *flags.Pseudonyms
}

// failed counts a failure of an expression or a template.
func (s *session) failed(what, kind, text string) {
	s.failures.AddFailure(report.Failure(what, kind, text, s.pseudonyms.On))
}

// spareHeap is the size of an allocation that is never touched and so never resident.
// The live heap is a few megabytes of blocks. The garbage collector waits for as much
// garbage as that, so with gojq it would run a hundred times a second. The allocation
// makes it wait for that much more. A higher GC percentage would do so too, but would
// multiply the blocks of all cores. The allocation itself starts the collector once, which
// smallInput bytes are not worth.
const (
	spareHeap  = 6 << 20
	smallInput = 1 << 20
)

// run reads the files, logs the ledger, and returns the error of the run.
func (s *session) run(ctx context.Context, config *engine.Config) error {
	r := s.source
	beside, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	cli.OnUSR1(beside, &running, func() { report.LogLedger(s.app, r.Ledger()) })
	showing := s.app.StatusLine != nil && cli.Terminal(s.app.Out) == nil && s.total >= progressFrom
	if showing {
		s.app.StatusLine.Start(s.progress())
	}
	var spare []byte
	if s.total == 0 || s.total > smallInput {
		spare = make([]byte, spareHeap)
	}
	end, untimed, err := s.read(ctx, config)
	if s.later != nil && end == engine.EndOfInput && err == nil {
		end, err = s.later.run(ctx)
	}
	runtime.KeepAlive(spare)
	if failed := s.pager.Close(); err == nil {
		err = failed
	}
	if showing {
		s.app.StatusLine.Stop()
	}
	cancel()
	running.Wait()
	s.failures.LogTotals()
	if back, none := r.Disorder(); back > 0 || none > 0 {
		var what []string
		if back > 0 {
			what = append(what, cli.Plural(back, "event")+" out of order by more than a minute")
		}
		if none > 0 {
			what = append(what, cli.Plural(none, "event")+" without a timestamp")
		}
		s.app.Log.Warn("captures read side by side: "+strings.Join(what, ", and ")+": they stay where they are in their file", "back", back, "untimed", none)
	}
	if untimed > 0 {
		s.app.Log.Warn(cli.Plural(untimed, "event") + " without a timestamp left out")
	}
	if s.faults.Skipped() > 0 {
		s.app.Log.Info(humanize.IBytes(uint64(s.faults.Skipped())) + " outside the bounds not read: files that look sorted are taken for sorted, --strict reads all")
	}
	s.whole.LogLosses(s.app.Log.Warn)
	ledger := r.Ledger()
	report.WarnNothingKept(s.app, s.tally, ledger)
	came, what := report.Counted(s.account, ledger)
	report.WarnUnseenFields(s.app, s.unseen(), came, what)
	report.WarnUnseenPseudonyms(s.app, s.pseudonyms, ledger)
	report.LogLedger(s.app, ledger)
	if s.account != nil {
		s.account.Log()
	}
	if err := report.EndError(end, err, s.jq); err != nil {
		return err
	}
	if end == engine.EndFor || end == engine.EndIdle {
		if err := s.end.Unreached(end, came, what); err != nil {
			return err
		}
	}
	if err := s.faults.Failure(); err != nil {
		return err
	}
	return s.unmet(end)
}

// unmet returns the error of a run that ended before what it waits for has come.
func (s *session) unmet(end engine.End) error {
	switch end {
	case engine.EndOfInput:
		return report.Unmet(s.awaiter, cli.ExitTime, "the capture ended")
	case engine.EndFor, engine.EndIdle:
		return report.Unmet(s.awaiter, cli.ExitTime, s.end.TimeUp(end))
	case engine.EndSignal:
		return report.Unmet(s.awaiter, cli.ExitFailure, "interrupted")
	}
	return nil
}

// changed logs what has become of a file that is followed.
func (s *session) changed(name string, change capture.Change) {
	switch log := s.app.Log; change {
	case capture.Missing:
		log.Info(name+": there is no such file now: waiting for it", "source", name)
	case capture.Replaced:
		log.Debug(name+": another file has this name now: going on with it", "source", name)
	case capture.Rewritten:
		log.Warn(name+": the file was cut or rewritten: reading it from its beginning", "source", name)
	case capture.Removed:
		log.Warn(name+": files that were set aside are removed, perhaps before they were read", "source", name)
	case capture.Behind:
		log.Warn(name+": not everything that it held at the end could be read in time", "source", name)
	case capture.Unfinished:
		log.Debug(name+": the last line has no end yet and is left out", "source", name)
	}
}

// progressFrom is the size of files from which progress is shown.
const progressFrom = 32 << 20

// progress returns the function that draws the progress bar for the status line.
func (s *session) progress() func(width int) string {
	var mu sync.Mutex
	bar := progressbar.NewOptions64(s.total,
		progressbar.OptionSetWriter(io.Discard), progressbar.OptionSetWidth(30),
		progressbar.OptionShowBytes(true), progressbar.OptionShowTotalBytes(true), progressbar.OptionUseIECUnits(true),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "━", SaucerPadding: "─"}))
	_ = bar.RenderBlank() // starts its clock
	return func(int) string {
		mu.Lock()
		defer mu.Unlock()
		_ = bar.Set64(min(s.position(), s.total)) // writes to io.Discard
		return strings.TrimSpace(strings.Trim(bar.String(), "\r"))
	}
}
