package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
)

// FlagError says what pflag found in our words.
func FlagError(cmd *cobra.Command, err error) string {
	if missing, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := missing.GetSpecifiedName()
		msg := fmt.Sprintf("there is no flag -%s", name)
		if missing.GetSpecifiedShortnames() == "" {
			msg = fmt.Sprintf("there is no flag --%s", name)
			if near := nearest(cmd, name); near != "" {
				msg += ": did you mean --" + near + "?"
			}
		}
		return msg
	}
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return fmt.Sprintf("--%s %q: %s", bad.GetFlag().Name, bad.GetValue(), settings.Reason(bad))
	}
	if none, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return fmt.Sprintf("--%s wants a value", none.GetFlag().Name)
	}
	return err.Error()
}

// nearest returns the flag of cmd that name is a slip of the hand for, or else
// the one that begins like it, or "".
func nearest(cmd *cobra.Command, name string) (near string) {
	flags := &cobra.Command{SuggestionsMinimumDistance: 2}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		flags.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	best := 2
	if slips := flags.SuggestionsFor(name); len(slips) == 1 && len(name) > 3 {
		return slips[0]
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		n := 0
		for n < len(name) && n < len(f.Name) && name[n] == f.Name[n] {
			n++
		}
		if n > best {
			best, near = n, f.Name
		}
	})
	return near
}

// NoArgs refuses arguments in our words.
func NoArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case !cmd.HasParent():
		return Usage(suggest(cmd, args), "there is no command %q", args[0])
	case cmd.HasAvailableSubCommands():
		return Usage(suggest(cmd, args), "%s has no command %q", cmd.Name(), args[0])
	}
	return Usage(suggest(cmd, nil), "%s takes no argument: %q", cmd.Name(), args[0])
}

// suggest is a hint: the commands of cmd that the first argument is a slip of the
// hand for, and where to read on.
func suggest(cmd *cobra.Command, args []string) string {
	hint := "see '" + cmd.CommandPath() + " --help'"
	if len(args) == 0 {
		return hint
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return "did you mean " + strings.Join(near, " or ") + "? " + hint
	}
	return hint
}
