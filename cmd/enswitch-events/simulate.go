package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/talk"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// simulateOptions are the flags of simulate.
type simulateOptions struct {
	key      keyOptions
	port     uint16
	bind     string
	post     string
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
	group(cmd, "Serving", func(f *pflag.FlagSet) {
		f.Uint16VarP(&o.port, "port", "p", 4875, "TCP `PORT` of the websocket; 0 picks a free one")
		f.StringVar(&o.bind, "bind", "127.0.0.1", "listen on this `ADDRESS`")
		o.key.bind(f)
		f.StringVar(&o.post, "post", "", "POST each event to this `URL`, too")
	})
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
	case o.post != "" && !isHTTP(o.post):
		return usage("it is written like http://127.0.0.1:8080/", "--post wants an http or https URL")
	}
	found, origin, err := o.key.find(ctx, a)
	if err != nil {
		return err
	}
	key := o.key.resolve(found, origin, "", a)
	listener, err := listenTCP(ctx, o.bind, o.port)
	if err != nil {
		return err
	}
	cluster := newCluster(a, listener, key)
	defer cluster.Close()
	shown := ""
	if key != "" {
		shown = "?authkey=" + talk.Redacted
	}
	for _, host := range hosts(o.bind, listener.Addr()) {
		u := "http://" + host + enswitchtest.DefaultPath + shown
		a.talk.Info("messaged's websocket: "+u, "url", u)
	}
	a.talk.Info(enswitchtest.Illustrative)

	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	if o.wait > 0 && cluster.WaitClients(ctx, o.wait) != nil {
		return nil
	}
	sent, failed := o.play(ctx, a, cluster)
	msg := plural(sent, "event") + " sent"
	if o.post != "" {
		msg += fmt.Sprintf(", %s failed", plural(failed, "POST"))
	}
	a.talk.Info(msg, "sent", sent, "failed_posts", failed)
	if failed > 0 {
		return &exitError{exitFailure, fmt.Errorf("%s failed", plural(failed, "POST")), "is the URL right, and is something listening there?"}
	}
	return nil
}

func isHTTP(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// play sends events until ctx is done or the count is reached.
func (o *simulateOptions) play(ctx context.Context, a *app, cluster *enswitchtest.Server) (sent, failed int64) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	faults := &faults{say: a.talk.Warn}
	poster := &enswitchtest.Poster{URL: o.post}
	generator := enswitchtest.NewGenerator(&enswitchtest.GeneratorOptions{Seed: o.seed, Rate: float64(o.rate), Machines: o.machines})
	_ = generator.Play(ctx, func(raw []byte) {
		cluster.Send(raw)
		sent++
		if o.post != "" {
			if err := poster.Post(ctx, raw); err != nil && ctx.Err() == nil {
				failed++
				faults.add(err.Error())
			}
		}
		if sent == o.count {
			cancel()
		}
	})
	faults.sum()
	return sent, failed
}

// newCluster serves messaged's websocket on listener and tells of its clients.
func newCluster(a *app, listener net.Listener, key string) *enswitchtest.Server {
	return enswitchtest.NewServer(&enswitchtest.ServerOptions{
		Authkey: key, Listener: listener,
		OnClient: func(remote string, connected bool, err error) {
			switch {
			case connected:
				a.talk.Info("client " + remote + " connected")
			case errors.Is(err, enswitchtest.ErrKey):
				a.talk.Warn("client " + remote + " refused: " + err.Error())
			case err != nil:
				a.talk.Info("client " + remote + " gone: " + err.Error())
			default:
				a.talk.Info("client " + remote + " gone")
			}
		},
	})
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
