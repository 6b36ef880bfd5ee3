package live

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// status makes the text of the status line.
type status struct {
	session *session
	rate    float64 // events a second
	at      time.Time
	count   int64 // received at that time
}

func newStatus(l *session) *status { return &status{session: l, at: time.Now()} }

func (s *status) text() string {
	now := time.Now()
	ledger := s.session.buffer.Ledger()
	if passed := now.Sub(s.at); passed >= time.Second {
		s.rate = float64(ledger.Received-s.count) / passed.Seconds()
		s.at, s.count = now, ledger.Received
	}
	var parts []string
	if len(s.session.feeds) == 1 {
		text, _ := s.session.feeds[0].health(now)
		parts = append(parts, text)
	} else {
		up, down := 0, ""
		for _, f := range s.session.feeds {
			if text, ok := f.health(now); ok {
				up++
			} else {
				down = text
			}
		}
		parts = append(parts, fmt.Sprintf("%d of %d connected", up, len(s.session.feeds)))
		if down != "" {
			parts = append(parts, down)
		}
	}
	parts = append(parts, fmt.Sprintf("%s events/s", humanize.CommafWithDigits(s.rate, 1)))
	if last := s.session.buffer.LastReceived(); last.IsZero() {
		parts = append(parts, "no event yet")
	} else {
		parts = append(parts, fmt.Sprintf("last %v ago", cli.RoundDuration(max(now.Sub(last), 0))))
	}
	if ledger.Kept == 0 && ledger.Filtered > 0 && s.session.tally != nil {
		parts = append(parts, s.session.tally.Short(ledger.Filtered))
	}
	if ledger.Waiting > 0 {
		parts = append(parts, humanize.Comma(ledger.Waiting)+" waiting")
	}
	if ledger.Dropped > 0 {
		parts = append(parts, humanize.Comma(ledger.Dropped)+" dropped")
	}
	return strings.Join(parts, " · ")
}
