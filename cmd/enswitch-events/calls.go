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
		Short: "Print a record of each call as it ends",
		Long: `Print a record of each call as it ends. ADDRESS is as for tail; with --read the
events come from captures.

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
	s := calls.New(&calls.Options{
		Map: m, Tracker: tracker, Having: having, Count: live.End.Count, Live: !o.inputs.Captures(),
		ForReaders: live.Output.ForReaders(cli.Terminal(a.Out) != nil), Log: a.Log,
	})
	live.Sink, live.Account, live.SinkMemory = s.Sink, s, calls.MaxMemory
	return o.inputs.Run(ctx, a, cmd, addresses)
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
