// Package cli is what the commands share below their flags: the standard streams,
// exit codes and errors, signals, help, the log and the status line, and opening a
// port.
package cli

import (
	"cmp"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/spelling"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/statusline"
)

// App is what the commands share: the streams, the talk and the profile.
type App struct {
	Streams
	Log     *log.Logger
	Profile *settings.Profile
	Global  globalOptions
	Line    *statusline.Line // the line of status, nil where there is none
	// needless is about a flag that was typed for nothing. A command returns it
	// once all values are known to be right, before anything is opened.
	Needless error
	origin   settings.Origin // where the values of the flags come from
	helped   error           // of printing help, which cobra has no place for
}

// globalOptions are the flags of every command.
type globalOptions struct {
	Quiet     bool
	verbose   bool
	logFormat string
	profile   string
	Config    string
}

func (o *globalOptions) Bind(f *pflag.FlagSet) {
	f.BoolVarP(&o.Quiet, "quiet", "Q", false, "say nothing on stderr but errors")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "say more on stderr")
	f.StringVar(&o.logFormat, "log-format", "text", "`FORMAT` of the messages on stderr: text or json")
	f.StringVar(&o.profile, "profile", "", "take settings from the profile `NAME` of the configuration file")
	f.StringVar(&o.Config, "config", "", "read the configuration from `FILE`")
}

// Prepare gives the flags of cmd their values and sets up the log. check is called once
// the flags have their values; the error it returns becomes a.Needless.
func (a *App) Prepare(cmd *cobra.Command, check func(settings.Origin) error) error {
	flags := cmd.Flags()
	lookup := os.LookupEnv
	// These two say where the rest comes from.
	for name, v := range map[string]*string{"profile": &a.Global.profile, "config": &a.Global.Config} {
		if s, ok := lookup(settings.Env(name)); ok && !flags.Changed(name) {
			*v = s
		}
	}
	if completing(cmd) {
		stripBackquotes(cmd.Root())
		return nil
	}
	switch name := cmd.CommandPath(); {
	case strings.Contains(name, " completion"), strings.HasSuffix(name, " help"), strings.HasSuffix(name, " version"), strings.HasSuffix(name, " config path"):
		return nil // they must work with broken settings
	}
	var err error
	if a.Profile, err = settings.Load(a.Global.Config, a.Global.profile); err != nil {
		return Usage("", "%w", err)
	}
	if err := a.Profile.Check(knownKeys(cmd.Root())); err != nil {
		return Usage("", "%w", err)
	}
	origin, err := settings.Apply(flags, lookup, a.Profile, func(f string) bool {
		return f == "help" || f == "profile" || f == "config" || strings.HasPrefix(f, "authkey")
	})
	if err != nil {
		return Usage("", "%w", err)
	}
	a.origin = origin
	a.Needless = check(origin)
	level := slog.LevelInfo
	switch {
	case a.Global.Quiet && a.Global.verbose:
		return Usage("give one of them", "--quiet and --verbose exclude each other")
	case a.Global.Quiet:
		level = slog.LevelError
	case a.Global.verbose:
		level = slog.LevelDebug
	}
	if f := a.Global.logFormat; f != "text" && f != "json" {
		return Usage(cmp.Or(spelling.Hint(f, []string{"text", "json"}), "it is text or json"), "--log-format %q is not known", f)
	}
	a.Log.Close()
	a.Line = a.statusLine()
	stderr := a.Err
	if a.Line != nil {
		stderr = a.Line.Above(stderr)
	}
	a.Log = log.New(stderr, log.Options{Level: level, JSON: a.Global.logFormat == "json"})
	if tz := unknownZone(); tz != "" {
		a.Log.Warn("TZ names no time zone that is known: "+tz+": times are in UTC", slog.String(log.Below, "write it like Europe/London, or as a rule like CET-1CEST,M3.5.0,M10.5.0/3"))
	}
	if name := cmd.Name(); name == "simulate" || name == "replay" {
		return nil // they write nothing to stdout
	}
	return a.writable()
}

// knownKeys are the names that a profile may use: all flags of all commands, and those
// that are no flags.
func knownKeys(root *cobra.Command) []string {
	known := []string{"address", "authkey-file", "authkey-command"}
	add := func(f *pflag.Flag) {
		if f.Name != "authkey" && f.Name != "help" && !f.Hidden && !slices.Contains(known, f.Name) {
			known = append(known, f.Name)
		}
	}
	for _, cmd := range root.Commands() {
		cmd.Flags().VisitAll(add)
	}
	root.PersistentFlags().VisitAll(add)
	return known
}

// statusLine returns the line of status, or nil where it has no place: stderr
// is no terminal, or what reads stdout may write to the same one.
func (a *App) statusLine() *statusline.Line {
	tty := Terminal(a.Err)
	if tty == nil || a.Global.Quiet || a.Global.logFormat != "text" || os.Getenv("TERM") == "dumb" {
		return nil
	}
	if out := File(a.Out); out == nil || Terminal(out) == nil && !regular(out) {
		return nil
	}
	return statusline.New(a.Err, func() int {
		width, _, err := term.GetSize(int(tty.Fd()))
		if err != nil {
			return 0
		}
		return width
	})
}
