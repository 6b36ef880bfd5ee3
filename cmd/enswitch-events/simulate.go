package main

import (
	"cmp"
	"context"
	"math"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/serve"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// simulateOptions are the flags of simulate.
type simulateOptions struct {
	serve    serve.Options
	rate     flags.Pace
	count    int64
	duration time.Duration
	seed     uint64
	machines int
	wait     int

	scenario string
	shape    enswitchtest.Shape
	skew     time.Duration
	faults   enswitchtest.Faults

	halfOpenAfter time.Duration
	rejectKey     bool
}

func newSimulate(a *cli.App) *cobra.Command {
	o := &simulateOptions{rate: flags.Pace{N: 10, Name: "N", Form: "a rate is a number of events a second above 0, or max"}}
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Simulate an Enswitch cluster: its websocket and its POSTs",
		Long: `Simulate an Enswitch cluster. It serves messaged's websocket to any number of
clients, and with --post sends each event as an HTTP POST, as the machines of a
cluster do.

Calls overlap and have legs. Some ring several phones or a queue of agents,
some are forwarded, transferred (blind, attended or blonde), picked up or
parked, and some are busy or not answered. There are also text messages,
registrations of phones, and the monitoring of Asterisk machines.

--scenario FILE plays your own call flows instead: see testdata/scenarios in the
repository. The same --seed makes the same events. When they are sent, and what
clients and POSTs make of it, may differ.

--shape varies the load between --rate and --shape-peak times --rate. ramp rises
evenly over the first --shape-period and stays there. burst is at the peak in
the last tenth of each period. storm is, too, and a machine goes down then and
phones register again.

A client that reads nothing for ` + serve.StallAfter.String() + ` is disconnected. Each machine POSTs its own
events one after the other, independently of the other machines.

` + cli.WrapText(cli.Sentence(enswitchtest.Illustrative), 79),
		Example: `  enswitch-events simulate
  enswitch-events simulate --authkey secret --rate 500
  enswitch-events simulate --post http://127.0.0.1:8080/ --count 100
  enswitch-events simulate --scenario testdata/scenarios/office.yaml
  enswitch-events simulate --shape storm --drop-every 30s --duplicates 0.01
  wscat --connect 'http://localhost:4875/events/websocket/?authkey=secret'`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), a, cmd) },
	}
	cli.AddFlagGroup(cmd, "Events", func(f *pflag.FlagSet) {
		f.VarP(&o.rate, "rate", "", "send `N` events a second on average, or max")
		f.Int64VarP(&o.count, "count", "n", 0, "end after `N` events")
		flags.DurationVar(f, &o.duration, "for", 0, "end after this `TIME`, such as 90s, 5m or 1d")
		f.Uint64Var(&o.seed, "seed", 1, "use this `SEED`; the same one makes the same calls")
		f.IntVar(&o.machines, "machines", 7, "simulate `N` machines")
		f.IntVar(&o.wait, "wait-clients", 0, "start when `N` clients are connected")
		f.StringVar(&o.scenario, "scenario", "", "play the flows in this YAML `FILE`")
		f.TextVar(&o.shape.Kind, "shape", enswitchtest.Constant, "vary the load: `SHAPE` is constant, ramp, burst or storm")
		flags.DurationVar(f, &o.shape.Period, "shape-period", time.Minute, "`TIME` of the ramp, or between two bursts or storms")
		f.IntVar(&o.shape.Peak, "shape-peak", 10, "let the load reach `TIMES` the rate")
		flags.DurationVar(f, &o.skew, "clock-skew", 0, "let the clocks of the machines be wrong by up to this `TIME`")
	})
	cli.AddFlagGroup(cmd, "Faults on purpose", func(f *pflag.FlagSet) {
		flags.DurationVar(f, &o.faults.DropEvery, "drop-every", 0, "break the connections of all clients at this `INTERVAL`")
		flags.DurationVar(f, &o.halfOpenAfter, "half-open-after", 0, "send no events and no pongs on a connection after this `TIME`, and leave it open")
		f.Float64Var(&o.faults.Duplicates, "duplicates", 0, "send an event twice with this probability `P`, from 0 to 1")
		f.Float64Var(&o.faults.Reorder, "reorder", 0, "send an event after later ones with this probability `P`, from 0 to 1")
		f.BoolVar(&o.rejectKey, "reject-key", false, "refuse every key")
		flags.DurationVar(f, &o.faults.SlowPost, "slow-post", 0, "send the body of each POST this `TIME` after its header")
	})
	cli.AddFlagGroup(cmd, "Serving", o.serve.Bind)
	return cmd
}

func (o *simulateOptions) run(ctx context.Context, a *cli.App, cmd *cobra.Command) error {
	switch changed := cmd.Flags().Changed; {
	case changed("count") && o.count <= 0:
		return cli.Usage("leave it out to go on for ever", "--count %d: must be at least 1", o.count)
	case changed("for") && o.duration <= 0:
		return cli.Usage("write it like 90s, 5m or 1d", "--for %v: must be more than 0", o.duration)
	case o.machines < 1 || o.machines > 1000:
		return cli.Usage("", "--machines %d: must be from 1 to 1,000", o.machines)
	case o.wait < 0:
		return cli.Usage("", "--wait-clients %d: must not be negative", o.wait)
	case o.shape.Kind != enswitchtest.Constant && math.IsInf(o.rate.N, 1):
		return cli.Usage("give a --rate", "--shape %s: --rate max has no shape", o.shape.Kind)
	case o.shape.Period < time.Second || o.shape.Period > 24*time.Hour:
		return cli.Usage("", "--shape-period %v: must be from 1s to 24h", o.shape.Period)
	case o.shape.Peak < 1 || o.shape.Peak > 1000:
		return cli.Usage("", "--shape-peak %d: must be from 1 to 1,000", o.shape.Peak)
	case o.skew < 0 || o.skew > time.Hour:
		return cli.Usage("", "--clock-skew %v: must be from 0 to 1h", o.skew)
	case o.faults.DropEvery < 0 || o.halfOpenAfter < 0 || o.faults.SlowPost < 0:
		return cli.Usage("write it like 90s, 5m or 1d", "--drop-every, --half-open-after, --slow-post: must not be negative")
	case !(o.faults.Duplicates >= 0 && o.faults.Duplicates <= 1) || !(o.faults.Reorder >= 0 && o.faults.Reorder <= 1):
		return cli.Usage("0.01 is one in a hundred", "--duplicates, --reorder: must be from 0 to 1")
	}
	if err := o.serve.Validate(); err != nil {
		return err
	}
	generator := enswitchtest.GeneratorOptions{
		Seed: o.seed, Rate: o.rate.N, Machines: o.machines, Shape: o.shape, Skew: o.skew,
	}
	var err error
	if generator.Scenario, err = serve.ReadScenario(o.scenario); err != nil {
		return err
	}
	if a.IneffectiveFlag != nil {
		return a.IneffectiveFlag
	}
	server, err := o.serve.Open(ctx, a)
	if err != nil {
		return err
	}
	server.HalfOpenAfter, server.RejectKey = o.halfOpenAfter, o.rejectKey
	a.Log.Info(enswitchtest.Illustrative)
	options := &enswitchtest.ClusterOptions{
		Server: *server, Generator: generator, Faults: o.faults,
		WaitClients: cmp.Or(o.wait, -1), Count: o.count, For: o.duration, Post: o.serve.Post,
	}
	posts := o.serve.NewPosts(a)
	if posts != nil {
		options.OnPost = posts.Done
	}
	cluster := enswitchtest.NewCluster(options)
	_ = cluster.Wait(ctx) // the only error is a signal, which is no failure
	cluster.Close()
	sent, queued := cluster.Sent()
	posts.AddQueued(queued)
	a.Log.Info(cli.Plural(sent, "event")+" sent"+posts.Summary(), append(posts.Attrs(), "sent", sent)...)
	return posts.Failure()
}
