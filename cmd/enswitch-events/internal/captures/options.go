package captures

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
)

// Options is the flags of a run over captures.
type Options struct {
	Filter flags.Filter
	Output flags.Output
	End    flags.Ends
	Bounds flags.Bounds
	Merge  bool
	Strict bool
}

// Run reads the files called names, standard input if there are none, and prints the
// events that the filters keep.
func (o *Options) Run(ctx context.Context, a *cli.App, cmd *cobra.Command, names []string) error {
	if len(names) == 0 {
		names = []string{"-"}
	}
	if err := o.validate(cmd.Flags().Changed, names); err != nil {
		return err
	}
	c := &session{Reading: report.Reading{A: a}, failures: &report.Sampler{Say: a.Log.Warn}, total: size(names)}
	config, err := o.compile(c, names)
	if err != nil {
		return err
	}
	if a.Needless != nil {
		return a.Needless
	}
	if f := cli.File(a.In); slices.Contains(names, "-") && f != nil && cli.IsClosed(f) {
		return cli.NewError(cli.ExitFailure, errors.New("could not read standard input: it is closed"), "name a FILE, or </dev/null reads nothing")
	}
	if slices.Contains(names, "-") && cli.Terminal(a.In) != nil {
		a.Log.Info("reading events from the terminal: Ctrl-D ends it")
	}
	return c.run(ctx, config)
}

// validate checks the flags that are wrong by themselves.
func (o *Options) validate(changed func(string) bool, names []string) error {
	if n := slices.Index(names, "-"); n >= 0 && slices.Contains(names[n+1:], "-") {
		return cli.Usage("name - once", "standard input can be read once only")
	}
	return o.End.Validate(changed)
}

// compile makes everything that can be wrong in the flags, before anything is
// opened.
func (o *Options) compile(c *session, names []string) (*engine.Config, error) {
	from, to, err := o.Bounds.Range()
	if err != nil {
		return nil, err
	}
	vars, err := o.Filter.Variables()
	if err != nil {
		return nil, err
	}
	c.tally, c.unseen = o.Filter.Tally(), o.Output.Unseen
	text, err := flags.Text(c.A, &o.Filter, &o.Output, vars, func() {
		c.tally.Note("the template printed nothing of what the filters keep")
	})
	if err != nil {
		return nil, err
	}
	config := &engine.Config{
		Sink: text, Header: text.Header(), Out: c.A.Events(), Count: o.End.Count, From: from, To: to, Tally: c.tally,
		OnReject: c.Reject, OnDamage: c.Damage, OnSkip: c.Skip, OnFailure: c.failures.Failed,
	}
	if config.Until, config.FailIf, err = o.End.Queries(vars, o.Filter.Engine); err != nil {
		return nil, err
	}
	if !o.Strict && config.Until == nil && config.FailIf == nil {
		config.Needles = o.Filter.Needles()
	}
	c.source = engine.NewCaptures(&engine.CaptureOptions{
		Names: names, Stdin: c.A.In, Merge: o.Merge, MaxLine: int(o.Bounds.MaxLine),
		SeekTime: !o.Strict, From: from, To: to,
	})
	return config, nil
}

// size is the size of all files in bytes, 0 if one of them has none.
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
