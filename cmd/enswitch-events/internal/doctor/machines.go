package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// maxMachines bounds the machines that are remembered: what is in an event is not to be
// trusted.
const maxMachines = 1000

// machine is what was heard from a machine of the cluster.
type machine struct {
	events int64
	// offset is the least time by which events came later than their timestamps. It is the time
	// on the way plus the time by which the clock of the machine is behind.
	offset  time.Duration
	timed   bool
	senders []string // addresses that POSTed, at most maxSenders
}

const maxSenders = 3

// machines are those heard from. It is safe for concurrent use.
type machines struct {
	mu       sync.Mutex
	index    event.Index
	known    map[string]*machine
	first    string    // the class and event of the first event, and its machine
	firstAt  time.Time // when it came, zero if none has come
	newest   time.Time // when the last machine was heard from for the first time
	rejected int64     // what came and is no event
	why      string    // why the first of these is no event
}

// add counts an event. from is the address of its sender, "" if there is one sender only.
func (m *machines) add(ev event.Event, from string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.index.Scan(ev.Raw); err != nil {
		m.reject(err.Error())
		return
	}
	name := string(m.index.Get("machine").Text())
	if m.known == nil {
		m.known = map[string]*machine{}
	}
	if m.firstAt.IsZero() {
		m.firstAt = ev.Received
		m.first = string(m.index.Class().Text()) + "." + string(m.index.Event().Text())
		if name != "" {
			m.first += " of machine " + name
		}
		m.first = bounded(m.first)
	}
	name = bounded(name)
	k := m.known[name]
	if k == nil {
		if len(m.known) >= maxMachines {
			return
		}
		k = &machine{}
		m.known[name], m.newest = k, ev.Received
	}
	k.events++
	if from != "" && len(k.senders) < maxSenders && !slices.Contains(k.senders, from) {
		k.senders = append(k.senders, from)
	}
	if usec, timed := m.index.Get("timestamp").Timestamp(); timed {
		offset := ev.Received.Sub(time.UnixMicro(usec))
		if !k.timed || offset < k.offset {
			k.offset, k.timed = offset, true
		}
	}
}

// noEvent counts what came and is no event.
func (m *machines) noEvent(why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reject(why)
}

func (m *machines) reject(why string) {
	m.rejected++
	m.why = cmp.Or(m.why, why)
}

// seen returns when the first event came, and when the last machine was heard from for the
// first time. Both are zero if there was none.
func (m *machines) seen() (first, newest time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.firstAt, m.newest
}

// names returns the machines heard from, in the order of their numbers, without the events
// that name none.
func (m *machines) names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := slices.DeleteFunc(slices.Collect(maps.Keys(m.known)), func(name string) bool { return name == "" })
	slices.SortFunc(names, byNumber)
	return names
}

func byNumber(a, b string) int {
	x, _ := strconv.Atoi(a)
	y, _ := strconv.Atoi(b)
	return cmp.Or(cmp.Compare(x, y), strings.Compare(a, b))
}

// Offsets of clocks: below clockGood all is well, and offsets within clockAlike of each
// other are alike.
const (
	clockGood  = 2 * time.Second
	clockAlike = time.Second
)

// clock returns the check of the clocks. It is false if no event had a timestamp.
func (m *machines) clock() (check, bool) {
	names := m.names()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(names) == 0 {
		names = slices.Collect(maps.Keys(m.known)) // events without a machine
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !m.known[name].timed })
	if len(names) == 0 {
		return check{}, false
	}
	var wrong []string
	least, most := m.known[names[0]].offset, m.known[names[0]].offset
	for _, name := range names {
		offset := m.known[name].offset
		least, most = min(least, offset), max(most, offset)
		if offset.Abs() >= clockGood {
			wrong = append(wrong, offsetText(name, offset))
		}
	}
	c := check{Name: checkClock, Status: ok}
	if len(wrong) == 0 {
		c.Detail = fmt.Sprintf("events of %s came %s after their timestamps at the latest", cli.Plural(int64(len(names)), "machine"), cli.RoundDuration(most))
		if most < 100*time.Millisecond {
			c.Detail = fmt.Sprintf("the clocks of %s agree with that of this one within 0.1s", cli.Plural(int64(len(names)), "machine"))
		}
		return c, true
	}
	c.Status, c.Detail = warn, strings.Join(shortened(wrong), ", ")
	c.Fix = "set the clocks by NTP: the order of events of several machines, and the times of calls, go by their timestamps"
	if len(names) > 1 && most-least < clockAlike {
		c.Fix = "all machines are alike, so the clock of this machine may be the one that is wrong: set it by NTP"
	}
	return c, true
}

// offsetText says how much the clock of a machine is off.
func offsetText(name string, offset time.Duration) string {
	who := "the clock of machine " + name
	if name == "" {
		who = "the clock of the sender"
	}
	if offset < 0 {
		return fmt.Sprintf("%s is %v ahead", who, cli.RoundDuration(-offset))
	}
	return fmt.Sprintf("%s is %v behind, or its events come so late", who, cli.RoundDuration(offset))
}

// maxListed is how many items of a list are shown.
const maxListed = 20

// shortened returns the first items of a list, and how many more there are.
func shortened(list []string) []string {
	if len(list) <= maxListed {
		return list
	}
	return append(list[:maxListed:maxListed], fmt.Sprintf("and %d more", len(list)-maxListed))
}

// bounded returns the beginning of a text that may be long.
func bounded(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
