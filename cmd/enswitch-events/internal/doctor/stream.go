package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/live"
	"github.com/enswitch-events/enswitch-events/pkg/stream"
)

const checkStream = "stream"

// stream makes the checks of a stream: that it can be read, and the first event that comes
// from now on.
func (d *Doctor) stream(ctx context.Context, p *live.StreamPeer) {
	began := time.Now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var up time.Time
	d.progress(func() string { return p.String() + ": connecting" })
	reader := p.NewReader(func(s stream.State) {
		if s.Status != stream.Connected {
			return
		}
		up = time.Now()
		detail := fmt.Sprintf("%s has %s", s.Stream, cli.Plural(int64(s.Messages), "message"))
		if !s.Newest.IsZero() {
			detail += ", the newest " + cli.RoundDuration(time.Since(s.Newest)).String() + " old"
		}
		d.report.add(check{Name: checkStream, Status: ok, Took: up.Sub(began), Detail: detail})
		d.progress(func() string {
			return fmt.Sprintf("%s: waiting for an event for another %v", p, max(0, (d.Wait-time.Since(up)).Round(time.Second)))
		})
		time.AfterFunc(d.Wait, cancel)
	})
	defer func() { _ = reader.Close() }()
	var heard machines
	for m, err := range reader.Events(ctx) {
		if err == nil {
			heard.add(m.Event, "")
			if first, _ := heard.seen(); first.IsZero() {
				continue // it is no event
			}
			break
		}
		e, failed := errors.AsType[*stream.Error](err)
		switch {
		case up.IsZero() && failed:
			d.report.fail(checkStream, time.Since(began), e.Detail, p.Error(err))
			d.report.skip(checkEvent, checkClock)
			return
		case failed:
			d.report.fail(checkEvent, time.Since(up), "the connection was lost before any event: "+e.Detail, p.Error(err))
			d.report.skip(checkClock)
			return
		}
	}
	d.streamEvent(&heard, up, p)
}

// streamEvent reports the first event of a stream that was connected at the time up.
func (d *Doctor) streamEvent(heard *machines, up time.Time, p *live.StreamPeer) {
	waited := time.Since(up)
	if first, _ := heard.seen(); !first.IsZero() {
		d.report.add(check{Name: checkEvent, Status: ok, Took: max(time.Microsecond, first.Sub(up)), Detail: heard.first})
		if clock, known := heard.clock(); known {
			d.report.add(clock)
		}
		return
	}
	detail := "no new event within " + cli.RoundDuration(waited).String()
	fix := "does a forward write to the stream? 'enswitch-events forward status' says so on its machine\na quiet system sends nothing: wait longer with --wait"
	if d.interrupted() {
		d.report.add(check{checkEvent, warn, waited, "interrupted: " + detail, fix})
		return
	}
	d.report.fail(checkEvent, waited, detail, cli.NewError(cli.ExitTime, fmt.Errorf("%s: %s", p, detail), fix))
	d.report.skip(checkClock)
}
