//go:build unix

package tui

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/charmbracelet/colorprofile"
	"github.com/creack/pty"
	"golang.org/x/term"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/calls"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/live"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// panics, in the environment, makes this test the process whose goroutine panics.
const panics = "TEST_GUARD_PANICS"

// TestGuard: a panic in a goroutine that has nothing to do with the screen ends the process as
// any panic does, and the terminal is as it was, with the trace behind the screen.
func TestGuard(t *testing.T) {
	if os.Getenv(panics) != "" {
		panicBeside(t)
		return
	}
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestGuard$")
	cmd.Env = append(os.Environ(), panics+"=1", "TERM=xterm-256color")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	const last = "the last line"
	var out bytes.Buffer
	entered := false
	read := make(chan struct{})
	go func() {
		defer close(read)
		buf := make([]byte, 4096)
		for err := error(nil); err == nil && !bytes.Contains(out.Bytes(), []byte(last)); {
			var n int
			n, err = master.Read(buf)
			out.Write(buf[:n])
			if !entered && bytes.Contains(out.Bytes(), []byte("\x1b[?1049h")) {
				entered = true
				_ = cmd.Process.Signal(syscall.SIGUSR1)
			}
		}
	}()
	if exit, ok := errors.AsType[*exec.ExitError](cmd.Wait()); !ok || exit.ExitCode() != 2 {
		t.Errorf("%v", exit)
	}
	after, err := term.GetState(int(tty.Fd()))
	if err != nil || *after != *before {
		t.Errorf("the terminal was %v and is %v, %v", before, after, err)
	}
	if _, err := io.WriteString(tty, last); err != nil {
		t.Fatal(err)
	}
	<-read
	_ = tty.Close()
	text := out.String()
	on, off, trace := strings.LastIndex(text, "\x1b[?1049h"), strings.LastIndex(text, "\x1b[?1049l"), strings.Index(text, "panic: beside the screen")
	if on < 0 || off < on || trace < off || !strings.Contains(text[max(trace, 0):], "panicBeside") {
		t.Errorf("the screen is entered at %d, left at %d, the trace is at %d: %q", on, off, trace, text)
	}
}

// panicBeside shows a screen, and at SIGUSR1 panics in a goroutine of the run.
func panicBeside(t *testing.T) {
	m, err := call.NewMap()
	if err != nil {
		t.Fatal(err)
	}
	l := log.New(io.Discard, log.Options{})
	defer l.Close()
	entered := make(chan os.Signal, 1)
	signal.Notify(entered, syscall.SIGUSR1)
	a := &cli.App{Streams: cli.Streams{In: os.Stdin, Out: os.Stdout}, Log: l}
	s := Open(&Options{App: a, Map: m, Profile: colorprofile.ANSI256, Live: true})
	if s == nil {
		t.Fatal("no screen")
	}
	s.Watch(func() live.Health { return live.Health{State: "connected to", Connected: true} })
	sink := calls.New(&calls.Options{Map: m, Live: true, Screen: s.Hooks(), Log: l})
	_ = s.Run(t.Context(), sink, func(ctx context.Context) error {
		<-entered
		go a.Guard(func() { panic("beside the screen") })
		<-ctx.Done()
		return nil
	})
}
