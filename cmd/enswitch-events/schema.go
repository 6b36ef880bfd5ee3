package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/schemas"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/spelling"
	"github.com/enswitch-events/enswitch-events/pkg/schema"
)

func newSchema(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Learn which events and fields there are",
		Long: `Learn which events there are, which fields they have, and what the values look
like. The vendor publishes no list, and adds events and fields without warning.

'schema learn' adds what it sees to a file, which the other commands read. The
shell then completes --class, --event, --where and --fields with the names in it,
and a misspelt name gets a hint.

Values that may be secrets or telephone numbers are not kept, unless --examples
all asks for them: see 'enswitch-events schema learn --help'.`,
		Example: `  enswitch-events schema learn 10.0.0.5 --for 10m
  enswitch-events schema learn --read events.ndjson.zst
  enswitch-events schema show call.start
  enswitch-events schema watch 10.0.0.5
  enswitch-events schema export --format typescript > events.ts`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSchemaLearn(a), newSchemaShow(a), newSchemaDiff(a), newSchemaWatch(a), newSchemaSuggest(a), newSchemaExport(a))
	return cmd
}

func newSchemaShow(a *cli.App) *cobra.Command {
	var o flags.Schema
	var format string
	cmd := &cobra.Command{
		Use:   "show [EVENT…]",
		Short: "Print the events and fields that were learned",
		Long: `Print a table with a line for each field of each event that was learned. EVENT is
class.event, a class or an event, with * for any text.

PRESENT says how many of the events, or of the objects around it, have the field.
PATTERN is what all its texts and numbers have in common; enum means one of a few
values. VALUES are all the values if there are 16 or fewer, otherwise some.
A blank in a name is shown as ␣. -o json prints what the file has.`,
		Example: `  enswitch-events schema show
  enswitch-events schema show 'call.*' message
  enswitch-events schema show -o json | jq '.kinds[].event'`,
		RunE: func(cmd *cobra.Command, globs []string) error {
			if err := flags.OneOf("output", format, showFormats()); err != nil {
				return err
			}
			s, err := o.Read(a)
			if err != nil {
				return err
			}
			if format == "json" {
				if len(globs) > 0 {
					return cli.Usage("choose with jq: … | jq '.kinds[] | select(.class == \"call\")'", "-o json prints all events")
				}
				return cli.WriteError(s.Encode(a.EventWriter()))
			}
			kinds, none := schemas.Chosen(s, globs)
			if none != "" {
				names := flags.Learned(s)
				hint := spelling.Hint(none, slices.Concat(names.Kinds, names.Events, names.Classes))
				return cli.NewError(cli.ExitFailure, fmt.Errorf("no event %q was learned", none), hint)
			}
			schemas.LogLeft(a.Log, s.Left())
			return cli.WriteError(schemas.Show(a.EventWriter(), kinds))
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return flags.LearnedNames(a).Kinds, cobra.ShellCompDirectiveNoFileComp
		},
	}
	cli.AddFlagGroup(cmd, "Schema", func(f *pflag.FlagSet) {
		o.Bind(f)
		f.StringVarP(&format, "output", "o", "table", "print it as `FORMAT`: "+strings.Join(showFormats(), " or "))
	})
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(showFormats(), cobra.ShellCompDirectiveNoFileComp)) // there is this flag
	return cmd
}

func showFormats() []string { return []string{"table", "json"} }

// lineFormats are the formats of what is printed line by line.
func lineFormats() []string { return []string{"line", "ndjson"} }

func newSchemaDiff(a *cli.App) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare the schemas in two files",
		Long: `Print a line for each event or field that only one of two schemas has: - for the
first, + for the second. ~ is for a field that has other JSON types, or another
pattern, or was always there in one and sometimes in the other. Counts and values
are not compared, and a number that comes as a text is no difference: a POST has
only texts.

The exit code is 0 if nothing differs, 1 if something does, and 2 if one of the
files cannot be read.`,
		Example: `  enswitch-events schema diff before.json after.json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return cli.Usage("name two: enswitch-events schema diff A B", "schema diff compares two files, and got %d", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, names []string) error {
			if err := flags.OneOf("output", format, lineFormats()); err != nil {
				return err
			}
			var both [2]*schema.Schema
			for i, name := range names {
				var err error
				if both[i], err = schema.Read(name); err != nil {
					return flags.SchemaError(err)
				}
			}
			all := schema.Diff(both[0], both[1])
			if err := cli.WriteError(schemas.ShowDifferences(a.EventWriter(), all, format == "ndjson")); err != nil {
				return err
			}
			if len(all) > 0 {
				return cli.NewError(cli.ExitFailure, fmt.Errorf("%s", cli.Plural(int64(len(all)), "difference")), "")
			}
			return nil
		},
	}
	cli.AddFlagGroup(cmd, "Schema", func(f *pflag.FlagSet) {
		f.StringVarP(&format, "output", "o", "line", "print differences as `FORMAT`: "+strings.Join(lineFormats(), " or "))
	})
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(lineFormats(), cobra.ShellCompDirectiveNoFileComp)) // there is this flag
	return cmd
}
