package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/spelling"
)

// FlagError returns the usage error for err, which pflag returned while it parsed the
// flags of cmd.
func (a *App) FlagError(cmd *cobra.Command, err error) error {
	hint := "see '" + cmd.CommandPath() + " --help'"
	if missing, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name, dashes := missing.GetSpecifiedName(), "--"
		if missing.GetSpecifiedShortnames() != "" {
			dashes = "-"
		}
		msg := "there is no flag " + dashes + name
		if here := here(name, cmd); here != "" {
			hint = here + "\n" + hint
		} else if with := a.commandsWith(cmd, name, dashes); with != "" {
			hint = with + "\n" + hint
		} else if near := spelling.Nearest(name, flagNames(cmd)); len(near) > 0 && dashes == "--" {
			msg += ": did you mean --" + strings.Join(near, " or --") + "?"
		}
		return Usage(hint, "%s", msg)
	}
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return Usage(hint, "--%s %q: %s", bad.GetFlag().Name, bad.GetValue(), settings.InvalidValueReason(bad))
	}
	if none, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return Usage(hint, "--%s wants a value", none.GetFlag().Name)
	}
	return Usage(hint, "%w", err)
}

// commandsWith is a hint: which other commands have the flag, or "" where none has it.
func (a *App) commandsWith(cmd *cobra.Command, name, dashes string) string {
	a.AddCommands()
	root := cmd.Root()
	var with []string
	for _, other := range root.Commands() {
		f := other.Flags().Lookup(name)
		if dashes == "-" {
			f = other.Flags().ShorthandLookup(name[:1])
		}
		if f != nil && !f.Hidden && root.PersistentFlags().Lookup(f.Name) == nil {
			with = append(with, other.Name())
		}
	}
	switch n := len(with); {
	case n == 0:
		return ""
	case cmd == root && slices.Contains(with, "tail"):
		return "the command comes first: 'enswitch-events tail " + dashes + name + "'"
	case cmd == root || n == 1:
		return "it is a flag of " + with[0]
	default:
		return "it is a flag of " + strings.Join(with[:n-1], ", ") + " and " + with[n-1]
	}
}

// flagNames returns the names of the flags of cmd that help shows.
func flagNames(cmd *cobra.Command) (names []string) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
}

// NoArgs is a cobra.PositionalArgs that accepts no arguments. Its error suggests a
// command where one was probably meant.
func NoArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case !cmd.HasParent():
		return Usage(suggest(cmd, args), "there is no command %q", args[0])
	case cmd.HasAvailableSubCommands():
		return Usage(suggest(cmd, args), "%s has no command %q", cmd.Name(), args[0])
	}
	name := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
	return Usage(suggest(cmd, nil), "%s takes no argument: %q", name, args[0])
}

// Misspelt returns an error if the first argument of a command that takes addresses is
// nearly the name of one of its own commands.
func Misspelt(cmd *cobra.Command, args []string) error {
	if len(args) == 0 || strings.ContainsAny(args[0], ".:/[") {
		return nil
	}
	near := spelling.Hint(args[0], commandNames(cmd))
	if near == "" {
		return nil
	}
	return Usage(near+" the address of a host of that name is ws://"+args[0], "%s has no command %q", cmd.Name(), args[0])
}

func commandNames(cmd *cobra.Command) (names []string) {
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return names
}

// suggest returns a hint: the commands of cmd that are similar to the first argument,
// and how to get help.
func suggest(cmd *cobra.Command, args []string) string {
	hint := "see '" + cmd.CommandPath() + " --help'"
	if len(args) == 0 {
		return hint
	}
	if topic := findTopic(args[0]); topic != nil && !cmd.HasParent() {
		return "'enswitch-events help " + topic.Name + "' is about that\n" + hint
	}
	if here := commandHere(args[0]); here != "" && !cmd.HasParent() {
		return here + "\n" + hint
	}
	if near := spelling.Hint(args[0], commandNames(cmd)); near != "" {
		return near + " " + hint
	}
	return hint
}
