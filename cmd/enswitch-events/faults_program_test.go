//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// patience is how long a test waits for what must happen. It is long, for a
// machine that does much else; nothing is concluded from how long it took.
const patience = 2 * time.Minute

// setup says how the program is started, where it differs from the usual.
type setup struct {
	// env is added to the environment, which is empty but for what the
	// program needs to find its own directories.
	env []string
	// shell is a script that ends in exec "$@", which is the program.
	shell string
	// stdout and stderr are used instead of being collected.
	stdout, stderr *os.File
	stdin          *os.File // nil: /dev/null
}

// program is the program under test as a process.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	spill string // where it may make files
	out   *text  // nil if setup.stdout was given
	said  *text  // nil if setup.stderr was given
	ended chan struct{}
	err   error
}

// start starts the program with its log as JSON.
func start(t *testing.T, args ...string) *program { return startWith(t, setup{}, args...) }

func startWith(t *testing.T, s setup, args ...string) *program {
	t.Helper()
	args = append([]string{"enswitch-events"}, append(args, "--log-format", "json")...)
	if s.shell != "" {
		args = append([]string{"sh", "-c", s.shell, "sh"}, args...)
	}
	p := &program{t: t, spill: t.TempDir(), ended: make(chan struct{})}
	p.cmd = exec.Command(args[0], args[1:]...)
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + p.spill, "TZ=UTC", exitAtOnce}, s.env...)
	if dir, ok := os.LookupEnv("GOCOVERDIR"); ok {
		p.cmd.Env = append(p.cmd.Env, "GOCOVERDIR="+dir)
	}
	var ours []*os.File // the writing ends, once the process has them
	stream := func(given *os.File) (*os.File, *text) {
		if given != nil {
			return given, nil
		}
		r, w := pipe(t)
		ours = append(ours, w)
		x := newText()
		go x.read(r)
		return w, x
	}
	var stdout, stderr *os.File
	stdout, p.out = stream(s.stdout)
	stderr, p.said = stream(s.stderr)
	p.cmd.Stdout, p.cmd.Stderr = stdout, stderr
	if s.stdin != nil {
		p.cmd.Stdin = s.stdin
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, f := range ours {
		f.Close()
	}
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() && p.said != nil {
			t.Logf("stderr:\n%s", p.said.tail())
		}
	})
	return p
}

// pipe returns both ends of a pipe, closed at the end of the test at the
// latest.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func (p *program) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("%v: %v", s, err)
	}
}

// exit waits for the end and returns the exit code, -1 if a signal killed it.
func (p *program) exit() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("still running after %v", patience)
	}
	for _, x := range []*text{p.out, p.said} {
		if x != nil {
			<-x.over
		}
	}
	if e, ok := errors.AsType[*exec.ExitError](p.err); p.err != nil && !ok {
		p.t.Fatal(p.err)
	} else if ok {
		return e.ExitCode()
	}
	return 0
}

// lines waits until stdout has n lines.
func (p *program) lines(n int) {
	p.t.Helper()
	p.out.await(p.t, fmt.Sprintf("%d lines on stdout", n), func(lines []string) bool { return len(lines) >= n })
}

// says waits until stderr has n messages that match.
func (p *program) says(pattern string, n int) {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	p.said.await(p.t, fmt.Sprintf("%d × %q on stderr", n, pattern), func(lines []string) bool {
		return count(lines, re.MatchString) >= n
	})
}

func count[T any](all []T, is func(T) bool) (n int) {
	for _, v := range all {
		if is(v) {
			n++
		}
	}
	return n
}

// url waits until the program listens and returns where to POST.
func (p *program) url() (url string) {
	p.t.Helper()
	p.said.await(p.t, "the URL to POST to", func(lines []string) bool {
		for _, line := range lines {
			var message struct{ URL string }
			if json.Unmarshal([]byte(line), &message) == nil && message.URL != "" {
				url = message.URL
			}
		}
		return url != ""
	})
	return url
}

// ledger is what the program says of it.
type ledger struct {
	Received, Kept, Filtered, Rejected, Dropped, Waiting, Repaired, Duplicates, Gaps int64
}

// ledgers returns all that were said.
func ledgers(t *testing.T, lines []string) (all []ledger) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(line, `"received":`) {
			continue
		}
		var l ledger
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if l.Received != l.Kept+l.Filtered+l.Rejected+l.Dropped+l.Waiting {
			t.Errorf("the ledger does not add up: %+v", l)
		}
		all = append(all, l)
	}
	return all
}

// ask has the ledger printed.
func (p *program) ask() (l ledger) {
	p.t.Helper()
	before := len(p.said.snapshot())
	p.signal(syscall.SIGUSR1)
	p.said.await(p.t, "the ledger", func(lines []string) bool {
		all := ledgers(p.t, lines[before:])
		if len(all) > 0 {
			l = all[0]
		}
		return len(all) > 0
	})
	return l
}

// received waits until n events have come in, whatever became of them.
func (p *program) received(n int64) (l ledger) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); l.Received < n; {
		if l = p.ask(); time.Now().After(deadline) {
			p.t.Fatalf("%d events received, want %d", l.Received, n)
		}
	}
	return l
}

// settle waits until nothing waits to be written. On a busy machine that may
// take longer than the patience of the program after a signal.
func (p *program) settle() {
	p.t.Helper()
	for deadline := time.Now().Add(patience); p.ask().Waiting > 0; {
		if time.Now().After(deadline) {
			p.t.Fatal("events go on waiting")
		}
	}
}

// final is the ledger that was said last.
func (p *program) final() ledger {
	p.t.Helper()
	all := ledgers(p.t, p.said.snapshot())
	if len(all) == 0 {
		p.t.Fatal("no ledger")
	}
	return all[len(all)-1]
}

// want is what an end must have been like.
type want struct {
	code     int
	events   []int    // their numbers on stdout, in order; gap records are left out
	received int64    // -1 if it cannot be known
	said     []string // patterns that stderr must have
	unsaid   []string // and those it must not have
}

// check waits for the end and compares it.
func (p *program) check(w want) ledger {
	p.t.Helper()
	if code := p.exit(); code != w.code {
		p.t.Errorf("exit code %d, want %d", code, w.code)
	}
	var l ledger
	if w.code != cli.ExitConnect && w.code != cli.ExitKey || w.received != 0 {
		l = p.final() // where nothing was ever connected there is none to say
	}
	if p.out != nil {
		got := events(p.t, p.out.snapshot())
		if !slices.Equal(got, w.events) {
			p.t.Errorf("events on stdout: %s, want %s", brief(got), brief(w.events))
		}
		if l.Kept != int64(len(got)) {
			p.t.Errorf("%d kept, but %d on stdout", l.Kept, len(got))
		}
	}
	if w.received >= 0 && l.Received != w.received {
		p.t.Errorf("%d received, want %d", l.Received, w.received)
	}
	p.matches(w.said, w.unsaid)
	p.clean()
	return l
}

// matches checks what was said.
func (p *program) matches(said, unsaid []string) {
	p.t.Helper()
	all := strings.Join(p.said.snapshot(), "\n")
	for _, pattern := range said {
		if !regexp.MustCompile(pattern).MatchString(all) {
			p.t.Errorf("stderr does not say %q", pattern)
		}
	}
	for _, pattern := range append(unsaid, "panic:", "DATA RACE", "goroutine [0-9]+ \\[") {
		if regexp.MustCompile(pattern).MatchString(all) {
			p.t.Errorf("stderr says %q", pattern)
		}
	}
}

// clean checks that nothing is left on disk.
func (p *program) clean() {
	p.t.Helper()
	left, err := os.ReadDir(p.spill)
	if err != nil || len(left) > 0 {
		p.t.Errorf("left on disk: %v, %v", left, err)
	}
}
