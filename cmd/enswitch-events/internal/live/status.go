package live

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// status makes the text of the status line: the state of the feeds, the events kept,
// the last event, those waiting and dropped, then what there is room for. The order
// never changes, and a part never becomes narrower, so that the eye finds it again.
type status struct {
	session *session
	rate    float64 // events a second
	at      time.Time
	count   int64 // received at that time
	before  int64 // received a second or two ago
	full    widths
	compact widths
}

// widths are the greatest widths of the parts so far.
type widths [4]int

// The parts that are not to become narrower.
const (
	keptPart = iota
	waitingPart
	droppedPart
	ratePart
)

const (
	separator = " · "
	// minAddress is the fewest columns in which an address says something.
	minAddress = 12
)

func newStatus(l *session) *status { return &status{session: l, at: time.Now()} }

// text returns what fits in width columns.
func (s *status) text(width int) string {
	now := time.Now()
	ledger := s.session.buffer.Ledger()
	if passed := now.Sub(s.at); passed >= time.Second {
		s.rate = float64(ledger.Received-s.count) / passed.Seconds()
		s.at, s.before, s.count = now, s.count, ledger.Received
	}
	state, address := feedState(s.session.feeds, now)
	counts := counts{
		kept: ledger.Kept, received: ledger.Received, waiting: s.late(ledger.Received, ledger.Waiting), dropped: ledger.Dropped,
		last: s.session.buffer.LastReceived(),
	}
	parts := s.full.parts(&counts, now, humanize.Comma)
	if columns(state)+columns(parts...) > width {
		parts = s.compact.parts(&counts, now, compact)
	}
	var extra []string
	if ledger.Kept == 0 && ledger.Filtered > 0 && s.session.tally != nil {
		extra = append(extra, s.session.tally.Short())
	} else if counts.received > 0 {
		extra = append(extra, s.full.pad(ratePart, humanize.CommafWithDigits(s.rate, 1))+" events/s")
	}
	return compose(width, state, address, parts, extra)
}

// late returns how many events wait, if one of them has waited for a second, and else 0: an
// event that is being written does not count.
func (s *status) late(received, waiting int64) int64 {
	if received-waiting < s.before {
		return waiting
	}
	return 0
}

// counts is what the status line counts.
type counts struct {
	kept, received, waiting, dropped int64
	last                             time.Time // when the last event came, zero if none has
}

// parts returns what the status line says of the events, with numbers as number
// writes them.
func (w *widths) parts(c *counts, now time.Time, number func(int64) string) []string {
	if c.received == 0 || c.last.IsZero() {
		return []string{"no event yet"}
	}
	parts := []string{
		w.pad(keptPart, number(c.kept)+" of "+number(c.received)) + " kept",
		"last " + ago(now.Sub(c.last)) + " ago",
	}
	if c.waiting > 0 {
		parts = append(parts, w.pad(waitingPart, number(c.waiting))+" waiting")
	} else if w[waitingPart] > 0 { // its place stays free, so that nothing moves
		parts = append(parts, strings.Repeat(" ", w[waitingPart]+len(" waiting")))
	}
	if c.dropped > 0 {
		parts = append(parts, w.pad(droppedPart, number(c.dropped))+" dropped")
	}
	return parts
}

// pad returns text with blanks before it, at least as wide as it has been.
func (w *widths) pad(part int, text string) string {
	w[part] = max(w[part], utf8.RuneCountInString(text))
	return fmt.Sprintf("%*s", w[part], text)
}

// health returns how the feeds are now.
func (s *session) health() Health {
	now := time.Now()
	h := Health{Last: s.buffer.LastReceived(), Ledger: s.buffer.Ledger(), Connected: true}
	h.State, h.Address = feedState(s.feeds, now)
	h.Behind = s.config.Behind != nil && s.config.Behind()
	for _, f := range s.feeds {
		_, _, ok := f.health(now)
		h.Connected = h.Connected && ok
		ever, _ := f.disconnected()
		h.Ever = h.Ever || ever
	}
	return h
}

// feedState returns the state of the feeds in words and the addresses that it is about.
func feedState(feeds []feed, now time.Time) (state, address string) {
	if len(feeds) == 1 {
		state, address, _ = feeds[0].health(now)
		return state, address
	}
	var down []string
	for _, f := range feeds {
		if _, address, ok := f.health(now); !ok {
			down = append(down, address)
		}
	}
	state = fmt.Sprintf("%d of %d connected", len(feeds)-len(down), len(feeds))
	if len(down) > 0 {
		state += ", down:"
	}
	return state, strings.Join(down, ", ")
}

// compose returns the status line. The address is shortened to what is left, or left
// out; of parts the last ones are left out that do not fit; extra comes if there is
// room.
func compose(width int, state, address string, parts, extra []string) string {
	room := width - utf8.RuneCountInString(state) - columns(parts...)
	switch n := utf8.RuneCountInString(address); {
	case n > 0 && n < room:
		state += " " + address
	case n > 0 && room > minAddress:
		state += " " + middle(address, room-1)
	default:
		state = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(state, " to"), " on"), ", down:")
	}
	for _, part := range append(parts, extra...) {
		if utf8.RuneCountInString(state)+columns(part) > width {
			break
		}
		if strings.TrimSpace(part) == "" {
			state += strings.Repeat(" ", utf8.RuneCountInString(separator)) + part
		} else {
			state += separator + part
		}
	}
	return strings.TrimRight(state, " ")
}

// columns returns how many columns parts take when they follow other parts.
func columns(parts ...string) (n int) {
	for _, p := range parts {
		n += utf8.RuneCountInString(separator) + utf8.RuneCountInString(p)
	}
	return n
}

// middle returns text of n characters, at least 3, without what is in its middle.
func middle(text string, n int) string {
	r := []rune(text)
	if len(r) <= n {
		return text
	}
	tail := (n - 1) / 2
	return string(r[:n-1-tail]) + "…" + string(r[len(r)-tail:])
}

// ago is a duration in four columns.
func ago(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < 100*time.Second:
		return fmt.Sprintf("%3ds", int(d.Seconds()))
	case d < 100*time.Minute:
		return fmt.Sprintf("%3dm", int(d.Minutes()))
	}
	return fmt.Sprintf("%3dh", int(d.Hours()))
}

// compact is a number in five columns at most.
func compact(n int64) string {
	f := float64(n)
	for _, unit := range []string{"", "k", "M", "G", "T"} {
		switch {
		case unit == "" && n < 10_000:
			return humanize.Comma(n)
		case unit != "" && f < 99.95:
			return fmt.Sprintf("%.1f%s", f, unit)
		case unit != "" && f < 999.5:
			return fmt.Sprintf("%.0f%s", f, unit)
		}
		f /= 1000
	}
	return "many"
}
