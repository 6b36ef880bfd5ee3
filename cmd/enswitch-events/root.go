package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
)

// run runs the program and returns its exit code.
func run(ctx context.Context, args []string, s cli.Streams) int {
	return cli.Run(ctx, flags.JoinArgPairs(args), s, newRoot)
}

func newRoot(ctx context.Context, a *cli.App) *cobra.Command {
	root := &cobra.Command{
		Use:   "enswitch-events",
		Short: "Show what is happening on an Enswitch telephone system",
		Long: `Show what is happening on an Enswitch telephone system, right now.

The events come from the websocket of messaged (tail) or as HTTP POSTs from the
machines of the cluster (listen). Filter them by class, event, field, text or jq
expression. They are printed as coloured lines on a terminal, and as JSON, one
event a line, in a pipe.`,
		Example: `  enswitch-events tail --demo            a simulated cluster, to try it out
  enswitch-events tail 10.0.0.5          live events of a cluster
  enswitch-events tail -c call -e answer | jq .callid
  enswitch-events listen --port 8080     receive POSTs, and print the URL`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cli.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			return a.Prepare(cmd, func(origin settings.Origin) error { return flags.CheckEffects(a, cmd, args, origin) })
		},
		CompletionOptions: cobra.CompletionOptions{DisableDescriptions: false},
	}
	a.Global.Bind(root.PersistentFlags())
	root.SetOut(a.PageWriter(ctx))
	root.SetErr(a.Err)
	root.SetIn(a.In)
	root.SetFlagErrorFunc(cli.FlagError)
	root.AddCommand(newTail(a), newListen(a), newCalls(a), newTrace(a), newForward(a), newStats(a), newWait(a), newCat(a), newSchema(a), newDoctor(a), newSimulate(a), newReplay(a), newConfig(a), newVersion())
	root.Version = cli.Version()
	root.SetVersionTemplate(cli.VersionLine())
	root.InitDefaultVersionFlag()
	root.Flags().Lookup("version").Usage = "print the version"
	cli.AddCompletion(root)
	root.SetHelpCommand(a.NewHelpCommand())
	flags.RegisterCompletions(root, a)
	cli.TakeHabits(root)
	root.SetHelpFunc(a.Help)
	return root
}
