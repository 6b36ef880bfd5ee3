//go:build unix

// Command soak runs enswitch-events for a long time while everything around it
// goes wrong at random, and then compares what came out with what was sent. It
// is no part of a release.
//
//	go run ./cmd/enswitch-events/internal/soak -for 10m -seed 1
//
// A tail reads two messaged, which send the same events, and takes the same
// events as POSTs. Its servers are killed, restarted, stalled and made to send
// nonsense; it is suspended, and the reader of its stdout stops for a while now
// and then. A listen takes POSTs with a reader that is too slow, so that it must
// drop events.
//
// What must come out is known exactly. A POST that was answered has been
// received. On a websocket every block of events ends with a ping that holds how
// many frames there were; the client answers it when it has read them, so the
// answer says what has been received whatever happens to the connection
// afterwards. Events without one may be lost, and may come.
//
// With -kills it does something else: POSTs to a forward that is killed that many times, with a
// target that fails now and then.
//
//	go run ./cmd/enswitch-events/internal/soak -kills 10 -events 1000000 -failing 0.03
//
// It ends with code 1 if an event is missing that was received and not counted
// as dropped, if one comes twice, out of order or from nowhere, if a ledger does
// not add up or differs from what was sent or written, or if memory or open
// files grow.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "soak:", err)
		}
		os.Exit(1) //nolint:forbidigo // a program of its own
	}
}

// soak is a run.
type soak struct {
	out    io.Writer
	binary string
	random *rand.Rand
	rate   int
	began  time.Time
	faults map[string]int // done so far
	wrong  []string       // what was found
}

func (s *soak) bad(format string, args ...any) {
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	s := &soak{out: stdout, faults: map[string]int{}}
	length := flags.Duration("for", 10*time.Minute, "how long")
	seed := flags.Uint64("seed", 1, "the same `seed` chooses the same faults")
	flags.IntVar(&s.rate, "rate", 1000, "`events` a second for each program")
	times := flags.Int("kills", 0, "kill forward this `number` of times instead")
	events := flags.Int("events", 100_000, "with -kills: `events` in all")
	failing := flags.Float64("failing", 0.03, "with -kills: the `share` of deliveries that fail")
	flags.StringVar(&s.binary, "binary", "", "`path` of the program (default: build it)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if s.binary == "" {
		s.binary = filepath.Join(dir, "enswitch-events")
		build := exec.CommandContext(ctx, "go", "build", "-o", s.binary, "github.com/enswitch-events/enswitch-events/cmd/enswitch-events")
		build.Stderr = stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("go build: %w", err)
		}
	}
	s.random = rand.New(rand.NewPCG(*seed, 0))
	fmt.Fprintf(stdout, "soak: seed %d\n", *seed)
	if *times > 0 {
		err = s.runKills(ctx, dir, *events, *times, *failing)
	} else {
		err = s.runFor(ctx, dir, *length)
	}
	if err != nil {
		return err
	}
	if len(s.wrong) == 0 {
		fmt.Fprintln(stdout, "soak: everything is as it should be")
		return nil
	}
	for _, what := range s.wrong {
		fmt.Fprintln(stdout, "WRONG:", what)
	}
	return fmt.Errorf("%d things are wrong", len(s.wrong))
}

// runFor runs tail and listen for that long.
func (s *soak) runFor(ctx context.Context, dir string, length time.Duration) error {
	fmt.Fprintf(s.out, "soak: %v\n", length)
	tail, err := s.newTail(ctx, dir)
	if err != nil {
		return err
	}
	defer tail.p.kill()
	listen, err := s.newListen(ctx, dir)
	if err != nil {
		return err
	}
	defer listen.p.kill()

	s.began = time.Now()
	end := s.began.Add(length)
	for time.Now().Before(end) && ctx.Err() == nil && !tail.p.gone() && !listen.p.gone() {
		s.fault(ctx, tail, listen)
	}
	return s.finish(ctx, tail, listen)
}

// pause waits between from and to.
func (s *soak) pause(ctx context.Context, from, to time.Duration) {
	select {
	case <-time.After(from + time.Duration(s.random.Int64N(int64(to-from)))):
	case <-ctx.Done():
	}
}

// storm is how much of each cycle connections are lost in. In the rest they
// stand: a client that lost many in a row waits up to half a minute, and only
// after a good minute it is quick again.
const storm, cycle = 30 * time.Second, 110 * time.Second

// fault does one thing that goes wrong, and waits a little.
func (s *soak) fault(ctx context.Context, t *tail, l *listen) {
	s.pause(ctx, 20*time.Millisecond, 800*time.Millisecond)
	f := t.feeds[s.random.IntN(len(t.feeds))]
	const calm, all = 8, 14
	kinds := all
	if time.Since(s.began)%cycle > storm {
		kinds = calm
	}
	var name string
	if kind := s.random.IntN(kinds); kind < calm {
		name = s.disturb(ctx, kind, f, t, l)
	} else {
		name = s.breakOff(ctx, kind, f)
	}
	s.faults[name]++
	t.p.measure()
	l.p.measure()
}

// disturb does what a connection outlives, and returns what that is.
func (s *soak) disturb(ctx context.Context, kind int, f *feed, t *tail, l *listen) (name string) {
	switch kind {
	case 0:
		name = "nonsense sent"
		f.nonsense(s.random)
	case 1:
		name = "suspended"
		t.p.suspend()
		s.pause(ctx, 100*time.Millisecond, 4*time.Second)
		t.p.resume()
	case 2:
		name = "reader of tail stops"
		t.p.reading.Lock()
		s.pause(ctx, 100*time.Millisecond, 3*time.Second)
		t.p.reading.Unlock()
	case 3, 4:
		name = "reader of listen stops"
		l.p.reading.Lock()
		s.pause(ctx, time.Second, 4*time.Second)
		l.p.reading.Unlock()
	case 5:
		name = "ledger asked for"
		t.p.ask()
		l.p.ask()
	case 6:
		name = "POSTs stop or go on"
		t.mute.Store(!t.mute.Load())
	case 7:
		name = "stalled for a moment"
		f.hold.Lock()
		s.pause(ctx, 100*time.Millisecond, time.Second)
		f.hold.Unlock()
	}
	return name
}

// breakOff does what ends a connection, and returns what that is.
func (s *soak) breakOff(ctx context.Context, kind int, f *feed) (name string) {
	switch kind {
	case 8, 9:
		name = "peer killed"
		f.reset()
	case 10:
		name = "closed by the server"
		f.say(closeFrame(1000 + s.random.IntN(4)))
	case 11:
		name = "restarted"
		f.stop()
		s.pause(ctx, 50*time.Millisecond, 3*time.Second)
		if err := f.start(ctx); err != nil {
			s.bad("%s cannot listen again: %v", f.addr, err)
		}
	case 12:
		name = "stalled until given up"
		f.hold.Lock()
		s.pause(ctx, 3*time.Second, 4*time.Second)
		f.hold.Unlock()
	case 13:
		name = "half a frame"
		f.half()
	}
	return name
}
