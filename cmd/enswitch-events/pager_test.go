//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"
)

// onTerminal runs the program with stdout and stderr on a terminal, and returns what that
// is shown, and the exit code.
func onTerminal(t *testing.T, columns uint16, env []string, args ...string) (shown string, code int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, home := shellHome(t)
	cmd := exec.Command(filepath.Join(dir, ".bin", "enswitch-events"), args...)
	if cmd.Path == self {
		t.Fatal("it would be the test again")
	}
	cmd.Env = append(append(home, "XDG_CONFIG_HOME="+t.TempDir(), "TZ=UTC"), env...)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: columns})
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	var out bytes.Buffer
	_, _ = io.Copy(&out, tty) // the error is that nobody has the terminal any more
	_ = cmd.Wait()
	return strings.ReplaceAll(out.String(), "\r\n", "\n"), cmd.ProcessState.ExitCode()
}

func TestPager(t *testing.T) {
	t.Parallel()
	const (
		first = "1790000000.123456 call.start    1\n"
		both  = first + "1790000000.900000 call.route    1\n"
		said  = "enswitch-events: 2 events received: 2 kept\n"
	)
	cat := []string{"cat", filepath.Join("..", "..", "testdata", "events", "calls.ndjson"), "-n", "2", "--color", "never", "-F", "event"}
	line := []string{"-t", "unix"}
	for _, c := range []struct {
		name string
		env  []string
		args []string
		want string
	}{
		{"PAGER", []string{"PAGER=sed s/^/P:/"}, line, "P:" + first + "P:1790000000.900000 call.route    1\n" + said},
		{"before PAGER", []string{"PAGER=false", "ENSWITCH_PAGER=sed 1d"}, line, strings.TrimPrefix(both, first) + said},
		{"a line for a shell", []string{"PAGER=sed 1d | tr c C"}, line, "1790000000.900000 Call.route    1\n" + said},
		{"LESS", []string{`PAGER=cat >/dev/null; echo "$LESS"`}, line, "FRX\n" + said},
		{"LESS of the user", []string{`PAGER=cat >/dev/null; echo "$LESS"`, "LESS=i"}, line, "i\n" + said},
		{"none", []string{"ENSWITCH_PAGER=", "PAGER=sed s/^/P:/"}, line, both + said},
		{"cat", []string{"PAGER=cat"}, line, both + said},
		{"dumb", []string{"PAGER=sed s/^/P:/", "TERM=dumb"}, line, both + said},
		{"another format", []string{"PAGER=sed s/^/P:/"}, []string{"-o", "csv"}, "event\nstart\nroute\n" + said},
		{"quit early", []string{"PAGER=head -n 1"}, line, first + said},
		{
			"fails",
			[]string{"PAGER=false"},
			line,
			"enswitch-events: the pager \"false\" failed: exit status 1\n  ENSWITCH_PAGER names another one, empty none\n", // and both, and said, in any order
		},
		{"is not there", []string{"PAGER=nosuch | nosuch"}, line, "the pager \"nosuch | nosuch\" failed: exit status 127\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			shown, code := onTerminal(t, 80, c.env, append(cat, c.args...)...)
			if code != 0 {
				t.Errorf("exit code %d", code)
			}
			if strings.Contains(c.want, "failed") {
				if !strings.Contains(shown, c.want) || !strings.Contains(shown, both) || !strings.Contains(shown, said) {
					t.Errorf("shown is\n%s", shown)
				}
			} else if shown != c.want {
				t.Errorf("shown is\n%s\nand not\n%s", shown, c.want)
			}
		})
	}
}

// TestHelpOnTerminal: it goes through the pager, and fits the terminal.
func TestHelpOnTerminal(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"help"}, {"tail", "--help"}, {"help", "filters"}, {"completion", "bash", "--help"}} {
		for _, columns := range []uint16{50, 80, 100} {
			shown, code := onTerminal(t, columns, []string{"PAGER=sed s/^/P:/"}, args...)
			if code != 0 || !strings.HasPrefix(shown, "P:") || strings.Contains(shown, "\n\n") {
				t.Errorf("%s: exit code %d, %q", args, code, shown)
			}
			for line := range strings.Lines(shown) {
				line = strings.TrimSuffix(strings.TrimPrefix(line, "P:"), "\n")
				if n := utf8.RuneCountInString(line); n > int(columns) && strings.HasPrefix(line, "P:      ") {
					t.Errorf("%s at %d columns: %q", args, columns, line)
				}
			}
		}
	}
}
