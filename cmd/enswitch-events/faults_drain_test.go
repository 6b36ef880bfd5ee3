//go:build unix

package main

import (
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// drainFaults are those of what waits when the end comes, and of a memory that is
// small.
func drainFaults() []fault {
	return []fault{
		{"sigterm-slow-jq", "SIGTERM while a jq expression is far behind", "after 5 s of patience exit code 1; what was filtered is written; how many events were not filtered is said, and stdout is not blamed", signalSlow},
		{"lost-then-sigterm-slow-jq", "the same after the connection was lost, with --no-reconnect", "exit code 5; the loss and the events that were not filtered are said, each on a line", lostSlow},
		{"lost-then-sigint-blocked", "the connection is lost while stdout is blocked, with --no-reconnect, then Ctrl-C", "exit code 7; the loss and the events that were not written are said, each on a line", lostBlocked},
		{"small-buffer-flood", "a flood with a --buffer of two blocks", "memory, then disk: no event is dropped while --spill has room", smallFlood},
	}
}

// slowJQ takes a millisecond for an event, and for slowEvents longer than patience.
const (
	slowJQ     = `[range(10000)] | length > 0`
	slowEvents = 40_000
)

// slow starts the program with that expression and sends it more events than it
// can filter.
func slow(t *testing.T, flags ...string) (p *program, peer *peer) {
	t.Helper()
	w := newWire(t)
	p = startWith(t, setup{env: []string{"GOMAXPROCS=1"}}, append([]string{"tail", w.addr, "-q", slowJQ}, flags...)...)
	peer = w.join()
	peer.send(1, slowEvents)
	p.received(slowEvents)
	p.throttle()
	return p, peer
}

// throttle halts the process nine tenths of the time until it ends: what takes long
// does not keep a processor busy for as long.
func (p *program) throttle() {
	var halting sync.WaitGroup
	halting.Go(func() {
		for {
			for _, turn := range []struct {
				signal os.Signal
				time   time.Duration
			}{{syscall.SIGSTOP, 90 * time.Millisecond}, {syscall.SIGCONT, 10 * time.Millisecond}} {
				_ = p.cmd.Process.Signal(turn.signal)
				select {
				case <-p.ended:
					return
				case <-time.After(turn.time):
				}
			}
		}
	})
	p.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		halting.Wait()
	})
}

// partly checks that the first of the events came, the others wait, and that is
// said.
func (p *program) partly(code int, said ...string) {
	p.t.Helper()
	p.exit()
	got := events(p.t, p.out.snapshot())
	l := p.check(want{
		code: code, events: seq(1, len(got)), received: slowEvents,
		said:   append(said, "the filters were too slow: [0-9]+ events were not processed within 5s of the signal"),
		unsaid: []string{"stdout was too slow"},
	})
	if l.Kept == 0 || l.Waiting == 0 {
		p.t.Errorf("%+v", l)
	}
}

func signalSlow(t *testing.T) {
	p, _ := slow(t)
	p.signal(syscall.SIGTERM)
	p.partly(cli.ExitFailure, "a simpler --jq")
}

func lostSlow(t *testing.T) {
	p, peer := slow(t, "--no-reconnect")
	peer.closeFrame(closeCode(1000))
	p.ask() // by now it knows
	p.ask()
	p.signal(syscall.SIGTERM)
	p.partly(cli.ExitLost, `"lost the connection to [^"\\]*"`)
}

func lostBlocked(t *testing.T) {
	w := newWire(t)
	p, _ := blocked(t, setup{}, "tail", w.addr, "--no-reconnect")
	peer := w.join()
	peer.sendPadded(1, 1000, 1000)
	p.received(1000)
	peer.closeFrame(closeCode(1000))
	p.ask() // by now it knows
	p.ask()
	p.signal(os.Interrupt)
	p.check(want{
		code: cli.ExitOutput, received: 1000,
		said: []string{`"lost the connection to [^"\\]*"`, `"stdout was too slow: [0-9]+ events were not written"`},
	})
}

func smallFlood(t *testing.T) {
	const total, chunk = 200_000, 1000
	name := t.TempDir() + "/events"
	out, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w := newWire(t)
	p := startWith(t, setup{stdout: out}, "tail", w.addr, "--buffer", "256KiB")
	peer := w.join()
	for n := 0; n < total; n += chunk {
		peer.sendPadded(n+1, n+chunk, 150)
	}
	p.received(total)
	p.settle()
	p.signal(os.Interrupt)
	if l := p.check(want{received: total}); l.Dropped > 0 || l.Kept != total {
		t.Errorf("%+v", l)
	}
	in, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := compareLines(in, total, func(dst []byte, n int) []byte { return appendPadded(dst, n+1, 150) }); err != nil {
		t.Error(err)
	}
}
