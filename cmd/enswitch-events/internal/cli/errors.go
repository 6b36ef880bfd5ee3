package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// The exit codes. The topic exit-codes documents them.
const (
	ExitOK        = 0   // ExitOK: done
	ExitFailure   = 1   // ExitFailure: any other failure, or a condition that was not met
	ExitUsage     = 2   // ExitUsage: a wrong flag, argument, address or expression
	ExitConnect   = 3   // ExitConnect: no connection, or the port could not be opened
	ExitKey       = 4   // ExitKey: the key was rejected
	ExitLost      = 5   // ExitLost: the connection was lost for good
	ExitTime      = 6   // ExitTime: time ran out before what was asked for came
	ExitOutput    = 7   // ExitOutput: stdout or the recording could not be written
	ExitLoss      = 8   // ExitLoss: events were lost, and --fail-on-loss was given
	ExitInterrupt = 130 // ExitInterrupt: a second Ctrl-C
)

// ExitCodes says in a few words with which codes cmd can end: it has the flags that they
// belong to.
func ExitCodes(cmd *cobra.Command) string {
	has := func(flag string) bool { return cmd.Flags().Lookup(flag) != nil }
	events, connects := has("fail-if"), has("no-reconnect")
	timed := (events || has("having") || has("fail-on-drift")) && (has("for") || has("timeout"))
	serves := has("port")
	var said []string
	for _, c := range []struct {
		code  int
		means string
		can   bool
	}{
		{ExitOK, "done", true},
		{ExitFailure, "failed", !events},
		{ExitFailure, "failed or --fail-if", events},
		{ExitUsage, "usage", true},
		{ExitConnect, "never connected", connects},
		{ExitConnect, "could not open the port", serves && !connects},
		{ExitKey, "key rejected", connects},
		{ExitLost, "connection lost", connects},
		{ExitTime, "time ran out", timed},
		{ExitTime, "no event within --wait", has("wait")},
		{ExitOutput, "output not written", true},
		{ExitLoss, "events lost", has("fail-on-loss")},
		{ExitInterrupt, "second Ctrl-C", events || timed || serves},
	} {
		if c.can {
			said = append(said, fmt.Sprintf("%d %s", c.code, c.means))
		}
	}
	return strings.Join(said, ", ")
}

// Error is an error with the exit code of the program. Its hint says what to try.
type Error struct {
	Code int
	Err  error // nil if there is nothing to say but the code
	hint string
}

// Error returns the message, without the hint.
func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// Hint returns what to try, a line for each thing, or "".
func (e *Error) Hint() string { return e.hint }

// NewError returns an error that ends the program with code. The hint is printed
// below the message; it may have several lines, or be empty.
func NewError(code int, err error, hint string) *Error { return &Error{code, err, hint} }

// Usage returns an error with ExitUsage: a wrong flag, argument or setting.
func Usage(hint, format string, args ...any) error {
	return NewError(ExitUsage, fmt.Errorf(format, args...), hint)
}

// WriteError returns the error for a write to stdout that failed with err, or nil if
// the reader has closed the pipe: that is no failure.
func WriteError(err error) error {
	if err == nil || oserr.IsClosedPipe(err) {
		return nil
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err // without the path: /dev/stdout says nothing
	}
	hint := ""
	switch {
	case errors.Is(err, syscall.EFBIG):
		hint = "the size of a file is limited: see ulimit -f"
	case oserr.IsDiskFull(err):
		hint = "make room on the disk that stdout is written to"
	}
	return NewError(ExitOutput, fmt.Errorf("could not write to stdout: %w", err), hint)
}

// OneLine returns the text of err on one line. Joined errors are separated by "; ".
func OneLine(err error) string {
	var parts []string
	for part := range strings.Lines(err.Error()) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "; ")
}

// Failure returns err with ExitFailure, or err itself if it has an exit code already.
func Failure(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return NewError(ExitFailure, err, "")
}
