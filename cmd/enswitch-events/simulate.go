package main

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// simulateOptions are the flags of simulate.
type simulateOptions struct {
	serve    serveOptions
	rate     rate
	count    int64
	duration time.Duration
	seed     uint64
	machines int
	wait     int
}

// rate is a number of events a second, or max.
type rate float64

func (r *rate) Set(text string) error {
	if text == "max" {
		*r = rate(math.Inf(1))
		return nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > 0) || math.IsInf(n, 0) {
		return errors.New("a rate is a number of events a second above 0, or max")
	}
	*r = rate(n)
	return nil
}

func (r *rate) String() string {
	if math.IsInf(float64(*r), 1) {
		return "max"
	}
	return strconv.FormatFloat(float64(*r), 'g', -1, 64)
}

func (r *rate) Type() string { return "N" }

func newSimulate(a *app) *cobra.Command {
	o := &simulateOptions{rate: 10}
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "An Enswitch cluster: messaged websocket and POST sender",
		Long: `Serve a made-up cluster: messaged's websocket for any number of clients, and
with --post one HTTP POST an event, as the machines of a cluster send them.
Calls overlap and have legs; there are text messages, registrations of phones,
and the watching of Asterisk machines.

` + wrap(enswitchtest.Illustrative, 79),
		Example: `  enswitch-events simulate
  enswitch-events simulate --authkey secret --rate 500
  enswitch-events simulate --post http://127.0.0.1:8080/ --count 100
  wscat --connect 'http://localhost:4875/events/websocket/?authkey=secret'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), a, cmd) },
	}
	group(cmd, "Events", func(f *pflag.FlagSet) {
		f.VarP(&o.rate, "rate", "", "events a second on average, or max")
		f.Int64VarP(&o.count, "count", "n", 0, "end after `N` events")
		f.DurationVar(&o.duration, "for", 0, "end after this `TIME`, as 90s or 5m")
		f.Uint64Var(&o.seed, "seed", 1, "the same `SEED` makes the same calls")
		f.IntVar(&o.machines, "machines", 7, "`N` machines in the cluster")
		f.IntVar(&o.wait, "wait-clients", 0, "begin when `N` clients are connected")
	})
	group(cmd, "Serving", o.serve.bind)
	return cmd
}

func (o *simulateOptions) run(ctx context.Context, a *app, cmd *cobra.Command) error {
	switch changed := cmd.Flags().Changed; {
	case changed("count") && o.count <= 0:
		return usage("leave it out to go on for ever", "--count %d: at least 1", o.count)
	case changed("for") && o.duration <= 0:
		return usage("it is written like 90s or 5m", "--for %v: more than nothing", o.duration)
	case o.machines < 1 || o.machines > 1000:
		return usage("", "--machines %d: from 1 to 1000", o.machines)
	case o.wait < 0:
		return usage("", "--wait-clients %d: not below 0", o.wait)
	}
	if err := o.serve.validate(); err != nil {
		return err
	}
	cluster, err := o.serve.open(ctx, a)
	if err != nil {
		return err
	}
	defer cluster.Close()
	a.talk.Info(enswitchtest.Illustrative)

	signalled := ctx
	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	if o.wait > 0 && cluster.WaitClients(ctx, o.wait) != nil {
		return nil
	}
	posts := o.serve.startPosts(a)
	sent := o.play(ctx, cluster, posts)
	posts.close(signalled, ctx.Err() != nil)
	a.talk.Info(plural(sent, "event")+" sent"+posts.summary(), append(posts.attrs(), "sent", sent)...)
	return posts.failure()
}

// play sends events until ctx is done or the count is reached.
func (o *simulateOptions) play(ctx context.Context, cluster *enswitchtest.Server, posts *posts) (sent int64) {
	playing, cancel := context.WithCancel(ctx)
	defer cancel()
	generator := enswitchtest.NewGenerator(&enswitchtest.GeneratorOptions{Seed: o.seed, Rate: float64(o.rate), Machines: o.machines})
	_ = generator.Play(playing, func(raw []byte) {
		cluster.Send(raw)
		posts.send(ctx, raw)
		if sent++; sent == o.count {
			cancel()
		}
	})
	return sent
}

// demoRate is how many events a second a newcomer sees: lively, and slow
// enough to read.
const demoRate = 5

// startDemo runs a cluster inside this process and returns its address. stop
// ends it.
func startDemo(ctx context.Context, a *app) (address string, stop func()) {
	a.talk.Info("demo: a made-up cluster inside this program. " + enswitchtest.Illustrative)
	ctx, cancel := context.WithCancel(ctx)
	cluster := enswitchtest.NewServer(&enswitchtest.ServerOptions{Authkey: rand.Text()})
	played := make(chan struct{})
	go func() {
		defer close(played)
		if cluster.WaitClients(ctx, 1) != nil {
			return
		}
		seed := uint64(time.Now().UnixNano())
		_ = enswitchtest.NewGenerator(&enswitchtest.GeneratorOptions{Seed: seed, Rate: demoRate}).
			Play(ctx, func(raw []byte) { cluster.Send(raw) })
	}()
	return cluster.URL(), func() {
		cancel()
		<-played
		cluster.Close()
	}
}

// wrap breaks text at spaces into lines of at most width bytes.
func wrap(text string, width int) string {
	var b strings.Builder
	n := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case n == 0:
		case n+1+len(word) > width:
			b.WriteByte('\n')
			n = 0
		default:
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += len(word)
	}
	return b.String()
}
