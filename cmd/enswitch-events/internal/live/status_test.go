package live

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// madeUp is a feed in some state.
type madeUp struct {
	state, address string
	up             bool
}

func (f madeUp) health(time.Time) (state, address string, connected bool) {
	return f.state, f.address, f.up
}

func (f madeUp) disconnected() (ever bool, why *cli.Error) { return true, nil }

func (f madeUp) reconnects() int64 { return 0 }

func TestStatusLine(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	one := []feed{madeUp{"connected to", "pbx.example.com:4875", true}}
	away := madeUp{"reconnecting in  5s to", "pbx2.example.com:4875", false}
	long := []feed{madeUp{"connected to", "messaged-frankfurt-07.telephony.customers.example.com:4875", true}}
	tests := []struct {
		width int
		feeds []feed
		c     counts
		want  string
	}{
		{79, one, counts{}, "connected to pbx.example.com:4875 · no event yet"},
		{79, one, counts{kept: 12, received: 34, last: now.Add(-300 * time.Millisecond)}, "connected to pbx.example.com:4875 · 12 of 34 kept · last 0.3s ago"},
		{79, one, counts{kept: 12, received: 34, last: now.Add(-12 * time.Second), waiting: 5, dropped: 7}, "connected · 12 of 34 kept · last  12s ago · 5 waiting · 7 dropped"},
		{79, []feed{away}, counts{kept: 12, received: 34, last: now.Add(-3 * time.Minute)}, "reconnecting in  5s to pbx2.example.com:4875 · 12 of 34 kept · last   3m ago"},
		{79, long, counts{kept: 12, received: 34, last: now}, "connected to messaged-frankfur…example.com:4875 · 12 of 34 kept · last 0.0s ago"},
		{79, one, counts{kept: 999_888_777, received: 2_999_888_777, last: now, waiting: 123_456_789, dropped: 987_654_321}, "connected · 1.0G of 3.0G kept · last 0.0s ago · 123M waiting · 988M dropped"},
		{39, one, counts{kept: 12, received: 34, last: now}, "connected · 12 of 34 kept"},
		{79, []feed{one[0], away, one[0]}, counts{kept: 12, received: 34, last: now}, "2 of 3 connected, down: pbx2.example.com:4875 · 12 of 34 kept · last 0.0s ago"},
		{79, []feed{one[0], one[0]}, counts{kept: 12, received: 34, last: now}, "2 of 2 connected · 12 of 34 kept · last 0.0s ago"},
	}
	for _, test := range tests {
		var s status
		state, address := feedState(test.feeds, now)
		parts := s.full.parts(&test.c, now, humanize.Comma)
		if utf8.RuneCountInString(state)+columns(parts...) > test.width {
			parts = s.compact.parts(&test.c, now, compact)
		}
		got := compose(test.width, state, address, parts, nil)
		if got != test.want {
			t.Errorf("%d columns:\n got %q\nwant %q", test.width, got, test.want)
		}
		if n := utf8.RuneCountInString(got); n > test.width {
			t.Errorf("%d columns for %d: %q", n, test.width, got)
		}
	}
}

// TestStatusLineIsSteady holds that no part moves while the numbers change.
func TestStatusLineIsSteady(t *testing.T) {
	var s status
	now := time.Unix(1_700_000_000, 0)
	c := counts{kept: 100, received: 200, dropped: 3}
	at := map[string]int{}
	for i := range 50_000 {
		now = now.Add(20 * time.Millisecond)
		c.last = now.Add(-time.Duration(i) * 3 * time.Millisecond)
		c.waiting = int64(100 + i*37%900)
		if i%3 == 0 && i > 0 {
			c.waiting = 0
		}
		line := compose(120, "connected", "", s.full.parts(&c, now, humanize.Comma), nil)
		if c.waiting == 0 && (strings.Contains(line, "waiting") || strings.HasSuffix(line, " ")) {
			t.Fatalf("nothing waits: %q", line)
		}
		for _, word := range []string{"kept", "ago", "waiting", "dropped"} {
			n := strings.Index(line, word)
			if n < 0 && word == "waiting" {
				continue
			}
			n = utf8.RuneCountInString(line[:n])
			if before, ok := at[word]; ok && n != before {
				t.Fatalf("%s moved from %d to %d: %q", word, before, n, line)
			}
			at[word] = n
		}
	}
}

// TestOnlyLateEventsWait holds that the event that is being written is not said to wait.
func TestOnlyLateEventsWait(t *testing.T) {
	s := status{before: 100}
	for _, row := range []struct{ received, waiting, want int64 }{
		{100, 0, 0}, {101, 1, 0}, {150, 50, 0}, {150, 51, 51}, {100, 1, 1},
	} {
		if got := s.late(row.received, row.waiting); got != row.want {
			t.Errorf("%d received, %d waiting: %d, want %d", row.received, row.waiting, got, row.want)
		}
	}
}
