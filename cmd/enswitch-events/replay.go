package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/serve"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// replayOptions are the flags of replay.
type replayOptions struct {
	serve    serve.Options
	speed    flags.Pace
	loop     bool
	restamp  bool
	bounds   flags.Bounds
	count    int64
	duration time.Duration
	wait     int
}

func newReplay(a *cli.App) *cobra.Command {
	o := &replayOptions{speed: flags.Pace{N: 1, Unit: "x", Name: "SPEED", Form: "a speed is written like 10x, 0.5x or max"}}
	cmd := &cobra.Command{
		Use:   "replay FILE…",
		Short: "Play captures back as a cluster",
		Long: fmt.Sprintf(`Play captures back as a cluster. Their events are sent, byte for byte and at the
pace of their timestamps, to any number of clients of a websocket like
messaged's, and with --post as HTTP POSTs to a URL. A capture has an event on
each line and may be compressed with gzip or zstd, which is detected by its
content. Playback starts when a client is connected; with --post it starts at
once.

An event whose timestamp is a little lower than that of an earlier one is sent
immediately, because the clocks of machines differ. If timestamps go back by
more than a minute, as from one file to the next, the next event is sent
immediately, and the pace goes on from there.

A client that reads nothing for %v is disconnected; the others go on meanwhile.
With --speed max the slowest client that reads sets the pace. With --post there
is no websocket, unless --port, --bind or --wait-clients is given. POSTs are
sent one after the other, independently of the websocket. When 1,024 of them are
waiting, playback waits for them.

--restamp replaces the text of each field timestamp with the time at which the
event is sent, and changes no other byte.

If a file cannot be read or is damaged, a message names the place, everything
else is played, and the exit code is 1.`, serve.StallAfter),
		Example: `  enswitch-events replay monday.ndjson.zst
  enswitch-events replay monday.ndjson.zst --since 'monday 09:00' \
    --until-time 'monday 09:05' --speed 10x --restamp
  enswitch-events replay calls.ndjson --speed max --post http://127.0.0.1:8080/
  enswitch-events replay demo.ndjson --loop --restamp --wait-clients 2`,
		Args: func(cmd *cobra.Command, names []string) error {
			if len(names) == 0 {
				return cli.Usage("tail --record makes one, see 'enswitch-events replay --help'", "replay wants a FILE")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, names []string) error { return o.run(cmd.Context(), a, cmd, cli.Expand(names)) },
	}
	cli.AddFlagGroup(cmd, "Playing", func(f *pflag.FlagSet) {
		f.Var(&o.speed, "speed", "play at this speed: 10x, 0.5x, or max to send without waiting")
		f.BoolVar(&o.loop, "loop", false, "start again at the end, for ever")
		f.BoolVar(&o.restamp, "restamp", false, "replace each timestamp with the time at which the event is sent")
		f.Int64VarP(&o.count, "count", "n", 0, "end after `N` events")
		flags.DurationVar(f, &o.duration, "for", 0, "end after this `TIME`, such as 90s, 5m or 1d")
		f.IntVar(&o.wait, "wait-clients", 1, "start when `N` clients are connected; with --post the default is 0")
		o.bounds.Bind(f)
	})
	cli.AddFlagGroup(cmd, "Serving", o.serve.Bind)
	return cmd
}

func (o *replayOptions) run(ctx context.Context, a *cli.App, cmd *cobra.Command, names []string) error {
	p, err := o.compile(a, cmd.Flags().Changed, names)
	if err != nil {
		return err
	}
	// Without a file to play it makes no sense to wait for clients.
	var missing []error
	for _, name := range names {
		if _, err := os.Stat(name); err != nil {
			missing = append(missing, err)
		}
	}
	if len(missing) == len(names) {
		return cli.NewError(cli.ExitFailure, oserr.File(missing[0]), "nothing was played: check the name of the file")
	}
	var cluster *enswitchtest.Server // nil: POSTs alone
	if changed := cmd.Flags().Changed; o.serve.Post == "" || changed("port") || changed("bind") || o.wait > 0 {
		server, err := o.serve.Open(ctx, a)
		if err != nil {
			return err
		}
		cluster = enswitchtest.NewServer(server)
		defer cluster.Close()
	}
	signalled := ctx
	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	if o.wait > 0 {
		a.Log.Info("waiting for " + cli.Plural(int64(o.wait), "client"))
		if cluster.WaitClients(ctx, o.wait) != nil {
			return nil
		}
	}
	posts := o.serve.NewPosts(a)
	posts.Open()
	p.Play(ctx, func(raw []byte) {
		if cluster != nil {
			cluster.Send(raw)
		}
		posts.Send(ctx, raw)
	})
	posts.Close(signalled, ctx.Err() != nil)
	return p.End(posts)
}

// compile checks and compiles all flags, so that every error in them is found before
// anything is opened.
func (o *replayOptions) compile(a *cli.App, changed func(string) bool, names []string) (*serve.Player, error) {
	if o.serve.Post != "" && !changed("wait-clients") {
		o.wait = 0
	}
	switch {
	case changed("count") && o.count <= 0:
		return nil, cli.Usage("leave it out to play everything", "--count %d: must be at least 1", o.count)
	case changed("for") && o.duration <= 0:
		return nil, cli.Usage("write it like 90s, 5m or 1d", "--for %v: must be more than 0", o.duration)
	case o.wait < 0:
		return nil, cli.Usage("", "--wait-clients %d: must not be negative", o.wait)
	}
	if err := cli.CheckNames(names); err != nil {
		return nil, err
	}
	if slices.Contains(names, "-") {
		return nil, cli.Usage("write it to a file first", "replay does not read standard input")
	}
	from, to, err := o.bounds.Range()
	if err != nil {
		return nil, err
	}
	if err := o.serve.Validate(); err != nil {
		return nil, err
	}
	return serve.NewPlayer(a.Log, serve.PlayerOptions{
		Names: names, Speed: o.speed.N, Loop: o.loop, Restamp: o.restamp,
		From: from, To: to, Count: o.count, MaxLine: int(o.bounds.MaxLine),
	}), a.IneffectiveFlag
}
