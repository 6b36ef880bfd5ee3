//go:build !windows

package shell

import (
	"context"
	"os/exec"
)

// Name is the shell of the system.
const Name = "sh"

// Command returns a command that has the shell run the line.
func Command(ctx context.Context, line string) *exec.Cmd {
	return exec.CommandContext(ctx, Name, "-c", line)
}

// Refused returns why the shell must not run the line, or nothing.
func Refused(string) string { return "" }

// Batch reports whether a program is a script of the shell, which would take its arguments and
// variables for commands. This system has no such scripts.
func Batch(string) bool { return false }
