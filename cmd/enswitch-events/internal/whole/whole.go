// Package whole has the sinks of --whole-calls, which print every event of a call of
// which one event passes the filters, also those that came before it.
//
// A capture that can be read twice is read twice: the first pass finds the events to
// print, and the second prints them as they come. Everything else is read once: the
// events of a call are kept until one of them passes, within the bounds of package call.
// They are followed in the order in which they come, so that none is held back.
package whole

import (
	"sync"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// Calls says which events are one call, for one run.
type Calls struct {
	meanings *call.Map
	options  call.Options

	mu     sync.Mutex
	stats  call.Stats // of the tracker
	unkept int64      // events of calls that were printed when they were not kept any more
}

// New returns the Calls of a run. The functions of o are not used.
func New(m *call.Map, o call.Options) *Calls { return &Calls{meanings: m, options: o} }

// Once returns the sink of a run that reads the events once.
func (c *Calls) Once(text *engine.Text) engine.Sink { return &once{Text: text, calls: c} }

// note notes what was lost so far.
func (c *Calls) note(t *call.Tracker, unkept int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats, c.unkept = t.Stats(), unkept
}

// LogLosses warns of events that may be missing in the output because of the bounds, with
// a message for each reason. C may be nil.
func (c *Calls) LogLosses(warn func(msg string, args ...any)) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	add := func(n int64, noun, text string) {
		if n > 0 {
			warn("--whole-calls: " + cli.Plural(n, noun) + " " + text)
		}
	}
	add(c.unkept, "event", "not printed: they were not kept any more when an event of their call passed the filters; of a call the first 400 and the last 100 are kept, and 64 MiB in all")
	add(c.stats.GivenUp, "call", "given up, because more than "+humanize.Comma(50_000)+" were open, or more than 64 MiB: later events of them may be missing")
	add(c.stats.Late, "event", "of calls that ended before and were forgotten: printed only if they pass the filters")
	add(c.stats.LegsOver, "leg", "of calls with more than 10,000: events of them may be missing")
}
