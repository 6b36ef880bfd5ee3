package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/forward"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/inputs"
)

// forwardOptions are the flags of forward.
type forwardOptions struct {
	inputs  inputs.Options
	targets forward.Options
	dryRun  bool
}

func newForward(a *cli.App) *cobra.Command {
	o := &forwardOptions{}
	cmd := &cobra.Command{
		Use:   "forward [ADDRESS…]",
		Short: "Deliver events to HTTP servers, streams, files and commands, durably",
		Long: `Deliver every event that the filters keep to each TARGET, at least once. ADDRESS
is as for tail; with --listen and no ADDRESS the events are POSTed; with --read
they come from captures.

An event is written to a queue on disk, one for each target, before it is
delivered. So a target that is down, or this program if it is killed, loses
nothing: what waits is delivered when the target answers again, or by the next
run. When the queue is full, or the disk, the oldest events are dropped and
counted.

  http://…, https://…   a POST for each event, or for each --batch
  nats://…, tls://…     messages of a stream of NATS JetStream, see below
  file:PATTERN          lines added to a file; %Y %m %d %H stand for the time,
                        .gz and .zst compress
  exec:COMMAND          a command for each batch, without a shell, with the events
                        on its standard input, one a line. 0 is done, 75 again,
                        126, 127, a signal and too long a time also again; every
                        other code refuses the events

A target that fails gets an event again after 200 ms, doubling to 30 s, or after
its Retry-After; other calls go on meanwhile. What it refuses (an answer 3xx or
4xx other than 408, 425 and 429) is a dead letter in the directory of the queue.
The events of a call are delivered in order.

Every event has an id that is the same on every machine, in Enswitch-Event-Id
and as the id of CloudEvents: a target that has it already can leave it out.

To nats://HOST[,HOST]/PREFIX an event goes with the subject
PREFIX.CLASS.EVENT.pNN, where NN is from 00 to 15 and the same for all events of
a call. If no stream takes PREFIX.> one is made. An event that the stream has
already, by the id in Nats-Msg-Id, is left out and counted. For events older than
half the duplicate window of the stream, forward first reads which of them it
has. So two forwarders can feed one stream, even hours apart.`,
		Example: `  enswitch-events forward 10.0.0.5 --to https://crm.example.com/events
  enswitch-events forward --listen 8080 -c call \
    --to 'https://billing.example.com/in#batch=100' --to file:%Y-%m-%d.ndjson.zst
  enswitch-events forward 10.0.0.5 --to tls://nats1.example.com,nats2/enswitch \
    --nats-creds forwarder.creds
  enswitch-events forward --read events.ndjson.zst --to 'exec:psql -f load.sql'
  enswitch-events forward status`,
		RunE: func(cmd *cobra.Command, addresses []string) error {
			return o.run(cmd.Context(), a, cmd, addresses)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.bind(cmd)
	cmd.AddCommand(newForwardStatus(a), newForwardDrain(a), newForwardRetry(a))
	return cmd
}

func (o *forwardOptions) bind(cmd *cobra.Command) {
	live := &o.inputs.Live
	cli.AddFlagGroup(cmd, "Targets", func(f *pflag.FlagSet) {
		o.targets.BindTargets(f)
		f.BoolVar(&o.dryRun, "dry-run", false, "check the targets and the queues, and send nothing")
	})
	cli.AddFlagGroup(cmd, "Queue", o.targets.BindQueue)
	cli.AddFlagGroup(cmd, "Filters", live.Filter.Bind)
	live.Whole.Bind(cmd)
	cli.AddFlagGroup(cmd, "How long", live.End.Bind)
	cli.AddFlagGroup(cmd, "Buffer and losses", live.Buffer.Bind)
	cli.AddFlagGroup(cmd, "Recording", live.Record.Bind)
	o.inputs.Bind(cmd)
}

func (o *forwardOptions) run(ctx context.Context, a *cli.App, cmd *cobra.Command, addresses []string) error {
	if err := cli.Misspelt(cmd, addresses); err != nil {
		return err
	}
	targets, err := o.targets.Compile(a)
	if err != nil {
		return err
	}
	if o.dryRun {
		return targets.DryRun(ctx)
	}
	live := &o.inputs.Live
	live.Output.SetFormat("ndjson")
	live.Destination, live.Collectors, live.Dropped = targets.Destination(ctx, o.inputs.Captures()), targets.Collectors(), targets.Dropped
	return targets.Finish(ctx, live.FailOnLoss(), o.inputs.Run(ctx, a, cmd, addresses))
}

func newForwardStatus(a *cli.App) *cobra.Command {
	var o forward.Options
	var format string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the queues of forward, also while it runs",
		Long: `Show what waits in the queue of each target, what was delivered, refused and
dropped, and the last error. Waiting includes what is being delivered. Dead is
the number of dead letters that are there now.`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.OneOf("output", format, []string{"text", "json"}); err != nil {
				return err
			}
			return o.PrintStatus(a, cmd.OutOrStdout(), format)
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "text", "print as `FORMAT`: text or json")
	o.BindDirectory(cmd.Flags())
	return cmd
}

func newForwardDrain(a *cli.App) *cobra.Command {
	return newForwardSub(a, &cobra.Command{
		Use:   "drain",
		Short: "Deliver what waits in the queues of forward, and end",
		Long: `Deliver what waits in the queue of each TARGET, which is written as for forward;
without --to in all queues whose targets need no secrets. A queue keeps its
TARGET and the settings, but no users, passwords, queries and headers of URLs,
and no arguments of commands.

It ends with 1 if something stays because nothing could be delivered for
--drain-timeout or the target is not known, and at once if a forward uses the
queue.`,
		Example: `  enswitch-events forward drain
  enswitch-events forward drain --to https://crm.example.com/events`,
	}, forward.Waiting, true, (*forward.Targets).DrainQueues)
}

func newForwardRetry(a *cli.App) *cobra.Command {
	return newForwardSub(a, &cobra.Command{
		Use:   "retry-dead",
		Short: "Deliver dead letters again, also while forward runs",
		Long: `Deliver the dead letters of each TARGET again, which is written as for forward;
without --to those of all queues, as drain does. What is refused again stays a
dead letter, and the command ends with 1.`,
		Example: `  enswitch-events forward retry-dead
  enswitch-events forward retry-dead --to https://crm.example.com/events`,
	}, forward.Dead, false, (*forward.Targets).RetryDead)
}

// newForwardSub completes a command that does something with the queues of targets, without
// --to with those of which open returns something. With alone no other process may use them.
func newForwardSub(a *cli.App, cmd *cobra.Command, open forward.Open, alone bool, do func(*forward.Targets, context.Context) error) *cobra.Command {
	var o forward.Options
	cmd.Args = cli.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if a.IneffectiveFlag != nil {
			return a.IneffectiveFlag
		}
		targets, err := o.CompileAll(a, open, alone)
		if err != nil {
			return err
		}
		return do(targets, cmd.Context())
	}
	o.BindTargets(cmd.Flags())
	o.BindDirectory(cmd.Flags())
	o.BindDrain(cmd.Flags())
	return cmd
}
