package tui

import (
	"context"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"
)

// player lets the events of a capture through as time passes: the whole capture at first, then
// at the pace that keys ask for. To go back the capture is read again. It is safe for
// concurrent use.
type player struct {
	changed func()

	mu          sync.Mutex
	turn        chan struct{} // closed when anything below changes
	base        int64         // events up to this timestamp pass; maxTime is to the end
	playing     bool
	since       time.Time // base was the position then, while it plays
	speed       int       // times as fast as the events came
	first, last int64     // timestamps of the capture, as far as it was read
	passed      int64     // the newest that has passed in this reading
	next        int64     // of the event that waits, 0 for none
	over        bool      // everything has passed
	away        bool      // this reading is to end
	again       chan struct{}
	stop        context.CancelFunc // of this reading
}

const maxTime = math.MaxInt64

func newPlayer(changed func()) *player {
	return &player{changed: changed, base: maxTime, speed: 1, turn: make(chan struct{}), again: make(chan struct{}, 1)}
}

// pass waits until an event with that timestamp may pass. It reports false if the reading is to
// end.
func (p *player) pass(at int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first == 0 || at > 0 && at < p.first {
		p.first = at
	}
	for !p.away && at > p.position() {
		p.next = at
		turn, wait := p.turn, time.Duration(maxTime)
		if p.playing {
			wait = time.Duration(at-p.position()) * time.Microsecond / time.Duration(p.speed)
		}
		p.mu.Unlock()
		p.changed()
		t := time.NewTimer(wait)
		select {
		case <-turn:
		case <-t.C:
		}
		t.Stop()
		p.mu.Lock()
		p.next = 0
	}
	if p.away {
		return false
	}
	p.passed, p.last = max(p.passed, at), max(p.last, at)
	return true
}

// position is the time up to which events pass now.
func (p *player) position() int64 {
	if !p.playing {
		return p.base
	}
	return p.base + time.Since(p.since).Microseconds()*int64(p.speed)
}

// turned wakes all that wait.
func (p *player) turned() {
	close(p.turn)
	p.turn = make(chan struct{})
}

// begin says that a reading begins, which stop ends.
func (p *player) begin(stop context.CancelFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop, p.away, p.over, p.passed = stop, false, false, 0
	if p.playing {
		p.since = time.Now()
	}
}

// ended says that a reading has ended.
func (p *player) ended() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = !p.away
	if p.over {
		p.playing, p.base = false, maxTime
	}
}

// leave ends the reading.
func (p *player) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = true
	p.turned()
}

// here is where the reading is: the timestamp of the newest event, or the time that passes.
func (p *player) here() int64 {
	if p.over || p.position() == maxTime {
		return p.passed
	}
	return min(p.position(), p.last)
}

// seek goes forward by that many microseconds, or back if it is negative. With whole it goes to
// the end or the beginning.
func (p *player) seek(by int64, whole bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	to := p.here() + by
	switch {
	case whole && by < 0:
		to = p.first
	case whole || to >= p.last && by > 0:
		to = maxTime
	}
	to = max(to, p.first)
	p.base, p.since = to, time.Now()
	if to == maxTime {
		p.playing = false
	}
	if by < 0 && to < p.passed {
		p.away = true
		if p.stop != nil && !p.over {
			p.stop()
		}
		p.over = false
		select {
		case p.again <- struct{}{}:
		default:
		}
	}
	p.turned()
}

// step lets the next event pass, and those of the same time.
func (p *player) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next > 0 {
		p.base, p.playing = p.next, false
		p.turned()
	}
}

// toggle plays, or stops.
func (p *player) toggle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over || p.base == maxTime {
		return
	}
	p.base, p.since, p.playing = p.here(), time.Now(), !p.playing
	p.turned()
}

// faster changes the speed, up or down.
func (p *player) faster(up bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.base, p.since = p.position(), time.Now()
	if up {
		p.speed = min(p.speed*2, 1024)
	} else {
		p.speed = max(p.speed/2, 1)
	}
	p.turned()
}

// state is where the reading is, for the screen.
type state struct {
	here, first, last int64
	playing, over     bool
	all               bool // it is to go on to the end
	speed             int
}

func (p *player) state() state {
	p.mu.Lock()
	defer p.mu.Unlock()
	return state{p.here(), p.first, p.last, p.playing, p.over, p.base == maxTime, p.speed}
}

// line draws the time line in width columns, at least 20.
func (s *state) line(width int, location *time.Location) string {
	const clock = "15:04:05"
	sign := "stopped "
	if s.playing {
		sign = "playing ×" + strconv.Itoa(s.speed) + " "
	}
	begin := sign + time.UnixMicro(s.here).In(location).Format("2006-01-02 "+clock) + " "
	end := " " + time.UnixMicro(s.last).In(location).Format(clock)
	room := min(width-columns(begin)-columns(end), 60)
	if room < 4 {
		return cut(strings.TrimRight(begin, " "), width)
	}
	done := 0
	if s.last > s.first {
		done = int(float64(room) * float64(s.here-s.first) / float64(s.last-s.first))
	}
	done = max(min(done, room), 0)
	return begin + strings.Repeat("━", done) + strings.Repeat("─", room-done) + end
}
