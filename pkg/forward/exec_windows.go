package forward

import (
	"os/exec"
	"strconv"
)

// ownGroup makes cmd be killed together with the processes that it has started. Where there is
// no taskkill, cmd alone is killed.
func ownGroup(cmd *exec.Cmd) {
	cmd.Cancel = func() error {
		_ = exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(cmd.Process.Pid)).Run()
		return cmd.Process.Kill()
	}
}
