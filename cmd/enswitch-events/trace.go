package main

import (
	"cmp"
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/captures"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/inputs"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/trace"
)

// traceOptions are the flags of trace.
type traceOptions struct {
	inputs        inputs.Options
	calls         flags.Calls
	having        flags.Having
	count         int
	format, color string
}

func newTrace(a *cli.App) *cobra.Command {
	o := &traceOptions{}
	cmd := &cobra.Command{
		Use:   "trace WHAT [ADDRESS…]",
		Short: "Follow one call over all its legs",
		Long: `Show one call with all its events, also those before the one that was found, and
a summary at the end.

WHAT is FIELD=VALUE or another comparison of --where; or a text that equals the
value of any field, such as a callid; or a telephone number. In a number blanks
and ()-./ do not count. Two numbers are equal if one ends with the other, without
+, 00 or 0 in front, and the shorter one has 6 digits or more. Timestamps and ids
are not compared with numbers. The filters choose calls, too: a call is shown,
whole, if one of its events passes them and one has WHAT.

Live, trace follows the call that is up, or waits for the next one, and shows its
events as they come. It exits with code 0 when the call has ended and --linger is
over. Ctrl-C shows the summary so far. Events are held for 0.3 s, so that they are
shown in the order of their timestamps. In a capture it shows the latest call, the
one that began last, and names the others. A large file is searched first, and then
read again for the events with the ids of the call, around its time if the file is
sorted.

In the format line each row has the time since the first event and since the one
before, and a column for each leg; with more than 4 legs it has the number of the
leg. ×2 marks an event that came twice. * marks a meaning that is a guess from the
name of the event or field: of Enswitch's names only call.start is documented, and
--map says what others mean. ndjson is the events as received, mermaid a sequence
diagram, html a file that needs nothing else, and summary the record of the call.

If there is no such call until the end of the input or until --timeout is over,
the exit code is 6, and stderr says what came instead.`,
		Example: `  enswitch-events trace +441632960001 10.0.0.5
  enswitch-events trace 1234567890.100000 --read events.ndjson
  enswitch-events trace from=+441632960001 --read events.ndjson -o html >a.html
  enswitch-events trace 01632960123 --timeout 1m -o summary | jq .state`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cli.Usage("name a telephone number, an id or FIELD=VALUE: enswitch-events trace +441632960001", "trace needs WHAT")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), a, cmd, args[0], args[1:])
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.bind(cmd)
	return cmd
}

// bind binds the flags.
func (o *traceOptions) bind(cmd *cobra.Command) {
	live := &o.inputs.Live
	live.End.OwnCount = true
	cli.AddFlagGroup(cmd, "Filters", live.Filter.Bind)
	cli.AddFlagGroup(cmd, "Tracing", func(f *pflag.FlagSet) {
		f.StringVarP(&o.format, "output", "o", "line", "show calls as `FORMAT`: "+strings.Join(trace.Formats(), ", "))
		f.IntVarP(&o.count, "count", "n", 1, "show `N` calls: live those that are up or the next ones, of a capture the latest; 0 for all")
		flags.DurationVar(f, &live.End.Duration, "timeout", 0, "give up after this `TIME`, with exit code 6 if no call was found (default: never)")
		f.StringVar(&o.color, "color", "auto", "use colours `WHEN`: auto, always or never; see also NO_COLOR, CLICOLOR_FORCE")
		o.having.Bind(f)
	})
	cli.AddFlagGroup(cmd, "Calls", o.calls.Bind)
	live.Pseudonyms.Bind(cmd)
	cli.AddFlagGroup(cmd, "Buffer and losses", live.Buffer.Bind)
	cli.AddFlagGroup(cmd, "Recording", live.Record.Bind)
	o.inputs.Bind(cmd)
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(trace.Formats(), cobra.ShellCompDirectiveNoFileComp)) // there is this flag
}

func (o *traceOptions) run(ctx context.Context, a *cli.App, cmd *cobra.Command, text string, addresses []string) error {
	if cmd.Flags().Changed("timeout") && o.inputs.Live.End.Duration <= 0 {
		return cli.Usage("write it like 90s, 5m or 1d", "--timeout %v: must be more than 0", o.inputs.Live.End.Duration)
	}
	if o.count < 0 {
		return cli.Usage("0 is for all calls", "--count %d: must not be negative", o.count)
	}
	what, err := trace.NewWhat(text)
	if err != nil {
		return cli.Usage("", "%w", err)
	}
	format, err := o.newFormat(a)
	if err != nil {
		return err
	}
	m, tracker, err := o.calls.Compile()
	if err != nil {
		return err
	}
	having, err := o.having.Compile()
	if err != nil {
		return err
	}
	o.inputs.Live.Pseudonyms.Map = m
	t := trace.New(&trace.Options{
		What: what, Map: m, Tracker: tracker, Having: having, Count: o.count, Live: !o.inputs.Captures(), Format: format,
		Tally: o.inputs.Live.Filter.Tally(a),
		Named: func(calls int, latest []string, uncounted bool) {
			more := cli.Plural(int64(calls), "earlier call")
			if uncounted {
				more = "more than " + more
			}
			if !o.inputs.Live.Pseudonyms.On {
				more += " with " + safe.String(what.String())
			}
			if calls > len(latest) {
				more += ", the latest of them"
			}
			a.Log.Warn(more + ": " + strings.Join(latest, ", ") + "; -n N shows the latest, -n 0 all")
		},
	})
	o.inputs.Live.Sink, o.inputs.Live.Awaiter = t.Sink, t
	o.inputs.Passes = func(from, to int64, around func(int, int64, []byte) ([]byte, int64)) captures.Passes {
		p := t.Passes(from, to, around)
		if p == nil {
			return nil // the interface, too
		}
		return p
	}
	return o.inputs.Run(ctx, a, cmd, addresses)
}

// newFormat returns the format of --output.
func (o *traceOptions) newFormat(a *cli.App) (trace.Format, error) {
	if err := cmp.Or(flags.OneOf("output", o.format, trace.Formats()), flags.OneOf("color", o.color, flags.Colors())); err != nil {
		return nil, err
	}
	profile, err := render.ColorProfile(o.color, cli.Terminal(a.Out) != nil, os.Environ())
	if err != nil {
		return nil, cli.Usage("", "--color: %w", err)
	}
	return trace.NewFormat(&trace.FormatOptions{Name: o.format, Profile: profile, Width: cli.Columns(a.Out)})
}
