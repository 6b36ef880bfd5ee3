//go:build unix

package shell

import (
	"os/exec"
	"syscall"
)

// Own gives cmd a process group of its own, so that it is killed together with the processes
// that it has started, and so that Ctrl-C does not reach it.
func Own(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
