package calls

import (
	"math"
	"slices"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// Screen is what a Sink calls where its calls are shown on a screen; it prints no records then.
//
// The methods of the Sink for a screen are safe for concurrent use. They hold up the run for as
// long as they take, which is some milliseconds at most.
type Screen struct {
	// Changed is called when something may have changed. It must not block.
	Changed func()
	// Pass waits until the event with that timestamp is to be followed. It reports false
	// if the run is to end. It is nil for live events.
	Pass func(usec int64) bool
}

// Restart forgets all calls, for another run over the same captures, which logs to l.
func (s *Sink) Restart(l *log.Logger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.o.Log, s.failures.Log = l, l.Warn
	s.counts, s.printed = counts{}, 0
	s.restart()
}

// follow follows the events of p.
func (s *Sink) follow(p *part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guesses.Add(p.guesses)
	for i := range p.events {
		if s.o.Screen != nil && s.o.Screen.Pass != nil && !s.pass(p.events[i].Time) {
			return
		}
		s.tracker.Add(&p.events[i])
	}
	if s.o.Screen != nil && s.o.Live {
		for i := range p.events {
			s.lags.add(&p.events[i])
			s.clock.add(p.events[i].Received, p.events[i].Time)
		}
	}
	s.changed()
}

// pass is Screen.Pass, during which the calls can be read. s.mu is locked.
func (s *Sink) pass(usec int64) bool {
	s.mu.Unlock()
	defer s.mu.Lock()
	return s.o.Screen.Pass(usec)
}

// changed tells the screen that there is something new.
func (s *Sink) changed() {
	if s.o.Screen != nil {
		s.o.Screen.Changed()
	}
}

// Changes fills c with what is new about the calls since the last call, or with all of them.
// It includes calls that no filter has chosen, and their records if records is set. Its time is
// that of the feed's last seconds: it goes back with the clocks of the machines.
func (s *Sink) Changes(c *call.Changes, all, records bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tracker.Changes(c, all, records)
	newest := c.Now
	c.Now = s.clock.now(newest)
	s.ahead = time.Duration(newest-c.Now) * time.Microsecond
}

// rateTime is over how many seconds calls a second are counted.
const rateTime = 10

// Figures returns the figures of the calls that the filters chose since the run began, and
// their rate in the last 10 s as calls begun per second, negative if that is not known.
func (s *Sink) Figures() (i *call.Interval, perSecond float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i = s.figures.Now(0); s.ahead > rateTime*time.Second {
		return i, s.rate(s.now())
	}
	return i, s.figures.Rate(rateTime)
}

// rate is Figures.Rate while the clocks of the machines are behind the newest timestamp. It
// looks at all calls that are kept.
func (s *Sink) rate(now time.Time) (perSecond float64) {
	to := s.clock.now(math.MaxInt64) + max(now.Sub(s.clock.last), 0).Microseconds()
	n := 0
	for c := range s.tracker.Calls() {
		if begin := c.Begin(); c.Chosen() && !c.Partial() && begin > to-rateTime*1_000_000 && begin <= to {
			n++
		}
	}
	return float64(n) / rateTime
}

// maxLook is how many calls Look looks at before it lets the run go on.
const maxLook = 100

// Look calls f for each call with one of these numbers that is still kept. The call is
// valid during f.
func (s *Sink) Look(numbers []int64, f func(*call.Call)) {
	for part := range slices.Chunk(numbers, maxLook) {
		s.look(part, f)
	}
}

func (s *Sink) look(numbers []int64, f func(*call.Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.tracker.Calls() {
		if slices.Contains(numbers, c.Number()) {
			f(c)
		}
	}
}

// Guessed returns the names of meanings that rested on a guess so far, as answer or from.
func (s *Sink) Guessed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.guesses.Names()
}

// lags is how far behind their own clocks the events of machines come.
type lags struct {
	byMachine map[string]*lag
}

type lag struct {
	behind time.Duration // the mean, to which newer events add more
	heard  time.Time
}

const (
	// lagSilence is after how long without an event a machine is not named.
	lagSilence = time.Minute
	// maxLags bounds the machines.
	maxLags = 1000
)

// add notes an event.
func (l *lags) add(e *call.Event) {
	if e.Received.IsZero() || e.Time == 0 {
		return
	}
	machine := e.Machine().Text()
	behind := e.Received.Sub(time.UnixMicro(e.Time))
	m := l.byMachine[string(machine)]
	if m == nil || e.Received.Sub(m.heard).Abs() > lagSilence { // back, if the clock here is set
		if len(l.byMachine) >= maxLags || l.byMachine == nil {
			l.byMachine = map[string]*lag{}
		}
		m = &lag{behind: behind}
		l.byMachine[string(machine)] = m
	}
	m.behind += (behind - m.behind) / 8
	m.heard = e.Received
}

// Lag returns the machine whose events come latest after their timestamps, of those of
// which one came in the last minute, and by how much. A clock that is slow looks the same.
func (s *Sink) Lag(now time.Time) (machine string, behind time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, m := range s.lags.byMachine {
		if now.Sub(m.heard).Abs() <= lagSilence && (!ok || m.behind > behind || m.behind == behind && name < machine) {
			machine, behind, ok = name, m.behind, true
		}
	}
	return machine, behind, ok
}
