package doctor

import (
	"errors"
	"fmt"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

// settingPlace is where the settings about events are, as the vendor's guides say.
const settingPlace = " (System » Configuration in Enswitch 3.14 and 3.15; Global » Settings » Configuration from 4.1 on)"

// connected waits for the first event and for the answer to a ping, which is sent each
// interval, and reports each check as soon as it is made.
func (c *connection) connected(interval time.Duration) {
	passed, _ := c.timeline.stages(c.peer, "", true)
	for _, p := range passed {
		c.d.report.add(p)
	}
	c.d.progress(func() string {
		left := c.d.Wait - time.Since(c.since)
		return fmt.Sprintf("%s: connected, waiting for the first event for another %v", c.peer.Addr, max(0, left.Round(time.Second)))
	})
	wait, key := time.NewTimer(c.d.Wait), time.NewTimer(keyTime)
	defer wait.Stop()
	defer key.Stop()
	pongTime := 2*interval + time.Second
	if c.ponged = interval <= 0; c.ponged {
		pongTime = c.d.Wait
	}
	pong := time.NewTimer(pongTime)
	defer pong.Stop()
	var collected <-chan time.Time
	keyOver, pongOver, over := false, false, false
	for {
		select {
		case <-c.changed:
		case <-key.C:
			keyOver = true
		case <-pong.C:
			pongOver = true
		case <-wait.C:
			over = true
		case <-collected:
			over = true
		case err := <-c.ended:
			c.finish(err)
			return
		}
		first, _ := c.heard.seen()
		rtt := time.Duration(c.rtt.Load())
		if !c.keyed && (keyOver || over || rtt > 0 || !first.IsZero()) {
			c.keyAccepted()
		}
		if !c.ponged && (pongOver || over || rtt > 0) {
			c.pong(rtt, time.Since(c.since))
		}
		if c.ponged && !first.IsZero() && collected == nil {
			c.firstEvent(first)
			collected = time.After(time.Until(first.Add(collectTime)))
		}
		if over {
			c.end()
			return
		}
	}
}

// keyAccepted reports that the server has not refused the key.
func (c *connection) keyAccepted() {
	c.keyed = true
	detail := "accepted"
	if c.peer.Keyless {
		detail = "none was given, and none was asked for"
	}
	c.d.report.add(check{Name: checkKey, Status: ok, Detail: detail, Took: time.Since(c.since)})
}

// pong reports the answer to a ping, or that there was none for the time waited.
func (c *connection) pong(rtt, waited time.Duration) {
	c.ponged = true
	if rtt > 0 {
		c.d.report.add(check{Name: checkPong, Status: ok, Took: rtt, Detail: "a ping was answered"})
		return
	}
	c.d.report.add(check{
		Name: checkPong, Status: warn, Took: waited,
		Detail: fmt.Sprintf("no ping was answered within %v", cli.RoundDuration(waited)),
		Fix: "whether messaged answers pings is not documented, so this may be normal; without answers, a connection that has died " +
			"in silence is noticed by TCP alone, after about a minute: --max-silence TIME of tail warns of silence",
	})
}

// firstEvent reports the first event.
func (c *connection) firstEvent(at time.Time) {
	c.evented = true
	c.heard.mu.Lock()
	what := c.heard.first
	c.heard.mu.Unlock()
	c.d.report.add(check{Name: checkEvent, Status: ok, Took: max(time.Microsecond, at.Sub(c.since)), Detail: what})
}

// finish reports that the connection was lost with err, or the run was interrupted.
func (c *connection) finish(err error) {
	first, _ := c.heard.seen()
	heard := !first.IsZero()
	e, lost := errors.AsType[*messaged.Error](err)
	switch {
	case !lost: // an interrupt
		if !c.keyed {
			c.keyAccepted()
		}
		c.end()
	case !c.keyed && !heard:
		c.d.report.fail(checkKey, time.Since(c.since), e.Detail, c.peer.Error(err, false))
		c.d.report.skip(checkPong, checkEvent, checkClock)
	case !heard:
		c.d.report.fail(checkEvent, time.Since(c.since), "the connection was lost before any event: "+e.Detail, c.peer.Error(err, false))
		c.d.report.skip(checkClock)
	default:
		if !c.keyed {
			c.keyAccepted()
		}
		if !c.ponged {
			c.ponged = true
			c.d.report.add(check{
				Name: checkPong, Status: warn, Took: time.Since(c.since), Detail: "the connection was lost before a ping was answered: " + e.Detail,
				Fix: "tail connects again by itself, and says from when to when the feed was away",
			})
		}
		c.end()
	}
}

// end reports the first event, if that is still to be done, and the clocks.
func (c *connection) end() {
	if first, _ := c.heard.seen(); !first.IsZero() && !c.evented {
		c.firstEvent(first)
	}
	if !c.evented {
		c.silent()
		return
	}
	if clock, known := c.heard.clock(); known {
		c.d.report.add(clock)
		c.d.clocked = true
	}
}

// silent reports that no event has come.
func (c *connection) silent() {
	waited := time.Since(c.since)
	detail := "connected, but no event within " + cli.RoundDuration(waited).String()
	fix := "turn on Enswitch's setting 'Send events to messaged'" + settingPlace + "\n" +
		"a quiet system sends nothing: make a call, or wait longer with --wait"
	c.heard.mu.Lock()
	rejected, why := c.heard.rejected, c.heard.why
	c.heard.mu.Unlock()
	switch {
	case rejected > 0:
		detail = fmt.Sprintf("%s came within %v, and no event: %s", cli.Plural(rejected, "message"), cli.RoundDuration(waited), why)
		fix = "is this messaged? Its port is 4875, its path /events/websocket/"
	case c.rtt.Load() == 0:
		fix += "\nor the key is wrong, as how messaged refuses one is not documented: " + c.peer.KeyHint()
	}
	if c.d.interrupted() {
		detail = "interrupted: no event so far, after " + cli.RoundDuration(waited).String()
	}
	if c.d.interrupted() || c.d.posted() {
		c.d.report.add(check{checkEvent, warn, waited, detail, fix})
		c.d.report.skip(checkClock)
		return
	}
	c.d.report.fail(checkEvent, waited, detail, cli.NewError(cli.ExitTime, fmt.Errorf("%s: %s", c.peer.Addr, detail), fix))
	c.d.report.skip(checkClock)
}
