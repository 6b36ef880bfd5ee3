//go:build !unix && !windows

package shell

import "os/exec"

// Own does nothing: this system has no process groups, so only cmd itself is killed.
func Own(*exec.Cmd) {}
