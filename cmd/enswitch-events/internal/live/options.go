package live

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/join"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/metrics"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
)

// bufferFlags are the flags of the buffer between receiving and writing.
type bufferFlags struct {
	buffer     flags.Size
	spill      flags.Size
	reportGaps bool
	failOnLoss bool
	metrics    string
}

// Bind adds the flags to f.
func (o *bufferFlags) Bind(f *pflag.FlagSet) {
	o.buffer = 64 << 20
	o.spill = 1 << 30
	f.Var(&o.buffer, "buffer", "memory for events that wait to be written")
	f.Var(&o.spill, "spill", "disk space for events when --buffer is full, in a temporary directory; 0 for none; when both are full, events are dropped and counted")
	f.BoolVar(&o.reportGaps, "report-gaps", false, "print a record of class enswitch-events, event gap, where events may be missing")
	f.StringVar(&o.metrics, "metrics", "", "serve /metrics for Prometheus, /healthz and /readyz on `[BIND:]PORT`, by default of loopback")
	f.BoolVar(&o.failOnLoss, "fail-on-loss", false, "exit with code 8 if events were lost")
}

// Options are the flags of a live run, whatever its feeds are.
type Options struct {
	Filter flags.Filter
	Whole  flags.Whole // does not go with Sink
	Output flags.Output
	End    flags.Ends
	Buffer bufferFlags
	Record recordFlags
	exec   execFlags
	absent time.Duration
	// Pseudonyms has no Map for a run that prints events: it is that of Whole.
	Pseudonyms flags.Pseudonyms
	// Sink returns the sink of the run, which can print events by text. If it is nil,
	// text is the sink.
	Sink func(text *engine.Text) engine.Sink
	// Collectors are metrics of the command, besides those of every live run. Dropped, unless
	// nil, adds to a map by reason how many events the command has dropped.
	Collectors []metrics.Collector
	Dropped    func(map[string]int64)
	// Destination is where the output of text goes; nil is stdout.
	Destination *flags.Destination
	// Awaiter is what the run waits for; nil waits for nothing.
	Awaiter report.Awaiter
	// SinkMemory is how much memory the sink may hold, in bytes.
	SinkMemory int64
	// Account is what the sink says at the end, and what it counts for --count; nil for
	// events.
	Account report.Account
	// Figures says that the run is for figures or pictures: an event may be read up to
	// [ReadPause] after it came.
	Figures bool
	// Watch is called when the run begins, with a function that says how the feeds are,
	// for as long as the run goes on. It is safe for concurrent use. It may be nil.
	Watch func(health func() Health)
}

// ReadPause is the [messaged.Options] ReadPause of a run for figures with a single feed.
// Several feeds are compared by the times at which their events came, so they have none. It
// halves the processor time at 5,000 events/s, and is small against the lags and clock offsets
// that are reported as wrong.
const ReadPause = 20 * time.Millisecond

// Health is the state of the feeds of a run.
type Health struct {
	// State is in words, as in "connected to", and Address follows it.
	State, Address string
	Connected      bool // all feeds are
	Ever           bool // a feed is connected, or was
	Behind         bool // the events that come are old: see engine.Config.Behind
	// Last is when the last event came, zero if none has.
	Last   time.Time
	Ledger engine.Ledger
}

// gapSink is a sink that is called at each gap.
type gapSink interface{ Gap(g engine.Gap) }

// comparingSink is a sink that shows how several feeds compare. Compared gives it the
// function that says so, which returns nil if there is one feed, before the first event.
type comparingSink interface {
	Compared(compare func() *join.Comparison)
}

// FailOnLoss reports whether the run fails if events were lost.
func (o *Options) FailOnLoss() bool { return o.Buffer.failOnLoss }

// Bind adds the flags to cmd.
func (o *Options) Bind(cmd *cobra.Command) {
	cli.AddFlagGroup(cmd, "Filters", o.Filter.Bind)
	o.Whole.Bind(cmd)
	cli.AddFlagGroup(cmd, "Output", o.Output.Bind)
	o.Pseudonyms.Bind(cmd)
	cli.AddFlagGroup(cmd, "How long", o.End.Bind)
	cli.AddFlagGroup(cmd, "Buffer and losses", o.Buffer.Bind)
	cli.AddFlagGroup(cmd, "Recording", o.Record.Bind)
	cli.AddFlagGroup(cmd, "Running a command", func(f *pflag.FlagSet) {
		o.exec.bind(f)
		flags.DurationVar(f, &o.absent, "absent", 0, "print a record of class enswitch-events, event absent, when no event has been kept for this `TIME`, and event present with the next one; --exec runs for both")
	})
}

// spillDir returns the directory for events that have no room in memory. Without TMPDIR
// it avoids /tmp, which is in memory on many systems.
func spillDir() string {
	if os.Getenv("TMPDIR") == "" && runtime.GOOS != "windows" {
		if st, err := os.Stat("/var/tmp"); err == nil && st.IsDir() {
			return "/var/tmp"
		}
	}
	return os.TempDir()
}

// validate checks the values of single flags.
func (o *Options) validate(changed func(string) bool) error {
	if err := o.End.Validate(changed); err != nil {
		return err
	}
	if o.Buffer.buffer < 1 {
		return cli.Usage("the default is 64MiB", "--buffer: must be at least 1 byte")
	}
	if changed("absent") && o.absent <= 0 {
		return cli.Usage("write it like 90s, 5m or 1d", "--absent %v: must be more than 0", o.absent)
	}
	if err := o.Pseudonyms.Validate(o.Record.file != ""); err != nil {
		return err
	}
	return o.Record.validate(changed)
}

// compile compiles all flags, so that every error in them is found before anything is
// opened. It then opens the recording and the buffer.
func (o *Options) compile(a *cli.App, cmd *cobra.Command) (*session, error) {
	changed := cmd.Flags().Changed
	if err := o.validate(changed); err != nil {
		return nil, err
	}
	s := &session{
		a: a, awaiter: o.Awaiter, drops: dropLog{warn: a.Log.Warn}, end: o.End, account: o.Account, watch: o.Watch,
		failOnLoss: o.Buffer.failOnLoss, warnings: &report.Sampler{Log: a.Log.Warn}, jq: o.Filter.HasJQ(),
		unseen: o.Output.Unseen, pseudonyms: &o.Pseudonyms,
	}
	vars, err := o.Filter.Variables()
	if err != nil {
		return nil, err
	}
	if s.exec, err = o.exec.compile(a, changed, s.warnings.Add); err != nil {
		return nil, err
	}
	text, err := flags.NewTextSink(a, &o.Filter, &o.Output, vars, func() {
		s.tally.Note("the template printed nothing of what the filters keep")
	})
	if err != nil {
		return nil, err
	}
	if s.exec != nil {
		text.OnKept = s.exec.start
	}
	if s.awaiter == nil {
		s.tally = o.Filter.Tally(a)
	}
	c := &s.config
	*c = o.config(a, s, text)
	if s.whole, err = o.Whole.Compile(); err != nil {
		return nil, err
	}
	if err := o.Pseudonyms.CompileMap(&o.Whole.Calls); err != nil {
		return nil, err
	}
	if o.Sink != nil {
		c.Sink = o.Sink(text)
		s.sinkGap, _ = c.Sink.(gapSink)
	} else if s.whole != nil {
		c.Sink = s.whole.Once(text)
	}
	if c.Until, c.FailIf, err = o.End.Queries(vars, o.Filter.Engine); err != nil {
		return nil, err
	}
	if a.IneffectiveFlag != nil {
		return nil, a.IneffectiveFlag
	}
	if err := o.Pseudonyms.Hide(text, &o.Filter, vars); err != nil {
		return nil, err
	}
	return s, o.open(cmd.Context(), s)
}

// config returns the engine configuration of s for the sink text.
func (o *Options) config(a *cli.App, s *session, text *engine.Text) engine.Config {
	c := engine.Config{
		Sink: text, Header: text.Header(), Out: a.EventWriter(),
		Count: o.End.Count, For: o.End.Duration, Idle: o.End.Idle,
		ReportGaps: o.Buffer.reportGaps, Tally: s.tally,
		OnReject:  func(r engine.Rejected) { s.reject(r.Source, r.Err, r.Excerpt, int64(r.Size)) },
		OnFailure: s.failed, OnGap: s.onGap,
	}
	if o.Account != nil {
		c.Count = 0
	}
	if o.absent > 0 {
		c.Absence = &engine.Absence{After: o.absent, Text: text, Connected: s.connected}
		if s.exec != nil {
			c.Absence.OnRecord = s.exec.startForRecord
		}
	}
	o.Destination.Set(&c, text)
	return c
}

// open opens what s has besides its feeds.
func (o *Options) open(ctx context.Context, s *session) (err error) {
	c := &s.config
	if s.metrics, err = o.openMetrics(ctx); err != nil {
		return err
	}
	if s.metrics != nil {
		c.Look, s.collectors, s.droppedElsewhere = s.lags.note, o.Collectors, o.Dropped
	}
	if s.record, err = o.Record.open(s.warnings.Add, s.a.GiveBack); err != nil {
		return err
	}
	if o.Destination != nil {
		if err := o.Destination.Open(); err != nil {
			return err
		}
	}
	if s.watchdog = newWatchdog(); s.watchdog.every > 0 {
		c.Turn = s.watchdog.turn
	}
	s.buffer = o.Buffer.open(s, o.SinkMemory)
	if sink, ok := c.Sink.(comparingSink); ok {
		sink.Compared(s.buffer.Compare)
	}
	return nil
}

// open returns the buffer of s. beside is the memory in bytes that is used besides it.
func (o *bufferFlags) open(s *session, beside int64) *engine.Buffer {
	var record func([]byte)
	if s.record != nil {
		record = s.record.write
	}
	// Garbage counts as memory in use too: it must stay near what was asked for.
	debug.SetMemoryLimit(int64(o.buffer) + 24<<20 + beside)
	return engine.NewBuffer(engine.BufferOptions{
		Size: int64(o.buffer), Record: record, Guard: s.a.Guard,
		OnOverflow: func(engine.Gap) { s.drops.begin() },
		Spill: engine.Spill{
			Dir: spillDir(), Size: int64(o.spill),
			OnSpill: func() {
				s.a.Log.Debug("events come faster than they can be filtered and written: events wait on disk, in " + spillDir())
			},
			OnFault: func(err error) {
				s.a.Log.Warn("events cannot be written to disk, and are dropped when --buffer is full: " + cli.OneLine(err))
			},
		},
	})
}
