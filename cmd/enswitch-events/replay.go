package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// replayOptions are the flags of replay.
type replayOptions struct {
	serve        serveOptions
	speed        speed
	loop         bool
	restamp      bool
	since, until string
	count        int64
	duration     time.Duration
	wait         int
	maxMessage   size
}

// speed is how many times as fast as the timestamps, or max.
type speed float64

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

func (s *speed) String() string {
	if math.IsInf(float64(*s), 1) {
		return "max"
	}
	return strconv.FormatFloat(float64(*s), 'g', -1, 64) + "x"
}

func (s *speed) Type() string { return "SPEED" }

func newReplay(a *app) *cobra.Command {
	o := &replayOptions{speed: 1, maxMessage: capture.DefaultMaxLine}
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
everything else is played. The exit code is then 1.`, stallAfter),
		Example: `  enswitch-events replay monday.ndjson.zst
  enswitch-events replay monday.ndjson.zst --since 09:00 --until-time 09:05 --speed 10x --restamp
  enswitch-events replay calls.ndjson --speed max --post http://127.0.0.1:8080/
  enswitch-events replay demo.ndjson --loop --restamp --wait-clients 2`,
		Args: func(cmd *cobra.Command, names []string) error {
			if len(names) == 0 {
				return usage("tail --record makes one, see 'enswitch-events replay --help'", "replay wants a FILE")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, names []string) error { return o.run(cmd.Context(), a, cmd, names) },
	}
	group(cmd, "Playing", func(f *pflag.FlagSet) {
		f.Var(&o.speed, "speed", "how fast: 10x, 0.5x, or max for without waiting")
		f.BoolVar(&o.loop, "loop", false, "begin again at the end, for ever")
		f.BoolVar(&o.restamp, "restamp", false, "timestamps become the time of playing")
		f.StringVar(&o.since, "since", "", "leave out events before this `TIME`: RFC 3339, 15:04, 2026-11-22, 10m or 1d ago, yesterday, monday, or a timestamp")
		f.StringVar(&o.until, "until-time", "", "leave out events at this `TIME` and after it, written as for --since")
		f.Int64VarP(&o.count, "count", "n", 0, "end after `N` events")
		f.DurationVar(&o.duration, "for", 0, "end after this `TIME`, as 90s or 5m")
		f.IntVar(&o.wait, "wait-clients", 1, "begin when `N` clients are connected; with --post 0 unless given")
		f.Var(&o.maxMessage, "max-message", "reject longer lines")
	})
	group(cmd, "Serving", o.serve.bind)
	return cmd
}

func (o *replayOptions) run(ctx context.Context, a *app, cmd *cobra.Command, names []string) error {
	p, err := o.compile(a, cmd.Flags().Changed, names)
	if err != nil {
		return err
	}
	// With nothing to play there is nothing to wait for clients for.
	var missing []error
	for _, name := range names {
		if _, err := os.Stat(name); err != nil {
			missing = append(missing, err)
		}
	}
	if len(missing) == len(names) {
		return &exitError{exitFailure, missing[0], "nothing was played: check the name of the file"}
	}
	var cluster *enswitchtest.Server // nil: POSTs alone
	if changed := cmd.Flags().Changed; o.serve.post == "" || changed("port") || changed("bind") || o.wait > 0 {
		server, err := o.serve.open(ctx, a)
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
		a.talk.Info("waiting for " + plural(int64(o.wait), "client"))
		if cluster.WaitClients(ctx, o.wait) != nil {
			return nil
		}
	}
	posts := o.serve.newPosts(a)
	if posts != nil { // one sender keeps the order
		posts.senders = enswitchtest.NewSenders(&enswitchtest.Poster{URL: o.serve.post}, 1, posts.told)
	}
	p.send = func(raw []byte) {
		if cluster != nil {
			cluster.Send(raw)
		}
		posts.send(ctx, raw)
	}
	p.play(ctx)
	posts.close(signalled, ctx.Err() != nil)
	return p.end(posts)
}

// compile makes everything that can be wrong in the flags, before anything is
// opened.
func (o *replayOptions) compile(a *app, changed func(string) bool, names []string) (*playing, error) {
	if o.serve.post != "" && !changed("wait-clients") {
		o.wait = 0
	}
	switch {
	case changed("count") && o.count <= 0:
		return nil, usage("leave it out to play everything", "--count %d: at least 1", o.count)
	case changed("for") && o.duration <= 0:
		return nil, usage("it is written like 90s or 5m", "--for %v: more than nothing", o.duration)
	case o.wait < 0:
		return nil, usage("", "--wait-clients %d: not below 0", o.wait)
	case o.maxMessage < 1 || o.maxMessage > 1<<30:
		return nil, usage("the default is 16MiB", "--max-message: from 1 byte to 1GiB")
	}
	if slices.Contains(names, "-") {
		return nil, usage("write it to a file first", "replay does not read standard input")
	}
	p := &playing{reading: reading{a: a, faults: &faults{say: a.talk.Warn}}, o: o, names: names}
	var err error
	now := time.Now()
	if p.from, err = moment("since", o.since, now); err != nil {
		return nil, err
	}
	if p.to, err = moment("until-time", o.until, now); err != nil {
		return nil, err
	}
	if p.from != 0 && p.to != 0 && p.from >= p.to {
		return nil, usage("no event is in between", "--since %s is not before --until-time %s", o.since, o.until)
	}
	if err := o.serve.validate(); err != nil {
		return nil, err
	}
	return p, a.needless
}

// playing is a run of replay.
type playing struct {
	reading
	o        *replayOptions
	names    []string
	from, to int64 // microseconds since 1970, zero is no bound
	send     func(raw []byte)

	x                                          event.Index
	sent, outside, untimed, unpaced, notEvents int64
}

// play plays all files, again and again with --loop.
func (p *playing) play(ctx context.Context) {
	for {
		before := p.sent
		// A new one for each round: the end of the capture is not followed by
		// a wait, whatever its times.
		r := enswitchtest.NewReplay(&enswitchtest.ReplayOptions{
			Speed: float64(p.o.speed), Restamp: p.o.restamp,
			OnWait:    p.waits,
			OnUntimed: func() { p.unpaced++ },
		})
		for _, name := range p.names {
			if !p.file(ctx, r, name) {
				return
			}
		}
		if !p.o.loop || p.sent == before {
			return // nothing to play will not become more
		}
	}
}

// waits says how long nothing will happen. It is a warning: whoever plays files
// of which one is of another day, or one machine's clock is ahead, may not want it.
func (p *playing) waits(d time.Duration) {
	p.a.talk.Warn(fmt.Sprintf("the next event comes in %v, at %s, for its timestamp is that much later: --speed 100x goes faster, --speed max does not wait",
		d.Round(time.Second), time.Now().Add(d).Format(time.DateTime)))
}

// file plays one file. It reports false when everything is to end.
func (p *playing) file(ctx context.Context, r *enswitchtest.Replay, name string) bool {
	rejected := func(line []byte, offset int64, err error) {
		if ctx.Err() != nil {
			return // it is the end that cut it off
		}
		p.notEvents++
		p.reject(engine.Rejected{Source: name, Excerpt: line, Size: len(line), Offset: offset, Err: err})
	}
	c, err := capture.OpenWithin(ctx, name, &capture.Options{
		MaxLine: int(p.o.maxMessage), OnReject: rejected,
		OnDamage: func(d capture.Damage) { p.damage(d) },
	})
	if ctx.Err() != nil {
		return false
	} else if err != nil {
		p.damage(err)
		return true
	}
	defer c.Close()
	left, err := c.Narrow(p.from, p.to)
	if err != nil {
		p.damage(err)
	} else if left > 0 {
		p.skip(name, left)
	}
	var buf []byte
	for {
		lines, offset, err := c.Next(buf)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return ctx.Err() == nil
		} else if err != nil {
			p.damage(err)
			return ctx.Err() == nil
		}
		buf = lines
		for line := range bytes.Lines(lines) {
			at := offset
			offset += int64(len(line))
			raw := capture.Clean(capture.TrimLine(bytes.TrimSuffix(line, []byte{'\n'})))
			if len(raw) == 0 || !p.within(raw) {
				continue
			}
			played, err := r.Next(ctx, raw)
			if _, bad := errors.AsType[*event.Error](err); bad {
				rejected(raw, at, err)
				continue
			} else if err != nil {
				return false
			}
			p.send(played)
			if p.sent++; p.sent == p.o.count {
				return false
			}
		}
	}
}

// within reports whether an event is in the bounds. What is no event is, for it
// will be rejected.
func (p *playing) within(raw []byte) bool {
	if p.from == 0 && p.to == 0 || p.x.Scan(raw) != nil {
		return true
	}
	usec, timed := capture.Time(&p.x)
	switch {
	case !timed:
		p.untimed++
	case usec < p.from || p.to != 0 && usec >= p.to:
		p.outside++
	default:
		return true
	}
	return false
}

// end says how it went.
func (p *playing) end(posts *posts) error {
	p.faults.sum()
	if p.untimed > 0 {
		p.a.talk.Warn(plural(p.untimed, "event") + " left out that had no timestamp to compare")
	}
	if p.unpaced > 0 && !math.IsInf(float64(p.o.speed), 1) {
		p.a.talk.Warn(plural(p.unpaced, "event") + " without a timestamp that can be read: each was played together with the one before")
	}
	if p.skipped > 0 {
		p.a.talk.Info(humanize.IBytes(uint64(p.skipped)) + " outside the bounds not read: files that look sorted are taken for sorted")
	}
	msg := plural(p.sent, "event") + " sent"
	if p.outside > 0 {
		msg += ", " + humanize.Comma(p.outside) + " outside the bounds"
	}
	if p.notEvents > 0 {
		msg += ", " + humanize.Comma(p.notEvents) + " rejected"
	}
	p.a.talk.Info(msg+posts.summary(), append(posts.attrs(), "sent", p.sent, "outside", p.outside, "rejected", p.notEvents)...)
	if p.damaged > 0 {
		return &exitError{code: exitFailure, err: fmt.Errorf("not everything could be read: %s", plural(int64(p.damaged), "fault"))}
	}
	return posts.failure()
}
