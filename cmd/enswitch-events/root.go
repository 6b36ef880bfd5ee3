package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/screen"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/talk"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// app is what the commands share: the streams, the talk and the profile.
type app struct {
	streams
	talk    *talk.Talk
	profile *settings.Profile
	global  globalOptions
	line    *screen.Line // the line of status, nil where there is none
	// needless is about a flag that was typed for nothing. A command returns it
	// once all values are known to be right, before anything is opened.
	needless error
	helped   error // of printing help, which cobra has no place for
}

// globalOptions are the flags of every command.
type globalOptions struct {
	quiet     bool
	verbose   bool
	logFormat string
	profile   string
	config    string
}

func (o *globalOptions) bind(f *pflag.FlagSet) {
	f.BoolVarP(&o.quiet, "quiet", "Q", false, "say nothing on stderr but errors")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "say more on stderr")
	f.StringVar(&o.logFormat, "log-format", "text", "`FORMAT` of the messages on stderr: text or json")
	f.StringVar(&o.profile, "profile", "", "take settings from the profile `NAME` of the configuration file")
	f.StringVar(&o.config, "config", "", "read the configuration from `FILE`")
}

// run is the program: it runs the command that args name and returns the exit
// code. The first SIGINT, SIGTERM or SIGHUP ends ctx, so that what was received
// is still written; a second one ends the process at once.
func run(ctx context.Context, args []string, s streams) int {
	ctx, stop := catchSignals(ctx)
	defer stop()
	a := &app{streams: s, talk: talk.New(s.err, talk.Options{}), profile: &settings.Profile{}}
	defer func() { a.talk.Close() }()
	root := newRoot(ctx, a)
	root.SetArgs(joinPairs(args))
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = a.helped
	}
	if err == nil {
		return exitOK
	}
	e, ok := errors.AsType[*exitError](err)
	if !ok {
		// Our own commands return exitErrors; what is left is cobra's about
		// commands, arguments and flags.
		first, _, _ := strings.Cut(err.Error(), "\n")
		e = &exitError{exitUsage, errors.New(first), "see 'enswitch-events --help'"}
	}
	msg, hint := line(e), e.hint
	if _, ok := errors.AsType[*filter.SyntaxError](err); ok {
		// The expression and the caret under it are lines of their own.
		first, excerpt, _ := strings.Cut(e.Error(), "\n")
		msg = first
		hint = strings.TrimSuffix(excerpt+"\n"+e.hint, "\n")
	}
	attrs := []any{slog.Int("exit_code", e.code)}
	if hint != "" {
		attrs = append(attrs, slog.String(talk.Below, hint))
	}
	a.talk.Error(msg, attrs...)
	return e.code
}

// samePress is how close together two signals count as one: a terminal and a
// timeout command send the same one to the process and to its group.
const samePress = 200 * time.Millisecond

// catchSignals returns a context that ends at the first signal that asks the
// program to end. SIGHUP is none where it is ignored, as under nohup. SIGPIPE is
// caught so that a closed stdout is an error of the write and not the end of the
// process.
func catchSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	end, pipe := make(chan os.Signal, 2), make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(end, syscall.SIGHUP)
	}
	signal.Notify(pipe, syscall.SIGPIPE)
	done := make(chan struct{})
	go func() {
		var first time.Time
		for {
			select {
			case <-end:
				switch now := time.Now(); {
				case first.IsZero():
					first = now
					cancel()
				case now.Sub(first) > samePress:
					os.Exit(exitInterrupt)
				}
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(end)
		signal.Stop(pipe)
		close(done)
		cancel()
	}
}

func newRoot(ctx context.Context, a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "enswitch-events",
		Short: "See what is happening on the calls of an Enswitch telephone system",
		Long: `See what is happening on the calls of an Enswitch telephone system, right now.

Events come from the websocket of messaged (tail) or as HTTP POSTs from the
machines of the cluster (listen). They are filtered by class, event, field or
jq expression, and printed as coloured lines on a terminal and as JSON, one
event a line, in a pipe.`,
		Example: `  enswitch-events tail --demo                     a made-up cluster, nothing needed
  enswitch-events tail 10.0.0.5                   live events of a cluster
  enswitch-events tail -c call -e answer | jq .callid
  enswitch-events listen --port 8080              take POSTs, and print the URL to paste`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			return a.prepare(cmd, args)
		},
		CompletionOptions: cobra.CompletionOptions{DisableDescriptions: false},
	}
	a.global.bind(root.PersistentFlags())
	root.SetOut(page{ctx, a})
	root.SetErr(a.err)
	root.SetIn(a.in)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("see '"+cmd.CommandPath()+" --help'", "%s", flagError(cmd, err))
	})
	root.AddCommand(newTail(a), newListen(a), newWait(a), newCat(a), newSimulate(a), newReplay(a), newConfig(a), newVersion())
	root.Version = version()
	root.SetVersionTemplate(versionLine())
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.Short = "Print the completions for a shell: bash, zsh, fish or powershell"
			cmd.Args = noArgs
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
	root.SetHelpCommand(newHelp())
	complete(root)
	root.SetHelpFunc(a.help)
	return root
}

// prepare gives the flags of cmd their values and sets up the talk.
func (a *app) prepare(cmd *cobra.Command, args []string) error {
	flags := cmd.Flags()
	lookup := os.LookupEnv
	// These two say where the rest comes from.
	for name, v := range map[string]*string{"profile": &a.global.profile, "config": &a.global.config} {
		if s, ok := lookup(settings.Env(name)); ok && !flags.Changed(name) {
			*v = s
		}
	}
	switch name := cmd.CommandPath(); {
	case strings.Contains(name, " completion"), strings.HasSuffix(name, " help"), strings.HasSuffix(name, " version"), strings.HasSuffix(name, " config path"):
		return nil // they must work with broken settings
	}
	var err error
	if a.profile, err = settings.Load(a.global.config, a.global.profile); err != nil {
		return usage("", "%w", err)
	}
	known := knownKeys(cmd.Root())
	if err := a.profile.Check(func(k string) bool { return known[k] }); err != nil {
		return usage("", "%w", err)
	}
	origin, err := settings.Apply(flags, lookup, a.profile, func(f string) bool {
		return f == "help" || f == "profile" || f == "config" || strings.HasPrefix(f, "authkey")
	})
	if err != nil {
		return usage("", "%w", err)
	}
	a.needless = a.check(cmd, args, origin)
	level := slog.LevelInfo
	switch {
	case a.global.quiet && a.global.verbose:
		return usage("give one of them", "--quiet and --verbose exclude each other")
	case a.global.quiet:
		level = slog.LevelError
	case a.global.verbose:
		level = slog.LevelDebug
	}
	if f := a.global.logFormat; f != "text" && f != "json" {
		return usage("it is text or json", "--log-format %q is not known", f)
	}
	a.talk.Close()
	a.line = a.statusLine()
	stderr := a.err
	if a.line != nil {
		stderr = a.line.Above(stderr)
	}
	a.talk = talk.New(stderr, talk.Options{Level: level, JSON: a.global.logFormat == "json"})
	if tz := unknownZone(); tz != "" {
		a.talk.Warn("TZ names no time zone that is known: "+tz+": times are in UTC", slog.String(talk.Below, "write it like Europe/London, or as a rule like CET-1CEST,M3.5.0,M10.5.0/3"))
	}
	if name := cmd.Name(); name == "simulate" || name == "replay" {
		return nil // they write nothing to stdout
	}
	return a.writable()
}

// knownKeys are the names that a profile may use: all flags of all commands.
func knownKeys(root *cobra.Command) map[string]bool {
	known := map[string]bool{"address": true, "authkey-file": true, "authkey-command": true}
	add := func(f *pflag.Flag) { known[f.Name] = known[f.Name] || f.Name != "authkey" && f.Name != "help" }
	for _, cmd := range root.Commands() {
		cmd.Flags().VisitAll(add)
	}
	root.PersistentFlags().VisitAll(add)
	return known
}

// flagError says what pflag found in our words.
func flagError(cmd *cobra.Command, err error) string {
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

// noArgs refuses arguments in our words.
func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case !cmd.HasParent():
		return usage(suggest(cmd, args), "there is no command %q", args[0])
	case cmd.HasAvailableSubCommands():
		return usage(suggest(cmd, args), "%s has no command %q", cmd.Name(), args[0])
	}
	return usage(suggest(cmd, nil), "%s takes no argument: %q", cmd.Name(), args[0])
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

// joinPairs makes one word of the two that follow --arg and --argjson, which
// take a name and a value as in jq.
func joinPairs(args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			return append(out, args[i:]...)
		}
		if (args[i] == "--arg" || args[i] == "--argjson") && i+2 < len(args) && !strings.Contains(args[i+1], "=") {
			out = append(out, args[i]+"="+args[i+1]+"="+args[i+2])
			i += 2
			continue
		}
		out = append(out, args[i])
	}
	return out
}
