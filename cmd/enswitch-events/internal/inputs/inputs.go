// Package inputs runs a command on live events or, with --read, on captures: the same
// sink gives the same answer from both.
package inputs

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/captures"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/live"
)

// Options are the flags of a command that takes addresses or --read.
type Options struct {
	// Live has the filters, the output, the ends and the sink, also of a run over
	// captures. The command binds those of its flags that it has.
	Live  live.Options
	Feeds live.Feeds
	Read  flags.Read
	// Passes is for captures, see captures.Options.
	Passes captures.NewPasses
}

// Bind adds the flags of where the events come from to cmd.
func (o *Options) Bind(cmd *cobra.Command) {
	cli.AddFlagGroup(cmd, "Captures", o.Read.Bind)
	o.Feeds.Bind(cmd)
}

// Captures reports whether the events come from captures.
func (o *Options) Captures() bool { return len(o.Read.Files) > 0 }

// Again reports whether all captures are files, which can be read again.
func (o *Options) Again() bool { return captures.Regular(o.Read.Files) }

// Names returns where the events come from, without keys. Addresses are those of the command
// line.
func (o *Options) Names(a *cli.App, addresses []string) []string {
	if !o.Captures() {
		return o.Feeds.Names(a, addresses)
	}
	var names []string
	for _, name := range o.Read.Files {
		if name == "-" {
			name = "standard input"
		}
		names = append(names, name)
	}
	return names
}

// Run runs the sink over the captures of --read, merged by timestamp, or else over live
// events. Addresses are those of the command line; [flags.CheckEffects] refuses them
// beside --read.
func (o *Options) Run(ctx context.Context, a *cli.App, cmd *cobra.Command, addresses []string) error {
	if !o.Captures() {
		return o.Feeds.Run(ctx, a, cmd, &o.Live, addresses)
	}
	o.Read.Bounds.MaxLine = o.Feeds.MaxMessage()
	c := &captures.Options{
		Filter: &o.Live.Filter, Output: &o.Live.Output, End: o.Live.End, Bounds: o.Read.Bounds,
		Merge: len(o.Read.Files) > 1, Sink: o.Live.Sink, EveryLine: true, Account: o.Live.Account, Awaiter: o.Live.Awaiter,
		Passes: o.Passes, Pseudonyms: o.Live.Pseudonyms, Destination: o.Live.Destination,
	}
	if o.Live.Sink == nil {
		c.Whole = o.Live.Whole
	}
	return c.Run(ctx, a, cmd, o.Read.Files)
}
