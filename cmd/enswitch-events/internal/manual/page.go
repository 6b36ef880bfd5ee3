package manual

import (
	"cmp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// program is the name of the program, and of its first page.
const program = "enswitch-events"

// Page is what there is to say of a command with those below it, or of a topic.
type Page struct {
	Name  string // enswitch-events, tail, filters
	Topic bool
	Short string // one line

	sections []section
}

// section is a command of a page, or the text of a topic.
type section struct {
	name     string // of a command below that of the page, "" for the first section
	short    string
	usage    string
	examples []string
	blocks   []block
	flags    []cli.FlagGroup
	exit     string
}

// Pages returns a page for root, for each command of root and for each topic.
func Pages(root *cobra.Command) []Page {
	pages := []Page{{Name: program, Short: root.Short, sections: []section{describe(root)}}}
	for _, cmd := range root.Commands() {
		if !cmd.IsAvailableCommand() {
			continue
		}
		p := Page{Name: cmd.Name(), Short: cmd.Short}
		below(cmd, func(c *cobra.Command) { p.sections = append(p.sections, describe(c)) })
		p.sections[0].name = ""
		pages = append(pages, p)
	}
	for _, t := range cli.Topics() {
		_, text, _ := strings.Cut(t.Text, "\n")
		pages = append(pages, Page{Name: t.Name, Topic: true, Short: t.Short, sections: []section{{blocks: parse(text)}}})
	}
	return pages
}

// below calls visit for cmd and the commands below it.
func below(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			below(c, visit)
		}
	}
}

func describe(cmd *cobra.Command) section {
	s := section{
		name: strings.TrimPrefix(cmd.CommandPath(), program+" "), short: cmd.Short,
		blocks: parse(cmp.Or(cmd.Long, cmd.Short)), exit: cli.ExitCodes(cmd),
	}
	if cmd.Runnable() && cmd.HasParent() {
		s.usage = cmd.UseLine()
	} else {
		s.usage = cmd.CommandPath() + " COMMAND"
	}
	if cmd.Example != "" {
		for line := range strings.SplitSeq(strings.Trim(cmd.Example, "\n"), "\n") {
			s.examples = append(s.examples, strings.TrimPrefix(line, "  "))
		}
	}
	s.flags = cli.FlagGroups(cmd)
	if cmd.HasParent() { // the first page has the flags of every command
		s.flags = s.flags[:len(s.flags)-1]
	}
	return s
}

// flag is a row of a table of flags.
type flag struct{ names, value, usage string }

// rows returns the flags of a group.
func rows(g cli.FlagGroup) (flags []flag) {
	g.Flags.VisitAll(func(f *pflag.Flag) {
		value, usage := pflag.UnquoteUsage(f)
		names := "--" + f.Name
		if f.Shorthand != "" {
			names = "-" + f.Shorthand + ", " + names
		}
		if d := f.DefValue; !zero(f) {
			if f.Value.Type() == "string" {
				d = `"` + d + `"`
			}
			usage += " (default " + d + ")"
		}
		flags = append(flags, flag{names, value, usage})
	})
	return flags
}

// zero says that help does not show the default of a flag.
func zero(f *pflag.Flag) bool {
	switch f.DefValue {
	case "", "0", "0s", "false", "[]":
		return true
	}
	return false
}
