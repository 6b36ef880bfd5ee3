package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/caret"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
)

// Run runs the command that args name, of those that newRoot makes, and returns the exit
// code. The first SIGINT, SIGTERM or SIGHUP ends ctx, so that what was received
// is still written; a second one ends the process at once.
func Run(ctx context.Context, args []string, s Streams, newRoot func(context.Context, *App) *cobra.Command) int {
	ctx, stop := catchSignals(ctx)
	defer stop()
	a := &App{Streams: s, Log: log.New(s.Err, log.Options{}), Profile: &settings.Profile{}}
	defer func() { a.Log.Close() }()
	root := newRoot(ctx, a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = a.helped
	}
	if err == nil {
		return ExitOK
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		// Our own commands return exitErrors; what is left is cobra's about
		// commands, arguments and flags.
		first, _, _ := strings.Cut(err.Error(), "\n")
		e = NewError(ExitUsage, errors.New(first), "see 'enswitch-events --help'")
	}
	msg, hint := OneLine(e), e.hint
	if _, ok := errors.AsType[*caret.Error](err); ok {
		// The expression and the caret under it are lines of their own.
		first, excerpt, _ := strings.Cut(e.Error(), "\n")
		msg = first
		hint = strings.TrimSuffix(excerpt+"\n"+e.hint, "\n")
	}
	if from := a.foreign(msg); from != "" && e.Code == ExitUsage {
		hint = strings.TrimPrefix(hint+"\n"+from, "\n")
	}
	attrs := []any{slog.Int("exit_code", e.Code)}
	if hint != "" {
		attrs = append(attrs, slog.String(log.Below, hint))
	}
	a.Log.Error(msg, attrs...)
	return e.Code
}

// foreign says of the flags that a message names where those got their values that were
// not typed.
func (a *App) foreign(msg string) string {
	var said []string
	for _, m := range flagName.FindAllStringSubmatch(msg, -1) {
		from := a.origin[m[1]]
		if text := "--" + m[1] + " comes from " + from; from != "" && from != "flag" && !slices.Contains(said, text) {
			said = append(said, text)
		}
	}
	return strings.Join(said, "\n")
}

// flagName finds the flags that a message names.
var flagName = regexp.MustCompile(`--([a-z][a-z-]*)`)

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
					os.Exit(ExitInterrupt)
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
