package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/inputs"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/sequence"
)

// waitOptions are the flags of wait.
type waitOptions struct {
	inputs         inputs.Options
	sequence, same string
}

func newWait(a *cli.App) *cobra.Command {
	o := &waitOptions{}
	cmd := &cobra.Command{
		Use:   "wait [ADDRESS…]",
		Short: "Wait for an event or a sequence of events",
		Long: `Wait for an event that the filters keep, print it, and exit with code 0.
ADDRESS is as for tail.

With --sequence, wait for several events, one after the other, whatever comes in
between. All of them are printed when the last one has come. The steps are
written as for --event, with > between them. The filters apply to all steps.

A step may have conditions of its own in brackets, written as for --where, with
commas between them: call.route[from=+441632960001,machine!=3]. All of them must
hold. In quotes, "…" or '…', a value may contain anything but that quote. Without
them it ends at the next comma or ]; those inside the brackets, parentheses or
braces of a regular expression belong to it.

With --same, the events of a sequence have the same text in that field, so that
calls that overlap are kept apart. An event that has no such field, or an empty
one, does not count. With --same call, the events are of the same call, over all
its legs, however it is transferred.

With --whole-calls, all events so far of the call are printed: of the call of the
event or, with --same call, of the sequence.

With --read, look for the event or the sequence in captures.

A sequence begins with the first event that matches its first step. At most
10,000 unfinished sequences are kept, with 16 MiB of events. After that the
oldest ones are given up, with a warning.

The exit code is 6 if --timeout is over, or the captures are read to their end,
1 if --fail-if was true or a signal ended the wait, and as for tail if there is
no connection. stderr then says what came instead.`,
		Example: `  enswitch-events wait 10.0.0.5 -e call.answer -w machine=1 --timeout 1m
  enswitch-events wait --sequence 'call.start > call.answer > call.end' \
    --same callid --timeout 30s
  enswitch-events wait --sequence 'start > route[to=200] > answer' --same callid
  enswitch-events wait --sequence 'start > transfer > answer' --same call -W
  enswitch-events wait --sequence 'start > answer,end' --same callid \
    --fail-if '.machine == 3'`,
		RunE: func(cmd *cobra.Command, addresses []string) error {
			return o.run(cmd.Context(), a, cmd, addresses)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.bind(cmd)
	return cmd
}

// bind binds the flags.
func (o *waitOptions) bind(cmd *cobra.Command) {
	live := &o.inputs.Live
	cli.AddFlagGroup(cmd, "Filters", live.Filter.Bind)
	live.Whole.Bind(cmd)
	cli.AddFlagGroup(cmd, "Waiting", func(f *pflag.FlagSet) {
		f.StringVar(&o.sequence, "sequence", "", "wait for these events, one after the other: `STEPS` like 'call.start > call.route[to=200] > call.end'")
		f.StringVar(&o.same, "same", "", "the events of a sequence must have the same text in the field `NAME`, or be of the same call, if it is call")
		flags.DurationVar(f, &live.End.Duration, "timeout", 0, "give up after this `TIME`, with exit code 6 (default: never)")
		f.StringVar(&live.End.FailIf, "fail-if", "", "end after the first event for which the jq `EXPR` is true, print that event, and exit with code 1")
	})
	cli.AddFlagGroup(cmd, "Output", live.Output.Bind)
	cli.AddFlagGroup(cmd, "Buffer and losses", live.Buffer.Bind)
	cli.AddFlagGroup(cmd, "Recording", live.Record.Bind)
	o.inputs.Bind(cmd)
}

func (o *waitOptions) run(ctx context.Context, a *cli.App, cmd *cobra.Command, addresses []string) error {
	changed, live := cmd.Flags().Changed, &o.inputs.Live
	switch {
	case changed("timeout") && live.End.Duration <= 0:
		return cli.Usage("write it like 90s, 5m or 1d", "--timeout %v: must be more than 0", live.End.Duration)
	case changed("sequence") && o.sequence == "":
		return cli.Usage("write it like 'call.start > call.answer > call.end'", "--sequence: the sequence is empty")
	case changed("same") && o.same == "":
		return cli.Usage("it is the name of a field, like callid", "--same: the name is empty")
	}
	w, err := sequence.New(o.sequence, o.same, live.Filter.Tally(a), a.Log.Warn)
	if err != nil {
		return err
	}
	if live.Whole.On || o.same == sequence.SameCall {
		m, tracker, err := live.Whole.Calls.Compile()
		if err != nil {
			return err
		}
		w.FollowCalls(m, tracker, live.Whole.On)
	}
	live.Sink, live.Awaiter = w.Sink, w
	return o.inputs.Run(ctx, a, cmd, addresses)
}
