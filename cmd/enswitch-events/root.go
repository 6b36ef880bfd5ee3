package main

import (
	"context"
	"sync"

	"github.com/spf13/cobra"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
)

// run runs the program and returns its exit code.
func run(ctx context.Context, args []string, s cli.Streams) int {
	args = flags.JoinArgPairs(args)
	called := ""
	if len(args) > 0 {
		called = args[0]
	}
	return cli.Run(ctx, args, s, func(ctx context.Context, a *cli.App) *cobra.Command { return newRoot(ctx, a, called) })
}

// constructors has by name what makes each command.
var constructors = map[string]func(*cli.App) *cobra.Command{ //nolint:gochecknoglobals // a table that nothing changes
	"tail": newTail, "listen": newListen, "calls": newCalls, "trace": newTrace, "forward": newForward, "stats": newStats,
	"wait": newWait, "cat": newCat, "schema": newSchema, "doctor": newDoctor, "simulate": newSimulate, "replay": newReplay,
	"config": newConfig, "version": newVersion,
}

// newRoot returns the root command. Of the commands below it, it has the one that is called,
// to begin sooner: a.AddCommands adds the others. It has all of them if there is none of
// that name.
func newRoot(ctx context.Context, a *cli.App, called string) *cobra.Command {
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
			if cli.Completing(cmd) {
				flags.RegisterCompletions(cmd.Root(), a)
			}
			return a.Prepare(cmd, func(origin settings.Origin) error { return flags.CheckEffects(a, cmd, args, origin) })
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true}, // see cli.AddCompletion
	}
	a.Global.Bind(root.PersistentFlags())
	root.SetOut(a.PageWriter(ctx))
	root.SetErr(a.Err)
	root.SetIn(a.In)
	root.SetFlagErrorFunc(a.FlagError)
	root.SetHelpCommand(a.NewHelpCommand())
	root.SetHelpFunc(a.Help)
	add := func(construct func(*cli.App) *cobra.Command) {
		cmd := construct(a)
		root.AddCommand(cmd)
		cli.TakeHabits(cmd)
	}
	a.AddCommands = sync.OnceFunc(func() {
		for name, construct := range constructors {
			if name != called {
				add(construct)
			}
		}
		cli.AddCompletion(root)
	})
	if construct, ok := constructors[called]; ok {
		add(construct)
		return root
	}
	a.AddCommands()
	root.Version = cli.Version()
	root.SetVersionTemplate(cli.VersionLine())
	root.InitDefaultVersionFlag()
	root.Flags().Lookup("version").Usage = "print the version"
	return root
}
