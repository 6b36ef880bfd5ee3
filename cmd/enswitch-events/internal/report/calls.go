package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// EndQuietCalls ends the calls of a live feed that end because no event has come for a time. It
// returns after which time to call it again if none comes, 0 for never.
func EndQuietCalls(t *call.Tracker, linger, quiet time.Duration) (next time.Duration) {
	const patience = 15 * time.Second // more than any clock of a machine waits
	linger = max(linger, 0)
	switch {
	case !t.Waiting():
		return 0
	case quiet < linger: // the clocks of machines may differ by that
		return linger - quiet
	}
	if t.Quiet(quiet); quiet > 2*linger+patience {
		return time.Minute
	}
	return 100 * time.Millisecond
}

// LogCallBounds logs what the bounds of following calls cost.
func LogCallBounds(l *log.Logger, stats *call.Stats) {
	cli.WarnCount(l, stats.GivenUp, "call", "given up as lost: too many calls were open, or they were too large")
	cli.WarnCount(l, stats.Late, "event", "of calls that were over and forgotten, and are left out")
	cli.WarnCount(l, stats.LegsOver, "leg", "beyond 10,000 of one call left out")
	cli.WarnCount(l, stats.IDsOver, "id", "of ended calls forgotten in less than 5 minutes: an event that comes late may begin a call of its own")
	cli.WarnCount(l, stats.Strange, "event", "of class call without an id belong to no call")
	cli.WarnCount(l, stats.Untimed, "event", "without a timestamp: each counts as of the newest timestamp before it, if there is one")
}

// Guess is an event or a field whose meaning is guessed. Name is the name of the meaning.
type Guess struct{ Name, Item string }

// Guesses are the guessed meanings that events had.
type Guesses struct {
	all    []Guess
	logged int // of all
}

// maxGuesses bounds them: an item of a map is a glob.
const maxGuesses = 100

// Add adds the guesses that are new.
func (g *Guesses) Add(found []Guess) {
	for _, f := range found {
		if !slices.Contains(g.all, f) && len(g.all) < maxGuesses {
			g.all = append(g.all, f)
		}
	}
}

// Names returns the names of meanings that are guessed, as answer or from, each once.
func (g *Guesses) Names() (names []string) {
	for _, guess := range g.all {
		if !slices.Contains(names, guess.Name) {
			names = append(names, guess.Name)
		}
	}
	return names
}

// Any reports whether there are any.
func (g *Guesses) Any() bool { return len(g.all) > 0 }

// Log logs the guesses that were not logged before.
func (g *Guesses) Log(l *log.Logger) {
	fresh := g.all[g.logged:]
	if len(fresh) == 0 {
		return
	}
	g.logged = len(g.all)
	var items []string
	for _, name := range call.Names() {
		var of []string
		for _, f := range fresh {
			if f.Name == name {
				of = append(of, f.Item)
			}
		}
		if slices.Sort(of); of != nil {
			items = append(items, name+"="+strings.Join(of, ","))
		}
	}
	l.Info(fmt.Sprintf("meanings guessed from names: %s", strings.Join(items, " ")), "guessed", items, log.HintKey, "--map NAME=LIST says what they are, --print-map prints the map")
}

// Has reports whether that item is among them.
func (g *Guesses) Has(name, item string) bool { return slices.Contains(g.all, Guess{name, item}) }

// LogUnseen warns of the given items of m that nothing had, as seen says.
func LogUnseen(l *log.Logger, m *call.Map, seen func(name, item string) bool) {
	for _, meaning := range m.Meanings() {
		var items []string
		for _, item := range meaning.Items {
			if item.Origin == call.Given && !seen(meaning.Name, item.Text) {
				items = append(items, item.Text)
			}
		}
		if items == nil {
			continue
		}
		text := "no event had the field "
		if slices.Contains([]string{"start", "route", "ring", "answer", "end"}, meaning.Name) {
			text = "no event had the name "
		}
		l.Warn("--map "+meaning.Name+": "+text+strings.Join(items, ", nor "), "items", items)
	}
}
