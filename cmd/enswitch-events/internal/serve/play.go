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
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// PlayerOptions are the options of a Player.
type PlayerOptions struct {
	Names         []string
	From, To      int64   // microseconds since 1970, zero is no bound
	Speed         float64 // times the speed of the timestamps; infinite: without waiting
	Loop, Restamp bool
	Count         int64 // of events, 0 for all
	MaxLine       int   // bytes
}

// Player plays captures. One goroutine may use it.
type Player struct {
	PlayerOptions
	log    *log.Logger
	faults *report.CaptureFaults
	send   func(raw []byte)

	x                                         event.Index
	sent, outside, untimed, unpaced, rejected int64
}

// NewPlayer returns a Player.
func NewPlayer(l *log.Logger, o PlayerOptions) *Player {
	return &Player{PlayerOptions: o, log: l, faults: report.NewCaptureFaults(l)}
}

// Play plays all files, with Loop again and again, until ctx is done. It calls send with
// each event.
func (p *Player) Play(ctx context.Context, send func(raw []byte)) {
	p.send = send
	for {
		before := p.sent
		// A new one for each round, so that the next round begins at once, whatever
		// the timestamps are.
		r := enswitchtest.NewReplay(&enswitchtest.ReplayOptions{
			Speed: p.Speed, Restamp: p.Restamp,
			OnWait:    p.logWait,
			OnUntimed: func() { p.unpaced++ },
		})
		for _, name := range p.Names {
			if !p.playFile(ctx, r, name) {
				return
			}
		}
		if !p.Loop || p.sent == before {
			return // no round will play anything
		}
	}
}

// logWait warns of a long pause. The user may not want it: one file may be of another
// day, or the clock of one machine ahead.
func (p *Player) logWait(d time.Duration) {
	p.log.Warn(fmt.Sprintf("the next event comes in %v, at %s, for its timestamp is that much later: --speed 100x goes faster, --speed max does not wait",
		d.Round(time.Second), time.Now().Add(d).Format(time.DateTime)))
}

// playFile plays one file. It returns false if playing is to end.
func (p *Player) playFile(ctx context.Context, r *enswitchtest.Replay, name string) bool {
	rejected := func(line []byte, offset int64, err error) {
		if ctx.Err() != nil {
			return // the line is incomplete because reading was stopped
		}
		p.rejected++
		p.faults.Reject(engine.Rejected{Source: name, Excerpt: line, Size: len(line), Offset: offset, Err: err})
	}
	c, err := capture.OpenContext(ctx, name, &capture.Options{
		MaxLine: p.MaxLine, OnReject: rejected,
		OnDamage: func(d capture.Damage) { p.faults.Damage(d) },
	})
	if ctx.Err() != nil {
		return false
	} else if err != nil {
		p.faults.Damage(err)
		return true
	}
	defer c.Close()
	left, err := c.SeekTime(p.From, p.To)
	if err != nil {
		p.faults.Damage(err)
	} else if left > 0 {
		p.faults.Skip(name, left)
	}
	var buf []byte
	for {
		lines, offset, err := c.Next(buf)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return ctx.Err() == nil
		} else if err != nil {
			p.faults.Damage(err)
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
			p.send(played)
			if p.sent++; p.sent == p.Count {
				return false
			}
		}
	}
}

// within reports whether raw is inside the bounds. What is no event counts as inside: it
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

// End logs how many events were sent, and returns the error of the run. It must be called
// once.
func (p *Player) End(posts *Posts) error {
	if p.untimed > 0 {
		p.log.Warn(cli.Plural(p.untimed, "event") + " without a timestamp left out")
	}
	if p.unpaced > 0 && !math.IsInf(p.Speed, 1) {
		p.log.Warn(cli.Plural(p.unpaced, "event") + " without a timestamp that can be read: each was sent together with the one before")
	}
	if p.faults.Skipped() > 0 {
		p.log.Info(humanize.IBytes(uint64(p.faults.Skipped())) + " outside the bounds not read: files that look sorted are taken for sorted")
	}
	msg := cli.Plural(p.sent, "event") + " sent"
	if p.outside > 0 {
		msg += ", " + humanize.Comma(p.outside) + " outside the bounds"
	}
	if p.rejected > 0 {
		msg += ", " + humanize.Comma(p.rejected) + " rejected"
	}
	p.log.Info(msg+posts.Summary(), append(posts.Attrs(), "sent", p.sent, "outside", p.outside, "rejected", p.rejected)...)
	if err := p.faults.Failure(); err != nil {
		return err
	}
	return posts.Failure()
}
