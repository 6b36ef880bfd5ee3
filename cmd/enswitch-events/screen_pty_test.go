//go:build unix

package main

import (
	"bytes"
	"cmp"
	"image/color"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// terminal is the program on a terminal, as a person sees it.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	tty  *os.File
	home string

	mu      sync.Mutex
	vt      *vt.Emulator
	written bytes.Buffer // by the program
	changed chan struct{}
	ended   chan struct{} // closed when the program has
}

// size is the columns and rows of a terminal.
type size struct{ columns, rows int }

var (
	small = size{80, 24}
	large = size{160, 50}
)

// white, in the environment, makes the terminal white, which it answers when it is asked.
const white = "WHITE=1"

// onScreen starts the program with all three streams on a terminal.
func onScreen(t *testing.T, s size, env []string, args ...string) *terminal {
	t.Helper()
	dir, home := shellHome(t)
	cmd := exec.Command(filepath.Join(dir, ".bin", "enswitch-events"), args...)
	cmd.Dir = dir
	cmd.Env = append(append(home, "XDG_CONFIG_HOME="+t.TempDir(), "TZ=UTC", "TERM=xterm-256color", exitAtOnce), env...)
	return startOn(t, s, cmd)
}

func startOn(t *testing.T, s size, cmd *exec.Cmd) *terminal {
	t.Helper()
	attributes := cmd.SysProcAttr
	if attributes == nil {
		attributes = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	}
	tty, err := pty.StartWithAttrs(cmd, &pty.Winsize{Rows: uint16(s.rows), Cols: uint16(s.columns)}, attributes)
	if err != nil {
		t.Fatal(err)
	}
	p := &terminal{t: t, cmd: cmd, tty: tty, home: cmd.Dir, vt: vt.NewEmulator(s.columns, s.rows), changed: make(chan struct{}, 1), ended: make(chan struct{})}
	if slices.Contains(cmd.Env, white) {
		p.vt.SetBackgroundColor(color.White)
	}
	answered := make(chan struct{})
	go func() { // what the terminal answers
		defer close(answered)
		_, _ = io.Copy(tty, p.vt)
	}()
	go func() {
		defer close(p.ended)
		buf := make([]byte, 64<<10)
		for {
			n, err := tty.Read(buf)
			p.mu.Lock()
			_, _ = p.vt.Write(buf[:n])
			p.written.Write(buf[:n])
			p.mu.Unlock()
			select {
			case p.changed <- struct{}{}:
			default:
			}
			if err != nil { // nobody has the terminal any more
				_ = cmd.Wait()
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.ended
		_ = tty.Close()
		_ = p.vt.InputPipe().(io.Closer).Close() // vt.Close would not wait for a Read
		<-answered
		_ = p.vt.Close()
	})
	return p
}

// text is what is on the screen.
func (p *terminal) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := strings.Split(p.vt.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}

// styled is what is on the screen, with the sequences for its styles. A blank has the style of
// what is before it, unless its own shows: which style it has depends on the pictures before.
func (p *terminal) styled() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var lines []string
	for y := range p.vt.Height() {
		var line strings.Builder
		var style uv.Style
		blanks := 0
		for x := range p.vt.Width() {
			c := p.vt.CellAt(x, y)
			switch {
			case c.Width == 0: // behind a wide character
			case strings.TrimSpace(c.Content) == "" && c.Style.Bg == nil && c.Style.Underline == uv.UnderlineNone && c.Style.Attrs&(uv.AttrReverse|uv.AttrStrikethrough) == 0:
				blanks++
			default:
				line.WriteString(strings.Repeat(" ", blanks) + c.Style.Diff(&style) + c.Content)
				style, blanks = c.Style, 0
			}
		}
		line.WriteString((&uv.Style{}).Diff(&style))
		lines = append(lines, line.String())
	}
	return strings.ReplaceAll(strings.TrimRight(strings.Join(lines, "\n"), "\n"), "\x1b", "␛") + "\n"
}

// until waits until ok is true of the text on the screen.
func (p *terminal) until(what string, ok func(text string) bool) {
	p.t.Helper()
	p.untilShown(what, p.text, ok)
}

// untilShown waits until ok is true of what look sees.
func (p *terminal) untilShown(what string, look func() string, ok func(seen string) bool) {
	p.t.Helper()
	late := time.NewTimer(screenPatience)
	defer late.Stop()
	for !ok(look()) {
		select {
		case <-p.changed:
		case <-late.C:
			p.t.Fatalf("%s: on the screen is\n%s", what, look())
		case <-p.ended:
			if ok(look()) {
				return
			}
			p.t.Fatalf("%s: the program has ended with %s, on the screen is\n%s", what, p.cmd.ProcessState, look())
		}
	}
}

// shows waits until all texts are on the screen.
func (p *terminal) shows(texts ...string) {
	p.t.Helper()
	p.until("waiting for "+strings.Join(texts, ", "), func(text string) bool {
		for _, t := range texts {
			if !strings.Contains(text, t) {
				return false
			}
		}
		return true
	})
}

// hides waits until text is not on the screen.
func (p *terminal) hides(text string) {
	p.t.Helper()
	p.until("waiting for the end of "+text, func(shown string) bool { return !strings.Contains(shown, text) })
}

// press presses keys.
func (p *terminal) press(keys ...string) {
	p.t.Helper()
	for _, k := range keys {
		if _, err := p.tty.WriteString(cmp.Or(keySequences[k], k)); err != nil {
			p.t.Fatal(err)
		}
	}
}

// keySequences are what a terminal sends for keys that are no characters.
var keySequences = map[string]string{
	"Enter": "\r", "Esc": "\x1b", "↑": "\x1b[A", "↓": "\x1b[B", "PgUp": "\x1b[5~", "PgDn": "\x1b[6~", "Home": "\x1b[H", "End": "\x1b[F",
	"Space": " ", "Tab": "\t", "^L": "\x0c", "^Z": "\x1a", "^C": "\x03", "Backspace": "\x7f",
}

// exit waits for the end of the program and returns its exit code.
func (p *terminal) exit() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(screenPatience):
		p.t.Fatalf("the program goes on; on the screen is\n%s", p.text())
		return 0
	}
}

// output is all that the program wrote.
func (p *terminal) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.written.String()
}

// resize changes the size of the terminal.
func (p *terminal) resize(s size) {
	p.t.Helper()
	p.mu.Lock()
	p.vt.Resize(s.columns, s.rows)
	p.mu.Unlock()
	if err := pty.Setsize(p.tty, &pty.Winsize{Rows: uint16(s.rows), Cols: uint16(s.columns)}); err != nil {
		p.t.Fatal(err)
	}
}

// golden waits until what is on the screen is what a file in testdata/screens has.
func (p *terminal) golden(name string) {
	p.t.Helper()
	file := filepath.Join("..", "..", "testdata", "screens", name+".txt")
	if *update {
		time.Sleep(time.Second) // the person who updates looks at the result
		if err := os.WriteFile(file, []byte(p.styled()), 0o600); err != nil {
			p.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		p.t.Fatal(err)
	}
	p.untilShown(name+" is not as the file\n"+string(want), p.styled, func(seen string) bool { return seen == string(want) })
}

// madeUpCalls writes a capture of made-up calls, the same each time.
func madeUpCalls(t *testing.T, events int) string {
	t.Helper()
	g := enswitchtest.NewGenerator(&enswitchtest.GeneratorOptions{Seed: 7, Rate: 4, Machines: 3, Start: time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC)})
	var b bytes.Buffer
	for range events {
		b.Write(append(g.Next().Raw, '\n'))
	}
	file := filepath.Join(t.TempDir(), "calls.ndjson")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// screenPatience is how long a test waits for what comes at once on a machine that is idle.
const screenPatience = 30 * time.Second
