package flags

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
)

// RegisterCompletions adds what a shell completes: the values of flags with a fixed set of
// values, names that were learned, the profiles, and file names for arguments and flags that are a FILE only.
func RegisterCompletions(root *cobra.Command, a *cli.App) {
	moments := []string{"now", "today", "yesterday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
	values := map[string][]string{
		"output": render.Formats(), "time": render.Times(), "ids": render.IDs(), "color": Colors(),
		"jq-engine": {"auto", "native", "gojq"}, "log-format": {"text", "json"},
		"shape": {"constant", "ramp", "burst", "storm"}, "speed": {"0.5x", "2x", "10x", "max"},
		"since": moments, "until-time": moments,
	}
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	for _, cmd := range cli.AllCommands(root) {
		if strings.Contains(cmd.Use, " FILE…") || strings.Contains(cmd.Use, " [FILE…]") || cmd.Use == "diff A B" {
			cmd.ValidArgsFunction = files
		}
		register := func(f *pflag.Flag) {
			name, _ := pflag.UnquoteUsage(f)
			learned := completeLearned[f.Name]
			if f.Name == "fields" && cmd.Flags().Lookup("having") != nil {
				learned = nil // they are fields of records
			}
			switch list := values[f.Name]; {
			case learned != nil:
				_ = cmd.RegisterFlagCompletionFunc(f.Name, func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
					return learned(LearnedNames(a), typed)
				})
			case list != nil && !registered(cmd, f.Name):
				_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp))
			case name == "FILE":
				_ = cmd.RegisterFlagCompletionFunc(f.Name, files)
			}
		}
		cmd.LocalNonPersistentFlags().VisitAll(register)
		cmd.PersistentFlags().VisitAll(register)
	}
	_ = root.RegisterFlagCompletionFunc("profile", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		file := a.Global.Config
		if file == "" {
			file = os.Getenv(settings.Env("config"))
		}
		return settings.Profiles(file), cobra.ShellCompDirectiveNoFileComp
	})
}

// registered reports whether a command has completions of its own for a flag.
func registered(cmd *cobra.Command, flag string) bool {
	_, ok := cmd.GetFlagCompletionFunc(flag)
	return ok
}

// files leaves it to the shell to offer files.
func files(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}
