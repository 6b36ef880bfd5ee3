package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// The exit codes, as the contract of the command line has them.
const (
	exitOK        = 0
	exitFailure   = 1
	exitUsage     = 2
	exitConnect   = 3
	exitKey       = 4
	exitLost      = 5
	exitTime      = 6
	exitOutput    = 7
	exitLoss      = 8
	exitInterrupt = 130
)

// exitError is an error that knows the program's exit code. Where there is
// something to try, hint says it.
type exitError struct {
	code int
	err  error // nil: the code says it all
	hint string
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usage is an error in what was typed.
func usage(hint, format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...), hint}
}

// written is what became of writing to stdout. That its reader has gone is no
// failure.
func written(err error) error {
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
	return &exitError{exitOutput, fmt.Errorf("could not write to stdout: %w", err), hint}
}

// line is the text of an error on one line: some hold several errors, a line each.
func line(err error) string {
	var parts []string
	for part := range strings.Lines(err.Error()) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "; ")
}

// failure wraps an error that no rule gives another code.
func failure(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*exitError](err); ok {
		return err
	}
	return &exitError{code: exitFailure, err: err}
}
