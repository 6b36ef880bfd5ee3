package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Player is a run of replay.
type Player struct {
	report.Reading
	Names         []string
	From, To      int64   // microseconds since 1970, zero is no bound
	Speed         float64 // times as fast as the timestamps; infinite: without waiting
	Loop, Restamp bool
	Count         int64 // of events, 0 for all
	MaxLine       int
	Send          func(raw []byte)

	x                                          event.Index
	sent, outside, untimed, unpaced, notEvents int64
}

// Play plays all files, again and again with --loop.
func (p *Player) Play(ctx context.Context) {
	for {
		before := p.sent
		// A new one for each round: the end of the capture is not followed by
		// a wait, whatever its times.
		r := enswitchtest.NewReplay(&enswitchtest.ReplayOptions{
			Speed: p.Speed, Restamp: p.Restamp,
			OnWait:    p.waits,
			OnUntimed: func() { p.unpaced++ },
		})
		for _, name := range p.Names {
			if !p.file(ctx, r, name) {
				return
			}
		}
		if !p.Loop || p.sent == before {
			return // nothing to play will not become more
		}
	}
}

// waits says how long nothing will happen. It is a warning: whoever plays files
// of which one is of another day, or one machine's clock is ahead, may not want it.
func (p *Player) waits(d time.Duration) {
	p.A.Log.Warn(fmt.Sprintf("the next event comes in %v, at %s, for its timestamp is that much later: --speed 100x goes faster, --speed max does not wait",
		d.Round(time.Second), time.Now().Add(d).Format(time.DateTime)))
}

// file plays one file. It reports false when everything is to end.
func (p *Player) file(ctx context.Context, r *enswitchtest.Replay, name string) bool {
	rejected := func(line []byte, offset int64, err error) {
		if ctx.Err() != nil {
			return // it is the end that cut it off
		}
		p.notEvents++
		p.Reject(engine.Rejected{Source: name, Excerpt: line, Size: len(line), Offset: offset, Err: err})
	}
	c, err := capture.OpenContext(ctx, name, &capture.Options{
		MaxLine: p.MaxLine, OnReject: rejected,
		OnDamage: func(d capture.Damage) { p.Damage(d) },
	})
	if ctx.Err() != nil {
		return false
	} else if err != nil {
		p.Damage(err)
		return true
	}
	defer c.Close()
	left, err := c.SeekTime(p.From, p.To)
	if err != nil {
		p.Damage(err)
	} else if left > 0 {
		p.Skip(name, left)
	}
	var buf []byte
	for {
		lines, offset, err := c.Next(buf)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return ctx.Err() == nil
		} else if err != nil {
			p.Damage(err)
			return ctx.Err() == nil
		}
		buf = lines
		for at, line := range capture.Lines(lines) {
			raw := capture.Clean(line)
			if len(raw) == 0 || !p.within(raw) {
				continue
			}
			played, err := r.Next(ctx, raw)
			if _, bad := errors.AsType[*event.Error](err); bad {
				rejected(raw, offset+int64(at), err)
				continue
			} else if err != nil {
				return false
			}
			p.Send(played)
			if p.sent++; p.sent == p.Count {
				return false
			}
		}
	}
}

// within reports whether an event is in the bounds. What is no event is, for it
// will be rejected.
func (p *Player) within(raw []byte) bool {
	if p.From == 0 && p.To == 0 || p.x.Scan(raw) != nil {
		return true
	}
	usec, timed := p.x.Get("timestamp").Timestamp()
	switch {
	case !timed:
		p.untimed++
	case usec < p.From || p.To != 0 && usec >= p.To:
		p.outside++
	default:
		return true
	}
	return false
}

// End says how it went.
func (p *Player) End(posts *posts) error {
	if p.untimed > 0 {
		p.A.Log.Warn(cli.Plural(p.untimed, "event") + " left out that had no timestamp to compare")
	}
	if p.unpaced > 0 && !math.IsInf(p.Speed, 1) {
		p.A.Log.Warn(cli.Plural(p.unpaced, "event") + " without a timestamp that can be read: each was played together with the one before")
	}
	if p.Skipped > 0 {
		p.A.Log.Info(humanize.IBytes(uint64(p.Skipped)) + " outside the bounds not read: files that look sorted are taken for sorted")
	}
	msg := cli.Plural(p.sent, "event") + " sent"
	if p.outside > 0 {
		msg += ", " + humanize.Comma(p.outside) + " outside the bounds"
	}
	if p.notEvents > 0 {
		msg += ", " + humanize.Comma(p.notEvents) + " rejected"
	}
	p.A.Log.Info(msg+posts.Summary(), append(posts.Attrs(), "sent", p.sent, "outside", p.outside, "rejected", p.notEvents)...)
	if err := p.Failure(); err != nil {
		return err
	}
	return posts.Failure()
}
