//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// outputFaults are those of who reads stdout and stderr, and of the buffer and
// the disk between them and the feed.
func outputFaults() []fault {
	return []fault{
		{"stdout-disk-full", "the disk that stdout is written to is full", "exit code 7 and the reason; what was not written is not counted as kept", diskFull},
		{"stdout-file-limit", "stdout is a file that may not grow any more", "exit code 7 and the reason; the file has whole events up to there", fileLimit},
		{"stdout-closed", "the reader of stdout goes, as head does", "exit code 0; what was not written is not counted as kept", readerGoes},
		{"stdout-blocked", "stdout is blocked during a flood, then goes on", "the websocket is read all the while, memory stays within --buffer plus 40 MiB, and then every event comes, in order", stdoutBlocked},
		{"stdout-nonblocking", "another process puts the pipe that is stdout into non-blocking mode, and it is full", "it is waited for, as for any other; no event is lost", stdoutNonblocking},
		{"slow-consumer", "the reader of stdout takes a quarter of what comes, and --buffer is all there is", "drops come in stretches; each is marked in band with its exact number where it was, and what is kept is in order", slowConsumer},
		{"buffer-and-spill-full", "stdout is blocked until --buffer and --spill are full", "the websocket is read all the while; the rest is dropped and counted, and both edges are said", bufferFull(false)},
		{"fail-on-loss-dropped", "the same with --fail-on-loss", "exit code 8", bufferFull(true)},
		{"spill-directory-unusable", "events must go to disk and the directory cannot be used", "said once; past --buffer events are dropped and counted; the feed is read all the while", spillFault("TMPDIR", "")},
		{"spill-disk-full", "the disk is full while events go there", "said once; what is on disk and in memory still comes, in order; the rest is dropped and counted", spillFault("", `ulimit -f 2000; exec "$@"`)},
		{"flood", "a million events as fast as the connection takes them", "every one comes, in order", flood},
		{"huge-event-behind-block", "an event of 10 MB comes while stdout is blocked and events go to disk, with the buffer as it is by default", "it comes whole, in its place", hugeEvent},
		{"stderr-blocked", "nobody reads stderr, and there is much to say", "the feed is read and written all the while; the last messages and the ledger are kept for it; how many before were lost is said", stderrBlocked},
		{"stderr-closed", "the reader of stderr goes", "the feed is read and written all the same", stderrClosed},
	}
}

// sendPadded sends the events first to last, each with size more bytes.
func (p *peer) sendPadded(first, last, size int) {
	p.t.Helper()
	p.sendEach(first, last, size+120, func(dst []byte, n int) []byte { return appendPadded(dst, n, size) })
}

// blocked starts the program with a stdout that nobody reads before unblock.
func blocked(t *testing.T, s setup, args ...string) (p *program, stdout *os.File) {
	t.Helper()
	r, w := pipe(t)
	s.stdout = w
	p = startWith(t, s, args...)
	w.Close()
	return p, r
}

// unblock reads stdout from now on.
func (p *program) unblock(stdout io.Reader) {
	p.out = newText()
	go p.out.read(stdout)
}

// resident returns the bytes of memory that the program has, 0 if that is not
// known here.
func (p *program) resident() int64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// gapRecord is a record of --report-gaps.
type gapRecord struct {
	Class, Event, Reason, Source, From, To string
	Dropped                                int64
}

func gapOf(t *testing.T, line string) (g gapRecord) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// contiguous checks that between the events from 1 to last nothing is missing
// but what a record says, and returns how much that is and in how many records.
func contiguous(t *testing.T, lines []string, last int) (dropped, records int64) {
	t.Helper()
	next := 1
	for _, line := range lines {
		n, ok := number(t, line)
		if !ok {
			g := gapOf(t, line)
			next += int(g.Dropped)
			dropped += g.Dropped
			records++
			continue
		}
		if n != next {
			t.Fatalf("event %d where %d should be", n, next)
		}
		next++
	}
	if next != last+1 {
		t.Errorf("the last event is %d, want %d", next-1, last)
	}
	return dropped, records
}

// sendOn sends events, from that number on, until the program has ended.
func (p *peer) sendOn(to *program, n int) {
	for {
		select {
		case <-to.ended:
			return
		default:
		}
		// The connection may have gone before the process.
		_, _ = p.Write(enswitchtest.AppendFrame(nil, true, 1, testEvent(n)))
		n++
	}
}

func diskFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no /dev/full here: %v", err)
	}
	defer full.Close()
	w := newWire(t)
	p := startWith(t, setup{stdout: full}, "tail", w.addr)
	peer := w.join()
	peer.send(1, 3)
	l := p.check(want{code: cli.ExitOutput, received: 3, said: []string{"could not write to stdout", "no space left", "make room"}})
	if l.Kept != 0 || l.Waiting != 3 {
		t.Errorf("nothing was written: %+v", l)
	}
}

func fileLimit(t *testing.T) {
	name := t.TempDir() + "/events"
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := newWire(t)
	p := startWith(t, setup{stdout: f, shell: `ulimit -f 64; exec "$@"`}, "tail", w.addr)
	w.join().sendOn(p, 1)
	l := p.check(want{code: cli.ExitOutput, received: -1, said: []string{"could not write to stdout: .*file too large"}})
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	lines = lines[:len(lines)-1] // the rest of the last one is missing
	contiguous(t, lines, len(lines))
	if n := int64(len(lines)); l.Kept > n || n > l.Kept+l.Waiting {
		t.Errorf("%d lines, and %+v", n, l)
	}
}

func readerGoes(t *testing.T) {
	w := newWire(t)
	p, stdout := blocked(t, setup{}, "tail", w.addr)
	peer := w.join()
	peer.send(1, 3)
	br := bufio.NewReader(stdout)
	for n := 1; n <= 3; n++ {
		line, err := br.ReadString('\n')
		if got, _ := number(t, line); err != nil || got != n {
			t.Fatalf("%q, %v", line, err)
		}
	}
	stdout.Close()
	peer.sendOn(p, 4)
	if l := p.check(want{received: -1}); l.Kept < 3 || l.Waiting < 1 {
		t.Errorf("%+v", l)
	}
}

func stdoutBlocked(t *testing.T) {
	w := newWire(t)
	const buffer, size, chunk, total = 16 << 20, 4000, 250, 15_000 // some 60 MB
	p, stdout := blocked(t, setup{}, "tail", w.addr, "--buffer", "16MiB", "-v")
	peer := w.join()
	most := int64(0)
	for n := 0; n < total; n += chunk {
		peer.sendPadded(n+1, n+chunk, size)
		p.received(int64(n + chunk))
		most = max(most, p.resident())
	}
	if l := p.ask(); l.Waiting+l.Kept != total || l.Dropped > 0 {
		t.Errorf("%+v", l)
	}
	p.says("events wait on disk", 1)
	t.Logf("%d MiB resident at most, with a buffer of %d MiB", most>>20, buffer>>20)
	if most > buffer+40<<20 && !raceEnabled {
		t.Errorf("%d MiB resident with a buffer of %d MiB", most>>20, buffer>>20)
	}
	if err := compareLines(stdout, total, func(dst []byte, n int) []byte { return appendPadded(dst, n+1, size) }); err != nil {
		t.Error(err)
	}
	p.signal(os.Interrupt)
	if l := p.check(want{received: total}); l.Kept != total {
		t.Errorf("%+v", l)
	}
}

func stdoutNonblocking(t *testing.T) {
	w := newWire(t)
	r, out := pipe(t)
	p := startWith(t, setup{stdout: out}, "tail", w.addr)
	conn, err := out.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	// The mode belongs to the pipe's end, which the program shares.
	if err := conn.Control(func(fd uintptr) { err = syscall.SetNonblock(int(fd), true) }); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	peer := w.join()
	peer.sendPadded(1, 1000, 1000)
	p.received(1000)
	out.Close()
	p.unblock(r)
	p.lines(1000)
	p.signal(os.Interrupt)
	p.check(want{events: seq(1, 1000), received: 1000})
}

func slowConsumer(t *testing.T) {
	w := newWire(t)
	p, stdout := blocked(t, setup{}, "tail", w.addr, "--buffer", "1MiB", "--spill", "0", "--report-gaps")
	peer := w.join()
	var taken bytes.Buffer
	const chunk, total = 200, 12_000
	for n := 0; n < total; n += chunk {
		peer.sendPadded(n+1, n+chunk, 1000)
		p.received(int64(n + chunk))
		if _, err := io.CopyN(&taken, stdout, chunk*1000/4); err != nil {
			t.Fatal(err)
		}
	}
	p.unblock(io.MultiReader(&taken, stdout))
	p.settle()
	p.signal(os.Interrupt)
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	lines := p.out.snapshot()
	dropped, records := contiguous(t, lines, total)
	if l := p.final(); l.Received != total || l.Dropped == 0 || l.Dropped != dropped || l.Gaps != records || records < 2 || l.Kept != int64(len(lines))-records {
		t.Errorf("%d dropped in %d records, %+v", dropped, records, l)
	}
	p.matches([]string{"dropping events", "dropped .* events between .* and "}, nil)
}

func bufferFull(fail bool) func(*testing.T) {
	return func(t *testing.T) {
		w := newWire(t)
		args, code := []string{"tail", w.addr, "--buffer", "1MiB", "--spill", "2MiB", "--report-gaps"}, cli.ExitOK
		if fail {
			args, code = append(args, "--fail-on-loss"), cli.ExitLoss
		}
		p, stdout := blocked(t, setup{}, args...)
		peer := w.join()
		const chunk, total = 200, 10_000
		for n := 0; n < total; n += chunk {
			peer.sendPadded(n+1, n+chunk, 1000)
			p.received(int64(n + chunk))
		}
		p.says("dropping events", 1)
		p.unblock(stdout)
		p.settle()
		p.signal(os.Interrupt)
		if got := p.exit(); got != code {
			t.Errorf("exit code %d, want %d", got, code)
		}
		dropped, records := contiguous(t, p.out.snapshot(), total)
		l := p.final()
		if l.Received != total || l.Dropped < total/2 || l.Dropped != dropped || l.Gaps != records || l.Waiting != 0 {
			t.Errorf("%d dropped in %d records, %+v", dropped, records, l)
		}
		p.matches([]string{"dropped .* events between .* and "}, nil)
		p.clean()
	}
}

func spillFault(variable, shell string) func(*testing.T) {
	return func(t *testing.T) {
		w := newWire(t)
		s := setup{shell: shell}
		if variable != "" {
			file := t.TempDir() + "/file"
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			s.env = []string{variable + "=" + file}
		}
		p, stdout := blocked(t, s, "tail", w.addr, "--buffer", "1MiB", "--report-gaps")
		peer := w.join()
		const chunk, total = 100, 10_000
		for n := 0; n < total; n += chunk {
			peer.sendPadded(n+1, n+chunk, 1000)
			p.received(int64(n + chunk))
		}
		p.unblock(stdout)
		p.settle()
		p.signal(os.Interrupt)
		if code := p.exit(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		dropped, records := contiguous(t, p.out.snapshot(), total)
		l := p.final()
		if l.Received != total || l.Dropped < total/10 || l.Dropped != dropped || l.Gaps != records || l.Waiting != 0 {
			t.Errorf("%d dropped in %d records, %+v", dropped, records, l)
		}
		p.matches([]string{"events cannot be written to disk", "dropped .* events between .* and "}, nil)
		if n := count(p.said.snapshot(), func(line string) bool { return strings.Contains(line, "cannot be written to disk") }); n != 1 {
			t.Errorf("said %d times", n)
		}
		p.clean()
	}
}

func flood(t *testing.T) {
	w := newWire(t)
	const total, chunk = 1_000_000, 10_000
	p, stdout := blocked(t, setup{}, "tail", w.addr, "-n", strconv.Itoa(total))
	peer := w.join()
	compared := make(chan error, 1)
	go func() {
		compared <- compareLines(stdout, total, func(dst []byte, n int) []byte { return appendEvent(dst, n+1) })
	}()
	for n := 0; n < total; n += chunk {
		peer.send(n+1, n+chunk)
	}
	if err := <-compared; err != nil {
		t.Error(err)
	}
	if l := p.check(want{received: total}); l.Kept != total {
		t.Errorf("%+v", l)
	}
}

func hugeEvent(t *testing.T) {
	w := newWire(t)
	const size, chunk, total = 4000, 250, 20_000 // some 80 MB
	const huge = 10 << 20
	p, stdout := blocked(t, setup{}, "tail", w.addr, "-n", strconv.Itoa(total+1))
	peer := w.join()
	for n := 0; n < total; n += chunk {
		peer.sendPadded(n+1, n+chunk, size)
		more := int64(0)
		if n > total/2 {
			more = 1
		}
		p.received(int64(n+chunk) + more)
		if n == total/2 {
			// In the middle of what goes to disk.
			peer.write(enswitchtest.AppendFrame(nil, true, 1, appendPadded(nil, 0, huge)))
			p.received(int64(n + chunk + 1))
		}
	}
	err := compareLines(stdout, total+1, func(dst []byte, n int) []byte {
		switch {
		case n < total/2+chunk:
			return appendPadded(dst, n+1, size)
		case n == total/2+chunk:
			return appendPadded(dst, 0, huge)
		}
		return appendPadded(dst, n, size)
	})
	if err != nil {
		t.Error(err)
	}
	if l := p.check(want{received: total + 1}); l.Kept != total+1 {
		t.Errorf("%+v", l)
	}
}

// fill writes to a pipe until it takes no more.
func fill(t *testing.T, w *os.File) {
	t.Helper()
	fd := int(w.Fd())
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.SetNonblock(fd, false); err != nil {
			t.Fatal(err)
		}
	}()
	for size := 64 << 10; size > 0; {
		line := append(bytes.Repeat([]byte(" "), size-1), '\n')
		if _, err := syscall.Write(fd, line); err != nil {
			size /= 2 // what is smaller may still fit
		}
	}
	runtime.KeepAlive(w)
}

func stderrBlocked(t *testing.T) {
	r, stderr := pipe(t)
	fill(t, stderr)
	w := newWire(t)
	p := startWith(t, setup{stderr: stderr}, "tail", w.addr, "-v")
	stderr.Close()
	peer := w.join()
	const total = 2000
	for n := 1; n <= total; n++ {
		peer.write(enswitchtest.AppendFrame(nil, true, 1, []byte("no event, which is said")))
		peer.send(n, n)
	}
	p.lines(total)
	p.said = newText()
	go p.said.read(r)
	p.signal(os.Interrupt)
	l := p.check(want{events: seq(1, total), received: -1})
	if l.Rejected < total-1 || l.Received < 2*total-1 {
		t.Errorf("%+v", l)
	}
	lost := strings.Join(p.said.snapshot(), "\n")
	if !strings.Contains(lost, "lost: stderr was blocked") {
		t.Error("that messages were lost is not said")
	}
}

func stderrClosed(t *testing.T) {
	r, stderr := pipe(t)
	r.Close()
	w := newWire(t)
	p := startWith(t, setup{stderr: stderr}, "tail", w.addr, "-v", "-n", "100")
	stderr.Close()
	peer := w.join()
	for n := 1; n <= 100; n++ {
		peer.write(enswitchtest.AppendFrame(nil, true, 1, []byte("no event, which is said")))
		peer.send(n, n)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := events(t, p.out.snapshot()); !slices.Equal(got, seq(1, 100)) {
		t.Errorf("%s", brief(got))
	}
}
