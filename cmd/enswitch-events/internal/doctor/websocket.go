package doctor

import (
	"context"
	"errors"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/live"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

const (
	// collectTime is how long events are looked at after the first one, so that several
	// machines are heard from.
	collectTime = 2 * time.Second
	// keyTime is after how long without a close the key counts as accepted, if neither an
	// event nor a pong says so before.
	keyTime = 3 * time.Second
	// pingInterval is the time between two pings, unless the flag says another.
	pingInterval = 2 * time.Second
)

// connection is the checks of one messaged. One goroutine uses it; what the client tells is
// in the fields that are safe for concurrent use.
type connection struct {
	d        *Doctor
	peer     *live.Peer
	timeline timeline
	heard    machines

	up      chan time.Time // gets when the connection was made
	changed chan struct{}  // has a value after a pong and after the first event
	rtt     atomic.Int64   // of the first pong, in nanoseconds
	ended   chan error     // gets why the events ended
	done    chan struct{}  // is closed when the client has ended

	since   time.Time // of the connection
	keyed   bool      // the check of the key was made
	ponged  bool      // that of the pong
	evented bool      // that of the first event
}

// websocket makes the checks of a messaged.
func (d *Doctor) websocket(ctx context.Context, p *live.Peer) *connection {
	c := &connection{d: d, peer: p, up: make(chan time.Time, 1), changed: make(chan struct{}, 1), ended: make(chan error, 1), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options := *p.Options
	options.Retries, options.RetryFirst = -1, false
	if options.PingInterval > 0 && !d.PingInterval {
		options.PingInterval = min(pingInterval, d.Wait/2)
	}
	options.OnState = c.state
	options.OnReject = func(_ event.Event, err error) { c.heard.noEvent(err.Error()) }
	client := messaged.New(p.Addr, &options)
	traced := httptrace.WithClientTrace(ctx, c.timeline.trace())
	d.progress(func() string { return p.Addr.String() + ": " + c.timeline.stage() })
	go func() {
		defer close(c.done)
		var end error
		for ev, err := range client.Events(traced) {
			if end = err; err != nil {
				break
			}
			first, _ := c.heard.seen()
			if c.heard.add(ev, ""); first.IsZero() {
				c.notify()
			}
		}
		c.ended <- end
	}()
	var end error
	select {
	case c.since = <-c.up:
	case end = <-c.ended:
		select {
		case c.since = <-c.up: // it was made, and closed at once
		default:
			c.unconnected(end)
			return c
		}
		c.ended <- end
	}
	c.connected(options.PingInterval)
	cancel()
	<-c.done
	return c
}

func (c *connection) notify() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// state gets what the client says of the connection.
func (c *connection) state(s messaged.State) {
	switch s.Status {
	case messaged.Connected:
		c.up <- time.Now()
	case messaged.Pong:
		if c.rtt.CompareAndSwap(0, max(1, int64(s.RTT))) {
			c.notify()
		}
	}
}

// unconnected reports an attempt that failed.
func (c *connection) unconnected(err error) {
	failure := c.peer.Error(err, false)
	name, detail := checkUpgrade, failure.Error()
	var more []string
	if e, known := errors.AsType[*messaged.Error](err); known {
		name, detail = c.timeline.failedCheck(e), e.Detail
		if e.Kind == messaged.NotTLS || e.Kind == messaged.WantsTLS { // what to change is in the message
			before, scheme, _ := strings.Cut(detail, ": use ")
			detail, more = before, []string{"use " + scheme + c.peer.Addr.URL.Host}
		}
	}
	passed, done := c.timeline.stages(c.peer, name, false)
	for _, p := range passed {
		c.d.report.add(p)
	}
	if proxy := c.peer.Proxy(); proxy != nil && name != checkProxy {
		more = append(more, "this was through the proxy "+named(proxy, c.peer)+": --proxy none connects without")
	}
	c.d.report.fail(name, time.Since(done), detail, failure, more...)
	all := checks(c.peer, name)
	c.d.report.skip(all[slices.Index(all, name)+1:]...)
}
