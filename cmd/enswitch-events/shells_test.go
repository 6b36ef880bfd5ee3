//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// completed are command lines, and what they are once Tab was pressed at their end. In
// the directory there are a capture.ndjson, an other.toml with a profile, and a
// configuration in which a key is wrong.
var completed = []struct{ typed, want string }{
	{"ta", "tail"},
	{"help exit", "help exit-codes"},
	{"help si", "help simulate"},
	{"config show li", "config show listen"},
	{"completion po", "completion powershell"},

	{"cat --out", "cat --output"},
	{"tail 10.0.0.5:4875 --out", "tail 10.0.0.5:4875 --output"},
	{"tail -w machine=1 --out", "tail -w machine=1 --output"},
	{"cat -o p", "cat -o pretty"},
	{"cat --output=p", "cat --output=pretty"},
	{"listen -t rf", "listen -t rfc3339"},
	{"cat --color al", "cat --color always"},
	{"replay --since yest", "replay --since yesterday"},
	{"--log-format j", "--log-format json"},
	{"tail --profile l", "tail --profile lab"},
	{"--config other.toml tail --profile=", "--config other.toml tail --profile=elsewhere"},

	{"cat cap", "cat capture.ndjson"},
	{"cat -o line cap", "cat -o line capture.ndjson"},
	{"replay cap", "replay capture.ndjson"},
	{"tail --record cap", "tail --record capture.ndjson"},
	{"tail --ca=cap", "tail --ca=capture.ndjson"},

	{"tail cap", "tail cap"},
	{"version cap", "version cap"},
	{"tail --class cap", "tail --class cap"},
	{"help cap", "help cap"},
	{"tail --follo", "tail --follo"}, // hidden
	{"cat --jso", "cat --jso"},
}

// short are the completed that depend on how a shell splits words, and one of each kind of the
// others: for bash without the package bash-completion.
var short = []string{"ta", "help exit", "tail 10.0.0.5:4875 --out", "tail -w machine=1 --out", "cat --output=p", "tail --ca=cap", "cat cap", "tail cap"}

// TestShells presses Tab in bash, zsh and fish. A shell that is not here is left out.
func TestShells(t *testing.T) {
	t.Parallel()
	if raceEnabled {
		t.Skip("a shell asks the program a hundred times, and nothing runs at the same time in it")
	}
	scripts, err := filepath.Abs(filepath.Join("..", "..", "completions"))
	if err != nil {
		t.Fatal(err)
	}
	const bashPackage = "/usr/share/bash-completion/bash_completion"
	for _, s := range []struct {
		name  string
		argv  []string
		setup string
		needs string   // a file
		only  []string // nil for all
	}{
		{"bash", []string{"bash", "--norc", "--noprofile", "-i"}, "bind 'set show-all-if-ambiguous on'; source " + scripts + "/enswitch-events.bash", "", short},
		{
			"bash-completion",
			[]string{"bash", "--norc", "--noprofile", "-i"},
			"bind 'set show-all-if-ambiguous on'; source " + bashPackage + "; source " + scripts + "/enswitch-events.bash", bashPackage, nil,
		},
		{"zsh", []string{"zsh", "-f", "-i"}, "autoload -U compinit; compinit -u -D; source " + scripts + "/_enswitch-events", "", nil},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(s.argv[0]); err != nil {
				t.Skipf("there is no %s here", s.argv[0])
			}
			if _, err := os.Stat(s.needs); s.needs != "" && err != nil {
				t.Skipf("there is no %s here", s.needs)
			}
			p := openShell(t, s.argv, s.setup)
			for _, c := range completed {
				if s.only != nil && !slices.Contains(s.only, c.typed) {
					continue
				}
				if got := p.complete("enswitch-events " + c.typed); got != "enswitch-events "+c.want {
					t.Errorf("%q becomes %q, want %q", c.typed, got, c.want)
				}
			}
			list := p.list("enswitch-events help e", "exit-codes")
			if !strings.Contains(list, "events") || !strings.Contains(list, "What the exit code says") {
				t.Errorf("offered is %q", list)
			}
			if list := p.list("enswitch-events tail --", "--event"); strings.Contains(list, "`") || strings.Contains(list, "--follow") {
				t.Errorf("offered is %q", list)
			}
		})
	}
	t.Run("fish", func(t *testing.T) {
		t.Parallel()
		fish, err := exec.LookPath("fish")
		if err != nil {
			t.Skip("there is no fish here")
		}
		dir, env := shellHome(t)
		const all = "enswitch-events tail --"
		args := []string{"-N", "-c", "source " + scripts + "/enswitch-events.fish; for line in $argv; complete -C $line; echo ---; end"}
		for _, c := range completed {
			args = append(args, "enswitch-events "+c.typed)
		}
		cmd := exec.CommandContext(t.Context(), fish, append(args, all)...)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		offered := strings.Split(string(out), "---\n") // for each line
		if err != nil || len(offered) != len(completed)+2 {
			t.Fatalf("%v: %s", err, out)
		}
		for i, c := range completed {
			line := "enswitch-events " + c.typed
			got := line
			if list := strings.FieldsFunc(offered[i], func(r rune) bool { return r == '\n' }); len(list) == 1 {
				word, _, _ := strings.Cut(list[0], "\t")
				got = line[:strings.LastIndexByte(line, ' ')+1] + word
			} else if len(list) > 1 {
				got = fmt.Sprintf("%q", list)
			}
			if got != "enswitch-events "+c.want {
				t.Errorf("%q becomes %q, want %q", c.typed, got, c.want)
			}
		}
		if list := offered[len(completed)]; strings.Contains(list, "`") || !strings.Contains(list, "--event\tkeep these events") {
			t.Errorf("offered is %q", list)
		}
	})
}

// shellHome returns a directory to be in, and an environment with the program in it.
func shellHome(t *testing.T) (dir string, env []string) {
	t.Helper()
	dir = t.TempDir()
	bin, config := filepath.Join(dir, ".bin"), filepath.Join(dir, ".config", "enswitch-events")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{bin, config} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(self, filepath.Join(bin, "enswitch-events")); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		"capture.ndjson": "", "other.toml": "[elsewhere]\n",
		filepath.Join(".config", "enswitch-events", "config.toml"): "[default]\nnonsense = 1\n[lab]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, []string{
		"PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH"), "HOME=" + dir, "XDG_CONFIG_HOME=" + filepath.Join(dir, ".config"),
		"TERM=xterm", "LC_ALL=C.UTF-8", "PS1=> ", exitAtOnce,
	}
}

// shell is a shell on a terminal of its own.
type shell struct {
	t   *testing.T
	tty *os.File
	got chan []byte  // what it shows
	out bytes.Buffer // of that, what nobody has looked at
}

func openShell(t *testing.T, argv []string, setup string) *shell {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = shellHome(t)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 100, Cols: 200})
	if err != nil {
		t.Fatal(err)
	}
	s := &shell{t: t, tty: tty, got: make(chan []byte)}
	go func() {
		defer close(s.got)
		for buf := make([]byte, 4096); ; {
			n, err := tty.Read(buf)
			if err != nil {
				return
			}
			s.got <- bytes.Clone(buf[:n])
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		for range s.got { // until the terminal has nobody left
		}
		tty.Close()
	})
	s.write(setup + "\n")
	s.write(`printf 'RE%s\n' ADY` + "\n")
	s.await(regexp.MustCompile("READY"))
	return s
}

func (s *shell) write(keys string) {
	s.t.Helper()
	if _, err := s.tty.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// await returns what the shell shows up to a match of want, and its groups.
func (s *shell) await(want *regexp.Regexp) (shown string, groups []string) {
	s.t.Helper()
	patience := time.After(time.Minute)
	for {
		if at := want.FindSubmatchIndex(s.out.Bytes()); at != nil {
			for i := 0; i < len(at); i += 2 {
				groups = append(groups, string(s.out.Bytes()[at[i]:at[i+1]]))
			}
			return string(s.out.Next(at[1])), groups
		}
		select {
		case shown := <-s.got:
			if shown == nil {
				s.t.Fatalf("the shell has ended after %q", s.out.String())
			}
			s.out.Write(shown)
		case <-patience:
			s.t.Fatalf("%q is not in %q", want, s.out.String())
		}
	}
}

const (
	tab, lineBegin, lineEnd, eraseLine = "\t", "\x01", "\x05", "\x05\x15"
)

var resulting = regexp.MustCompile(`RESULT<(.*?) *>`)

// complete returns what a line is once Tab was pressed at its end.
func (s *shell) complete(typed string) string {
	s.t.Helper()
	// The line becomes an argument of printf, whose output has a word that the echo of
	// these keys has not.
	s.write(typed + tab + lineBegin + `printf 'RE%s\n' "SULT<` + lineEnd + `>"` + "\n")
	_, groups := s.await(resulting)
	return groups[1]
}

// list returns what is offered for a line, among it the word wanted.
func (s *shell) list(typed, wanted string) string {
	s.t.Helper()
	s.write(typed + tab)
	shown, _ := s.await(regexp.MustCompile(`(?s)` + regexp.QuoteMeta(wanted) + `.*` + regexp.QuoteMeta(typed)))
	s.write(eraseLine)
	return shown
}
