package captures

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
)

// Options are the flags of a run over capture files.
type Options struct {
	Filter *flags.Filter
	Output *flags.Output
	End    flags.Ends
	Bounds flags.Bounds
	Merge  bool
	Strict bool
	Follow bool
	// Sink returns the sink of the run, which can print events by text. If it is nil,
	// text is the sink.
	Sink func(text *engine.Text) engine.Sink
	// Destination is where the output of text goes; nil is stdout.
	Destination *flags.Destination
	// EveryLine gives the sink every event, also those that the filters drop.
	EveryLine bool
	// Awaiter is what the run waits for; nil reads everything that the filters keep.
	Awaiter report.Awaiter
	// Passes returns how files are read in several passes; nil for one pass of the sink.
	// It is asked only for files that can be read again.
	Passes NewPasses
	// Account is what the sink says at the end, and what it counts for --count; nil for
	// events.
	Account report.Account
	// Whole prints every event of the calls of which one passes the filters. It does not
	// go with Sink.
	Whole flags.Whole
	// Pseudonyms has no Map for a run that prints events: it is that of Whole.
	Pseudonyms flags.Pseudonyms
}

// Run reads the files with these names, or standard input if there are none, and prints
// the events that the filters keep.
func (o *Options) Run(ctx context.Context, a *cli.App, cmd *cobra.Command, names []string) error {
	if len(names) == 0 {
		names = []string{"-"}
	}
	if err := o.validate(cmd.Flags().Changed, names); err != nil {
		return err
	}
	s := &session{app: a, faults: report.NewCaptureFaults(a.Log), failures: &report.Sampler{Log: a.Log.Warn}, end: o.End, account: o.Account, awaiter: o.Awaiter, pseudonyms: &o.Pseudonyms}
	s.faults.Hide = o.Pseudonyms.On
	if !o.Follow {
		s.total = size(names)
	}
	config, err := o.compile(ctx, s, names)
	if err != nil {
		return err
	}
	if a.IneffectiveFlag != nil {
		return a.IneffectiveFlag
	}
	if err := o.Pseudonyms.Hide(s.text, o.Filter, s.vars); err != nil {
		return err
	}
	if f := cli.File(a.In); slices.Contains(names, "-") && f != nil && cli.IsClosed(f) {
		return cli.NewError(cli.ExitFailure, errors.New("could not read standard input: it is closed"), "name a FILE, or </dev/null reads nothing")
	}
	if slices.Contains(names, "-") && cli.Terminal(a.In) != nil {
		a.Log.Info("reading events from the terminal: Ctrl-D ends it")
	}
	if o.Destination != nil {
		if err := o.Destination.Open(); err != nil {
			return err
		}
	}
	return s.run(ctx, config)
}

// validate checks the values of single flags and arguments.
func (o *Options) validate(changed func(string) bool, names []string) error {
	if err := cli.CheckNames(names); err != nil {
		return err
	}
	if n := slices.Index(names, "-"); n >= 0 && slices.Contains(names[n+1:], "-") {
		return cli.Usage("name - once", "standard input can be read once only")
	}
	if err := o.Pseudonyms.Validate(false); err != nil {
		return err
	}
	return o.End.Validate(changed)
}

// compile compiles all flags, so that every error in them is found before anything is
// opened.
func (o *Options) compile(ctx context.Context, s *session, names []string) (*engine.Config, error) {
	from, to, err := o.Bounds.Range()
	if err != nil {
		return nil, err
	}
	vars, err := o.Filter.Variables()
	if err != nil {
		return nil, err
	}
	if s.unseen = o.Output.Unseen; o.Awaiter == nil {
		s.tally = o.Filter.Tally(s.app)
	}
	text, err := flags.NewTextSink(s.app, o.Filter, o.Output, vars, func() {
		s.tally.Note("the template printed nothing of what the filters keep")
	})
	if err != nil {
		return nil, err
	}
	s.text, s.vars, s.jq = text, vars, o.Filter.HasJQ()
	config := &engine.Config{
		Sink: text, Header: text.Header(), Out: s.output(ctx, o, names), Count: o.End.Count, From: from, To: to, Tally: s.tally,
		OnReject: s.faults.Reject, OnDamage: s.faults.Damage, OnSkip: s.faults.Skip, OnFailure: s.failed,
		OnChange: s.changed, For: o.End.Duration, Idle: o.End.Idle,
	}
	if o.Account != nil {
		config.Count = 0
	}
	o.Destination.Set(config, text)
	if o.Sink != nil {
		config.Sink = o.Sink(text)
	}
	if config.Until, config.FailIf, err = o.End.Queries(vars, o.Filter.Engine); err != nil {
		return nil, err
	}
	files := &engine.CaptureOptions{
		Names: names, Stdin: s.app.In, Merge: o.Merge, MaxLine: int(o.Bounds.MaxLine),
		SeekTime: !o.Strict, From: from, To: to, Follow: o.Follow,
	}
	s.source = engine.NewCaptures(files)
	if s.whole, err = o.Whole.Compile(); err != nil {
		return nil, err
	}
	if err := o.Pseudonyms.CompileMap(&o.Whole.Calls); err != nil {
		return nil, err
	}
	o.plan(s, config, files, text)
	return config, nil
}

// output returns what the events are written to: a pager for a person who reads them.
func (s *session) output(ctx context.Context, o *Options, names []string) io.Writer {
	if !o.Follow && Regular(names) && o.Output.ForReaders(cli.Terminal(s.app.Out) != nil) {
		if s.pager = s.app.NewPager(ctx); s.pager != nil {
			return s.pager
		}
	}
	return s.app.EventWriter()
}

// plan decides how often the files are read, and which lines of them.
func (o *Options) plan(s *session, config *engine.Config, files *engine.CaptureOptions, text *engine.Text) {
	switch names := files.Names; {
	case s.whole == nil && o.Passes != nil && o.Awaiter != nil && !o.Follow && Regular(names) && size(names) >= passesFrom:
		s.narrow(config, files, o.Passes(config.From, config.To, around(names)))
	case s.whole == nil:
		if !o.Strict && !o.EveryLine && config.Until == nil && config.FailIf == nil {
			config.Needles = o.Filter.Needles()
		}
	case o.Follow || !Regular(names):
		config.Sink = s.whole.Once(text)
	default:
		s.findFirst(config, files, text)
	}
}

// Regular reports whether all names are of regular files: what comes through a pipe may
// never end.
func Regular(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		st, err := os.Stat(name)
		return name == "-" || err == nil && !st.Mode().IsRegular()
	})
}

// size returns the size of all files in bytes, or 0 if it is unknown for one of them.
func size(names []string) (n int64) {
	for _, name := range names {
		st, err := os.Stat(name)
		if name == "-" || err == nil && !st.Mode().IsRegular() {
			return 0
		}
		if err == nil {
			n += st.Size()
		}
	}
	return n
}
