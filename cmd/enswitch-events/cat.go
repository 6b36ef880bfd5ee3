package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/captures"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
)

func newCat(a *cli.App) *cobra.Command {
	o := &captures.Options{Filter: &flags.Filter{}, Output: &flags.Output{}}
	cmd := &cobra.Command{
		Use:   "cat [FILE…]",
		Short: "Read events from capture files or standard input",
		Long: `Print the events of capture files. A capture has an event on each line and may
be compressed with gzip or zstd, which is detected by its content. Without FILE,
or if FILE is -, read standard input.

Several files are read one after the other. With --merge they are read side by
side, and the event with the lowest timestamp is printed first.

--since and --until-time go by the field timestamp: at --since or later, and
before --until-time. A timestamp is Unix time in seconds, as in the feed. An
integer of 13, 16 or 19 digits is in milliseconds, microseconds or nanoseconds,
and RFC 3339 with a zone is read, too. An event without a timestamp is left out.
Of a plain file of 16 MiB or more that is sorted by time, only the part inside
the bounds is read, and a minute more on each side. A file counts as sorted if
the times at 256 places of it rise. --strict reads all of it.

If -c, -e, -w, -g or -q need a certain text, as -q '.event == "answer"' does,
only the lines that contain it are parsed. All others count as filtered out,
whatever they contain. With --strict every line is parsed, and those that are no
events count as rejected.

With --whole-calls files are read twice: first to find the calls of which one
event passes the filters, then to print all their events in the order of the
files. Standard input and a file that is followed are read once: see
'enswitch-events help filters'.

With --follow a file is read and then followed by its name, as with tail -F. If
it is renamed or removed, the new file of that name is read next. If it is cut
to a shorter length, it is read from the beginning again. A file that does not
exist yet is waited for. A line is printed when its newline is there. Several
files are printed in the order in which their lines come. It ends with Ctrl-C,
--count, --until, --fail-if, and with --for and --idle-timeout, which need
--follow.

If a file cannot be read or is damaged, a message names the place, everything
else is read, and the exit code is 1.`,
		Example: `  enswitch-events cat events.ndjson.zst -c call -e answer
  enswitch-events cat --merge machine*.ndjson --since -2h -o line
  enswitch-events cat log.gz --since 'monday 09:00' --until-time 'monday 09:05'
  enswitch-events cat -f /var/spool/enswitch/events.ndjson -c call -o line
  zstd -dc events.zst | enswitch-events cat -q 'select(.machine == 3) | .callid'`,
		RunE: func(cmd *cobra.Command, names []string) error {
			return o.Run(cmd.Context(), a, cmd, cli.Expand(names))
		},
	}
	bindCat(cmd, o)
	return cmd
}

// bindCat binds the flags of cat.
func bindCat(cmd *cobra.Command, o *captures.Options) {
	cli.AddFlagGroup(cmd, "Filters", o.Filter.Bind)
	o.Whole.Bind(cmd)
	cli.AddFlagGroup(cmd, "Output", o.Output.Bind)
	o.Pseudonyms.Bind(cmd)
	cli.AddFlagGroup(cmd, "How far", func(f *pflag.FlagSet) {
		f.BoolVarP(&o.Follow, "follow", "f", false, "wait for more at the end of a file, and go on with the new file when it is rotated")
		o.End.Bind(f)
	})
	cli.AddFlagGroup(cmd, "Files", func(f *pflag.FlagSet) {
		f.BoolVar(&o.Merge, "merge", false, "read the files side by side, in the order of timestamps; each file must be sorted")
		o.Bounds.Bind(f)
		f.BoolVar(&o.Strict, "strict", false, "read all files whole and parse every line")
	})
}
