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

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// manyEvents are of seven machines, and of 30 kinds if kinds is set.
func manyEvents(kinds bool) (lines [][]byte) {
	for i := range 30 {
		name := "start"
		if kinds {
			name = fmt.Sprintf("kind%02d", i)
		}
		lines = append(lines, fmt.Appendf(nil, `{"class":"call","event":%q,"callid":"%d","uniqueid":"%[2]d","machine":%d,"timestamp":"1700000003.000000"}`, name, i, i%7+1))
	}
	return lines
}

// TestStatsOnALowTerminal: the figures of the calls are on the screen, whatever else there is,
// and at the end the whole table is printed, and no picture after it.
func TestStatsOnALowTerminal(t *testing.T) {
	t.Parallel()
	for _, kinds := range []bool{false, true} {
		for _, s := range []size{small, {80, 17}} {
			t.Run(fmt.Sprint(kinds, s.rows), func(t *testing.T) {
				t.Parallel()
				server := enswitchtest.NewServer(nil)
				defer server.Close()
				p := onScreen(t, s, nil, "stats", server.Addr())
				waitClients(t, server, 1)
				server.Send(manyEvents(kinds)...)
				p.shows(": 30 events", "attempts ", "PDD", "Erlang", "connected")
				p.press("^C")
				if code := p.exit(); code != 0 && code != 130 {
					t.Fatalf("exit code %d", code)
				}
				_, end, _ := strings.Cut(p.output(), "^C")
				_, end, ok := strings.Cut(end, "machine ")
				if !ok || strings.Count(end, "Erlang") != 1 || strings.Contains(end, "A\r") {
					t.Errorf("a picture after the table:\n%q", end)
				}
				for machine := range 7 {
					if !strings.Contains(end, fmt.Sprintf("\n%d ", machine+1)) {
						t.Errorf("the table has no machine %d:\n%q", machine+1, end)
					}
				}
				text := p.text()
				if at := strings.Index(text, "Erlang"); at < 0 || !strings.Contains(text[at:], "enswitch-events: 30 events received") {
					t.Errorf("the table does not stand above the messages:\n%s", text)
				}
			})
		}
	}
}

// TestStatsWithoutStderr: the picture is drawn in place, and never by erasing the whole screen,
// which some terminals keep in their history.
func TestStatsWithoutStderr(t *testing.T) {
	t.Parallel()
	server := enswitchtest.NewServer(nil)
	defer server.Close()
	dir, home := shellHome(t)
	cmd := exec.Command(filepath.Join(dir, ".bin", "enswitch-events"), "stats", server.Addr())
	cmd.Env = append(home, "XDG_CONFIG_HOME="+t.TempDir(), "TZ=UTC", "TERM=xterm-256color", exitAtOnce)
	cmd.Dir = dir
	messages, err := os.Create(filepath.Join(t.TempDir(), "messages"))
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Close()
	cmd.Stderr = messages
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	p := startOn(t, large, cmd)
	waitClients(t, server, 1)
	server.Send(manyEvents(false)...)
	p.shows(": 30 events", "Erlang")
	server.Send(manyEvents(false)...)
	p.shows(": 60 events", "Erlang")
	if n := strings.Count(p.text(), "Erlang"); n != 1 {
		t.Errorf("%d pictures on the screen:\n%s", n, p.text())
	}
	if err := syscall.Kill(cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	p.exit()
	if strings.Contains(p.output(), "\r\x1b[J") {
		t.Errorf("the whole screen is erased: %q", p.output())
	}
	if n := strings.Count(p.text(), "Erlang"); n != 1 || !strings.HasPrefix(p.text(), "2") {
		t.Errorf("not the table alone:\n%s", p.text())
	}
}

// TestStatsOfLongGroups: a terminal cuts the name of a group, and no figure.
func TestStatsOfLongGroups(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "events.ndjson")
	line := `{"class":"call","event":"start","to":"a name of more than 18 letters","callid":"a","machine":1,"timestamp":"1700000003.000000"}` + "\n"
	if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	p := onScreen(t, small, nil, "stats", "--read", file, "--by", "to", "-Q")
	p.exit()
	if text := p.text(); !strings.Contains(text, " up\n") || !strings.Contains(text, "a name of more t") {
		t.Errorf("a figure is cut:\n%s", text)
	}
}
