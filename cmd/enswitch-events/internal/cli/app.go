// Package cli has what all commands use: the standard streams, exit codes and
// errors, signals, help, the log and the status line, and opening a TCP port.
package cli

import (
	"cmp"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/spelling"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/statusline"
)

// App is the state that all commands share: streams, log, profile and global flags.
// Prepare fills it before a command runs.
type App struct {
	Streams
	Log     *log.Logger
	Profile *settings.Profile
	Global  globalFlags
	// StatusLine is the last line of the terminal, nil where none is shown.
	StatusLine *statusline.Line
	// IneffectiveFlag is a usage error if a flag on the command line has no effect,
	// or nil. A command returns it after its own checks and before it opens
	// anything: a wrong value is the more urgent error.
	IneffectiveFlag error
	// AddCommands adds to the root command the commands that it does not have yet. Whatever
	// looks at all of them calls it first: the root begins with the command that is called.
	AddCommands func()

	origin  settings.Origin        // where the flags of the command got their values
	talk    *heldWriter            // stderr, if it is a terminal
	pager   atomic.Pointer[Pager]  // the pager on the terminal, or nil
	screen  atomic.Pointer[func()] // gives the terminal back that a screen has, or nil
	helpErr error                  // of printing help: cobra's help function cannot return it
}

// globalFlags are the flags that every command has.
type globalFlags struct {
	Quiet     bool
	verbose   bool
	logFormat string
	profile   string
	Config    string
}

// Bind adds the flags to f.
func (o *globalFlags) Bind(f *pflag.FlagSet) {
	f.BoolVarP(&o.Quiet, "quiet", "Q", false, "print nothing but errors on stderr")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "print more messages on stderr")
	f.StringVar(&o.logFormat, "log-format", "text", "print messages on stderr as `FORMAT`: text or json")
	f.StringVar(&o.profile, "profile", "", "take settings from the profile `NAME` of the configuration file")
	f.StringVar(&o.Config, "config", "", "read the configuration from `FILE`")
}

// ProfileName returns the name of the profile in use, default if none is named. It is known
// also while a shell asks for completions.
func (a *App) ProfileName() string {
	if a.Global.profile != "" {
		return a.Global.profile
	}
	return settings.DefaultProfile
}

// Prepare sets the flags of cmd from the environment and the profile and opens the
// log. It then calls check with the origin of each flag; the error that check returns
// becomes a.IneffectiveFlag.
func (a *App) Prepare(cmd *cobra.Command, check func(settings.Origin) error) error {
	flags := cmd.Flags()
	lookup := os.LookupEnv
	// These two name the file and the table that the other flags are read from.
	for name, v := range map[string]*string{"profile": &a.Global.profile, "config": &a.Global.Config} {
		if s, ok := lookup(settings.Env(name)); ok && !flags.Changed(name) {
			*v = s
		}
	}
	if Completing(cmd) {
		stripBackquotes(cmd.Root())
		return nil
	}
	switch name := cmd.CommandPath(); {
	case strings.Contains(name, " completion"), strings.HasSuffix(name, " help"), strings.HasSuffix(name, " version"), strings.HasSuffix(name, " config path"):
		return nil // they must work with broken settings
	}
	var err error
	if a.Profile, err = settings.Load(a.Global.Config, a.Global.profile); err != nil {
		return Usage(cmp.Or(FileHint(err), "'enswitch-events help config' shows what a profile looks like"), "%w", err)
	}
	if len(a.Profile.Values) > 0 {
		if err := a.Profile.Check(a.knownKeys(cmd.Root())); err != nil {
			return Usage("", "%w", err)
		}
	}
	origin, err := settings.Apply(flags, lookup, a.Profile, func(f string) bool {
		return f == "help" || f == "profile" || f == "config" || strings.HasPrefix(f, "authkey")
	})
	if err != nil {
		return Usage("", "%w", err)
	}
	a.origin = origin
	a.IneffectiveFlag = check(origin)
	if err := a.openLog(); err != nil {
		return err
	}
	if name := cmd.Name(); name == "simulate" || name == "replay" || name == "forward" {
		return nil // they write nothing to stdout
	}
	return a.writable()
}

// Typed reports whether a flag is on the command line.
func (a *App) Typed(flag string) bool { return a.origin[flag] == "flag" }

// openLog sets Log and StatusLine to what the global flags say.
func (a *App) openLog() error {
	level := slog.LevelInfo
	switch {
	case a.Global.Quiet && a.Global.verbose:
		return Usage("give one of them", "--quiet and --verbose cannot be used together")
	case a.Global.Quiet:
		level = slog.LevelError
	case a.Global.verbose:
		level = slog.LevelDebug
	}
	if f := a.Global.logFormat; f != "text" && f != "json" {
		return Usage(cmp.Or(spelling.Hint(f, []string{"text", "json"}), "it is text or json"), "--log-format %q is not known", f)
	}
	a.Log.Close()
	a.StatusLine = a.newStatusLine()
	stderr := a.Err
	if a.StatusLine != nil {
		stderr = a.StatusLine.Wrap(stderr)
	}
	if Terminal(a.Err) != nil {
		a.talk = &heldWriter{w: stderr}
		stderr = a.talk
	}
	a.Log = log.New(stderr, log.Options{Level: level, JSON: a.Global.logFormat == "json", Width: Columns(a.Err)})
	if tz := unknownZone(); tz != "" {
		a.Log.Warn("TZ is no known time zone: "+tz+": times are in UTC", slog.String(log.HintKey, "write it like Europe/London, or as a rule like CET-1CEST,M3.5.0,M10.5.0/3"))
	}
	return nil
}

// AllCommands returns cmd and all commands below it.
func AllCommands(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, c := range cmd.Commands() {
		all = append(all, AllCommands(c)...)
	}
	return all
}

// knownKeys returns the keys that a profile may have: the flags of all commands, and
// three more.
func (a *App) knownKeys(root *cobra.Command) []string {
	a.AddCommands()
	known := []string{"address", "authkey-file", "authkey-command"}
	add := func(f *pflag.Flag) {
		if f.Name != "authkey" && f.Name != "help" && !f.Hidden && !slices.Contains(known, f.Name) {
			known = append(known, f.Name)
		}
	}
	for _, cmd := range AllCommands(root) {
		cmd.LocalNonPersistentFlags().VisitAll(add)
	}
	root.PersistentFlags().VisitAll(add)
	return known
}

// newStatusLine returns the status line, or nil if stderr is no terminal or if the
// reader of stdout may write to the same terminal.
func (a *App) newStatusLine() *statusline.Line {
	tty := Terminal(a.Err)
	if tty == nil || a.Global.Quiet || a.Global.logFormat != "text" || os.Getenv("TERM") == "dumb" {
		return nil
	}
	if out := File(a.Out); out == nil || Terminal(out) == nil && !regular(out) {
		return nil
	}
	return statusline.New(a.Err, Columns(tty))
}

// Columns returns a function that returns the columns of the terminal w, 0 where that is
// unknown. It is nil if w is no terminal.
func Columns(w any) func() int {
	return size(w, func(columns, _ int) int { return columns })
}

// Rows is like Columns, of the rows.
func Rows(w any) func() int {
	return size(w, func(_, rows int) int { return rows })
}

func size(w any, of func(columns, rows int) int) func() int {
	tty := Terminal(w)
	if tty == nil {
		return nil
	}
	return func() int {
		columns, rows, err := term.GetSize(int(tty.Fd()))
		if err != nil {
			return 0
		}
		return of(columns, rows)
	}
}
