// Package stats has the sink of the command stats: it counts events, by the fields that are
// asked for, follows calls for their figures, and prints blocks of both.
//
// Map counts the events of a block by group, machine and second, without an allocation for
// an event; Fold adds that up. An event counts in the interval of its timestamp or, live,
// in that in which it was received: the clocks of machines are not to be trusted then. A
// call counts as begun in the interval of its start, and as over in that of its end. A
// block is printed when the calls that ended in it are known: see lag.
//
// The data of a report is collected by a [Report]: NewReport goes into Options.Report, with any
// other options, and Sink.ReportData returns it after the run, complete and bounded: events and
// calls over time, by machine, by hour and weekday, the slowest and the failed calls, causes
// and gaps. Whatever shows a report needs nothing else of this package.
//
// The files: stats.go is the sink, worker.go is Map, groups.go has the groups, windows.go the
// intervals, block.go what is printed, and as ndjson and csv, table.go and feeds.go the table,
// picture.go the table on a terminal, machines.go and timeline.go what only the table and the
// report show, report.go and reportdata.go the data of the report.
package stats

import (
	"slices"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/join"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// MaxMemory is about how much memory a Sink holds at most, in bytes.
const MaxMemory = 112 << 20

// Options are the options of a Sink.
type Options struct {
	// By are the fields to group by, none for one group.
	By []string
	// Every is the length of an interval, 0 for one block at the end.
	Every time.Duration
	// Map says what events and fields mean.
	Map *call.Map
	// Tracker are the options of following calls. Its functions must be nil.
	Tracker call.Options
	// Format is table, ndjson or csv.
	Format string
	// Width returns the columns of the terminal for a table; nil for none, where nothing is cut.
	Width func() int
	// Height returns the rows for Sink.Picture, which is made to fit; nil for any number.
	Height func() int
	// SafeCSV puts ' in front of values in csv that a spreadsheet would take for a formula.
	SafeCSV bool
	// Live says that the events are live.
	Live bool
	// Connected reports whether a feed is connected, or was, live. No block is printed as
	// long as none was. Nil is true.
	Connected func() bool
	// Behind reports whether the live events are old, as those of a stream that is read from an
	// earlier time. Nil is never.
	Behind func() bool
	// FailIf ends the run after the first block of which it is true for an object; nil for
	// none.
	FailIf *filter.Query
	// Picture says that a table is shown by Sink.Picture, and printed at the end alone.
	Picture bool
	// Report collects the data of a report, for Sink.ReportData; nil for none. It goes
	// with any By and Every, and follows calls whatever By is.
	Report *Report
	Log    *log.Logger
}

// Formats returns the values of Options.Format.
func Formats() []string { return []string{"table", "ndjson", "csv"} }

// FollowsCalls reports whether calls are followed: not if the events are grouped by their
// class and name alone.
func FollowsCalls(by []string) bool {
	return len(by) == 0 || slices.ContainsFunc(by, func(field string) bool { return field != "class" && field != "event" })
}

// Sink counts events and calls. It implements [engine.Ticker] and [report.Account]. All but
// its workers is for one goroutine at a time.
type Sink struct {
	o        Options
	text     *engine.Text
	tracker  *call.Tracker // nil if no calls are followed
	figures  *call.Figures
	format   format
	groups   groups
	windows  windows
	machines machines
	clocks   clocks // live
	timeline timeline
	guesses  report.Guesses
	given    report.Guesses // items of the map that were given and came
	failures *report.Sampler
	compare  func() *join.Comparison // of the feeds, live
	came     bool                    // events came, kept or not
	picture  picture

	out    []byte         // what is to be written
	to     *engine.Output // where it goes
	record []byte         // of the object that FailIf looks at
	x      event.Index
	failed bool // FailIf was true
	blocks int64
	// lastCut is where the newest interval of the calls begins, live, in microseconds since 1970.
	lastCut int64
}

// New returns a Sink.
func New(o *Options) *Sink {
	s := &Sink{o: *o, groups: newGroups(), failures: &report.Sampler{Log: o.Log.Warn}, timeline: timeline{width: 1, most: maxBuckets}}
	s.windows = windows{every: o.Every.Microseconds(), open: map[int64]*window{}, begin: time.Now().UnixMicro()}
	s.format = newFormat(o, s.mark)
	s.picture.used = o.Picture
	options := o.Tracker
	if FollowsCalls(o.By) {
		s.figures = newFigures(o)
		options.Figures = append(options.Figures, s.figures)
	}
	if o.Report != nil {
		o.Report.follow(&options, o.Map)
	}
	if len(options.Figures) > 0 {
		s.tracker = call.NewTracker(&options)
	}
	return s
}

// newFigures returns the figures of the blocks.
func newFigures(o *Options) *call.Figures {
	f := &call.FiguresOptions{Map: o.Map, Correct: o.Live}
	if len(o.By) > 0 {
		f.Group = func(e *call.Event) int { return int(e.Seq) }
	}
	if !o.Live {
		f.Every = o.Every
	}
	return call.NewFigures(f)
}

// mark follows each figure that rests on a guess.
func (s *Sink) mark() string {
	if s.guesses.Any() {
		return "*"
	}
	return ""
}

// looks reports whether events are counted by machine and second, too.
func (s *Sink) looks() bool { return s.o.Format == "table" || s.o.Report != nil }

// Failed reports whether FailIf was true of an object.
func (s *Sink) Failed() bool { return s.failed }

// Sink makes s the sink of a run.
func (s *Sink) Sink(text *engine.Text) engine.Sink {
	s.text = text
	return s
}

// InOrder implements [engine.Sink].
func (s *Sink) InOrder() bool { return false }

// Fold implements [engine.Sink].
func (s *Sink) Fold(b *engine.Block, _ func(engine.Place) *engine.Block) bool {
	p := b.Part.(*part)
	s.to = &b.Out
	s.came = s.came || p.came
	s.guesses.Add(p.guesses)
	s.given.Add(p.given)
	s.windows.start(p.since)
	for i := range p.cells {
		c := &p.cells[i]
		s.windows.add(c.window, s.groups.add(c.name, c.n), c.n)
	}
	s.windows.bounds(p.first, p.last)
	if s.looks() {
		s.machines.add(p.machines)
		s.timeline.add(p.seconds)
	}
	if r := s.o.Report; r != nil {
		r.add(p.seconds)
		for _, g := range p.gaps {
			r.gap(g)
		}
	}
	if s.tracker != nil {
		for i := range p.events {
			if s.o.Live {
				p.events[i].Offset = s.clocks.offset(&p.events[i], s.o.Every == 0)
			}
			if n := p.names[i]; n != nil {
				p.events[i].Seq = int64(s.groups.number(n))
			}
			if at := p.events[i].Received; s.o.Live && s.windows.every > 0 && !at.IsZero() { // a block of a stream may have events of many intervals
				s.cut(at.UnixMicro())
			}
			s.tracker.Add(&p.events[i])
			if s.figures != nil && !s.o.Live { // a single block may have events of many years
				s.advance(s.figures.Clock())
			}
		}
	}
	if s.o.Report != nil {
		s.o.Report.take()
	}
	s.advance(s.feedTime(p))
	s.draw()
	if s.failed {
		b.Stop(engine.EndCount)
	}
	s.write()
	return true
}

// write writes the pending output.
func (s *Sink) write() {
	if len(s.out) > 0 {
		s.to.SetText(append(s.to.Text(), s.out...))
		s.out = s.out[:0]
	}
}

// portion is how much is written at once: two events may have 1,000 intervals between them.
const portion = 64 << 10

// Gap says that events are missing, or may be.
func (s *Sink) Gap(g engine.Gap) {
	if s.tracker != nil {
		s.tracker.Gap()
	}
	if s.o.Report != nil {
		s.o.Report.gap(Gap{From: g.From.UnixMicro(), To: g.To.UnixMicro(), Reason: g.Reason, Source: g.Source, Dropped: g.Dropped})
	}
}

// Tick implements [engine.Ticker].
func (s *Sink) Tick(quiet time.Duration, out *engine.Output) (next time.Duration, end engine.End) {
	if !s.o.Live {
		return 0, engine.EndOfInput
	}
	if s.tracker != nil {
		next = report.EndQuietCalls(s.tracker, s.o.Tracker.Linger, quiet)
	}
	now := time.Now()
	s.to = out
	s.advance(now.UnixMicro())
	s.draw()
	s.write()
	if s.o.Every > 0 {
		if due := s.windows.due(s.lag(), now.UnixMicro()); next == 0 || due < next {
			next = due
		}
	}
	if s.picture.used && (next == 0 || next > redraw) {
		next = redraw
	}
	if s.failed {
		end = engine.EndCount
	}
	return next, end
}

// Finish implements [engine.Ticker].
func (s *Sink) Finish(out *engine.Output) {
	s.to = out
	if s.tracker != nil {
		s.tracker.Finish()
	}
	if s.o.Report != nil {
		s.o.Report.finish()
	}
	if len(s.picture.whole) > 0 { // the last whole interval
		s.out = append(appendLines(s.out, s.picture.whole), '\n')
	}
	s.picture.used = false
	s.picture.set(nil)
	s.printRest()
	s.write()
}

// Counted implements [report.Account].
func (s *Sink) Counted() (n int64, what string) { return s.blocks, "block" }

// Log implements [report.Account].
func (s *Sink) Log() {
	s.failures.LogTotals()
	s.guesses.Log(s.o.Log)
	if s.windows.total > 0 && s.tracker != nil {
		report.LogUnseen(s.o.Log, s.o.Map, s.given.Has)
	}
	if s.windows.total > 0 && s.timeless() {
		s.o.Log.Warn("no event has a timestamp: from and to of the block are 0")
	}
	if s.groups.over > 0 {
		s.o.Log.Warn(cli.Plural(s.groups.over, "event") + " of groups beyond the first 999 counted as one group, " + otherName)
	}
	if s.groups.cut > 0 {
		s.o.Log.Warn(cli.Plural(s.groups.cut, "event") + " with a value longer than 256 bytes counted by its first 256 bytes")
	}
	if s.windows.late > 0 {
		s.o.Log.Warn(cli.Plural(s.windows.late, "event") + " came after the block of their time was printed, and counted in the next one")
	}
	if s.windows.jumped {
		s.o.Log.Warn("intervals without an event left out, where more than 1,000 followed each other")
	}
	if s.tracker != nil {
		stats := s.tracker.Stats()
		if s.timeless() {
			stats.Untimed = 0 // said before
		}
		report.LogCallBounds(s.o.Log, &stats)
	}
}
