package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/caret"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/fault"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
)

// Run runs the command that args name and returns the exit code. newRoot returns the
// root command. The first SIGINT, SIGTERM or SIGHUP cancels the context of the
// command, so that it can write what it has received; a second one ends the process.
func Run(ctx context.Context, args []string, s Streams, newRoot func(context.Context, *App) *cobra.Command) int {
	a := &App{Streams: s, Log: log.New(s.Err, log.Options{Width: Columns(s.Err)}), Profile: &settings.Profile{}}
	ctx, stop := catchSignals(ctx, a.secondSignal)
	defer stop()
	defer func() { a.Log.Close() }()
	root := newRoot(ctx, a)
	root.SetArgs(args)
	if runtime.GOOS == "windows" && slices.ContainsFunc(args, singleQuoted) {
		a.Log.Warn("a value begins with ', which quotes nothing in cmd.exe: use double quotes there, see 'enswitch-events help windows'")
	}
	err := execute(ctx, root)
	if err == nil {
		err = a.helpErr
	}
	if err == nil {
		return ExitOK
	}
	e, ok := errors.AsType[*Error](err)
	if panicked, is := errors.AsType[*fault.Error](err); is && (!ok || e.hint == "") {
		e, ok = NewError(ExitFailure, panicked, "report this line, and what 'enswitch-events version' prints"), true
	}
	if !ok {
		// The commands return an *Error. What is left are cobra's own errors about
		// commands, arguments and flags.
		first, _, _ := strings.Cut(err.Error(), "\n")
		e = NewError(ExitUsage, errors.New(first), "see 'enswitch-events --help'")
	}
	msg, hint := OneLine(e), e.hint
	if _, ok := errors.AsType[*caret.Error](err); ok {
		// The expression and the caret below it go to the hint: they are two lines.
		first, excerpt, _ := strings.Cut(e.Error(), "\n")
		msg = first
		hint = strings.Trim(excerpt+"\n"+e.hint, "\n")
	}
	if from := a.foreign(msg); from != "" && e.Code == ExitUsage {
		hint = strings.TrimPrefix(hint+"\n"+from, "\n")
	}
	attrs := []any{slog.Int("exit_code", e.Code)}
	if hint != "" {
		attrs = append(attrs, slog.String(log.HintKey, hint))
	}
	a.Log.Error(msg, attrs...)
	return e.Code
}

// execute runs root and turns a panic into an error.
func execute(ctx context.Context, root *cobra.Command) (err error) {
	defer fault.Catch(&err)
	return root.ExecuteContext(ctx)
}

// singleQuoted reports whether a value begins with a single quote, which no shell has removed.
func singleQuoted(arg string) bool {
	_, value, _ := strings.Cut(arg, "=")
	return strings.HasPrefix(arg, "'") || strings.HasPrefix(value, "'") && strings.HasPrefix(arg, "-")
}

// secondSignal ends the process at once and restores the terminal. While a pager has the
// terminal, Ctrl-C is for the pager, and another signal ends the pager, too.
func (a *App) secondSignal(sig os.Signal) {
	if p := a.pager.Load(); p != nil {
		if sig == os.Interrupt {
			return
		}
		p.kill()
	}
	a.GiveBack()
	os.Exit(ExitInterrupt)
}

// foreign returns a line for each flag in msg whose value does not come from the command
// line: where it comes from.
func (a *App) foreign(msg string) string {
	var lines []string
	for _, m := range flagName().FindAllStringSubmatch(msg, -1) {
		from := a.origin[m[1]]
		if text := "--" + m[1] + " comes from " + from; from != "" && from != "flag" && !slices.Contains(lines, text) {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, "\n")
}

// flagName matches a flag in a message.
var flagName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`--([a-z][a-z-]*)`) })

// repeatWindow is the time in which a second signal counts as the first one: a
// terminal and timeout(1) send it to the process and again to its group.
const repeatWindow = 200 * time.Millisecond

// catchSignals returns a context that the first SIGINT, SIGTERM or SIGHUP cancels,
// and a function that stops catching them. A second signal calls second. SIGHUP does
// nothing where it is ignored, as under nohup. SIGPIPE is caught too, so that a write to a
// closed stdout fails instead of ending the process.
func catchSignals(ctx context.Context, second func(os.Signal)) (context.Context, func()) {
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
			case sig := <-end:
				switch now := time.Now(); {
				case first.IsZero():
					first = now
					cancel()
				case now.Sub(first) > repeatWindow:
					second(sig)
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
