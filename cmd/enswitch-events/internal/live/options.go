package live

import (
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
)

// bufferOptions are the flags of what stands between receiving and writing.
type bufferOptions struct {
	buffer     flags.Size
	spill      flags.Size
	reportGaps bool
	failOnLoss bool
}

func (o *bufferOptions) Bind(f *pflag.FlagSet) {
	o.buffer = 64 << 20
	o.spill = 1 << 30
	f.Var(&o.buffer, "buffer", "memory for events that wait to be written")
	f.Var(&o.spill, "spill", "past it, disk for them, in a temporary directory; past both events are dropped and counted; 0 none")
	f.BoolVar(&o.reportGaps, "report-gaps", false, "put a record of class enswitch-events, event gap, where events may be missing")
	f.BoolVar(&o.failOnLoss, "fail-on-loss", false, "exit code 8 if events were lost")
}

// Options is the flags that tail and listen have in common.
type Options struct {
	Filter flags.Filter
	Output flags.Output
	End    flags.Ends
	Buffer bufferOptions
	Record recordOptions
	exec   execOptions
	Await  Awaiter // set by wait, or nil
}

func (o *Options) Bind(cmd *cobra.Command) {
	cli.Group(cmd, "Filters", o.Filter.Bind)
	cli.Group(cmd, "Output", o.Output.Bind)
	cli.Group(cmd, "How long", o.End.Bind)
	cli.Group(cmd, "Buffer and losses", o.Buffer.Bind)
	cli.Group(cmd, "Recording", o.Record.Bind)
	cli.Group(cmd, "Running a command", o.exec.bind)
}

// spillDir is where events wait that have no room in memory. Where TMPDIR does
// not say, it is not /tmp, which is memory on many systems.
func spillDir() string {
	if os.Getenv("TMPDIR") == "" && runtime.GOOS != "windows" {
		if st, err := os.Stat("/var/tmp"); err == nil && st.IsDir() {
			return "/var/tmp"
		}
	}
	return os.TempDir()
}

// Awaiter is what a run waits for, instead of going on with every event that the
// filters keep.
type Awaiter interface {
	// Sink returns what gets the events and writes by text what has come.
	Sink(text *engine.Text) engine.Sink
	// Missing says what has not come, Instead what has.
	Missing() string
	Instead() string
}

// validate checks the flags that are wrong by themselves.
func (o *Options) validate(changed func(string) bool) error {
	if err := o.End.Validate(changed); err != nil {
		return err
	}
	if o.Buffer.buffer < 1 {
		return cli.Usage("the default is 64MiB", "--buffer: at least 1 byte")
	}
	return o.Record.validate(changed)
}

// compile makes everything that can be wrong in the flags, before anything is
// opened.
func (o *Options) compile(a *cli.App, cmd *cobra.Command) (*session, error) {
	changed := cmd.Flags().Changed
	if err := o.validate(changed); err != nil {
		return nil, err
	}
	l := &session{a: a, await: o.Await, drops: drops{say: a.Log.Warn}, end: o.End, loss: o.Buffer.failOnLoss, faults: &report.Sampler{Say: a.Log.Warn}, unseen: o.Output.Unseen}
	vars, err := o.Filter.Variables()
	if err != nil {
		return nil, err
	}
	if l.exec, err = o.exec.compile(a, changed, l.faults.Add); err != nil {
		return nil, err
	}
	text, err := flags.Text(a, &o.Filter, &o.Output, vars, func() {
		l.tally.Note("the template printed nothing of what the filters keep")
	})
	if err != nil {
		return nil, err
	}
	if l.exec != nil {
		text.OnKept = l.exec.take
	}
	if l.await == nil {
		l.tally = o.Filter.Tally()
	}
	c := &l.config
	*c = engine.Config{
		Sink: text, Header: text.Header(), Out: a.Events(),
		Count: o.End.Count, For: o.End.Duration, Idle: o.End.Idle,
		ReportGaps: o.Buffer.reportGaps, Tally: l.tally,
		OnReject:  func(r engine.Rejected) { l.reject(r.Source, r.Err, r.Excerpt, int64(r.Size)) },
		OnFailure: l.faults.Failed, OnGap: l.gap,
	}
	if l.await != nil {
		c.Sink = l.await.Sink(text)
	}
	if c.Until, c.FailIf, err = o.End.Queries(vars, o.Filter.Engine); err != nil {
		return nil, err
	}
	if a.Needless != nil {
		return nil, a.Needless
	}
	if l.record, err = o.Record.open(l.faults.Add); err != nil {
		return nil, err
	}
	l.buffer = o.Buffer.open(l)
	return l, nil
}

// open returns the buffer of l.
func (o *bufferOptions) open(l *session) *engine.Buffer {
	var record func([]byte)
	if l.record != nil {
		record = l.record.write
	}
	// What the collector leaves lying around counts, too: the memory in use
	// shall stay near what was asked for.
	debug.SetMemoryLimit(int64(o.buffer) + 24<<20)
	return engine.NewBuffer(engine.BufferOptions{
		Size: int64(o.buffer), Record: record,
		OnOverflow: func(engine.Gap) { l.drops.begin() },
		Spill: engine.Spill{
			Dir: spillDir(), Size: int64(o.spill),
			OnSpill: func() {
				l.a.Log.Debug("events come faster than they can be filtered and written: events wait on disk, in " + spillDir())
			},
			OnFault: func(err error) {
				l.a.Log.Warn("events cannot wait on disk, and past --buffer they will be dropped: " + cli.OneLine(err))
			},
		},
	})
}
