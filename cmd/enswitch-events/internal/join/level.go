package join

// A feed that runs ahead of another one by more events than are remembered would have
// all of them pass twice. So the place of each feed is known: the number, among all
// events, of the last one that it delivered.

// level is where a feed stands.
type level struct {
	place     int64 // order of the last event
	delivered int64 // number of events
	common    bool  // another feed had one of its events
	// What the feed has not delivered up to excused is not expected any more. It was
	// excused when it had delivered excusedAt events, -1 for never.
	excused, excusedAt int64
}

// Behind returns the feed that is the furthest behind f, and by how many events. Feeds
// that are not connected are left out; it is nil if there is no other.
func (f *Feed) Behind() (last *Feed, events int64) {
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

// Excuse says that what f has not delivered so far is not expected any more.
func (f *Feed) Excuse() { f.level.excused, f.level.excusedAt = f.set.order, f.level.delivered }

// Silent reports whether f has delivered nothing since it was excused.
func (f *Feed) Silent() bool { return f.level.delivered == f.level.excusedAt }

// Delivered returns how many events f has delivered.
func (f *Feed) Delivered() int64 { return f.level.delivered }

// Common reports whether another feed had an event of f, or f has not delivered any yet.
func (f *Feed) Common() bool { return f.level.common || f.level.delivered == 0 }
