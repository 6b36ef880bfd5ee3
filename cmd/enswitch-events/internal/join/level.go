package join

import (
	"sync"
	"time"
)

// A feed that runs ahead of another one by more events than are remembered would have
// all of them pass twice. So the place of each feed is known: the number, among all
// events, of the last one that it delivered.

const (
	// levelEvents is the number of events by which a feed may be ahead of another one,
	// well below the number of events that are remembered.
	levelEvents = maxEvents / 4
	// Patience is how long a feed that is ahead waits at most; it looks at the others
	// each levelPoll. If the other feed has other events it waits for otherTime. It waits
	// longer only for one that brings levelRate events a second.
	Patience  = time.Second
	otherTime = 50 * time.Millisecond
	levelPoll = 2 * time.Millisecond
	levelRate = 2000
)

// level is where a feed stands.
type level struct {
	place     int64 // order of the last event
	delivered int64 // number of events
	common    bool  // another feed had one of its events
	// What the feed has not delivered up to excused is not expected any more. It was
	// excused when it had delivered excusedAt events, -1 for never.
	excused, excusedAt int64
}

// KeepLevel waits while f is far ahead of another feed, so that the events that both
// deliver are recognised. It does not wait for one that is down, nor again for one that
// is silent, nor once over is set. It is called with mu held, which guards the Set and
// over, and lets it go while it waits.
func (f *Feed) KeepLevel(mu sync.Locker, over *bool) {
	for !*over {
		last, behind := f.behind()
		if behind <= levelEvents {
			return
		}
		silent := last.level.delivered == last.level.excusedAt
		if silent || !f.await(last, mu, over) {
			last.excuse()
		}
	}
}

// await waits for a feed that f is far ahead of, and reports whether that feed has come
// nearer, or is about to.
func (f *Feed) await(last *Feed, mu sync.Locker, over *bool) bool {
	patience, before := Patience, last.level.delivered
	if before > 0 && !last.level.common {
		patience = otherTime
	}
	for waited := time.Duration(0); waited < patience; waited += levelPoll {
		mu.Unlock()
		time.Sleep(levelPoll)
		mu.Lock()
		if _, behind := f.behind(); behind <= levelEvents || *over {
			return true
		}
	}
	return float64(last.level.delivered-before) >= levelRate*patience.Seconds()
}

// behind returns the feed that is the furthest behind f, and by how many events. Feeds
// that are not connected are left out; it is nil if there is no other.
func (f *Feed) behind() (last *Feed, events int64) {
	for _, g := range f.set.feeds {
		if g == f || g.isAway() {
			continue
		}
		if n := f.level.place - max(g.level.place, g.level.excused); last == nil || n > events {
			last, events = g, n
		}
	}
	return last, max(events, 0)
}

// excuse says that what f has not delivered so far is not expected any more.
func (f *Feed) excuse() { f.level.excused, f.level.excusedAt = f.set.order, f.level.delivered }
