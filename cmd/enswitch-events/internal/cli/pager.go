package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
)

// The rules of the pager, which are those of git: it is for what a person reads on a
// terminal, never for a pipe, nor for a feed that goes on. ENSWITCH_PAGER names it, or
// else PAGER; empty or cat means none, and where neither is set it is less, if there is
// one, which leaves a text of one screen on the screen. A pager that is quit ends the
// output as a closed pipe does. Messages wait until it has ended. Ctrl-C ends the
// output and is the pager's for the rest. One that fails is replaced by plain output.

// Pager is stdout on a terminal, shown by a program. It begins with the first Write.
type Pager struct {
	a       *App
	ctx     context.Context
	command string
	env     []string

	mu    sync.Mutex
	plain bool   // it failed: Write goes to stdout
	kept  []byte // what was written so far; nil once it is more than keptMost
	in    io.WriteCloser
	cmd   *exec.Cmd
	ended chan struct{} // closed once cmd has ended
	err   error         // of cmd, once it has ended
	state *term.State   // of the terminal before
}

// keptMost bounds the text that is kept to be written again if the pager fails. It is more than
// fits into a pipe, so a pager that never reads loses nothing.
const keptMost = 256 << 10

// NewPager returns the pager for stdout, nil if there is to be none. The output ends with
// ctx. The caller closes it.
func (a *App) NewPager(ctx context.Context) *Pager {
	if Terminal(a.Out) == nil || os.Getenv("TERM") == "dumb" {
		return nil
	}
	p := &Pager{a: a, ctx: ctx, kept: []byte{}}
	for _, name := range []string{"ENSWITCH_PAGER", "PAGER"} {
		command, ok := os.LookupEnv(name)
		if !ok {
			continue
		}
		if command = strings.TrimSpace(command); command == "" || command == "cat" {
			return nil
		}
		p.command = command
		if os.Getenv("LESS") == "" {
			p.env = []string{"LESS=FRX"}
		}
		return p
	}
	if _, err := exec.LookPath("less"); err != nil {
		return nil
	}
	p.command = "less -FRX"
	return p
}

// pagerCommand returns the command for a line, which goes through a shell if it has
// something for one.
func pagerCommand(ctx context.Context, line string) *exec.Cmd {
	if strings.ContainsAny(line, "|&;<>()$`\\\"'*?[#~={}\n") && runtime.GOOS != "windows" {
		return exec.CommandContext(ctx, "sh", "-c", line)
	}
	words := strings.Fields(line)
	return exec.CommandContext(ctx, words[0], words[1:]...)
}

func (p *Pager) start() (err error) {
	// It ends when its reader is done: a signal does not take the page away.
	cmd := pagerCommand(context.WithoutCancel(p.ctx), p.command)
	cmd.Env = append(os.Environ(), p.env...)
	tty := Terminal(p.a.Out)
	cmd.Stdout, cmd.Stderr = tty, File(p.a.Err)
	if p.in, err = cmd.StdinPipe(); err != nil {
		return err
	}
	p.state, _ = term.GetState(int(tty.Fd()))
	p.a.talk.hold(nil)
	if err := cmd.Start(); err != nil {
		p.a.talk.release()
		return err
	}
	p.cmd, p.ended = cmd, make(chan struct{})
	p.a.pager.Store(p)
	go func() {
		defer close(p.ended)
		p.err = cmd.Wait()
	}()
	context.AfterFunc(p.ctx, func() { p.in.Close() })
	return nil
}

// Write has the pager show text. Once it was quit, or the context has ended, the error is
// that of a closed pipe.
func (p *Pager) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil && !p.plain {
		if err := p.start(); err != nil {
			p.plain = true
			p.fault(err)
		}
	}
	if p.plain {
		return p.a.Out.Write(text)
	}
	if p.kept != nil {
		p.kept = append(p.kept, text...)
		if len(p.kept) > keptMost {
			p.kept = nil
		}
	}
	if _, err := p.in.Write(text); err == nil {
		return len(text), nil
	}
	if p.ctx.Err() != nil { // Close waits for it
		return 0, syscall.EPIPE
	}
	if err := p.end(); err != nil || p.plain {
		return len(text), err
	}
	return 0, syscall.EPIPE
}

// Close waits until the pager has ended, and leaves the terminal as it was. It returns
// the error of writing plainly what a pager that failed did not show.
func (p *Pager) Close() error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return nil
	}
	return p.end()
}

// end waits for the end of the pager. If it has failed, what was written goes to stdout,
// and so does what follows.
func (p *Pager) end() error {
	p.in.Close()
	<-p.ended
	if p.a.pager.Swap(nil) == nil {
		return nil // that was done
	}
	p.restore()
	p.a.talk.release()
	failed, ok := errors.AsType[*exec.ExitError](p.err)
	if !ok || !failed.Exited() || p.kept == nil || p.ctx.Err() != nil {
		return nil //nolint:nilerr // a pager that was left is no fault
	}
	p.plain = true
	p.fault(p.err)
	_, err := p.a.Out.Write(p.kept)
	return err
}

func (p *Pager) fault(err error) {
	if errors.Is(err, exec.ErrNotFound) {
		err = errors.New("there is no such command in PATH")
	}
	p.a.Log.Warn(fmt.Sprintf("the pager %q failed: %v", p.command, err), slog.String(log.HintKey, "ENSWITCH_PAGER names another one, empty none"))
}

// restore puts the terminal back into its former mode. It does nothing if the mode has not
// changed: a program in the background would be stopped.
func (p *Pager) restore() {
	tty := int(Terminal(p.a.Out).Fd())
	if now, err := term.GetState(tty); err == nil && p.state != nil && *now != *p.state {
		_ = term.Restore(tty, p.state)
	}
}

// kill ends the pager for a program that has to end now.
func (p *Pager) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(time.Second):
		_ = p.cmd.Process.Kill()
	}
	p.restore()
}
