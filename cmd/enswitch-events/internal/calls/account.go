package calls

import (
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
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

// replace counts c with these bits instead of its former ones.
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
	s.guesses.Log(s.o.Log)
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
	report.LogCallBounds(s.o.Log, &stats)
}
