package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/spelling"
)

// groupAnnotation is the annotation of a flag that holds the title of its group.
const groupAnnotation = "group"

// AddFlagGroup adds the flags that bind defines to cmd. Help lists them under title,
// in the order of their definition.
func AddFlagGroup(cmd *cobra.Command, title string, bind func(*pflag.FlagSet)) {
	fs := pflag.NewFlagSet(title, pflag.ContinueOnError)
	fs.SortFlags = false
	bind(fs)
	fs.VisitAll(func(f *pflag.Flag) {
		_ = fs.SetAnnotation(f.Name, groupAnnotation, []string{title})
	})
	cmd.Flags().SortFlags = false
	cmd.Flags().AddFlagSet(fs)
}

// flagGroup is a title and the flags under it.
type flagGroup struct {
	title string
	flags *pflag.FlagSet
}

// flagGroups returns the flags of cmd by group, in the order of their definition.
func flagGroups(cmd *cobra.Command) []flagGroup {
	var groups []flagGroup
	add := func(title string, f *pflag.Flag) {
		for _, g := range groups {
			if g.title == title {
				g.flags.AddFlag(f)
				return
			}
		}
		fs := pflag.NewFlagSet(title, pflag.ContinueOnError)
		fs.SortFlags = false
		fs.AddFlag(f)
		groups = append(groups, flagGroup{title, fs})
	}
	global := cmd.Root().PersistentFlags()
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || global.Lookup(f.Name) == f {
			return
		}
		title := "Flags"
		if group := f.Annotations[groupAnnotation]; len(group) > 0 {
			title = group[0]
		}
		add(title, f)
	})
	global.VisitAll(func(f *pflag.Flag) { add("Every command", f) })
	return groups
}

// Help prints the help of cmd to stdout: what it does, examples, and its flags by
// group. It is cobra's help function, which cannot return an error: Run does.
func (a *App) Help(cmd *cobra.Command, _ []string) {
	var b bytes.Buffer
	writeHelp(&b, cmd)
	_, a.helpErr = cmd.OutOrStdout().Write(b.Bytes())
}

// helpWidth is the maximum width of help in columns.
const helpWidth = 80

func writeHelp(w io.Writer, cmd *cobra.Command) {
	text := cmd.Long
	if text == "" {
		text = cmd.Short
	}
	fmt.Fprintf(w, "%s\n\nUsage:\n", strings.TrimSpace(text))
	if cmd.Runnable() && cmd.HasParent() {
		fmt.Fprintf(w, "  %s\n", cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "  %s COMMAND\n\nCommands:\n", cmd.CommandPath())
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() || c.Name() == "help" {
				fmt.Fprintf(w, "  %-12s %s\n", c.Name(), c.Short)
			}
		}
	}
	if !cmd.HasParent() {
		fmt.Fprint(w, "\nTopics:\n")
		for _, t := range Topics() {
			fmt.Fprintf(w, "  %-12s %s\n", t.Name, t.Short)
		}
	}
	if cmd.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", cmd.Example)
	}
	for _, g := range flagGroups(cmd) {
		fmt.Fprintf(w, "\n%s:\n%s", g.title, g.flags.FlagUsagesWrapped(helpWidth))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n'%s COMMAND --help' shows help for a command", cmd.CommandPath())
		if !cmd.HasParent() {
			fmt.Fprintf(w, ",\n'%s help TOPIC' for a topic", cmd.CommandPath())
		}
		fmt.Fprint(w, ".\n")
	}
	writeEnvironment(w, cmd)
}

func writeEnvironment(w io.Writer, cmd *cobra.Command) {
	if len(flagGroups(cmd)) > 1 {
		fmt.Fprint(w, "\nEvery flag --some-flag is also the variable ENSWITCH_SOME_FLAG and the key\nsome-flag of a profile: see 'enswitch-events help config'.\n")
	}
}

// NewHelpCommand returns the command help, for commands and topics. Unlike cobra's it
// fails on a name that is neither.
func (a *App) NewHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND|TOPIC]",
		Short: "Show help for a command or a topic",
		RunE: func(cmd *cobra.Command, names []string) error {
			if t := findTopic(strings.Join(names, "-")); t != nil {
				_, err := io.WriteString(cmd.OutOrStdout(), t.Text)
				return err
			}
			target, rest, err := cmd.Root().Find(names)
			if err != nil || len(rest) > 0 {
				return Usage(suggestHelp(target, rest), "there is no command or topic %q", strings.Join(names, " "))
			}
			return target.Help()
		},
		ValidArgsFunction: completeHelp,
	}
}

// suggestHelp is a hint: the commands and topics that the first argument may have
// meant, and how to list them.
func suggestHelp(target *cobra.Command, names []string) string {
	hint := "see '" + target.CommandPath() + " --help'"
	if len(names) == 0 {
		return hint
	}
	var known []string
	for _, c := range target.Commands() {
		known = append(known, c.Name())
	}
	if !target.HasParent() {
		for _, t := range Topics() {
			known = append(known, t.Name)
		}
	}
	for _, name := range known { // "exit" is no slip of the hand for wait
		if len(names[0]) > 1 && strings.HasPrefix(name, names[0]) {
			return "did you mean " + name + "? " + hint
		}
	}
	if near := spelling.Hint(names[0], known); near != "" {
		return near + " " + hint
	}
	return hint
}

// completeHelp offers the commands below those named already, and the topics.
func completeHelp(cmd *cobra.Command, names []string, typed string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
	target, rest, err := cmd.Root().Find(names)
	if err != nil || len(rest) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, c := range target.Commands() {
		if (c.IsAvailableCommand() || c == cmd) && strings.HasPrefix(c.Name(), typed) {
			found = append(found, cobra.CompletionWithDesc(c.Name(), c.Short))
		}
	}
	if len(names) == 0 {
		for _, t := range Topics() {
			if strings.HasPrefix(t.Name, typed) {
				found = append(found, cobra.CompletionWithDesc(t.Name, t.Short))
			}
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
