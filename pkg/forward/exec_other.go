//go:build !unix && !windows

package forward

import "os/exec"

// ownGroup does nothing: the command is killed alone.
func ownGroup(*exec.Cmd) {}
