package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// The size of the pictures of the screen.
const (
	screenColumns = 124
	screenRows    = 22
)

// screens draws the screen of calls: the list, and an open call. Its events are the same each
// time.
func screens(ctx context.Context, p *program, dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	if err := write(filepath.Join(p.dir, "events.ndjson"), capture(700)); err != nil {
		return err
	}
	const shown = "enswitch-events calls --read events.ndjson"
	for _, s := range []struct{ file, keys string }{
		{"calls.svg", "jjj"},
		{"call.svg", "jjjjjjjjjjj\r"},
	} {
		lines, err := p.screen(ctx, shown, s.keys)
		if err != nil {
			return err
		}
		if err := write(filepath.Join(dir, s.file), render.SVG(shown, lines, screenColumns)); err != nil {
			return err
		}
	}
	return nil
}

// capture returns n events of a made-up cluster, one a line.
func capture(n int) []byte {
	g := enswitchtest.NewGenerator(&enswitchtest.GeneratorOptions{
		Seed: 13819, Rate: 4, Machines: 4, Start: time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC),
	})
	var events bytes.Buffer
	for range n {
		events.Write(append(g.Next().Raw, '\n'))
	}
	return events.Bytes()
}

// screen runs a command line on a terminal, presses keys once it has begun, and returns what
// is on the screen when that no longer changes.
func (p *program) screen(ctx context.Context, line, keys string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir, cmd.Env = p.dir, p.env
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: screenRows, Cols: screenColumns})
	if err != nil {
		return nil, err
	}
	defer tty.Close()
	var mu sync.Mutex
	terminal := vt.NewEmulator(screenColumns, screenRows)
	defer terminal.Close()
	go func() { _, _ = io.Copy(tty, terminal) }()
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := tty.Read(buf)
			mu.Lock()
			_, _ = terminal.Write(buf[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	look := func() string {
		mu.Lock()
		defer mu.Unlock()
		return terminal.Render()
	}
	settled, err := settle(look, "to its end")
	if err == nil {
		_, err = tty.WriteString(keys)
	}
	if err == nil {
		settled, err = settle(look, "")
	}
	_, _ = tty.WriteString("qq")
	return []byte(settled), errors.Join(err, cmd.Wait())
}

// settle waits until text is on the screen, and nothing has changed for a second.
func settle(look func() string, text string) (string, error) {
	last, since := look(), time.Now()
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(20 * time.Millisecond) {
		now := look()
		if now != last {
			last, since = now, time.Now()
		}
		if strings.Contains(now, text) && time.Since(since) > time.Second {
			return now, nil
		}
	}
	return "", fmt.Errorf("on the screen is\n%s", last)
}
