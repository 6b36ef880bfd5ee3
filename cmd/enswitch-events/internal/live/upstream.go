package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

// upstream is the connection to one messaged.
type upstream struct {
	connection
	addr    messaged.Address
	options *messaged.Options
	keyless bool

	// For the goroutine that receives only.
	heard            bool // an event has come
	briefConnections int  // in a row
}

// briefConnection is the longest time that a connection counts as brief: one that was closed at
// once, before any event came.
const briefConnection = 10 * time.Second

// SuspectKeyAfter is the number of brief connections in a row after which a warning says
// that the key may be wrong.
const SuspectKeyAfter = 3

// source returns the events of u as a source of the engine.
func (u *upstream) source(s *session) engine.Input {
	feed := s.buffer.Feed(u.addr.String())
	feed.Connected(false)
	s.feeds = append(s.feeds, u)
	u.options.OnWait = func() {
		if feed.Flush() {
			u.came()
		}
	}
	u.options.OnReject = func(ev event.Event, err error) {
		feed.Reject()
		s.reject(ev.Source, err, ev.Raw, int64(len(ev.Raw)))
	}
	u.options.OnState = func(s messaged.State) { u.state(s, feed) }
	u.options.OnPanic = u.a.GiveBack
	client := messaged.New(u.addr, u.options)
	return func(ctx context.Context) error {
		defer feed.Flush()
		defer func() {
			if !errors.Is(context.Cause(ctx), engine.ErrEnough) {
				u.lastGap(feed)
			}
		}()
		for ev, err := range client.Events(ctx) {
			if err != nil {
				u.noteAttempt(err)
				return u.exitError(err)
			}
			u.heard = true
			feed.Add(ev)
		}
		return nil
	}
}

// noteAttempt keeps the error of an attempt to connect that the end of the run cut off,
// unless an earlier attempt has failed.
func (u *upstream) noteAttempt(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, ok := errors.AsType[*messaged.Error](err); ok && u.err == nil {
		u.err = err
	}
}

// lastGap adds a gap if the feed is away at the end of the run. A loss that ended the run
// is no gap.
func (u *upstream) lastGap(feed *engine.Feed) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.away.IsZero() && u.options.Retries >= 0 {
		feed.Gap(engine.Gap{Reason: "reconnect", From: u.away, To: time.Now()})
	}
}

func (u *upstream) disconnected() (ever bool, why *cli.Error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case !u.connected.IsZero():
		return true, nil
	case !u.away.IsZero():
		return true, cli.NewError(cli.ExitLost, fmt.Errorf("not connected at the end: away since %s: %s", cli.TimeOfDay(u.away), reason(u.err, u.addr)), "")
	}
	const never = "never connected to"
	if e, ok := errors.AsType[*messaged.Error](u.err); ok {
		return false, u.connectError(never, e)
	}
	return false, cli.NewError(cli.ExitConnect, fmt.Errorf("%s %s", never, u.addr), "")
}

// state logs a change of the connection and adds the gap that it may have left.
func (u *upstream) state(s messaged.State, feed *engine.Feed) {
	say := u.a.Log.With("address", u.addr.String())
	switch s.Status {
	case messaged.Connecting:
		say.Debug("connecting to " + u.addr.String())
	case messaged.Connected:
		u.up()
		feed.Connected(true)
		if s.Since.IsZero() {
			say.Info("connected to " + u.addr.String())
			return
		}
		away := s.Until.Sub(s.Since)
		feed.Gap(engine.Gap{Reason: "reconnect", From: s.Since, To: s.Until})
		say.Warn(fmt.Sprintf("connected again to %s: the feed was away for %v, from %s to %s", u.addr, cli.RoundDuration(away), cli.TimeOfDay(s.Since), cli.TimeOfDay(s.Until)),
			"since", s.Since, "until", s.Until)
	case messaged.Pong:
		say.Debug(fmt.Sprintf("%s answered a ping in %v", u.addr, s.RTT.Round(time.Microsecond)), "rtt", s.RTT)
	case messaged.Disconnected:
		u.mu.Lock()
		if !u.heard && time.Since(u.connected) < briefConnection {
			u.briefConnections++
		} else {
			u.briefConnections = 0
		}
		u.connected, u.away, u.err = time.Time{}, s.Since, s.Err
		u.mu.Unlock()
		feed.Connected(false)
	case messaged.Waiting:
		u.waits(s.Delay, s.Err)
		say.Warn(fmt.Sprintf("%s: reconnecting in %v", reason(s.Err, u.addr), cli.RoundDuration(s.Delay)), "delay", s.Delay, "attempt", s.Attempt)
		if u.briefConnections == SuspectKeyAfter && s.Attempt == 1 {
			say.Warn(u.addr.String()+": closed at once several times in a row, before any event: the key may be wrong", log.HintKey, u.keyHint())
		}
	}
}

// messagedQuiet is the question to ask when a messaged sends nothing.
const messagedQuiet = "is 'Send events to messaged' on?"
