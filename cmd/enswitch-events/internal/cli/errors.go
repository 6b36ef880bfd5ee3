package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// The exit codes, as the contract of the command line has them.
const (
	ExitOK        = 0
	ExitFailure   = 1
	ExitUsage     = 2
	ExitConnect   = 3
	ExitKey       = 4
	ExitLost      = 5
	ExitTime      = 6
	ExitOutput    = 7
	ExitLoss      = 8
	ExitInterrupt = 130
)

// Error is an error that knows the program's exit code. Where there is
// something to try, hint says it.
type Error struct {
	Code int
	Err  error // nil: the code says it all
	hint string
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// NewError returns an error that ends the program with code, and hint to try.
func NewError(code int, err error, hint string) *Error { return &Error{code, err, hint} }

// Usage is an error in what was typed.
func Usage(hint, format string, args ...any) error {
	return NewError(ExitUsage, fmt.Errorf(format, args...), hint)
}

// WriteError is what became of writing to stdout. That its reader has gone is no
// failure.
func WriteError(err error) error {
	if err == nil || oserr.IsClosedPipe(err) {
		return nil
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err // stdout has no name that anybody gave it
	}
	hint := ""
	if oserr.IsDiskFull(err) {
		hint = "make room on the disk that stdout is written to"
	}
	return NewError(ExitOutput, fmt.Errorf("could not write to stdout: %w", err), hint)
}

// OneLine is the text of an error on one line: some hold several errors, a line each.
func OneLine(err error) string {
	var parts []string
	for part := range strings.Lines(err.Error()) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "; ")
}

// Wrap wraps an error that no rule gives another code.
func Wrap(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return NewError(ExitFailure, err, "")
}
