package calls

import "time"

// clock is the feed's time as a live screen shows it: the newest timestamp of the last seconds.
// That of a Tracker never goes back, so that after the clocks of the machines were set an hour
// ahead, and back, all calls would be an hour old.
type clock struct {
	began          time.Time // when newest began
	last           time.Time // when the last event came
	newest, before int64     // timestamps of this time, and of the time before
}

// clockTime is how long a timestamp counts at least.
const clockTime = 10 * time.Second

// add notes an event that was received then.
func (c *clock) add(received time.Time, usec int64) {
	if usec == 0 || received.IsZero() {
		return
	}
	if d := received.Sub(c.began); d > clockTime || d < 0 { // the clock here may be set back, too
		c.began, c.before, c.newest = received, c.newest, 0
	}
	c.last, c.newest = received, max(c.newest, usec)
}

// now returns the feed's time. Newest is that of the Tracker, which leaves out a single event
// that is far ahead.
func (c *clock) now(newest int64) int64 {
	if c.newest == 0 {
		return newest
	}
	return min(newest, max(c.newest, c.before))
}
