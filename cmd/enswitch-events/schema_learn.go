package main

import (
	"cmp"
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/captures"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/inputs"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/schemas"
	"github.com/enswitch-events/enswitch-events/pkg/schema"
)

// schemaOptions are the flags of learn and watch.
type schemaOptions struct {
	inputs      inputs.Options
	schema      flags.Schema
	examples    string
	format      string
	failOnDrift bool
}

// bind adds the flags that learn and watch have both to cmd; own are those of the one.
func (o *schemaOptions) bind(cmd *cobra.Command, own func(*pflag.FlagSet)) {
	live := &o.inputs.Live
	cli.AddFlagGroup(cmd, "Filters", live.Filter.Bind)
	cli.AddFlagGroup(cmd, "Schema", func(f *pflag.FlagSet) {
		o.schema.Bind(f)
		own(f)
		live.End.BindTimes(f)
	})
	cli.AddFlagGroup(cmd, "Buffer and losses", live.Buffer.Bind)
	cli.AddFlagGroup(cmd, "Recording", live.Record.Bind)
	o.inputs.Bind(cmd)
	cmd.Flags().Lookup("report-gaps").Hidden = true // no event is printed
	cmd.ValidArgsFunction = cobra.NoFileCompletions
}

func newSchemaLearn(a *cli.App) *cobra.Command {
	o := &schemaOptions{}
	cmd := &cobra.Command{
		Use:   "learn [ADDRESS…]",
		Short: "Add the events and fields that come to what is known",
		Long: `Learn from live events, or with --read from captures, and add that to the file of
--schema. ADDRESS is as for tail. Live it goes on until Ctrl-C, --for or
--idle-timeout, and saves every 30 s and at the end. Two programs can learn into
one file at once.

Of each event the file has the fields, also those within objects and arrays, their
JSON types, how often they were there, a pattern of the texts, such as
digits.digits, +digits, uuid or ipv4, and values: all of them if there are 16 or
fewer, or else 3.

--examples safe, the default, keeps no value that may be a secret or a telephone
number: none of a field whose name says so (authkey, password, token, from, to,
number, …), none of what people write to each other (text, body), and elsewhere
none that looks like a key, has an @, or has six digits in a row. none keeps no
values, all keeps all of them. The file can be read by this user only.

It learns at most 2,000 events and 20,000 fields, names of at most 256 bytes,
values of at most 64, and 16 levels of nested objects, and says what it left out.
For 'schema suggest' it notes where the events are in their calls.`,
		Example: `  enswitch-events schema learn 10.0.0.5 --for 1h
  enswitch-events schema learn --listen 8080
  enswitch-events schema learn --read monday.zst --read tuesday.zst
  enswitch-events schema learn --read events.ndjson --schema ./events.schema`,
		RunE: func(cmd *cobra.Command, addresses []string) error {
			return o.learn(cmd.Context(), a, cmd, addresses)
		},
	}
	o.bind(cmd, func(f *pflag.FlagSet) {
		f.StringVar(&o.examples, "examples", "safe", "keep these `VALUES` as examples: "+strings.Join(exampleChoices(), ", "))
	})
	_ = cmd.RegisterFlagCompletionFunc("examples", cobra.FixedCompletions(exampleChoices(), cobra.ShellCompDirectiveNoFileComp)) // there is this flag
	return cmd
}

func exampleChoices() []string { return []string{"safe", "none", "all"} }

func (o *schemaOptions) learn(ctx context.Context, a *cli.App, cmd *cobra.Command, addresses []string) error {
	if err := flags.OneOf("examples", o.examples, exampleChoices()); err != nil {
		return err
	}
	file, err := o.schema.PathToWrite(a)
	if err != nil {
		return err
	}
	if err := schema.Check(file); err != nil {
		return flags.SchemaError(err)
	}
	examples := map[string]schema.Examples{"none": schema.NoExamples, "all": schema.AllExamples}[o.examples]
	l := schemas.NewLearner(file, examples, !o.inputs.Captures(), a.Log)
	live := &o.inputs.Live
	live.Sink, live.SinkMemory, live.Figures = l.Sink, schemas.MaxMemory, true
	err = o.inputs.Run(ctx, a, cmd, addresses)
	if l.Used() {
		err = cmp.Or(err, l.Close(err != nil))
	}
	return err
}

func newSchemaWatch(a *cli.App) *cobra.Command {
	o := &schemaOptions{}
	cmd := &cobra.Command{
		Use:   "watch [ADDRESS…]",
		Short: "Print events, fields and types that were not learned",
		Long: `Print a line for the first event of a class and name that was not learned, for the
first one with a field that was not learned, and for the first value of another
JSON type. The fields of a new event are not named. A number that comes as a text
is not new: a POST has only texts. ADDRESS is as for tail; with --read the events
come from captures.

What is known is read from the file of --schema and not changed: 'schema learn'
adds to it.`,
		Example: `  enswitch-events schema watch 10.0.0.5
  enswitch-events schema watch --read events.ndjson --fail-on-drift
  enswitch-events schema watch 10.0.0.5 -o ndjson | jq -r .new`,
		RunE: func(cmd *cobra.Command, addresses []string) error {
			return o.watch(cmd.Context(), a, cmd, addresses)
		},
	}
	o.bind(cmd, func(f *pflag.FlagSet) {
		f.StringVarP(&o.format, "output", "o", "line", "print what is new as `FORMAT`: "+strings.Join(lineFormats(), " or "))
		f.BoolVar(&o.failOnDrift, "fail-on-drift", false, "exit with code 1 at the end if anything was new")
		f.Int64VarP(&o.inputs.Live.End.Count, "count", "n", 0, "end after `N` lines")
	})
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(lineFormats(), cobra.ShellCompDirectiveNoFileComp)) // there is this flag
	return cmd
}

func (o *schemaOptions) watch(ctx context.Context, a *cli.App, cmd *cobra.Command, addresses []string) error {
	if err := flags.OneOf("output", o.format, lineFormats()); err != nil {
		return err
	}
	known, err := o.schema.Read(a)
	if err != nil {
		return err
	}
	live := &o.inputs.Live
	w := schemas.NewWatch(known, live.End.Count, o.format == "ndjson", a.Log)
	live.Sink, live.Account, live.SinkMemory, live.Figures = w.Sink, w, schemas.MaxMemory, true
	err = o.inputs.Run(ctx, a, cmd, addresses)
	if err == nil && o.failOnDrift {
		err = w.Drift()
	}
	return err
}

func newSchemaSuggest(a *cli.App) *cobra.Command {
	var file flags.Schema
	o := &captures.Options{Filter: &flags.Filter{}, Output: &flags.Output{}, EveryLine: true}
	var read flags.Read
	cmd := &cobra.Command{
		Use:   "suggest",
		Short: "Suggest which events and fields begin, answer and end a call",
		Long: `Suggest which events mean start, ring, answer and end of a call, and which fields
have the numbers from and to, from what was learned, or with --read from captures.
Only call.start is documented. The others are guessed from the usual names, or else
from the place of events in their calls: the first of its leg, the last of its leg,
the one after which calls spend most of their time, the one before that.

It prints the evidence for each guess, and a map to paste for --map and a profile.
It changes nothing.`,
		Example: `  enswitch-events schema suggest
  enswitch-events schema suggest --read events.ndjson.zst`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(read.Files) == 0 {
				s, err := file.Read(a)
				if err != nil {
					return err
				}
				return cli.WriteError(schemas.ShowSuggestions(a.EventWriter(), s))
			}
			if cmd.Flags().Changed("schema") {
				return cli.Usage("leave out one of them", "--schema has no effect here: --read learns from the captures alone")
			}
			read.Bounds.MaxLine = 16 << 20
			o.Bounds, o.Merge = read.Bounds, len(read.Files) > 1
			l := schemas.NewLearner("", schema.NoExamples, false, a.Log)
			o.Sink = l.Sink
			if err := o.Run(cmd.Context(), a, cmd, read.Files); err != nil {
				return err
			}
			return cli.WriteError(schemas.ShowSuggestions(a.EventWriter(), l.Learned()))
		},
	}
	cli.AddFlagGroup(cmd, "Schema", file.Bind)
	cli.AddFlagGroup(cmd, "Captures", read.Bind)
	return cmd
}
