package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

func (u *upstream) health(now time.Time) (string, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.connected.IsZero() {
		if left := u.again.Sub(now); left > 0 {
			return fmt.Sprintf("%s: reconnecting in %v", u.addr, cli.Short(left)), false
		}
		return fmt.Sprintf("%s: connecting", u.addr), false
	}
	text := "connected to " + u.addr.String()
	if !u.pong.IsZero() {
		text += fmt.Sprintf(", pong %v ago (%v)", cli.Short(now.Sub(u.pong)), u.rtt.Round(100*time.Microsecond))
	}
	return text, true
}

// upstream is one messaged and what is known of the connection to it.
type upstream struct {
	a       *cli.App
	addr    messaged.Address
	options *messaged.Options
	keyless bool

	mu        sync.Mutex
	connected time.Time // since when, zero if not
	last      time.Time // when the last event came
	pong      time.Time // when the last ping was answered, zero if none has been
	rtt       time.Duration
	again     time.Time // when the next attempt begins
	away      time.Time // since when the feed is away, zero if it is not or never was there
	err       error     // of the last attempt

	// Of the goroutine that receives.
	heard bool // an event has come
	brief int  // connections in a row that were closed at once, before any event
}

// atOnceWithin is how soon a connection is lost that was closed at once.
const atOnceWithin = 10 * time.Second

// Briefly is after how many such connections in a row the key is suspected.
const Briefly = 3

// source returns the events of u as a source of the engine.
func (u *upstream) source(l *session) engine.Input {
	feed := l.buffer.Feed(u.addr.String())
	l.feeds = append(l.feeds, u)
	u.options.OnWait = func() {
		if feed.Flush() {
			u.mu.Lock()
			u.last = time.Now()
			u.mu.Unlock()
		}
	}
	u.options.OnReject = func(ev event.Event, err error) {
		feed.Reject()
		l.reject(ev.Source, err, ev.Raw, int64(len(ev.Raw)))
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
				u.unfinished(err)
				return u.explain(err)
			}
			u.heard = true
			feed.Add(ev)
		}
		return nil
	}
}

// unfinished notes how far an attempt to connect came in the middle of which the
// end was reached, unless an attempt before has failed for a reason.
func (u *upstream) unfinished(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, ok := errors.AsType[*messaged.Error](err); ok && u.err == nil {
		u.err = err
	}
}

// lastGap marks that the feed was away until the end. A loss that is itself the
// end is none.
func (u *upstream) lastGap(feed *engine.Feed) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.away.IsZero() && u.options.Retries >= 0 {
		feed.Gap(engine.Gap{Reason: "reconnect", From: u.away, To: time.Now()})
	}
}

func (u *upstream) missing() (ever bool, why *cli.Error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case !u.connected.IsZero():
		return true, nil
	case !u.away.IsZero():
		return true, cli.NewError(cli.ExitLost, fmt.Errorf("not connected at the end: away since %s: %s", cli.Clock(u.away), reason(u.err, u.addr)), "")
	}
	const never = "never connected to"
	if e, ok := errors.AsType[*messaged.Error](u.err); ok {
		return false, u.hinted(never, e)
	}
	return false, cli.NewError(cli.ExitConnect, fmt.Errorf("%s %s", never, u.addr), "")
}

// state says what the connection does, both when it goes and when it is back.
func (u *upstream) state(s messaged.State, feed *engine.Feed) {
	say := u.a.Log.With("address", u.addr.String())
	switch s.Status {
	case messaged.Connecting:
		say.Debug("connecting to " + u.addr.String())
	case messaged.Connected:
		u.mu.Lock()
		u.connected, u.away = time.Now(), time.Time{}
		u.mu.Unlock()
		if s.Since.IsZero() {
			say.Info("connected to " + u.addr.String())
			return
		}
		away := s.Until.Sub(s.Since)
		feed.Gap(engine.Gap{Reason: "reconnect", From: s.Since, To: s.Until})
		say.Warn(fmt.Sprintf("connected again to %s: the feed was away for %v, from %s to %s", u.addr, cli.Short(away), cli.Clock(s.Since), cli.Clock(s.Until)),
			"since", s.Since, "until", s.Until)
	case messaged.Pong:
		u.mu.Lock()
		u.pong, u.rtt = time.Now(), s.RTT
		u.mu.Unlock()
		say.Debug(fmt.Sprintf("%s answered a ping in %v", u.addr, s.RTT.Round(time.Microsecond)), "rtt", s.RTT)
	case messaged.Disconnected:
		u.mu.Lock()
		if !u.heard && time.Since(u.connected) < atOnceWithin {
			u.brief++
		} else {
			u.brief = 0
		}
		u.connected, u.pong, u.away, u.err = time.Time{}, time.Time{}, s.Since, s.Err
		u.mu.Unlock()
	case messaged.Waiting:
		u.mu.Lock()
		u.again, u.err = time.Now().Add(s.Delay), s.Err
		u.mu.Unlock()
		say.Warn(fmt.Sprintf("%s: reconnecting in %v", reason(s.Err, u.addr), cli.Short(s.Delay)), "delay", s.Delay, "attempt", s.Attempt)
		if u.brief == Briefly && s.Attempt == 1 {
			say.Warn(u.addr.String()+": closed at once again and again, before any event: the key may be wrong", log.Below, u.keyHint())
		}
	}
}

// watch warns when the feed is connected and no event comes for that long; if once is
// set, that is one warning at most, and none after the first event.
func (u *upstream) watch(ctx context.Context, silence time.Duration, once bool) {
	t := time.NewTicker(min(max(silence/4, time.Millisecond), time.Second))
	defer t.Stop()
	var warned time.Time // the beginning of the silence that was warned of
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
				u.a.Log.Warn(fmt.Sprintf("%s: connected, but no event for %v: is 'Send events to messaged' on?", u.addr, cli.Short(now.Sub(since))))
			}
		}
	}
}
