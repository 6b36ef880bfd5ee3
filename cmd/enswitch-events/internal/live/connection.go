package live

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// connection is the state of the connection to a source, as the log and the status line show
// it.
type connection struct {
	a    *cli.App
	name string // the address, without what is secret

	mu        sync.Mutex
	connected time.Time // when it was made, zero if there is none
	last      time.Time // of the last event
	again     time.Time // of the next attempt
	away      time.Time // when the connection was lost, zero if it is there or never was
	err       error     // of the last attempt
	made      int64     // connections
}

func (c *connection) health(now time.Time) (state, address string, connected bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	address = strings.TrimPrefix(c.name, "ws://")
	if !c.connected.IsZero() {
		return "connected to", address, true
	}
	if left := c.again.Sub(now); left > 0 {
		return fmt.Sprintf("reconnecting in %2ds to", int(math.Ceil(left.Seconds()))), address, false
	}
	return "connecting to", address, false
}

func (c *connection) reconnects() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(c.made-1, 0)
}

// came notes that an event has come.
func (c *connection) came() {
	c.mu.Lock()
	c.last = time.Now()
	c.mu.Unlock()
}

// up notes that the connection is made.
func (c *connection) up() {
	c.mu.Lock()
	c.connected, c.away = time.Now(), time.Time{}
	c.made++
	c.mu.Unlock()
}

// waits notes when the next attempt is made, and why the last one failed.
func (c *connection) waits(delay time.Duration, err error) {
	c.mu.Lock()
	c.again, c.err = time.Now().Add(delay), err
	c.mu.Unlock()
}

// watch warns when the feed is connected and no event comes for the time silence; question is
// what may be wrong. With once it warns once at most, and never after the first event. It
// returns when ctx is done.
func (c *connection) watch(ctx context.Context, silence time.Duration, once bool, question string) {
	t := time.NewTicker(min(max(silence/4, time.Millisecond), time.Second))
	defer t.Stop()
	var warned time.Time // the beginning of the silence that the last warning was about
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			c.mu.Lock()
			since, connected := c.connected, !c.connected.IsZero()
			if once && (!c.last.IsZero() || !warned.IsZero()) {
				c.mu.Unlock()
				return
			}
			if c.last.After(since) {
				since = c.last
			}
			c.mu.Unlock()
			if connected && now.Sub(since) >= silence && !since.Equal(warned) {
				warned = since
				c.a.Log.Warn(fmt.Sprintf("%s: connected, but no event for %v: %s", c.name, cli.RoundDuration(now.Sub(since)), question))
			}
		}
	}
}
