//go:build unix

package live

import (
	"os/exec"
	"syscall"
)

// setProcessGroup gives cmd a process group of its own, so that it is killed together
// with the processes that it has started, and so that Ctrl-C does not reach it.
func setProcessGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
