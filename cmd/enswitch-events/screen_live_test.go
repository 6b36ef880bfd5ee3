//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// TestScreenLive follows calls on a live feed that goes away, on a terminal that is resized;
// then a signal ends it.
func TestScreenLive(t *testing.T) {
	t.Parallel()
	s := serverAt(t, "")
	p := onScreen(t, small, nil, "calls", s.Addr(), "--linger", "10ms", "--connect-timeout", "1m")
	waitClients(t, s, 1)
	p.shows("● connected to "+s.Addr(), "no event yet", "no call yet")
	s.Send(callEvent(0, "start", "a"), callEvent(1, "start", "b"))
	p.shows("last event", "calls 2 now, 2 at most", "start ")
	s.Send(callEvent(2, "end", "a"))
	p.shows("calls 1 now, 2 at most", "unanswered* ")
	s.Drop()
	p.shows("● connected to", "1 gap")
	waitClients(t, s, 1)
	p.shows("start? ") // it is doubtful
	s.Send(callEvent(3, "ring", "b"), callEvent(4, "answer", "b"))
	p.shows("up*? ", "2 at most")
	p.press("p")
	p.shows("PAUSED")
	s.Send(callEvent(5, "start", "c"))
	p.shows("calls 2 now", "1–2 of 2") // counting goes on
	p.press("p")
	p.hides("PAUSED")
	p.shows("1–3 of 3")
	s.Send(callEvent(6, "end", "c"), callEvent(7, "hold", "b"))
	p.shows("calls 1 now")
	p.press("[")
	p.shows("a live feed has no past")
	p.press("^L")
	p.shows("1–1 of 1")
	p.resize(size{130, 30})
	p.shows("CALLID", "LAST EVENT")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
	p.leftAsItWas()
	for _, want := range []string{"connected again to", "3 calls: 2 ended, 1 open"} {
		if !strings.Contains(p.output(), want) {
			t.Errorf("the messages come after the screen: no %q in\n%q", want, p.output())
		}
	}
}

// TestScreenLost: the screen ends with the run, and the error is one line.
func TestScreenLost(t *testing.T) {
	t.Parallel()
	s := serverAt(t, "")
	p := onScreen(t, small, nil, "calls", s.Addr(), "--no-reconnect", "--connect-timeout", "1m")
	waitClients(t, s, 1)
	p.shows("no call yet")
	s.Close()
	if code := p.exit(); code != cli.ExitLost {
		t.Errorf("exit code %d", code)
	}
	p.leftAsItWas()
	if text := p.text(); !strings.Contains(text, "the connection") {
		t.Errorf("on the screen is\n%s", text)
	}
}

// TestScreenLines: without a terminal that can show a screen there are lines, and nothing asks
// the terminal.
func TestScreenLines(t *testing.T) {
	t.Parallel()
	file, err := filepath.Abs("../../testdata/calls/busy.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ env, args []string }{
		{[]string{"TERM=dumb"}, nil},
		{nil, []string{"-o", "line"}},
		{nil, []string{"-F", "callid"}},
		{nil, []string{"--template", "{{.callid}}"}},
		{[]string{"ENSWITCH_OUTPUT=ndjson"}, nil},
	} {
		p := onScreen(t, small, append([]string{"PAGER=cat"}, c.env...), append([]string{"calls", "--read", file, "--color", "never"}, c.args...)...)
		if code := p.exit(); code != cli.ExitOK {
			t.Errorf("%v %v: exit code %d", c.env, c.args, code)
		}
		if out := p.output(); strings.Contains(out, "\x1b") || !strings.Contains(out, "100000") {
			t.Errorf("%v %v: %q", c.env, c.args, out)
		}
	}
}

// TestScreenNoKeyboard: without a keyboard there are lines.
func TestScreenNoKeyboard(t *testing.T) {
	t.Parallel()
	file, err := filepath.Abs("../../testdata/calls/busy.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	dir, home := shellHome(t)
	cmd := exec.Command(filepath.Join(dir, ".bin", "enswitch-events"), "calls", "--read", file, "--color", "never")
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	cmd.Stdin, cmd.SysProcAttr = null, &syscall.SysProcAttr{Setsid: true} // so it has no /dev/tty
	cmd.Env = append(home, "XDG_CONFIG_HOME="+dir, "TERM=xterm", "PAGER=cat", exitAtOnce)
	p := startOn(t, small, cmd)
	p.exit()
	if out := p.output(); strings.Contains(out, "\x1b") || !strings.Contains(out, "unanswered") {
		t.Errorf("%q", out)
	}
}

// TestScreenHostile: whatever the names of a call are, they stay in their cells, and nothing
// of them is a sequence for the terminal.
func TestScreenHostile(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	for i, name := range []string{
		`\u001b[2J\u001b[H`, `\u009b31m`, `\u001b]0;title\u0007`, `\r\n\n\n`, `\u202eabc`, `a\u0300\u0301\u0302\u0303\u0304`,
		`\ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d\udc67 x`, "\x1b[31m", "\xff\xfe", strings.Repeat("日é", 16<<10), `日本語日本語日本語日本語`, `\u200b\u200d\ufeff`, "\t\t",
	} {
		fmt.Fprintf(&lines, `{"class":"call","event":"start","machine":"%s","timestamp":"%d.000000","callid":"%[1]s","uniqueid":"%d","from":"%[1]s","to":"%[1]s","customer":"%[1]s"}`+"\n", name, 1_000_000_000+i, i)
	}
	file := filepath.Join(t.TempDir(), "hostile.ndjson")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range []size{small, large} {
		p := onScreen(t, s, nil, "calls", "--read", file)
		p.atEnd()
		p.shows("1–13 of 13 ↥", "LEGS   EV")
		text := p.text()
		rows := strings.Split(text, "\n")
		if n := len(rows); n != s.rows+1 || !strings.HasPrefix(rows[0], "capture read") || !strings.Contains(rows[s.rows-1], "? help") {
			t.Errorf("%d rows:\n%s", n, text)
		}
		for _, row := range rows[3:16] {
			if len(row) < 9 || row[3:9] != "start " {
				t.Errorf("row %q", row)
			}
		}
		p.press("G", "Enter")
		p.shows("event 1 of 1")
		p.press("q", "q")
		p.exit()
		for _, bad := range []string{"\x1b[2J\x1b[H\x1b", "\x1b]0;title", "\u009b", "\u202e"} {
			if strings.Contains(p.output(), bad) {
				t.Errorf("%q was written", bad)
			}
		}
	}
}
