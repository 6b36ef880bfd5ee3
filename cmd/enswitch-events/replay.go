package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/serve"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// replayOptions are the flags of replay.
type replayOptions struct {
	serve    serve.Options
	speed    speed
	loop     bool
	restamp  bool
	bounds   flags.Bounds
	count    int64
	duration time.Duration
	wait     int
}

// speed is the pflag value of --speed: a factor, or infinite for max.
type speed float64

// Set parses text.
func (s *speed) Set(text string) error {
	if text == "max" {
		*s = speed(math.Inf(1))
		return nil
	}
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, "x"), 64)
	if err != nil || !(n > 0) || math.IsInf(n, 0) {
		return errors.New("a speed is written like 10x, 0.5x or max")
	}
	*s = speed(n)
	return nil
}

// String returns the speed as Set parses it.
func (s *speed) String() string {
	if math.IsInf(float64(*s), 1) {
		return "max"
	}
	return strconv.FormatFloat(float64(*s), 'g', -1, 64) + "x"
}

// Type returns the name of the type.
func (s *speed) Type() string { return "SPEED" }

func newReplay(a *cli.App) *cobra.Command {
	o := &replayOptions{speed: 1}
	cmd := &cobra.Command{
		Use:   "replay FILE…",
		Short: "A capture, played back as a cluster",
		Long: fmt.Sprintf(`Play captures as a cluster: their events go, byte for byte, to any number of
clients of a websocket like messaged's, and with --post as HTTP POSTs to a URL,
at the pace of their timestamps. A FILE has an event on each line and is plain
or compressed with gzip or zstd, which is found out by its content. The playing
begins when a client is connected; with --post it begins at once.

An event with a timestamp a little before that of another one follows it at
once, for machines have their own clocks. Where timestamps go back by more than
a minute, as from one file to the next, the next event follows at once.

A client that does not read what was sent to it for %v is cut, and the
others go on meanwhile. With --speed max the slowest client that reads sets the
speed. With --post alone no websocket is served: --port, --bind or --wait-clients ask for
it. POSTs are sent one after the other, beside the websocket; past 1,024 that
wait, everything waits for them.

--restamp replaces the text of each field timestamp by the time at which the
event is played, and leaves every other byte as it is.

A file that cannot be read, or that is damaged, is reported with the place, and
everything else is played. The exit code is then 1.`, serve.StallAfter),
		Example: `  enswitch-events replay monday.ndjson.zst
  enswitch-events replay monday.ndjson.zst --since 09:00 --until-time 09:05 --speed 10x --restamp
  enswitch-events replay calls.ndjson --speed max --post http://127.0.0.1:8080/
  enswitch-events replay demo.ndjson --loop --restamp --wait-clients 2`,
		Args: func(cmd *cobra.Command, names []string) error {
			if len(names) == 0 {
				return cli.Usage("tail --record makes one, see 'enswitch-events replay --help'", "replay wants a FILE")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, names []string) error { return o.run(cmd.Context(), a, cmd, names) },
	}
	cli.AddFlagGroup(cmd, "Playing", func(f *pflag.FlagSet) {
		f.Var(&o.speed, "speed", "how fast: 10x, 0.5x, or max for without waiting")
		f.BoolVar(&o.loop, "loop", false, "begin again at the end, for ever")
		f.BoolVar(&o.restamp, "restamp", false, "timestamps become the time of playing")
		f.Int64VarP(&o.count, "count", "n", 0, "end after `N` events")
		flags.DurationVar(f, &o.duration, "for", 0, "end after this `TIME`, as 90s, 5m or 1d")
		f.IntVar(&o.wait, "wait-clients", 1, "begin when `N` clients are connected; with --post 0 unless given")
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
		return cli.NewError(cli.ExitFailure, missing[0], "nothing was played: check the name of the file")
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
		return nil, cli.Usage("leave it out to play everything", "--count %d: at least 1", o.count)
	case changed("for") && o.duration <= 0:
		return nil, cli.Usage("it is written like 90s, 5m or 1d", "--for %v: more than nothing", o.duration)
	case o.wait < 0:
		return nil, cli.Usage("", "--wait-clients %d: not below 0", o.wait)
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
		Names: names, Speed: float64(o.speed), Loop: o.loop, Restamp: o.restamp,
		From: from, To: to, Count: o.count, MaxLine: int(o.bounds.MaxLine),
	}), a.IneffectiveFlag
}
