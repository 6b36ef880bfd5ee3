package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/term"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/screen"
)

// statusLine returns the line of status, or nil where it has no place: stderr
// is no terminal, or what reads stdout may write to the same one.
func (a *app) statusLine() *screen.Line {
	tty := terminal(a.err)
	if tty == nil || a.global.quiet || a.global.logFormat != "text" || os.Getenv("TERM") == "dumb" {
		return nil
	}
	if out := file(a.out); out == nil || terminal(out) == nil && !regular(out) {
		return nil
	}
	return screen.New(a.err, func() int {
		width, _, err := term.GetSize(int(tty.Fd()))
		if err != nil {
			return 0
		}
		return width
	})
}

// feed is a source as the status shows it.
type feed interface {
	// health says in a few words how the feed is at the time now, and whether
	// it is connected.
	health(now time.Time) (text string, connected bool)
	// missing returns why the feed is not connected, nil if it is, and whether it
	// ever was.
	missing() (ever bool, why *exitError)
}

func (u *upstream) health(now time.Time) (string, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.connected.IsZero() {
		if left := u.again.Sub(now); left > 0 {
			return fmt.Sprintf("%s: reconnecting in %v", u.addr, short(left)), false
		}
		return fmt.Sprintf("%s: connecting", u.addr), false
	}
	text := "connected to " + u.addr.String()
	if !u.pong.IsZero() {
		text += fmt.Sprintf(", pong %v ago (%v)", short(now.Sub(u.pong)), u.rtt.Round(100*time.Microsecond))
	}
	return text, true
}

// status makes the text of the line of status.
type status struct {
	l     *live
	rate  float64 // events a second
	at    time.Time
	count int64 // received at that time
}

func newStatus(l *live) *status { return &status{l: l, at: time.Now()} }

func (s *status) text() string {
	now := time.Now()
	ledger := s.l.buffer.Ledger()
	if passed := now.Sub(s.at); passed >= time.Second {
		s.rate = float64(ledger.Received-s.count) / passed.Seconds()
		s.at, s.count = now, ledger.Received
	}
	var parts []string
	if len(s.l.feeds) == 1 {
		text, _ := s.l.feeds[0].health(now)
		parts = append(parts, text)
	} else {
		up, down := 0, ""
		for _, f := range s.l.feeds {
			if text, ok := f.health(now); ok {
				up++
			} else {
				down = text
			}
		}
		parts = append(parts, fmt.Sprintf("%d of %d connected", up, len(s.l.feeds)))
		if down != "" {
			parts = append(parts, down)
		}
	}
	parts = append(parts, fmt.Sprintf("%s events/s", humanize.CommafWithDigits(s.rate, 1)))
	if last := s.l.buffer.LastReceived(); last.IsZero() {
		parts = append(parts, "no event yet")
	} else {
		parts = append(parts, fmt.Sprintf("last %v ago", short(max(now.Sub(last), 0))))
	}
	if ledger.Kept == 0 && ledger.Filtered > 0 && s.l.tally != nil {
		parts = append(parts, s.l.tally.Short(ledger.Filtered))
	}
	if ledger.Waiting > 0 {
		parts = append(parts, humanize.Comma(ledger.Waiting)+" waiting")
	}
	if ledger.Dropped > 0 {
		parts = append(parts, humanize.Comma(ledger.Dropped)+" dropped")
	}
	return strings.Join(parts, " · ")
}
