//go:build unix

package live

import (
	"os/exec"
	"syscall"
)

// inGroup gives cmd a process group of its own, so that it can be killed with
// all that it has started, and so that Ctrl-C is for this program alone.
func inGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
