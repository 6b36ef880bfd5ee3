package report

import "github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"

// Account is what the sink of a command says of its own at the end of a run.
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
