//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
)

// recordFaults are those of the file that --record writes to.
func recordFaults() []fault {
	const (
		again = "said, and made again: every event is in one of the two files"
		seven = "exit code 7 within 5 s, and how many events were not recorded"
	)
	return []fault{
		{"record-moved", "the file of --record is moved while it is written, as logrotate does", again, recordMoved("r.ndjson")},
		{"record-moved-gzip", "the same, compressed with gzip", again, recordMoved("r.gz")},
		{"record-moved-zstd", "the same, compressed with zstd", again, recordMoved("r.ndjson.zst")},
		{"record-removed", "the file of --record is removed while it is written", "said, and made again with every later event", recordRemoved},
		{"record-replaced", "another file takes the place of that of --record", "said; it is appended to from then on", recordReplaced},
		{"record-cut", "the file of --record is cut to nothing by others (copytruncate)", "every later event is in it", recordCut},
		{"record-directory-away", "the directory of --record is moved away, and made again later", "said; events wait in memory, and are in the new file in the end", recordDirectory(true)},
		{"record-directory-gone", "the directory of --record is moved away for good", "said; exit code 7 at the end, and how many events were not recorded", recordDirectory(false)},
		{"record-not-renamed", "the file of --record cannot be set aside", "said; the recording goes on in it, and nothing is lost", recordNotRenamed},
		{"record-not-removed", "old files cannot be removed (--record-keep)", "said; the recording goes on, and nothing is lost", recordNotRemoved},
		{"record-fifo-hangs", "the reader of the FIFO that --record writes to hangs, SIGTERM", seven, recordHangs},
		{"record-fifo-unread", "nobody reads the FIFO of --record, Ctrl-C", "it starts; at the end exit code 7 at once, and how many events were not recorded", recordUnread},
		{"record-fifo-late", "the reader of the FIFO of --record comes late, after -n is reached", "it gets every event; exit code 0", recordLate},
		{"record-fifo-left", "the reader of the FIFO of --record goes", "exit code 7 and the reason", recordLeft},
		{"record-unread-stdout-blocked", "nobody reads stdout, and the reader of the FIFO of --record hangs, SIGTERM", "gone when the time of one is over, not of both", recordBothHang},
	}
}

// recorded returns the numbers of the events that a recording has now.
func recorded(t *testing.T, name string) (all []int) {
	t.Helper()
	c, err := capture.Open(name, nil)
	if err != nil {
		return nil // not made yet
	}
	defer c.Close()
	for ev, err := range c.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := number(t, string(ev.Raw)); ok {
			all = append(all, n)
		}
	}
	return all
}

// records waits until a recording has these events.
func records(t *testing.T, name string, want []int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		got := recorded(t, name)
		if slices.Equal(got, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has %s, want %s", filepath.Base(name), brief(got), brief(want))
		}
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func fifo(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const madeAgain = "was moved or removed while it was recorded to: it is made again"

func recordMoved(file string) func(*testing.T) {
	return func(t *testing.T) {
		name := filepath.Join(t.TempDir(), file)
		w := newWire(t)
		p := start(t, "tail", w.addr, "--record", name)
		peer := w.join()
		peer.send(1, 3)
		records(t, name, seq(1, 3))
		rename(t, name, name+".1")
		peer.send(4, 6)
		records(t, name, seq(4, 6))
		records(t, name+".1", seq(1, 3))
		peer.send(7, 9) // the last ones are written at the end
		p.lines(9)
		p.signal(syscall.SIGTERM)
		p.check(want{events: seq(1, 9), received: 9, said: []string{madeAgain}, unsaid: []string{"not recorded"}})
		records(t, name, seq(4, 9))
	}
}

func recordRemoved(t *testing.T) {
	name := filepath.Join(t.TempDir(), "r.ndjson")
	w := newWire(t)
	p := start(t, "tail", w.addr, "--record", name, "-n", "9")
	peer := w.join()
	for n := 1; n < 9; n += 3 {
		peer.send(n, n+2)
		records(t, name, seq(n, n+2))
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	p.check(want{events: seq(1, 9), received: 9, said: []string{madeAgain}, unsaid: []string{"not recorded"}})
}

func recordReplaced(t *testing.T) {
	name := filepath.Join(t.TempDir(), "r.ndjson")
	w := newWire(t)
	p := start(t, "tail", w.addr, "--record", name, "-n", "6")
	peer := w.join()
	peer.send(1, 3)
	records(t, name, seq(1, 3))
	if err := os.WriteFile(name+".new", append(testEvent(100), '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	rename(t, name+".new", name)
	peer.send(4, 6)
	p.check(want{events: seq(1, 6), received: 6, said: []string{madeAgain}})
	records(t, name, []int{100, 4, 5, 6})
}

func recordCut(t *testing.T) {
	name := filepath.Join(t.TempDir(), "r.ndjson")
	w := newWire(t)
	p := start(t, "tail", w.addr, "--record", name, "--record-max-size", "250", "-n", "6")
	peer := w.join()
	peer.send(1, 3)
	records(t, name, seq(1, 3))
	if err := os.Truncate(name, 0); err != nil {
		t.Fatal(err)
	}
	peer.send(4, 6) // a file that counted as full would be set aside
	p.check(want{events: seq(1, 6), received: 6, unsaid: []string{madeAgain}})
	records(t, name, seq(4, 6))
}

func recordDirectory(back bool) func(*testing.T) {
	return func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "d")
		name := filepath.Join(dir, "r.ndjson")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		w := newWire(t)
		p := start(t, "tail", w.addr, "--record", name, "-n", "6")
		peer := w.join()
		peer.send(1, 3)
		records(t, name, seq(1, 3))
		rename(t, dir, dir+".1")
		peer.send(4, 5)
		p.says("events wait in memory to be recorded: .*no such file or directory", 1)
		if !back {
			peer.send(6, 6)
			p.check(want{code: cli.ExitOutput, events: seq(1, 6), received: 6, said: []string{"was moved or removed while it was recorded to\"", "3 events not recorded", "what was recorded before went with it"}, unsaid: []string{"made again", "whole"}})
			return
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		peer.send(6, 6)
		p.check(want{events: seq(1, 6), received: 6, said: []string{"was moved or removed while it was recorded to\""}, unsaid: []string{"not recorded"}})
		records(t, name, seq(4, 6))
	}
}

func recordNotRenamed(t *testing.T) {
	// A name that has no room for the time.
	dir := t.TempDir()
	name := filepath.Join(dir, strings.Repeat("r", 240)+".ndjson")
	w := newWire(t)
	p := start(t, "tail", w.addr, "--record", name, "--record-max-size", "100", "-n", "9")
	peer := w.join()
	for n := 1; n < 9; n += 3 {
		peer.send(n, n+2)
		if n < 7 {
			records(t, name, seq(1, n+2))
		}
	}
	p.check(want{events: seq(1, 9), received: 9, said: []string{"goes on in the same file, which could not be set aside: .*too long"}, unsaid: []string{"not recorded"}})
	records(t, name, seq(1, 9))
}

func recordNotRemoved(t *testing.T) {
	if _, err := exec.LookPath("setpriv"); err != nil || os.Getuid() != 0 {
		t.Skip("files that are others' are made by root alone, and setpriv takes its rights away")
	}
	// What root may do without its capabilities: no more than anybody else.
	dir := t.TempDir()
	name := filepath.Join(dir, "r.ndjson")
	var old []string
	for n := range 3 {
		aside := filepath.Join(dir, fmt.Sprintf("r.20200101-00000%d.ndjson", n))
		old = append(old, aside)
		if err := os.WriteFile(aside, []byte("{}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(aside, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	w := newWire(t)
	p := startWith(t, setup{shell: `exec setpriv --bounding-set=-all --inh-caps=-all "$@"`}, "tail", w.addr, "--record", name, "--record-max-size", "250", "--record-keep", "3", "-n", "6")
	peer := w.join()
	peer.send(1, 3)
	records(t, name, seq(1, 3))
	peer.send(4, 6)
	p.check(want{events: seq(1, 6), received: 6, said: []string{"old files of the recording could not be removed: .*r.20200101-000000.ndjson: operation not permitted"}, unsaid: []string{"not recorded"}})
	records(t, name, seq(4, 6))
	asides, err := filepath.Glob(filepath.Join(dir, "r.*-*"))
	if err != nil || len(asides) != len(old)+1 {
		t.Errorf("%d files beside the current one: %v", len(asides), err)
	}
}

// recordHangs fills a FIFO that is open for reading and not read. The reader goes
// on hanging until the test is over.
func recordHangs(t *testing.T) {
	name := fifo(t)
	r, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	const total = 3000 // more than fits into a FIFO
	w := newWire(t)
	p := start(t, "tail", w.addr, "--record", name)
	peer := w.join()
	peer.sendPadded(1, total, 1000)
	p.lines(total)
	p.signal(syscall.SIGTERM)
	p.check(want{code: cli.ExitOutput, events: seq(1, total), received: total, said: []string{"its reader takes nothing: [1-3],[0-9]{3} events not recorded"}})
}

func recordUnread(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "--record", fifo(t))
	peer := w.join()
	peer.send(1, 3)
	p.lines(3)
	p.says("nobody reads this FIFO", 1)
	p.signal(syscall.SIGINT)
	p.check(want{code: cli.ExitOutput, events: seq(1, 3), received: 3, said: []string{"nobody reads this FIFO: 3 events not recorded"}})
}

func recordLate(t *testing.T) {
	name := fifo(t)
	w := newWire(t)
	p := start(t, "tail", w.addr, "--record", name, "-n", "3")
	w.join().send(1, 3)
	p.says("3 events received", 1) // only the recording is left
	if got := recorded(t, name); !slices.Equal(got, seq(1, 3)) {
		t.Errorf("the reader got %v", got)
	}
	p.check(want{events: seq(1, 3), received: 3, unsaid: []string{"not recorded"}})
}

func recordLeft(t *testing.T) {
	name := fifo(t)
	w := newWire(t)
	p := start(t, "tail", w.addr, "--record", name)
	peer := w.join()
	r, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	peer.sendOn(p, 1)
	if code := p.exit(); code != cli.ExitOutput {
		t.Errorf("exit code %d", code)
	}
	p.matches([]string{"its reader has gone", "events? not recorded"}, nil)
}

func recordBothHang(t *testing.T) {
	name := fifo(t)
	r, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	const total = 3000
	w := newWire(t)
	p, stdout := blocked(t, setup{}, "tail", w.addr, "--record", name)
	defer stdout.Close()
	peer := w.join()
	peer.sendPadded(1, total, 1000)
	p.received(total)
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitOutput {
		t.Errorf("exit code %d", code)
	}
	p.matches([]string{"its reader takes nothing: [1-3],[0-9]{3} events not recorded"}, nil)
}
