package calls

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// What is counted of a call, as bits of call.Call.Data.
const (
	shown = 1 << iota
	ended
	lost
	open
	answered
	partial
	doubtful
	traits = iota
)

// summarize returns what is counted of a call.
func summarize(c *call.Call) uint64 {
	bits := uint64(shown)
	switch c.State() {
	case call.Ended:
		bits |= ended
	case call.Lost:
		bits |= lost
	default:
		bits |= open
	}
	for _, t := range []struct {
		is  bool
		bit uint64
	}{{c.Answered(), answered}, {c.Partial(), partial}, {c.Doubtful(), doubtful}} {
		if t.is {
			bits |= t.bit
		}
	}
	return bits
}

// counts counts calls by trait, each as its last record has it.
type counts [traits]int64

// replace counts c with these bits, and no more as before.
func (n *counts) replace(c *call.Call, bits uint64) {
	for i := range n {
		n[i] += int64(bits>>i&1) - int64(c.Data>>i&1)
	}
	c.Data = bits
}

// of returns the number of calls with that bit.
func (n *counts) of(bit uint64) int64 {
	for i := range n {
		if bit == 1<<i {
			return n[i]
		}
	}
	return 0
}

// Counted implements report.Account.
func (s *Sink) Counted() (n int64, what string) { return s.printed, "call" }

// Log implements report.Account: it logs what has become of the calls, and what the
// bounds cost.
func (s *Sink) Log() {
	s.failures.LogTotals()
	s.guesses.say(s.o.Log)
	stats := s.tracker.Stats()
	n := &s.counts
	msg := cli.Plural(n.of(shown), "call")
	if stats.Calls != n.of(shown) {
		msg += " of " + humanize.Comma(stats.Calls)
	}
	var parts []string
	for _, t := range []struct {
		bit  uint64
		what string
	}{{ended, "ended"}, {lost, "lost"}, {open, "open"}} {
		if n.of(t.bit) > 0 {
			parts = append(parts, humanize.Comma(n.of(t.bit))+" "+t.what)
		}
	}
	if len(parts) > 0 {
		msg += ": " + strings.Join(parts, ", ")
	}
	parts = nil
	for _, t := range []struct {
		bit  uint64
		what string
	}{{answered, "answered"}, {partial, "began before the input"}, {doubtful, "doubtful"}} {
		if n.of(t.bit) > 0 {
			parts = append(parts, humanize.Comma(n.of(t.bit))+" "+t.what)
		}
	}
	if len(parts) > 0 {
		msg += " (" + strings.Join(parts, ", ") + ")"
	}
	s.o.Log.Info(msg, "calls", n.of(shown), "followed", stats.Calls, "ended", n.of(ended), "lost", n.of(lost), "open", n.of(open),
		"answered", n.of(answered), "partial", n.of(partial), "doubtful", n.of(doubtful))
	s.logBounds(&stats)
}

// logBounds logs what the bounds of following calls cost.
func (s *Sink) logBounds(stats *call.Stats) {
	for _, c := range []struct {
		n          int64
		what, text string
	}{
		{stats.GivenUp, "call", "given up as lost: too many calls were open, or they were too large"},
		{stats.Late, "event", "of calls that were over and forgotten, and are left out"},
		{stats.LegsOver, "leg", "beyond 10,000 of one call left out"},
		{stats.IDsOver, "id", "of ended calls forgotten in less than 5 minutes: an event that comes late may begin a call of its own"},
		{stats.Strange, "event", "of class call without an id belong to no call"},
		{stats.Untimed, "event", "without a timestamp: they count as of the time when they came"},
	} {
		if c.n > 0 {
			s.o.Log.Warn(cli.Plural(c.n, c.what)+" "+c.text, c.what+"s", c.n)
		}
	}
}

// guess is an event or a field whose meaning is guessed.
type guess struct{ name, item string }

// guesses are the guessed meanings that events had.
type guesses struct {
	all  []guess
	said int // of all
}

// maxGuesses bounds them: an item of a map is a glob.
const maxGuesses = 100

// add adds those that are new.
func (g *guesses) add(found []guess) {
	for _, f := range found {
		if !slices.Contains(g.all, f) && len(g.all) < maxGuesses {
			g.all = append(g.all, f)
		}
	}
}

// say logs those that were not logged before.
func (g *guesses) say(l *log.Logger) {
	fresh := g.all[g.said:]
	if len(fresh) == 0 {
		return
	}
	g.said = len(g.all)
	var items []string
	for _, name := range call.Names() {
		var of []string
		for _, f := range fresh {
			if f.name == name {
				of = append(of, f.item)
			}
		}
		if slices.Sort(of); of != nil {
			items = append(items, name+"="+strings.Join(of, ","))
		}
	}
	l.Info(fmt.Sprintf("meanings guessed from names: %s", strings.Join(items, " ")), "guessed", items, log.HintKey, "--map NAME=LIST says what they are, --print-map prints the map")
}
