// Package report is what a run says on stderr: the ledger, what was rejected, what is
// wrong with a capture, and failures that come again and again.
package report

import (
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
)

// Empty says what came if the filters kept none of it.
func Empty(a *cli.App, t *tally.Tally, l engine.Ledger) {
	if l.Kept > 0 || l.Filtered == 0 {
		return
	}
	if text := t.Empty(l.Filtered); text != "" {
		a.Log.Warn(text)
	}
}

// Unseen says which items of --fields no event had, if any was shown.
func Unseen(a *cli.App, items []string, l engine.Ledger) {
	if len(items) > 0 && l.Kept > 0 {
		a.Log.Warn("no event had the field "+strings.Join(items, ", nor "), "fields", items)
	}
}

// Say says the ledger.
func Say(a *cli.App, l engine.Ledger) {
	a.Log.Info(Ledger(&l), "received", l.Received, "kept", l.Kept, "filtered", l.Filtered,
		"rejected", l.Rejected, "repaired", l.Repaired, "failed", l.Failed)
}

// TooSlow is what to try where the filters were.
const TooSlow = "a simpler --jq, or filters before it (-c, -e, -w), take less time"

// Ledger is the ledger in words, what is zero left out.
func Ledger(l *engine.Ledger) string {
	parts := []string{humanize.Comma(l.Kept) + " kept"}
	for _, c := range []struct {
		n    int64
		what string
	}{
		{l.Filtered, "filtered out"}, {l.Rejected, "rejected"}, {l.Dropped, "dropped"}, {l.Waiting, "left"},
	} {
		if c.n > 0 {
			parts = append(parts, humanize.Comma(c.n)+" "+c.what)
		}
	}
	s := cli.Plural(l.Received, "event") + " received: " + strings.Join(parts, ", ")
	var notes []string
	for _, c := range []struct {
		n    int64
		what string
	}{
		{l.Repaired, "repaired"}, {l.Duplicates, "sent twice"}, {l.Failed, "failed"},
	} {
		if c.n > 0 {
			notes = append(notes, humanize.Comma(c.n)+" "+c.what)
		}
	}
	if l.Gaps > 0 {
		notes = append(notes, cli.Plural(l.Gaps, "gap"))
	}
	if len(notes) > 0 {
		s += " (" + strings.Join(notes, ", ") + ")"
	}
	return s
}
