// Package join recognises the events that several feeds have in common, so that each is
// passed on once, and compares the feeds: which events only some of them had, and which
// feed is faster.
package join

import (
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

const (
	// maxEvents and maxAge bound the events that are remembered. A duplicate that comes
	// after more events, or later, counts as a new event.
	maxEvents = 1 << 17
	maxAge    = 2 * time.Minute
	// giant is the number of bytes of an event whose scan takes memory that is not kept.
	giant = 256 << 10
)

// Set is the feeds of one run. All feeds must be added before the first event is
// delivered. The caller makes sure that its methods and those of its feeds are called by
// one goroutine at a time, but for [Feed.Identify].
type Set struct {
	feeds  []*Feed
	window *event.Window // nil for a single feed

	groups   map[string]int32 // numbers of the machines
	machines []*machine
	order    int64 // of the last new event
}

// Feed is one feed of a Set.
type Feed struct {
	set    *Set
	number int
	name   string

	x      event.Index
	hasher *event.Hasher
	texts  map[string]string // names of machines

	latest int64 // when the last event that this feed had came first
	away   []outage
	level  level
}

// ID identifies an event.
type ID struct {
	// Repaired says that the event holds strings that had to be repaired.
	Repaired bool

	identity event.Identity // zero for what is no event
	machine  string
}

// NewSet returns a Set without feeds.
func NewSet() *Set { return &Set{groups: map[string]int32{}} }

// Add adds a feed. A feed without a name takes POSTs.
func (s *Set) Add(name string) *Feed {
	f := &Feed{set: s, number: len(s.feeds), name: name, level: level{excusedAt: -1}}
	if s.feeds = append(s.feeds, f); !s.Several() {
		return f
	}
	hasher := event.NewHasher()
	s.window = event.NewWindow(maxEvents, len(s.feeds), maxAge)
	s.window.OnForget = func(m *event.Memo, delivered []uint32) { s.count(&s.machines[m.Group].counts, m, delivered) }
	for _, f := range s.feeds {
		f.hasher, f.texts = hasher.Clone(), map[string]string{} // the hashers share their seeds
	}
	return f
}

// Several reports whether there are two feeds or more. With one there is nothing to join.
func (s *Set) Several() bool { return len(s.feeds) > 1 }

// Identify returns the ID of the event in raw, for one of several feeds. It is for one
// goroutine of each feed, at any time.
func (f *Feed) Identify(raw []byte) (id ID) {
	if _, err := capture.Scan(&f.x, raw); err == nil {
		var buf [32]byte
		name := f.x.Field("machine").AppendText(buf[:0])
		id = ID{f.x.Repaired(), f.hasher.Identity(&f.x), f.text(name[:min(len(name), len(buf))])}
	}
	if len(raw) > giant {
		f.x, f.hasher = event.Index{}, f.hasher.Clone() // frees the memory of a giant event
	}
	return id
}

// text returns name as a string, without an allocation for one of the first machines.
func (f *Feed) text(name []byte) string {
	if text, known := f.texts[string(name)]; known {
		return text
	}
	text := string(name)
	if len(f.texts) < maxMachines {
		f.texts[text] = text
	}
	return text
}

// Deliver notes that f delivers an event that was received at that time, in Unix
// nanoseconds, and reports whether another feed has delivered it before. What is no event
// is never a duplicate. See [event.Window.Seen] for now.
func (f *Feed) Deliver(id *ID, received int64, now time.Time) (duplicate bool) {
	if id.identity == (event.Identity{}) {
		return false
	}
	f.level.delivered++
	m, times, duplicate := f.set.window.Deliver(id.identity, f.number, now)
	if times == 1 {
		f.delivered(m, id.machine, received)
	}
	return duplicate
}
