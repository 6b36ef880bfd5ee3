//go:build unix

package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// saidFaults are those of what the program says.
func saidFaults() []fault {
	return []fault{
		{"lost-and-blocked", "the connection is lost, stdout takes nothing, SIGINT ends it", "exit code 7; what happened is one line", lostAndBlocked},
		{"many-messages", "thousands of messages at once, stderr a file", "each of them is in the file", manyMessages},
	}
}

func lostAndBlocked(t *testing.T) {
	w := newWire(t)
	p, stdout := blocked(t, setup{}, "tail", w.addr, "--no-reconnect")
	peer := w.join()
	peer.sendPadded(1, 1000, 1000)
	p.received(1000)
	peer.closeFrame(closeCode(1000))
	p.signal(os.Interrupt)
	p.check(want{code: cli.ExitOutput, received: 1000, said: []string{"stdout was too slow"}, unsaid: []string{`\\nstdout was too slow`}})
	p.unblock(stdout)
}

func manyMessages(t *testing.T) {
	const total = 4000
	var text strings.Builder
	for n := range total {
		fmt.Fprintf(&text, "no event %d %s\n", n, strings.Repeat("x", 300))
	}
	name, said := t.TempDir()+"/bad", t.TempDir()+"/said"
	if err := os.WriteFile(name, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	stderr, err := os.Create(said)
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	p := startWith(t, setup{stderr: stderr}, "cat", "-v", name)
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	got, err := os.ReadFile(said)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(got), "rejected at byte"); n != total || strings.Contains(string(got), "were lost") {
		t.Errorf("%d messages of %d", n, total)
	}
}
