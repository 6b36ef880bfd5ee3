package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/captures"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

func newCat(a *cli.App) *cobra.Command {
	o := &captures.Options{}
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
			return o.Run(cmd.Context(), a, cmd, names)
		},
	}
	cli.AddFlagGroup(cmd, "Filters", o.Filter.Bind)
	cli.AddFlagGroup(cmd, "Output", o.Output.Bind)
	cli.AddFlagGroup(cmd, "How far", func(f *pflag.FlagSet) {
		f.Int64VarP(&o.End.Count, "count", "n", 0, "end after `N` kept events")
		f.StringVar(&o.End.Until, "until", "", "end after the first event, kept or not, for which the jq `EXPR` is true, and print it")
		f.StringVar(&o.End.FailIf, "fail-if", "", "end after the first event for which the jq `EXPR` is true, print it, and exit with code 1")
	})
	cli.AddFlagGroup(cmd, "Files", func(f *pflag.FlagSet) {
		f.BoolVar(&o.Merge, "merge", false, "read the files side by side, in the order of the timestamps; each file must be sorted")
		o.Bounds.Bind(f)
		f.BoolVar(&o.Strict, "strict", false, "read everything and check every line")
	})
	return cmd
}
