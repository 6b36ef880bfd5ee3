package stats

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/join"
)

// Compared gives s the function that compares the feeds of a live run. It returns nil if
// there is only one.
func (s *Sink) Compared(compare func() *join.Comparison) { s.compare = compare }

// feeds returns the section of the feeds: what only one of them had, and which is behind by
// how much, of all machines and of each.
func (f *tableFormat) feeds(s *Sink, rows int) []string {
	if s.compare == nil {
		return nil
	}
	c := s.compare()
	if c == nil || len(c.Feeds) < 2 {
		return nil
	}
	feed := f.column(feedWidth, c.Feeds...)
	lines := []string{fmt.Sprintf("%-*s %-8s %9s %9s %9s %9s %9s", feed, "feed", "machine", "events", "missed", "first", "behind", "p95")}
	add := func(m *join.MachineComparison, machine string) {
		for i := range m.Feeds {
			v := &m.Feeds[i]
			behind := func(d time.Duration) string {
				if v.Compared == 0 {
					return "-"
				}
				return seconds(d.Seconds())
			}
			lines = append(lines, fmt.Sprintf("%s %s %9s %9s %9s %9s %9s", f.fit(c.Feeds[i], feed), f.fit(machine, 8), humanize.Comma(m.Events),
				humanize.Comma(v.Missed), humanize.Comma(v.First), behind(v.P50), behind(v.P95)))
		}
	}
	add(&c.All, "all")
	for i := range c.Machines[:min(len(c.Machines), rows)] {
		name := c.Machines[i].Machine
		if name == "" {
			name = "-"
		}
		add(&c.Machines[i], name)
	}
	if more := len(c.Machines) - rows; more > 0 {
		lines = append(lines, cli.Plural(int64(more), "other machine"))
	}
	return append(lines, "")
}

// feedWidth is the columns of the name of a feed.
const feedWidth = 21
