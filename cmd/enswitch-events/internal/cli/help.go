package cli

import (
	"bytes"
	"cmp"
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

// FlagGroup is a title of help and the flags under it.
type FlagGroup struct {
	Title string
	Flags *pflag.FlagSet
}

// FlagGroups returns the flags of cmd by group, in the order of their definition.
// The last group is that of all commands.
func FlagGroups(cmd *cobra.Command) []FlagGroup {
	var groups []FlagGroup
	add := func(title string, f *pflag.Flag) {
		for _, g := range groups {
			if g.Title == title {
				g.Flags.AddFlag(f)
				return
			}
		}
		fs := pflag.NewFlagSet(title, pflag.ContinueOnError)
		fs.SortFlags = false
		fs.AddFlag(f)
		groups = append(groups, FlagGroup{title, fs})
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

// Help prints the help of cmd. It is cobra's help function, which cannot return an error:
// Run does.
func (a *App) Help(cmd *cobra.Command, _ []string) {
	if cmd.HasAvailableSubCommands() {
		if a.helpErr = NoArgs(cmd, cmd.Flags().Args()); a.helpErr != nil { // of a misspelt command
			return
		}
	}
	var b bytes.Buffer
	writeHelp(&b, cmd, a.helpColumns())
	a.helpErr = a.showHelp(cmd, b.String())
}

// showHelp prints text, on a terminal by the pager.
func (a *App) showHelp(cmd *cobra.Command, text string) error {
	p := a.NewPager(cmd.Context())
	if p == nil {
		_, err := io.WriteString(cmd.OutOrStdout(), text)
		return err
	}
	_, err := io.WriteString(p, text)
	return WriteError(cmp.Or(err, p.Close()))
}

// writeHelp writes the help of cmd in lines of at most width columns: its first paragraph,
// usage, examples, the other paragraphs, its flags by group, and its exit codes.
func writeHelp(w io.Writer, cmd *cobra.Command, width int) {
	var top strings.Builder
	first, rest, _ := strings.Cut(strings.TrimSpace(cmp.Or(cmd.Long, cmd.Short)), "\n\n")
	fmt.Fprintf(&top, "%s\n\nUsage:\n", first)
	if cmd.Runnable() && cmd.HasParent() {
		fmt.Fprintf(&top, "  %s\n", cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&top, "  %s COMMAND\n", cmd.CommandPath())
	}
	if cmd.Example != "" {
		fmt.Fprintf(&top, "\nExamples:\n%s\n", cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprint(&top, "\nCommands:\n")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() || c.Name() == "help" {
				fmt.Fprintf(&top, "  %-12s %s\n", c.Name(), c.Short)
			}
		}
	}
	if !cmd.HasParent() {
		fmt.Fprint(&top, "\nTopics:\n")
		for _, t := range Topics() {
			fmt.Fprintf(&top, "  %-12s %s\n", t.Name, t.Short)
		}
	}
	if rest != "" {
		fmt.Fprintf(&top, "\n%s\n", rest)
	}
	_, _ = io.WriteString(w, fit(top.String(), width)) // as Fprintf below
	for _, g := range FlagGroups(cmd) {
		fmt.Fprintf(w, "\n%s:\n%s", g.Title, g.Flags.FlagUsagesWrapped(width))
	}
	fmt.Fprintf(w, "\n%s", fit(footer(cmd), width))
}

// footer is the end of each help text.
func footer(cmd *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Exit codes: %s. See 'enswitch-events help exit-codes'.\n", ExitCodes(cmd))
	if len(FlagGroups(cmd)) > 1 {
		b.WriteString("\nEvery flag --some-flag is also the variable ENSWITCH_SOME_FLAG and the key some-flag of a profile: see 'enswitch-events help config'.\n")
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\nMore:\n  %s COMMAND --help\n", cmd.CommandPath())
		if !cmd.HasParent() {
			fmt.Fprintf(&b, "  %s help TOPIC\n", cmd.CommandPath())
		}
	}
	return b.String()
}

// NewHelpCommand returns the command help, for commands and topics. Unlike cobra's it
// fails on a name that is neither.
func (a *App) NewHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND|TOPIC]",
		Short: "Show help for a command or a topic",
		RunE: func(cmd *cobra.Command, names []string) error {
			if t := findTopic(strings.Join(names, "-")); t != nil {
				return a.showHelp(cmd, fit(t.Text, a.helpColumns()))
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
	for _, t := range topicsElsewhere {
		if hasWord(t.typed, strings.ToLower(names[0])) && !target.HasParent() {
			return "'enswitch-events help " + t.topic + "' is about that\n" + hint
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
