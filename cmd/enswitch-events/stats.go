package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/htmlreport"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/inputs"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/live"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/stats"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/statusline"
)

// statsOptions are the flags of stats.
type statsOptions struct {
	inputs         inputs.Options
	calls          flags.Calls
	by             []string
	every          time.Duration
	format, failIf string
	report         string
	safeCSV        bool
}

func newStats(a *cli.App) *cobra.Command {
	o := &statsOptions{}
	cmd := &cobra.Command{
		Use:   "stats [ADDRESS…]",
		Short: "Count events and calls: rates, lag by machine, ASR, ACD, PDD",
		Long: `Count events by class and event, by machine or any other field, and calls: how
many were answered, for how long, how soon they rang, how many were up at once.
ADDRESS is as for tail; with --read the events come from captures.

A block is printed at the end or, with --every, for each interval. An event
belongs to the interval of its timestamp or, live, of the time when it came. A
block is printed once the calls that ended in it are known, live 4.5 s after its
end with a --linger of 2s. On a terminal the table is drawn again each second.

With --by there is a group for each value: a call belongs to that of its first
event. With --by class,event no calls are followed. There are 1,000 groups at
most; all others are one, (other). Values count by their first 256 bytes.

--report FILE writes a page of charts and tables, which needs nothing else and has
no scripts: events and calls over time, by machine, hour and weekday, ASR and PDD
over time, slowest and failed calls, gaps. It is written at the end.

Figures of calls rest on what the names of events mean: --map says it. A figure
that rests on fewer than 20 calls is not shown, and null in --fail-if, which jq
takes for less than any number. See 'enswitch-events help figures' for what each
means.`,
		Example: `  enswitch-events stats --demo
  enswitch-events stats 10.0.0.5 --every 10s -o ndjson | jq .asr
  enswitch-events stats --read events.ndjson.zst --by customer
  enswitch-events stats --read events.ndjson --by class,event -o csv
  enswitch-events stats --read events.ndjson --report day.html >/dev/null
  enswitch-events stats 10.0.0.5 --every 1m --fail-if '.asr and .asr < 0.4'`,
		RunE: func(cmd *cobra.Command, addresses []string) error {
			return o.run(cmd.Context(), a, cmd, addresses)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	run := &o.inputs.Live
	run.End.OwnFailIf = true
	cli.AddFlagGroup(cmd, "Filters", run.Filter.Bind)
	cli.AddFlagGroup(cmd, "Counting", func(f *pflag.FlagSet) {
		f.Var(flags.NewList(&o.by), "by", "count by the values of these fields: `LIST` with commas, as machine or class,event")
		flags.DurationVar(f, &o.every, "every", 0, "print a block for each interval of this `TIME` (default: one at the end)")
		f.StringVarP(&o.format, "output", "o", "", "print blocks as `FORMAT`: table, ndjson or csv (default: table on a terminal, else ndjson)")
		f.BoolVar(&o.safeCSV, "csv-safe", false, "put ' in front of values in csv that a spreadsheet would take for a formula")
		f.StringVar(&o.report, "report", "", "write a page of charts and tables to this HTML `FILE` at the end")
		f.StringVar(&o.failIf, "fail-if", "", "end after the first block with an object for which the jq `EXPR` is true, and exit with code 1")
		run.End.BindTimes(f)
	})
	cli.AddFlagGroup(cmd, "Calls", o.calls.Bind)
	cli.AddFlagGroup(cmd, "Buffer and losses", run.Buffer.Bind)
	cli.AddFlagGroup(cmd, "Recording", run.Record.Bind)
	o.inputs.Bind(cmd)
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(stats.Formats(), cobra.ShellCompDirectiveNoFileComp)) // there is this flag
	return cmd
}

func (o *statsOptions) run(ctx context.Context, a *cli.App, cmd *cobra.Command, addresses []string) error {
	options, err := o.compile(a, cmd)
	if err != nil {
		return err
	}
	alone := a.Global.Quiet || a.StatusLine == nil
	if options.Picture {
		rows, spare := cli.Rows(a.Out), 2 // the last row of the terminal, and the status line
		if alone {
			spare = 1
		}
		options.Height = func() int { return max(rows()-spare, 0) }
	}
	var health func() live.Health
	options.Connected = func() bool { return health().Ever }
	options.Behind = func() bool { return health().Behind }
	s := stats.New(options)
	run := &o.inputs.Live
	run.Sink, run.Account, run.SinkMemory, run.Figures = s.Sink, s, stats.MaxMemory, true
	run.Watch = func(h func() live.Health) { health = h }
	if options.Picture {
		if a.StatusLine == nil {
			a.StatusLine = statusline.New(a.Out, cli.Columns(a.Out))
		}
		a.StatusLine.SetPicture(s.Picture, cli.Rows(a.Out), alone)
	}
	err = o.inputs.Run(ctx, a, cmd, addresses)
	if o.report != "" {
		err = o.writeReport(a, s, addresses, err)
	}
	if err == nil && s.Failed() {
		return cli.NewError(cli.ExitFailure, errors.New("--fail-if was true of the last block"), "")
	}
	return err
}

// writeReport writes the report of a run that ended with failure, which it returns if the
// report is written. A run that had no event and failed leaves the file as it is.
func (o *statsOptions) writeReport(a *cli.App, s *stats.Sink, addresses []string, failure error) error {
	data := s.ReportData()
	if failure != nil && data.Events == 0 {
		return failure
	}
	err := htmlreport.Write(o.report, data, &htmlreport.Facts{
		Sources: o.inputs.Names(a, addresses), Made: time.Now(), Program: "enswitch-events " + cli.Version(), Zone: time.Local,
	})
	switch {
	case err == nil:
		a.Log.Info("report written to "+o.report, "file", o.report)
	case failure == nil:
		return cli.NewError(cli.ExitOutput, fmt.Errorf("--report: %w", err), "")
	default:
		a.Log.Error("--report: " + err.Error())
	}
	return failure
}

// compile checks the flags of stats alone and compiles them.
func (o *statsOptions) compile(a *cli.App, cmd *cobra.Command) (*stats.Options, error) {
	if err := flags.OneOf("output", o.format, stats.Formats()); err != nil {
		return nil, err
	}
	if o.format == "" {
		if o.format = "ndjson"; cli.Terminal(a.Out) != nil {
			o.format = "table"
		}
	}
	if cmd.Flags().Changed("every") && o.every < time.Second {
		return nil, cli.Usage("write it like 10s or 5m", "--every %v: must be at least 1s", o.every)
	}
	for i, field := range o.by {
		if slices.Contains(o.by[:i], field) {
			return nil, cli.Usage("name each field once", "--by: the field %q is given twice", field)
		}
	}
	m, tracker, err := o.calls.Compile()
	if err != nil {
		return nil, err
	}
	filter := &o.inputs.Live.Filter
	vars, err := filter.Variables()
	if err != nil {
		return nil, err
	}
	ends := flags.Ends{FailIf: o.failIf}
	if err := ends.Validate(func(name string) bool { return name == "fail-if" && cmd.Flags().Changed(name) }); err != nil {
		return nil, err
	}
	_, failIf, err := ends.Queries(vars, filter.Engine)
	if err != nil {
		return nil, err
	}
	var report *stats.Report
	if o.report != "" {
		if a.IneffectiveFlag != nil {
			return nil, a.IneffectiveFlag
		}
		if err := htmlreport.CheckFile(o.report); err != nil {
			return nil, cli.Usage(cli.FileHint(err), "--report: %w", err)
		}
		report = stats.NewReport(time.Local)
	}
	return &stats.Options{
		Report: report,
		By:     o.by, Every: o.every, Map: m, Tracker: tracker, Format: o.format, Width: cli.Columns(a.Out), SafeCSV: o.safeCSV,
		Live: !o.inputs.Captures(), FailIf: failIf, Log: a.Log,
		Picture: o.format == "table" && !o.inputs.Captures() && cli.Terminal(a.Out) != nil && os.Getenv("TERM") != "dumb",
	}, nil
}
