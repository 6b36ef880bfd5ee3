// Package captures is a run over capture files: it reads them into the engine, shows
// how far it has come, and says what was wrong with them.
package captures

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
)

// session is a run with everything compiled.
type session struct {
	report.Reading
	failures *report.Sampler
	source   *engine.Captures
	total    int64 // bytes of all files, 0 if that is unknown
	tally    *tally.Tally
	unseen   func() []string // see flags.Output
}

// spareHeap is memory that is taken and never touched, so that it does not become
// resident. The heap in use is a few megabytes of blocks, and the collector, which
// waits for as much garbage as that, would run a hundred times a second when a jq
// expression needs gojq. With this it waits for so much more, however many cores
// there are; a percentage would multiply the blocks of all of them.
const spareHeap = 6 << 20

// run reads the files and says how it went.
func (c *session) run(ctx context.Context, config *engine.Config) error {
	r := c.source
	beside, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	cli.OnUSR1(beside, &running, func() { report.Say(c.A, r.Ledger()) })
	showing := c.A.Line != nil && cli.Terminal(c.A.Out) == nil && c.total >= progressFrom
	if showing {
		c.A.Line.Start(c.progress(r))
	}
	spare := make([]byte, spareHeap)
	end, untimed, err := r.Run(ctx, config)
	runtime.KeepAlive(spare)
	if showing {
		c.A.Line.Stop()
	}
	cancel()
	running.Wait()
	c.failures.Sum()
	if back, none := r.Disorder(); back > 0 || none > 0 {
		c.A.Log.Warn(fmt.Sprintf("--merge goes by timestamps: %s out of order in a file by more than a minute, %s without one; these stay where they are in their file",
			cli.Plural(back, "event"), humanize.Comma(none)), "back", back, "untimed", none)
	}
	if untimed > 0 {
		c.A.Log.Warn(cli.Plural(untimed, "event") + " left out that had no timestamp to compare")
	}
	if c.Skipped > 0 {
		c.A.Log.Info(humanize.IBytes(uint64(c.Skipped)) + " outside the bounds not read: files that look sorted are taken for sorted, --strict reads all")
	}
	ledger := r.Ledger()
	report.Empty(c.A, c.tally, ledger)
	report.Unseen(c.A, c.unseen(), ledger)
	report.Say(c.A, ledger)
	switch end {
	case engine.EndFailIf:
		return cli.NewError(cli.ExitFailure, errors.New("--fail-if was true of the last event"), "")
	case engine.EndOutput:
		return cli.WriteError(err)
	case engine.EndStuck:
		return cli.NewError(cli.ExitOutput, err, "")
	case engine.EndSlow:
		return cli.NewError(cli.ExitFailure, err, report.TooSlow)
	}
	return c.Failure()
}

// progressFrom is the size from which reading takes long enough to show how far
// it has come.
const progressFrom = 32 << 20

// progress returns what draws the bar for the line of status.
func (c *session) progress(r *engine.Captures) func() string {
	var mu sync.Mutex
	bar := progressbar.NewOptions64(c.total,
		progressbar.OptionSetWriter(io.Discard), progressbar.OptionSetWidth(30),
		progressbar.OptionShowBytes(true), progressbar.OptionShowTotalBytes(true), progressbar.OptionUseIECUnits(true),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "━", SaucerPadding: "─"}))
	_ = bar.RenderBlank() // the clock begins
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		_ = bar.Set64(min(r.Position(), c.total)) // writes to nowhere
		return strings.TrimSpace(strings.Trim(bar.String(), "\r"))
	}
}
