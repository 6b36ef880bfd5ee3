package stats

import (
	"math"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// maxWindows bounds the windows that are open at once: timestamps can be anything.
const maxWindows = 10_000

// maxIdle is the number of windows without an event that may follow each other: those of a
// longer time are left out.
const maxIdle = 1000

// window is the events of an interval.
type window struct {
	events []int64 // by number of the group
	total  int64
}

// windows are the windows that are open, by number: their beginning divided by their
// length. There is one, 0, if they have no length.
type windows struct {
	every   int64 // length in microseconds, 0 for one window
	open    map[int64]*window
	begin   int64   // of the run, by the wall clock, in microseconds since 1970
	next    int64   // the oldest that may get events
	any     bool    // next is set
	newest  int64   // of those that got events
	filled  int64   // the oldest that has events, if it is after next; else it must be searched for
	late    int64   // events that came too late for theirs
	jumped  bool    // windows were left out
	printed bool    // a window was printed
	early   *window // events without a timestamp that came before any with one, nil for none

	received    int64 // when the last event was received, in microseconds since 1970
	total       int64 // events of all windows
	first, last int64 // timestamps, in microseconds since 1970
	feed        int64 // the feed's time: a timestamp that another one agrees with
	ahead       int64 // a timestamp far ahead of that
}

// add adds n events of a group.
func (v *windows) add(at int64, group int, n int64) {
	v.total += n
	switch {
	case at == untimed && !v.any:
		if v.early == nil {
			v.early = &window{}
		}
		v.early.add(group, n)
		return
	case at == untimed:
		at = max(v.newest, v.next)
	case v.any && at < v.next && v.printed:
		v.late += n
		at = v.next
	case v.any && at < v.next:
		v.next = at
	}
	v.beginAt(at)
	w := v.open[at]
	if w == nil {
		if len(v.open) >= maxWindows {
			at = v.next
		}
		w = v.window(at)
		v.filled = 0
	}
	v.newest = max(v.newest, at)
	w.add(group, n)
}

// beginAt makes at the first window, unless there was one: early events count in it.
func (v *windows) beginAt(at int64) {
	if v.any {
		return
	}
	v.next, v.any = at, true
	if v.newest == 0 {
		v.newest = at
	}
	if v.early != nil {
		v.open[at], v.early = v.early, nil
	}
}

func (w *window) add(group int, n int64) {
	for len(w.events) <= group {
		w.events = append(w.events, 0)
	}
	w.events[group] += n
	w.total += n
}

func (v *windows) window(at int64) *window {
	if v.open[at] == nil {
		v.open[at] = &window{}
	}
	return v.open[at]
}

// start notes that the first event of a block was received at that time, or 0. A stream that
// is read from an earlier time begins before the run does.
func (v *windows) start(at int64) {
	if at > 0 && !v.any && v.total == 0 {
		v.begin = min(v.begin, at)
	}
}

// bounds notes the least and the greatest timestamp of a block.
func (v *windows) bounds(first, last int64) {
	if first == 0 {
		return
	}
	if v.first == 0 || first < v.first {
		v.first = first
	}
	v.last = max(v.last, last)
	const far = 3600 * 1_000_000
	switch {
	case v.feed == 0:
		v.feed = first
	case last > v.feed+far && v.ahead == 0:
		v.ahead = last // a single one may be wrong
		return
	}
	v.ahead = 0
	v.feed = max(v.feed, last)
}

// due returns in how long the next window is to be printed, live.
func (v *windows) due(lag, now int64) time.Duration {
	end := (now/v.every + 1) * v.every
	if v.any {
		end = (v.next + 1) * v.every
	}
	return max(time.Duration(end+lag-now)*time.Microsecond, time.Millisecond)
}

// lag is how long after its end a window is printed, in microseconds: when the calls that ended
// in it are known. A capture can wait longer, for machines that are silent.
func (s *Sink) lag() int64 {
	linger := max(s.o.Tracker.Linger, 0)
	switch {
	case !s.o.Live:
		return (2*linger + 15*time.Second).Microseconds()
	case s.tracker == nil:
		return 0
	}
	return (2*linger + 500*time.Millisecond).Microseconds()
}

// feedTime returns the time by which windows end, in microseconds since 1970.
func (s *Sink) feedTime(p *part) int64 {
	switch {
	case s.o.Live:
		s.windows.received = max(s.windows.received, p.received)
		return p.received
	case s.figures != nil:
		return s.figures.Clock()
	}
	return s.windows.feed
}

// timeless reports whether the events are of a capture and none has a timestamp.
func (s *Sink) timeless() bool { return !s.o.Live && s.windows.first == 0 }

// advance prints the windows that are over at that time.
func (s *Sink) advance(now int64) {
	v := &s.windows
	if v.every == 0 {
		return
	}
	if s.o.Live {
		if !v.any {
			v.next, v.any = v.begin/v.every, true
		}
		s.cut(now)
	}
	for v.any && (v.next+1)*v.every+s.lag() <= now && !s.failed {
		s.printWindow(v.next)
		s.skip(now / v.every)
	}
}

// cut begins the intervals of the calls that are due, live.
func (s *Sink) cut(now int64) {
	v := &s.windows
	if s.figures == nil {
		return
	}
	if s.lastCut == 0 {
		s.lastCut = v.begin / v.every * v.every
	}
	if due := now / v.every * v.every; due-s.lastCut > maxIdle*v.every { // the clock was set, or the machine slept
		s.lastCut = due - v.every
	}
	for ; s.lastCut+v.every <= now; s.lastCut += v.every {
		s.figures.Cut(s.lastCut + v.every)
	}
}

// skip goes on to the next window. If many successive windows have no event and no call that began
// or ended, it leaves them out. before is the first window that is not over.
func (s *Sink) skip(before int64) {
	v := &s.windows
	v.next++
	if v.filled <= v.next {
		v.filled = math.MaxInt64
		for at := range v.open {
			if at >= v.next {
				v.filled = min(v.filled, at)
			}
		}
	}
	to := min(before, v.filled)
	if s.figures != nil {
		// One that begins before is the newest: it goes on to the end.
		if from, _ := s.figures.Oldest(); from/v.every >= v.next {
			to = min(to, from/v.every)
		}
	}
	if to-v.next > maxIdle {
		v.next, v.jumped = to, true
	}
}

// printWindow prints the block of a window that is over.
func (s *Sink) printWindow(at int64) {
	v := &s.windows
	v.printed = true
	from, to := at*v.every, (at+1)*v.every
	if s.o.Live {
		from = max(from, v.begin)
	}
	var i *call.Interval
	if s.figures != nil {
		for {
			begin, whole := s.figures.Oldest()
			if !whole || begin >= to {
				break
			}
			i = s.figures.Take()
		}
		if begin, _ := s.figures.Oldest(); i == nil && begin >= to {
			i = s.figures.Idle(from, to)
		}
	}
	s.print(from, to, v.window(at), i)
	delete(v.open, at)
}

// printRest prints the blocks that are left at the end.
func (s *Sink) printRest() {
	v := &s.windows
	now := time.Now().UnixMicro()
	if s.o.Live && s.o.Behind != nil && s.o.Behind() {
		now = max(v.received, v.begin)
	}
	end := v.last
	if s.figures != nil {
		end = max(end, s.figures.Clock())
	}
	if s.o.Live {
		end = now
	}
	if v.early != nil {
		v.beginAt(v.first / v.every)
	}
	if v.every == 0 || v.any && s.timeless() {
		from := v.first
		if s.o.Live {
			from = v.begin
		}
		i := s.lastInterval()
		s.print(from, end, v.window(0), i)
		if s.o.Report != nil && i != nil {
			s.o.Report.total = i.Total // not the sum of minutes, to which a call that was lost later belongs whole
		}
		return
	}
	if s.o.Live {
		s.advance(now)
	}
	last := v.next
	for at := range v.open {
		last = max(last, at)
	}
	if s.o.Live {
		last = max(last, now/v.every)
	}
	for v.any && v.next < last && !s.failed {
		s.printWindow(v.next)
		s.skip(last)
	}
	if !v.any || s.failed {
		return
	}
	from := last * v.every
	if s.o.Live {
		from = max(from, v.begin)
	}
	if end <= from || end > (last+1)*v.every {
		end = (last + 1) * v.every
	}
	s.print(from, end, v.window(last), s.lastInterval())
}

// lastInterval returns the newest interval of the calls, nil if none are followed.
func (s *Sink) lastInterval() *call.Interval {
	if s.figures == nil {
		return nil
	}
	return s.figures.Now(0)
}
