package flags

import (
	"github.com/spf13/cobra"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
)

// Complete offers the values of flags that take one of a few.
func Complete(root *cobra.Command) {
	values := map[string][]string{
		"output": render.Formats(), "time": render.Times(), "color": {"auto", "always", "never"},
		"jq-engine": {"auto", "native", "gojq"}, "log-format": {"text", "json"},
		"shape": {"constant", "ramp", "burst", "storm"},
	}
	for _, cmd := range append(root.Commands(), root) {
		for name, list := range values {
			if cmd.Flags().Lookup(name) != nil || cmd.PersistentFlags().Lookup(name) != nil {
				_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp))
			}
		}
	}
}
