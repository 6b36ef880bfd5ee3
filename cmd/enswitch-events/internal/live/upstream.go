package live

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

func (u *upstream) health(now time.Time) (state, address string, connected bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	address = strings.TrimPrefix(u.addr.String(), "ws://")
	if !u.connected.IsZero() {
		return "connected to", address, true
	}
	if left := u.again.Sub(now); left > 0 {
		return fmt.Sprintf("reconnecting in %2ds to", int(math.Ceil(left.Seconds()))), address, false
	}
	return "connecting to", address, false
}

func (u *upstream) reconnects() int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return max(u.made-1, 0)
}

// upstream is the connection to one messaged.
type upstream struct {
	a       *cli.App
	addr    messaged.Address
	options *messaged.Options
	keyless bool

	mu        sync.Mutex
	connected time.Time // when it was made, zero if there is none
	last      time.Time // of the last event
	again     time.Time // of the next attempt
	away      time.Time // when the connection was lost, zero if it is there or never was
	err       error     // of the last attempt
	made      int64     // connections

	// For the goroutine that receives only.
	heard            bool // an event has come
	briefConnections int  // in a row
}

// briefConnection is how long a connection lasts at most that counts as brief: it was
// closed at once, before any event came.
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
			u.mu.Lock()
			u.last = time.Now()
			u.mu.Unlock()
		}
	}
	u.options.OnReject = func(ev event.Event, err error) {
		feed.Reject()
		s.reject(ev.Source, err, ev.Raw, int64(len(ev.Raw)))
	}
	u.options.OnState = func(s messaged.State) { u.state(s, feed) }
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
		u.mu.Lock()
		u.connected, u.away = time.Now(), time.Time{}
		u.made++
		u.mu.Unlock()
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
		u.mu.Lock()
		u.again, u.err = time.Now().Add(s.Delay), s.Err
		u.mu.Unlock()
		say.Warn(fmt.Sprintf("%s: reconnecting in %v", reason(s.Err, u.addr), cli.RoundDuration(s.Delay)), "delay", s.Delay, "attempt", s.Attempt)
		if u.briefConnections == SuspectKeyAfter && s.Attempt == 1 {
			say.Warn(u.addr.String()+": closed at once several times in a row, before any event: the key may be wrong", log.HintKey, u.keyHint())
		}
	}
}

// watch warns when the feed is connected and no event comes for the time silence. With
// once it warns once at most, and never after the first event. It returns when ctx is
// done.
func (u *upstream) watch(ctx context.Context, silence time.Duration, once bool) {
	t := time.NewTicker(min(max(silence/4, time.Millisecond), time.Second))
	defer t.Stop()
	var warned time.Time // the beginning of the silence that the last warning was about
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			u.mu.Lock()
			since, connected := u.connected, !u.connected.IsZero()
			if once && (!u.last.IsZero() || !warned.IsZero()) {
				u.mu.Unlock()
				return
			}
			if u.last.After(since) {
				since = u.last
			}
			u.mu.Unlock()
			if connected && now.Sub(since) >= silence && !since.Equal(warned) {
				warned = since
				u.a.Log.Warn(fmt.Sprintf("%s: connected, but no event for %v: is 'Send events to messaged' on?", u.addr, cli.RoundDuration(now.Sub(since))))
			}
		}
	}
}
