package stats

import (
	"cmp"
	"slices"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// The bounds of what is said of machines.
const (
	maxMachines = 200
	// minutes is for how long the clock offset of a machine is the least lag.
	minutes = 5
	// A machine is called silent if it has sent nothing for silentFor, and for silentTimes its
	// usual time between events.
	silentFor, silentTimes = 30 * time.Second, 20
	// A machine is called late if its lag is lateBy more than its clock offset, and its clock
	// is called wrong if the offset is wrongBy.
	lateBy, wrongBy = 2 * time.Second, time.Second
)

// machineCell is the events of a machine in a block. The lag of an event is the time when it
// was received less its timestamp, in microseconds.
type machineCell struct {
	name           *name
	n              int64
	lagged         int64 // events whose lag is known
	sum, least     int64 // of the lags
	last, received int64 // the greatest timestamp, and when the last event was received
}

// add adds an event. A time is 0 if it is not known.
func (c *machineCell) add(usec, received int64) {
	c.n++
	c.last, c.received = max(c.last, usec), max(c.received, received)
	if usec == 0 || received == 0 {
		return
	}
	lag := received - usec
	if c.lagged == 0 || lag < c.least {
		c.least = lag
	}
	c.lagged++
	c.sum += lag
}

// machine is what is known of a machine.
type machine struct {
	text           string
	n              int64
	first          int64 // timestamp, or when its first event was received, live
	last, received int64
	lags           lags
}

// lags are the lags of the events of a machine over the last minutes.
type lags [minutes]struct{ minute, n, sum, least int64 }

// add adds n events that were received in that minute.
func (l *lags) add(minute, n, sum, least int64) {
	if at := &l[minute%minutes]; at.minute != minute {
		at.minute, at.n, at.sum, at.least = minute, n, sum, least
	} else {
		at.n, at.sum, at.least = at.n+n, at.sum+sum, min(at.least, least)
	}
}

// over returns the mean lag and the clock offset, which is the least lag, over the last
// minutes up to now; false if they are not known.
func (l *lags) over(now int64) (mean, offset time.Duration, ok bool) {
	n, sum, least := int64(0), int64(0), int64(0)
	for i := range l {
		at := &l[i]
		if at.n == 0 || at.minute <= now/60_000_000-minutes {
			continue
		}
		if n == 0 || at.least < least {
			least = at.least
		}
		n, sum = n+at.n, sum+at.sum
	}
	if n == 0 {
		return 0, 0, false
	}
	return time.Duration(sum/n) * time.Microsecond, time.Duration(least) * time.Microsecond, true
}

// machines are the machines by name.
type machines struct {
	all  map[string]*machine
	over int64 // events of machines beyond the bound
}

func (m *machines) add(cells []machineCell) {
	if m.all == nil {
		m.all = map[string]*machine{}
	}
	for i := range cells {
		c := &cells[i]
		v := m.all[c.name.key]
		if v == nil {
			if len(m.all) >= maxMachines {
				m.over += c.n
				continue
			}
			text := c.name.values[0].text
			v = &machine{text: text, first: c.received}
			if v.first == 0 {
				v.first = c.last
			}
			m.all[c.name.key] = v
		}
		v.n += c.n
		v.last, v.received = max(v.last, c.last), max(v.received, c.received)
		if c.lagged == 0 {
			continue
		}
		v.lags.add(c.received/60_000_000, c.lagged, c.sum, c.least)
	}
}

// heard returns when the machine was last heard of, in microseconds since 1970.
func (m *machine) heard() int64 {
	if m.received > 0 {
		return m.received
	}
	return m.last
}

// verdict says what is wrong with the machine, as of now.
func (m *machine) verdict(now int64) string {
	silence := time.Duration(now-m.heard()) * time.Microsecond
	between := time.Duration((m.heard()-m.first)/max(m.n-1, 1)) * time.Microsecond
	mean, offset, ok := m.lags.over(now)
	switch {
	case m.n > 1 && silence > silentFor && silence > silentTimes*between:
		return "silent for " + cli.RoundDuration(silence).String()
	case ok && offset < -wrongBy:
		return "its clock is ahead"
	case ok && offset > wrongBy:
		return "its clock is behind, or its events are late"
	case ok && mean-offset > lateBy:
		return "events come late"
	}
	return ""
}

// inOrder returns the machines by name, numbers as such.
func (m *machines) inOrder() (all []*machine) {
	for _, v := range m.all {
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b *machine) int {
		return cmp.Or(cmp.Compare(len(a.text), len(b.text)), cmp.Compare(a.text, b.text))
	})
	return all
}

// clocks has how far the clock of each machine is off.
type clocks struct {
	machines map[string]*clock
	right    int64 // when an event of a clock that is right was received last, in microseconds since 1970
	// span is the longest time between two events by the same clock, in microseconds, without
	// intervals: a capture can be played faster than it was made.
	span int64
}

// clock is what is known of the clock of a machine.
type clock struct {
	lags
	first int64 // timestamp, in microseconds since 1970
}

// offset notes an event and returns by how many microseconds the clock of its machine is slow,
// 0 if it is right. With beside, a clock is wrong only if another one is right: in a capture
// that is played back all are off.
func (c *clocks) offset(e *call.Event, beside bool) int64 {
	if e.Received.IsZero() || e.Time == 0 {
		return 0
	}
	machine, received := e.Machine().Text(), e.Received.UnixMicro()
	l := c.machines[string(machine)]
	if l == nil {
		if c.machines == nil {
			c.machines = map[string]*clock{}
		}
		if len(c.machines) >= maxMachines {
			return 0
		}
		l = &clock{first: e.Time}
		c.machines[string(machine)] = l
	}
	if beside {
		c.span = max(c.span, e.Time-l.first)
	}
	lag := received - e.Time
	l.add(received/60_000_000, 1, lag, lag)
	_, offset, _ := l.over(received)
	switch {
	case offset.Abs() <= wrongBy:
		c.right = received
		return 0
	case beside && received-c.right > minutes*60_000_000:
		return 0
	}
	return offset.Microseconds()
}
