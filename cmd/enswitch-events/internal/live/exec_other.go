//go:build !unix

package live

import "os/exec"

// setProcessGroup does nothing: this system has no process groups, so only cmd itself
// is killed.
func setProcessGroup(*exec.Cmd) {}
