package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/captures"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// catOptions are the flags of cat.
type catOptions struct {
	filter       flags.Filter
	output       flags.Output
	end          flags.Ends
	merge        bool
	since, until string
	strict       bool
	maxMessage   flags.Size
}

func newCat(a *cli.App) *cobra.Command {
	o := &catOptions{}
	cmd := &cobra.Command{
		Use:   "cat [FILE…]",
		Short: "Events from captures or standard input",
		Long: `Print the events of captures: files with an event on each line, plain or
compressed with gzip or zstd, which is found out by their content. Without a
FILE, or where FILE is -, standard input is read.

Several files are read one after the other; --merge reads them side by side and
prints the event with the least timestamp first.

--since and --until-time compare the field timestamp: from --since on, and
before --until-time. It is Unix time in seconds, as in the feed; an integer of
13, 16 or 19 digits is milliseconds, microseconds or nanoseconds, and RFC 3339
with a zone is taken, too. An event without a timestamp is in no bounds. In a plain
file of 16 MiB or more that is sorted by time only the part around the bounds
is read, and a minute more on each side. It is taken for sorted if the times in
256 places of it rise; --strict reads all of it.

With -c, -e, -w or -q that demand a plain text, as -q '.event == "answer"' does,
only the lines in which it stands are looked at. All others are counted as filtered out, whatever they hold;
--strict checks each of them, and counts as rejected those that are no events.

A file that cannot be read, or that is damaged, is reported with the place, and
everything else is read. The exit code is then 1.`,
		Example: `  enswitch-events cat events.ndjson.zst -c call -e answer
  enswitch-events cat --merge machine*.ndjson --since -2h -o line
  enswitch-events cat monday.gz --since 2026-11-23T09:00:00Z --until-time 2026-11-23T09:05:00Z
  zstd -dc events.zst | enswitch-events cat -q 'select(.machine == 3) | .callid'`,
		RunE: func(cmd *cobra.Command, names []string) error {
			return o.run(cmd.Context(), a, cmd, names)
		},
	}
	cli.Group(cmd, "Filters", o.filter.Bind)
	cli.Group(cmd, "Output", o.output.Bind)
	cli.Group(cmd, "How far", func(f *pflag.FlagSet) {
		f.Int64VarP(&o.end.Count, "count", "n", 0, "end after `N` kept events")
		f.StringVar(&o.end.Until, "until", "", "end after the first event, kept or not, for which the jq `EXPR` is true, and print it")
		f.StringVar(&o.end.FailIf, "fail-if", "", "end after the first event for which the jq `EXPR` is true, print it, and exit with code 1")
	})
	cli.Group(cmd, "Files", func(f *pflag.FlagSet) {
		f.BoolVar(&o.merge, "merge", false, "read the files side by side, in the order of the timestamps; each file must be sorted")
		f.StringVar(&o.since, "since", "", "leave out events before this `TIME`: RFC 3339, 15:04, 2026-11-22, 10m or 1d ago, yesterday, monday, or a timestamp")
		f.StringVar(&o.until, "until-time", "", "leave out events at this `TIME` and after it, written as for --since")
		f.BoolVar(&o.strict, "strict", false, "read everything and check every line")
		o.maxMessage = capture.DefaultMaxLine
		f.Var(&o.maxMessage, "max-message", "reject longer lines")
	})
	return cmd
}

func (o *catOptions) run(ctx context.Context, a *cli.App, cmd *cobra.Command, names []string) error {
	if len(names) == 0 {
		names = []string{"-"}
	}
	c := &captures.Run{Reading: report.Reading{A: a}, Faults: &report.Sampler{Say: a.Log.Warn}}
	config, err := o.compile(c, cmd.Flags().Changed, names)
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
	return c.Run(ctx, config)
}

// compile makes everything that can be wrong in the flags, before anything is
// opened.
func (o *catOptions) compile(c *captures.Run, changed func(string) bool, names []string) (*engine.Config, error) {
	if err := o.end.Validate(changed); err != nil {
		return nil, err
	}
	if o.maxMessage < 1 || o.maxMessage > 1<<30 {
		return nil, cli.Usage("the default is 16MiB", "--max-message: from 1 byte to 1GiB")
	}
	if n := slices.Index(names, "-"); n >= 0 && slices.Contains(names[n+1:], "-") {
		return nil, cli.Usage("name - once", "standard input can be read once only")
	}
	config := &engine.Config{
		Count: o.end.Count, Out: c.A.Out, OnDamage: c.Damage, OnSkip: c.Skip, OnFailure: c.Faults.Failed,
		OnReject: func(r engine.Rejected) { c.Reject(r) },
	}
	var err error
	now := time.Now()
	if config.From, err = flags.MomentOf("since", o.since, now); err != nil {
		return nil, err
	}
	if config.To, err = flags.MomentOf("until-time", o.until, now); err != nil {
		return nil, err
	}
	if config.From != 0 && config.To != 0 && config.From >= config.To {
		return nil, cli.Usage("no event is in between", "--since %s is not before --until-time %s", o.since, o.until)
	}
	vars, err := o.filter.Variables()
	if err != nil {
		return nil, err
	}
	told := false
	newFilter := func(onError func(error)) (*filter.Filter, error) {
		f, err := o.filter.Compile(vars, onError)
		if err == nil && !told && f.Engine() != "" {
			told = true
			c.A.Log.Debug("--jq runs by " + f.Engine())
		}
		return f, err
	}
	if _, err := newFilter(nil); err != nil {
		return nil, err
	}
	if config.Until, config.FailIf, err = o.end.Queries(vars, o.filter.Engine); err != nil {
		return nil, err
	}
	if !o.strict && config.Until == nil && config.FailIf == nil {
		config.Needles = engine.Needles(o.filter.Class, o.filter.Event, o.filter.Where, o.filter.Jq)
	}
	config.Tally = o.filter.Tally()
	c.Tally = config.Tally
	o.output.OnBlank = func() {
		c.Tally.Note("the template printed nothing of what the filters keep")
	}
	sink, err := engine.NewText(newFilter, func(onError func(error)) (*render.Renderer, error) {
		return o.output.Compile(c.A.Out, onError)
	})
	if err != nil {
		return nil, err
	}
	config.Sink, config.Header = sink, sink.Header()
	c.Source = engine.NewCaptures(&engine.CaptureOptions{
		Names: names, Stdin: c.A.In, Merge: o.merge, MaxLine: int(o.maxMessage),
		Narrow: !o.strict, From: config.From, To: config.To,
	})
	if c.A.Line != nil && cli.Terminal(c.A.Out) != nil {
		config.Out = c.A.Line.Above(c.A.Out)
	}
	c.Total = captures.Total(names)
	return config, nil
}
