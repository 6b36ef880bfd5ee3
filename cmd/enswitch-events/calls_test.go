//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// TestCallScenarios has the program follow the calls of each capture in testdata/calls:
// the records are those beside it, wherever the events come from.
func TestCallScenarios(t *testing.T) {
	t.Parallel()
	wants, err := filepath.Glob("../../testdata/calls/*.want.ndjson")
	if err != nil || len(wants) == 0 {
		t.Fatal(err)
	}
	for i, path := range wants {
		name := strings.TrimSuffix(path, ".want.ndjson") + ".ndjson"
		t.Run(strings.TrimSuffix(filepath.Base(name), ".ndjson"), func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			// How it is stored is another's test, so of these ways one by turn.
			for j, from := range ways() {
				if stored := from.what != "file" && !from.live; stored && j != 1+i%3 {
					continue
				}
				if got := strings.Join(from.run(t, name, "calls"), "\n"); got != string(bytes.TrimSpace(want)) {
					t.Errorf("from %s:\n%s\nwant\n%s", from.what, got, want)
				}
			}
		})
	}
}

// way is a way for events to get into a command: run returns what the command prints of
// those in the capture with that name.
type way struct {
	what string
	live bool
	run  func(t *testing.T, name string, command ...string) []string
}

func ways() []way {
	return []way{
		{"file", false, ofFile},
		{"stdin", false, ofStdin},
		{"zst", false, ofZst},
		{"halves", false, ofHalves},
		{"websocket", true, ofWebsocket},
		{"POSTs", true, ofPosts},
	}
}

// callLines waits for the end of p, whose exit code is to be code, and returns its output.
func callLines(t *testing.T, p *program, code int) []string {
	t.Helper()
	if got := p.exit(); got != code {
		t.Errorf("exit code %d, want %d", got, code)
	}
	return p.out.snapshot()
}

func ofFile(t *testing.T, name string, command ...string) []string {
	t.Helper()
	return callsOfFiles(t, append(command, "--read", name)...)
}

// callsOfFiles runs the program in a worker.
func callsOfFiles(t *testing.T, args ...string) []string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	r := runProgram(t, dir, nil, args...)
	if r.code != cli.ExitOK {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	return strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n")
}

func ofStdin(t *testing.T, name string, command ...string) []string {
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return callLines(t, startWith(t, setup{stdin: f}, append(command, "--read", "-")...), cli.ExitOK)
}

func ofZst(t *testing.T, name string, command ...string) []string {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	packed := filepath.Join(t.TempDir(), "events.ndjson.zst")
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := os.WriteFile(packed, w.EncodeAll(text, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	return ofFile(t, packed, command...)
}

// ofHalves reads the odd lines and the even ones from two files.
func ofHalves(t *testing.T, name string, command ...string) []string {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var halves [2][]byte
	n := 0
	for line := range bytes.Lines(text) {
		halves[n%2] = append(halves[n%2], line...)
		n++
	}
	args := command
	for i, half := range halves {
		file := filepath.Join(t.TempDir(), string(rune('a'+i)))
		if err := os.WriteFile(file, half, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--read", file)
	}
	return callsOfFiles(t, args...)
}

var feedURL = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+/events/websocket/`)

// ofWebsocket follows the calls live, until the feed is gone.
func ofWebsocket(t *testing.T, name string, command ...string) []string {
	r := start(t, "replay", "--port", "0", "--speed", "max", name)
	r.says(feedURL.String(), 1)
	return callLines(t, start(t, append(command, feedURL.FindString(strings.Join(r.said.snapshot(), "\n")), "--no-reconnect")...), cli.ExitLost)
}

// ofPosts follows the calls live, until a signal.
func ofPosts(t *testing.T, name string, command ...string) []string {
	p := start(t, append(command, "--listen", "0")...)
	if r := start(t, "replay", "--speed", "max", "--post", p.url(), name); r.exit() != cli.ExitOK {
		t.Errorf("replay: %d", r.exit())
	}
	p.signal(syscall.SIGINT)
	return callLines(t, p, cli.ExitOK)
}
