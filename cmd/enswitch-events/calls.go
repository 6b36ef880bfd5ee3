package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/calls"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/inputs"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tui"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// callsOptions are the flags of calls.
type callsOptions struct {
	inputs   inputs.Options
	calls    flags.Calls
	having   flags.Having
	printMap bool
}

func newCalls(a *cli.App) *cobra.Command {
	o := &callsOptions{}
	cmd := &cobra.Command{
		Use:   "calls [ADDRESS…]",
		Short: "Show the calls that are up, or print a record of each as it ends",
		Long: `Show the calls that are up, on a terminal, or print a record of each call as it
ends: in a pipe, and with -o, --template, --pseudonyms or another flag for what is printed.
ADDRESS is as for tail; with --read the events come from captures.

On the screen ? shows the keys and what the states mean. It keeps 50,000 open
calls and the last 5,000 that ended, in some 240 MB. A terminal with
TERM=dumb, or without a keyboard, gets lines. kill -9 leaves the screen as it
is: 'reset' mends that.

A call is the events of class call that share a callid or a uniqueid, or an
asteriskid of the same machine. A leg is a uniqueid. A call has ended when all
its legs have, and --linger later no further leg has come. If one comes then,
the record is printed again, and the last one counts. A call of which nothing
comes for --call-timeout is lost. At the end of the input the calls that are
still open are printed, too. A call is doubtful if events are missing from the
feed while it is open, and partial if its beginning is missing.

The filters choose calls: one is printed, whole, if one of its events passes.
--having chooses by the record.

Only call.start is documented. What other events and fields mean is guessed from
their names: --print-map prints the names, --map says what they are.

See 'enswitch-events help records' for the fields of a record.`,
		Example: `  enswitch-events calls --demo
  enswitch-events calls 10.0.0.5 -o csv > calls.csv
  enswitch-events calls --read events.ndjson.zst --having 'duration>600' -o line
  enswitch-events calls --read events.ndjson -w from=+442079460000 -o ndjson
  enswitch-events calls --map answer=call.pickup,call.connect --print-map`,
		RunE: func(cmd *cobra.Command, addresses []string) error {
			return o.run(cmd.Context(), a, cmd, addresses)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	live := &o.inputs.Live
	cli.AddFlagGroup(cmd, "Filters", live.Filter.Bind)
	cli.AddFlagGroup(cmd, "Records of calls", func(f *pflag.FlagSet) {
		o.having.Bind(f)
		f.Int64VarP(&live.End.Count, "count", "n", 0, "end after `N` records")
		live.End.BindTimes(f)
		live.Output.BindCalls(f)
		f.BoolVar(&o.printMap, "print-map", false, "print which events and fields have which meaning, and whether that is documented, given or guessed, and exit")
	})
	cli.AddFlagGroup(cmd, "Calls", o.calls.Bind)
	live.Pseudonyms.Bind(cmd)
	cli.AddFlagGroup(cmd, "Buffer and losses", live.Buffer.Bind)
	cli.AddFlagGroup(cmd, "Recording", live.Record.Bind)
	o.inputs.Bind(cmd)
	return cmd
}

func (o *callsOptions) run(ctx context.Context, a *cli.App, cmd *cobra.Command, addresses []string) error {
	m, tracker, err := o.calls.Compile()
	if err != nil {
		return err
	}
	having, err := o.having.Compile()
	if err != nil {
		return err
	}
	if o.printMap {
		return printMap(a, m)
	}
	live := &o.inputs.Live
	live.Pseudonyms.Map = m
	options := &calls.Options{
		Map: m, Tracker: tracker, Having: having, Count: live.End.Count, Live: !o.inputs.Captures(),
		ForReaders: live.Output.ForReaders(cli.Terminal(a.Out) != nil), Log: a.Log,
	}
	screen, err := o.openScreen(a, options)
	if err != nil {
		return err
	}
	s := calls.New(options)
	live.Sink, live.Account, live.SinkMemory, live.Figures = s.Sink, s, calls.MaxMemory, true
	run := func(ctx context.Context) error { return o.inputs.Run(ctx, a, cmd, addresses) }
	if screen == nil {
		return run(ctx)
	}
	live.Watch = screen.Watch
	return screen.Run(ctx, s, run)
}

// openScreen returns the screen, nil if records are to be printed.
func (o *callsOptions) openScreen(a *cli.App, options *calls.Options) (*tui.Screen, error) {
	output := &o.inputs.Live.Output
	if cli.Terminal(a.Out) == nil || output.Formatted(a.Typed) || o.inputs.Live.Pseudonyms.On { // the screen shows originals
		return nil, nil
	}
	profile, location, err := output.Screen()
	if err != nil {
		return nil, err
	}
	screen := tui.Open(&tui.Options{App: a, Map: options.Map, Having: options.Having, Profile: profile, Location: location, Live: options.Live, Again: o.inputs.Again()})
	if screen != nil {
		options.Screen, options.ForReaders, a.StatusLine = screen.Hooks(), false, nil
	}
	return screen, nil
}

// printMap prints the names of m, what has their meaning, and why.
func printMap(a *cli.App, m *call.Map) error {
	w := tabwriter.NewWriter(a.EventWriter(), 0, 0, 2, ' ', 0)
	for _, meaning := range m.Meanings() {
		for _, item := range meaning.Items {
			fmt.Fprintf(w, "%s\t%s\t%s\n", meaning.Name, item.Text, item.Origin)
		}
	}
	return cli.WriteError(w.Flush())
}
