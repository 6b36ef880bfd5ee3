//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// followFaults are those of the file that cat --follow reads.
func followFaults() []fault {
	const all = "every event once, in order; exit code 0"
	return []fault{
		{"follow-renamed", "the followed file is renamed, still written to, and made again", all, followRenamed},
		{"follow-removed", "the followed file is removed, and made again later", "said; " + all, followRemoved},
		{"follow-cut", "the followed file is copied and cut (copytruncate)", "said; read from its beginning", followCut},
		{"follow-rewritten", "the followed file gets other text of the same size", "said; read from its beginning", followRewritten},
		{"follow-late", "the followed file is not there yet", "said once; " + all, followLate},
		{"follow-symlink", "the followed symbolic link is moved to another file", all, followSymlink},
		{"follow-half", "the last line of the followed file has no end yet", "it is an event once it has; at a signal it is left out, which is no error", followHalf},
		{"follow-torn", "the followed file is replaced in the midst of a line", "the line is rejected; exit code 1", followTorn},
		{"follow-directory", "a directory takes the place of the followed file", "said once; a file that comes later is read; exit code 1", followPlace(func(name string) error { return os.Mkdir(name, 0o700) })},
		{"follow-fifo", "a FIFO takes the place of the followed file", "said once; a file that comes later is read; exit code 1", followPlace(func(name string) error { return syscall.Mkfifo(name, 0o600) })},
		{"follow-permission", "the new file cannot be read", "said once; read once it can be; exit code 1", followPermission},
		{"follow-several", "two followed files grow in turns", "the events in the order in which they are written", followSeveral},
		{"follow-writer-killed", "what records the followed file is killed in the midst of a line, and goes on", "the half line is rejected; every other event", followKilled},
		{"follow-recording", "the followed recording is rotated again and again", all + ", those of --record", followRecording("r.ndjson")},
		{"follow-recording-zstd", "the same, compressed with zstd", all + ", those of --record", followRecording("r.ndjson.zst")},
		{"follow-recording-gzip", "the same, compressed with gzip", all + ", those of --record", followRecording("r.gz")},
	}
}

// appendEvents appends the events from first to last to a file, which it makes.
func appendEvents(t *testing.T, name string, first, last int) {
	t.Helper()
	appendText(t, name, string(eventLines(first, last)))
}

func appendText(t *testing.T, name, text string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// following starts cat on a file of three events and waits for them.
func following(t *testing.T, args ...string) (p *program, name string) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "f.ndjson")
	appendEvents(t, name, 1, 3)
	p = start(t, append([]string{"cat", "-v", "-f", name}, args...)...)
	p.lines(3)
	return p, name
}

// written ends p when the events up to last are on stdout.
func (p *program) written(last int, w want) {
	p.t.Helper()
	p.lines(last)
	p.signal(syscall.SIGINT)
	w.events = seq(1, last)
	if w.received == 0 {
		w.received = int64(last)
	}
	p.check(w)
}

func followRenamed(t *testing.T) {
	p, name := following(t)
	n := 4
	for i := range 5 {
		old := fmt.Sprint(name, ".", i)
		rename(t, name, old)
		appendEvents(t, old, n, n+9) // by the program that has it open
		appendEvents(t, name, n+10, n+10)
		p.lines(n + 10)
		n += 11
	}
	p.written(n-1, want{unsaid: []string{"error"}})
}

func followRemoved(t *testing.T) {
	p, name := following(t)
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	p.says("no such file", 1)
	appendEvents(t, name, 4, 6)
	p.written(6, want{})
}

func followCut(t *testing.T) {
	p, name := following(t)
	if err := os.Truncate(name, 0); err != nil {
		t.Fatal(err)
	}
	p.says("read(ing)? it from its beginning", 1)
	appendEvents(t, name, 4, 9)
	p.written(9, want{})
}

func followRewritten(t *testing.T) {
	p, name := following(t)
	if err := os.WriteFile(name, eventLines(4, 6), 0o600); err != nil { // as long as before
		t.Fatal(err)
	}
	p.written(6, want{said: []string{"cut or rewritten"}})
}

func followLate(t *testing.T) {
	name := filepath.Join(t.TempDir(), "dir", "f")
	p := start(t, "cat", "--follow", name)
	p.says("no such file", 1)
	p.ask()
	if err := os.Mkdir(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	appendEvents(t, name, 1, 1)
	p.lines(1)
	p.signal(syscall.SIGINT)
	saidOnce(t, p, "no such file")
}

func followSymlink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "now")
	for i := range 3 {
		appendEvents(t, filepath.Join(dir, fmt.Sprint(i)), 2*i+1, 2*i+1)
	}
	to := func(i int) {
		if err := os.Symlink(fmt.Sprint(i), link+".new"); err != nil {
			t.Fatal(err)
		}
		rename(t, link+".new", link)
	}
	to(0)
	p := start(t, "cat", "-f", link)
	for i := range 3 {
		p.lines(2*i + 1)
		appendEvents(t, filepath.Join(dir, fmt.Sprint(i)), 2*i+2, 2*i+2)
		if i < 2 {
			to(i + 1)
		}
	}
	p.written(6, want{})
}

func followHalf(t *testing.T) {
	p, name := following(t)
	line := string(eventLines(4, 4))
	for i := range len(line) {
		appendText(t, name, line[i:i+1])
	}
	appendText(t, name, line[:20])
	p.written(4, want{said: []string{"has no end yet"}, unsaid: []string{"rejected, no event", "damaged"}})
}

func followTorn(t *testing.T) {
	p, name := following(t)
	appendText(t, name, `{"class":"ca`)
	rename(t, name, name+".1")
	appendEvents(t, name, 4, 4)
	p.written(4, want{code: cli.ExitFailure, received: 5, said: []string{"the last line is cut short"}})
}

func followPlace(take func(string) error) func(*testing.T) {
	return func(t *testing.T) {
		p, name := following(t)
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if err := take(name); err != nil {
			t.Fatal(err)
		}
		p.says("is a directory|not a regular file", 1)
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		appendEvents(t, name, 4, 6)
		p.written(6, want{code: cli.ExitFailure, said: []string{"not everything could be read: 1 fault"}})
	}
}

func followPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	p, name := following(t)
	appendEvents(t, name+".new", 4, 6)
	if err := os.Chmod(name+".new", 0); err != nil {
		t.Fatal(err)
	}
	rename(t, name+".new", name)
	p.says("permission denied", 1)
	if err := os.Chmod(name, 0o600); err != nil {
		t.Fatal(err)
	}
	p.written(6, want{code: cli.ExitFailure, said: []string{"not everything could be read: 1 fault"}})
}

func followSeveral(t *testing.T) {
	dir := t.TempDir()
	names := []string{filepath.Join(dir, "a"), filepath.Join(dir, "b")}
	appendEvents(t, names[0], 1, 5000) // what is there comes file by file
	appendEvents(t, names[1], 5001, 10000)
	p := start(t, "cat", "-f", names[0], names[1])
	for n := 10001; n < 10011; n++ {
		p.lines(n - 1)
		appendEvents(t, names[n%2], n, n)
	}
	p.written(10010, want{})
}

func followKilled(t *testing.T) {
	name := filepath.Join(t.TempDir(), "r.ndjson")
	p := start(t, "cat", "-f", name)
	w := newWire(t)
	recorder := start(t, "tail", w.addr, "--record", name)
	w.join().send(1, 3)
	p.lines(3)
	recorder.signal(syscall.SIGKILL)
	recorder.exit()
	appendText(t, name, `{"class":"ca`)
	w = newWire(t)
	recorder = start(t, "tail", w.addr, "--record", name, "-n", "3")
	w.join().send(4, 6)
	recorder.exit()
	p.written(6, want{received: 7, said: []string{"rejected at byte"}})
}

// followRecording records in many small files, of which only some are kept, and
// follows that.
func followRecording(file string) func(*testing.T) {
	return func(t *testing.T) {
		name := filepath.Join(t.TempDir(), file)
		p := start(t, "cat", "-f", name, "-o", "json")
		p.says("no such file", 1) // what was set aside before it began would be none of it
		w := newWire(t)
		const rounds, each = 40, 2500
		recorder := start(t, "tail", w.addr, "-o", "json", "--record", name, "--record-max-size", "64KiB", "-n", fmt.Sprint(rounds*each))
		peer := w.join()
		for n := 1; n < rounds*each; n += each {
			peer.send(n, n+each-1)
		}
		if code := recorder.exit(); code != 0 {
			t.Fatalf("the recorder ended with %d", code)
		}
		p.lines(rounds * each)
		p.signal(syscall.SIGINT)
		p.check(want{events: seq(1, rounds*each), received: rounds * each})
		if got, want := p.out.snapshot(), recorder.out.snapshot(); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Error("other bytes than were recorded")
		}
		files, err := os.ReadDir(filepath.Dir(name))
		if err != nil || len(files) < 2 {
			t.Errorf("%d files, %v: nothing was rotated", len(files), err)
		}
	}
}
