package main

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// TestOneCommand: a run makes the one command that is called, which has the name that it
// is listed by, and the others when something asks for all of them.
func TestOneCommand(t *testing.T) {
	t.Parallel()
	names := func(root *cobra.Command) (names []string) {
		for _, cmd := range root.Commands() {
			names = append(names, cmd.Name())
		}
		return names
	}
	all := names(newRoot(t.Context(), &cli.App{}, "no-such-command"))
	if len(all) != len(constructors)+1 { // and completion
		t.Errorf("all commands: %v", all)
	}
	for name := range constructors {
		a := &cli.App{}
		root := newRoot(t.Context(), a, name)
		if got := names(root); !slices.Equal(got, []string{name}) {
			t.Errorf("%s makes the commands %v", name, got)
		}
		a.AddCommands()
		if got := names(root); !slices.Equal(got, all) {
			t.Errorf("%s, and all others: %v, want %v", name, got, all)
		}
	}
}
