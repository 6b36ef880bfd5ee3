package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/join"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
)

// LogComparison logs how the feeds of a run compare, over all machines and, if there are
// several, for each; c is nil for a single feed.
func LogComparison(l *log.Logger, c *join.Comparison) {
	if c == nil || c.All.Events+c.Undecided == 0 {
		return
	}
	msg := "feeds compared: " + ComparisonText(c.Feeds, &c.All)
	if c.Undecided > 0 {
		msg += "; " + cli.Plural(c.Undecided, "event") + " not counted, which the other feed may still bring"
	}
	l.Info(msg, append(comparisonAttrs(c.Feeds, &c.All), "undecided", c.Undecided)...)
	if len(c.Machines) < 2 {
		return
	}
	for i := range c.Machines {
		m := &c.Machines[i]
		name := "machine " + safe.String(m.Machine)
		if m.Machine == "" {
			name = "no machine"
		}
		l.Info(name+": "+ComparisonText(c.Feeds, m), append(comparisonAttrs(c.Feeds, m), "machine", m.Machine)...)
	}
}

// ComparisonText returns one line: what the feeds with these names missed, and how far which
// are behind.
func ComparisonText(names []string, m *join.MachineComparison) string {
	var parts []string
	for i := range m.Feeds {
		f := &m.Feeds[i]
		text := fmt.Sprintf("%s missed %s of %s", names[i], humanize.Comma(f.Missed), cli.Plural(m.Events, "event"))
		if f.MissedAway > 0 {
			text += fmt.Sprintf(", %s of them while it was not connected", humanize.Comma(f.MissedAway))
		}
		switch {
		case f.Compared == 0:
		case f.P50 == 0:
			text += fmt.Sprintf(" and was first with %s of %s", humanize.Comma(f.First), humanize.Comma(f.Compared))
		default:
			text += fmt.Sprintf(" and is %s behind (p95 %s)", lagText(f.P50), lagText(f.P95))
		}
		if f.Repeated > 0 {
			text += fmt.Sprintf(", sent %s again", humanize.Comma(f.Repeated))
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// lagText returns a time with about three digits.
func lagText(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

func comparisonAttrs(names []string, m *join.MachineComparison) []any {
	attrs := []any{"events", m.Events, "feeds", names}
	var missed, away, only, first, compared, repeated []int64
	var p50, p95 []float64
	for i := range m.Feeds {
		f := &m.Feeds[i]
		missed, away, only = append(missed, f.Missed), append(away, f.MissedAway), append(only, f.Only)
		first, compared, repeated = append(first, f.First), append(compared, f.Compared), append(repeated, f.Repeated)
		p50, p95 = append(p50, f.P50.Seconds()), append(p95, f.P95.Seconds())
	}
	return append(attrs, "missed", missed, "missed_away", away, "only", only, "first", first, "compared", compared,
		"repeated", repeated, "behind_p50", p50, "behind_p95", p95)
}
