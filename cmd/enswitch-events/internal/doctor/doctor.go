// Package doctor finds out why there are no events: it goes the way of an event step by step,
// and reports each step with what to change. It connects as tail does, so tail meets the same
// faults.
package doctor

import (
	"context"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/live"
)

// Formats returns the formats of the report.
func Formats() []string { return []string{"text", "json"} }

// Doctor makes the checks of one run.
type Doctor struct {
	// Wait is how long to wait for the first event.
	Wait time.Duration
	// Strict makes a warning a failure.
	Strict bool
	// PingInterval says that the interval of pings was given, and is not to be shortened.
	PingInterval bool
	// JSON asks for JSON instead of text, Color for colours in the text.
	JSON, Color bool

	a       *cli.App
	ctx     context.Context //nolint:containedctx // of the run, to know an interrupt from a failure
	report  report
	shown   func() // hides the progress
	posts   *posts // nil without a port
	clocked bool   // the clocks were checked by the events of a websocket
}

// Run makes the checks of the feeds, prints the report, and returns the error of the run:
// that of the first check that failed. After ctx is done it reports what is known.
func (d *Doctor) Run(ctx context.Context, a *cli.App, probe *live.Probe) error {
	d.a, d.ctx = a, ctx
	d.report = report{out: a.EventWriter(), json: d.JSON, color: d.Color, width: cli.Columns(a.Out), redact: a.Log.Redact}
	if d.JSON {
		d.report.width = nil
	}
	d.shown = func() {}
	defer func() { d.shown() }()
	if probe.Listen {
		stop := d.listen(ctx, probe)
		defer stop()
	}
	for _, peer := range probe.Peers {
		c := d.websocket(ctx, peer)
		if d.posts != nil {
			d.posts.expect(c.heard.names())
		}
	}
	for _, p := range probe.Streams {
		d.stream(ctx, p)
	}
	if d.posts != nil {
		d.posts.finish(ctx)
	}
	d.shown()
	d.shown = func() {}
	return d.report.end(d.Strict)
}

// interrupted reports whether the run was interrupted.
func (d *Doctor) interrupted() bool { return d.ctx.Err() != nil }

// posted reports whether a machine has POSTed an event.
func (d *Doctor) posted() bool {
	if d.posts == nil {
		return false
	}
	first, _ := d.posts.heard.seen()
	return !first.IsZero()
}

// progress shows text in the status line of a terminal until the next call.
func (d *Doctor) progress(text func() string) {
	d.shown()
	d.shown = func() {}
	if line := d.a.StatusLine; line != nil {
		line.Start(func(int) string { return text() })
		d.shown = line.Stop
	}
}
