// Package report writes the log messages that several commands share: the ledger, what
// was rejected, damage in captures, and repeated warnings.
package report

import (
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
)

// WarnNothingKept warns if the filters kept none of the events, with the classes and
// events that came instead.
func WarnNothingKept(a *cli.App, t *tally.Tally, l engine.Ledger) {
	if l.Kept > 0 || l.Filtered == 0 {
		return
	}
	if text := t.Empty(l.Filtered); text != "" {
		a.Log.Warn(text)
	}
}

// WarnUnseenFields warns of the items of --fields that no event had, or whatever else is
// printed, if any came.
func WarnUnseenFields(a *cli.App, items []string, came int64, what string) {
	if len(items) > 0 && came > 0 {
		names := make([]string, len(items))
		for i, item := range items {
			names[i], _, _ = strings.Cut(item, " (did you mean ")
		}
		a.Log.Warn("no "+what+" had the field "+strings.Join(items, ", nor "), "fields", names)
	}
}

// WarnUnseenPseudonyms warns of fields whose values p would have replaced, and that no event
// had.
func WarnUnseenPseudonyms(a *cli.App, p interface {
	Unseen() (fields []string, noRole bool)
}, l engine.Ledger,
) {
	if l.Kept == 0 {
		return
	}
	fields, noRole := p.Unseen()
	if len(fields) > 0 {
		a.Log.Warn("--pseudonym-fields: no event had the field "+strings.Join(fields, ", nor "), "fields", fields)
	}
	if noRole {
		a.Log.Warn("--pseudonyms: no event had a field that is known as from or to", log.HintKey, "--map from=FIELD,… and to=FIELD,… name them, --pseudonym-fields others")
	}
}

// LogLedger logs the ledger of a run over captures.
func LogLedger(a *cli.App, l engine.Ledger) {
	a.Log.Info(LedgerText(&l), "received", l.Received, "kept", l.Kept, "filtered", l.Filtered,
		"rejected", l.Rejected, "repaired", l.Repaired, "failed", l.Failed)
}

// LedgerText returns the ledger as one line of text, without the counts that are zero.
func LedgerText(l *engine.Ledger) string {
	parts := []string{humanize.Comma(l.Kept) + " kept"}
	for _, c := range []struct {
		n    int64
		what string
	}{
		{l.Filtered, "filtered out"}, {l.Rejected, "rejected"}, {l.Dropped, "dropped"}, {l.Waiting, "received but not written"},
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
