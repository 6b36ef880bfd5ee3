package report

import (
	"errors"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
)

// Account is what the sink of a command reports at the end of a run.
type Account interface {
	// Log logs what the sink has made of the events.
	Log()
	// Counted returns how many came of what --count counts, and its name: "call".
	Counted() (n int64, what string)
}

// Counted returns what a, which may be nil, says of what --count counts: kept events,
// unless the command counts something else.
func Counted(a Account, l engine.Ledger) (n int64, what string) {
	if a == nil {
		return l.Kept, "event"
	}
	return a.Counted()
}

// Awaiter is an event, or several, that a run waits for.
type Awaiter interface {
	// Missing says what has not come, in a few words, and is empty if all has come.
	Missing() string
	// Seen says what has come instead, in a few lines.
	Seen() string
}

// Unmet returns the error of a run that ended before what a waits for has come; nil if
// a is nil or nothing is missing. Why says why it ended.
func Unmet(a Awaiter, code int, why string) error {
	if a == nil {
		return nil
	}
	missing := a.Missing()
	if missing == "" {
		return nil
	}
	return cli.NewError(code, errors.New(why+": "+missing), a.Seen())
}
