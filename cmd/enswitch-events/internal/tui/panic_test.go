//go:build unix

package tui

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
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

// TestPanic: after a panic in the screen the terminal is as it was, the run has ended, and the
// error says what happened and has exit code 1.
func TestPanic(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	const last = "the last line"
	var screen bytes.Buffer
	var entered atomic.Bool
	var s *Screen
	read := make(chan struct{})
	go func() {
		defer close(read)
		buf := make([]byte, 4096)
		for err := error(nil); err == nil && !bytes.Contains(screen.Bytes(), []byte(last)); {
			var n int
			n, err = master.Read(buf)
			screen.Write(buf[:n])
			if bytes.Contains(screen.Bytes(), []byte("\x1b[?1049h")) && !entered.Swap(true) {
				s.changed()
			}
		}
	}()
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	m, err := call.NewMap()
	if err != nil {
		t.Fatal(err)
	}
	l := log.New(io.Discard, log.Options{})
	defer l.Close()
	s = Open(&Options{App: &cli.App{Streams: cli.Streams{In: tty, Out: tty}, Log: l}, Map: m, Profile: colorprofile.ANSI256, Live: true})
	if s == nil {
		t.Fatal("no screen")
	}
	s.Watch(func() live.Health {
		if entered.Load() {
			panic("no health")
		}
		return live.Health{State: "connected to", Connected: true}
	})
	sink := calls.New(&calls.Options{Map: m, Live: true, Screen: s.Hooks(), Log: l})
	ended := false
	err = s.Run(t.Context(), sink, func(ctx context.Context) error {
		<-ctx.Done()
		ended = true
		return nil
	})
	failure, ok := errors.AsType[*cli.Error](err)
	if !ok || failure.Code != cli.ExitFailure || !strings.Contains(err.Error(), "no health") || !ended {
		t.Errorf("%v, the run has ended: %v", err, ended)
	}
	after, err := term.GetState(int(tty.Fd()))
	if err != nil || *after != *before {
		t.Errorf("the terminal was %v and is %v, %v", before, after, err)
	}
	if _, err := io.WriteString(tty, last); err != nil {
		t.Fatal(err)
	}
	<-read
	_ = master.Close()
	text := screen.String()
	if on, off := strings.LastIndex(text, "\x1b[?1049h"), strings.LastIndex(text, "\x1b[?1049l"); on < 0 || off < on {
		t.Errorf("the screen is left at %d, entered at %d: %q", off, on, text)
	}
}
