package forward

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// ExecOptions are the settings of a command as a target. Zero fields mean the defaults.
type ExecOptions struct {
	// Words are the command and its arguments. There is no shell.
	Words []string
	// Env is the environment of the command; nil is the environment of this process.
	Env []string
	// Timeout bounds the time of a command. The default is 10 s.
	Timeout time.Duration
}

// execTarget runs a command for each batch.
type execTarget struct{ o ExecOptions }

// NewExec returns a target that runs a command for each batch of events, which it gets on
// its standard input, one a line. Its standard output is thrown away.
//
// The exit code 0 means that the events are delivered. After 75, 126 and 127, a signal, and
// when the time is over they are delivered again. Every other code refuses them, and
// the command's standard error says why; a batch is then delivered again one by one, to find
// what is refused. A command whose time is over is killed with the processes that it has
// started.
func NewExec(o *ExecOptions) (Target, error) {
	if o == nil || len(o.Words) == 0 || o.Words[0] == "" {
		return nil, errors.New("forward: the command is empty")
	}
	t := &execTarget{o: *o}
	if t.o.Timeout <= 0 {
		t.o.Timeout = defaultTimeout
	}
	return t, nil
}

// Deliver implements Target.
func (t *execTarget) Deliver(ctx context.Context, items []*Item) []Result {
	r := t.run(ctx, appendLines(nil, items))
	if r.Verdict == Dead && len(items) > 1 {
		r.Verdict = Split
	}
	return forAll(len(items), r)
}

// The exit codes after which events are delivered again: EX_TEMPFAIL, and what a shell
// returns for a command that it cannot run.
const (
	exitAgain     = 75
	exitNoRun     = 126
	exitNoCommand = 127
)

func (t *execTarget) run(ctx context.Context, lines []byte) Result {
	ctx, cancel := context.WithTimeout(ctx, t.o.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.o.Words[0], t.o.Words[1:]...)
	stderr := &excerpt{}
	cmd.Stdin, cmd.Stderr, cmd.Env = bytes.NewReader(lines), stderr, t.o.Env
	ownGroup(cmd)
	kill, killed := cmd.Cancel, false
	cmd.Cancel = func() error {
		killed = true
		return kill()
	}
	// A process that the command has left running may hold stderr open.
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	failed, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return Result{Verdict: Done}
	case killed, cmd.ProcessState == nil && ctx.Err() != nil:
		return Result{Verdict: Again, Reason: fmt.Sprintf("killed after %v", t.o.Timeout)}
	case !exited:
		if cmd.ProcessState != nil && cmd.ProcessState.Success() {
			return Result{Verdict: Done} // it has not read all of its input
		}
		return Result{Verdict: Again, Reason: cut(t.reason(err))}
	}
	r := Result{Verdict: Dead, Status: failed.ExitCode(), Reason: strings.TrimSpace(stderr.String())}
	switch r.Status {
	case -1:
		r.Verdict, r.Status = Again, 0
	case exitAgain, exitNoRun, exitNoCommand:
		r.Verdict = Again
	}
	if r.Reason == "" || r.Verdict == Again {
		r.Reason = cut(strings.TrimSuffix(failed.Error()+": "+r.Reason, ": "))
	}
	return r
}

// excerpt keeps the first MaxReason bytes of what is written to it.
type excerpt struct {
	mu   sync.Mutex
	text []byte
}

func (e *excerpt) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.text = append(e.text, p[:min(len(p), MaxReason-len(e.text))]...)
	return len(p), nil
}

func (e *excerpt) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return string(e.text)
}

// Check implements Target: it looks for the command.
func (t *execTarget) Check(context.Context) error {
	if _, err := exec.LookPath(t.o.Words[0]); err != nil {
		return errors.New(t.reason(err))
	}
	return nil
}

// reason returns why the command could not be run, in plain words.
func (t *execTarget) reason(err error) string {
	why := err
	if e, ok := errors.AsType[*exec.Error](err); ok {
		why = e.Err
	} else if e, ok := errors.AsType[*fs.PathError](err); ok {
		why = e.Err
	}
	if errors.Is(why, exec.ErrNotFound) {
		return fmt.Sprintf("there is no command %q", t.o.Words[0])
	}
	return fmt.Sprintf("cannot run %q: %v", t.o.Words[0], why)
}

// Close implements Target.
func (t *execTarget) Close() error { return nil }
