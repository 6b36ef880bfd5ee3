package shell

import (
	"context"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Name is the shell of the system.
const Name = "cmd.exe"

// Command returns a command that has cmd.exe run the line as it is: the quotes that package
// exec would put around arguments are not those of cmd.exe. With /v:on !NAME! is a variable.
func Command(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, Name)
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: Name + ` /d /v:on /s /c "` + line + `"`}
	return cmd
}

// Refused returns why the shell must not run the line, or nothing. cmd.exe puts the values of
// %NAME% into the line before it looks for commands in it, and so would run those of an event.
func Refused(line string) string {
	if strings.Contains(strings.ToUpper(line), "%ENSWITCH_FIELD_") {
		return "cmd.exe would run commands that are in an event: write !ENSWITCH_FIELD_NAME! instead of %ENSWITCH_FIELD_NAME%"
	}
	return ""
}

// Batch reports whether a program is a script of cmd.exe, which takes what is in its arguments
// and variables for commands.
func Batch(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".bat" || ext == ".cmd"
}

// Own makes cmd be killed together with the processes that it has started.
func Own(cmd *exec.Cmd) {
	cmd.Cancel = func() error {
		// Where there is no taskkill, cmd alone is killed.
		_ = exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(cmd.Process.Pid)).Run()
		return cmd.Process.Kill()
	}
}
