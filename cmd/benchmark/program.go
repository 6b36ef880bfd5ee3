package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// environment is what the measured programs run in: nothing of the user's own
// settings.
func (b *bench) environment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "ENSWITCH_") && !strings.HasPrefix(v, "XDG_CONFIG_HOME=") {
			env = append(env, v)
		}
	}
	return append(env, "XDG_CONFIG_HOME="+b.dir, profiles+"="+b.profiles)
}

func (b *bench) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = b.environment()
	return cmd
}

// installed returns the path of a command, nothing if there is none.
func installed(name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

// client is a program that reads a flood.
type client struct {
	name string
	args func(address string) []string
	// exit is the code with which it ends.
	exit int
	// check looks at what it wrote.
	check func(stdout string, stderr []byte, times int) error
}

// flood lets c read the chunk the given number of times and returns how long it took, from
// the first byte that the server wrote until the program had ended.
func (b *bench) flood(ctx context.Context, c *client, times int) (time.Duration, error) {
	s := newServer(repeat(b.corpus.frames, times))
	defer s.Close()
	defer s.CloseClientConnections()
	path := filepath.Join(b.dir, "out")
	out, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(path) }()
	defer func() { _ = out.Close() }()
	cmd := b.command(ctx, c.name, c.args(s.address())...)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &stderr
	// A client that reads its standard input must not find it closed.
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	defer func() { _ = in.Close() }()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
	case err = <-s.sent:
		// The server is done; now the program is to end by itself.
		if waited := <-ended; err == nil {
			err = waited
		}
	}
	end := time.Now()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == c.exit {
		err = nil
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", cmd, err, stderr.Bytes())
	}
	select {
	case first := <-s.first:
		return end.Sub(first), c.check(path, stderr.Bytes(), times)
	default:
		return 0, fmt.Errorf("%s: never connected\n%s", cmd, stderr.Bytes())
	}
}

// inTurn measures both in each round, one after the other, and returns the medians. Rounds
// are counted from 0.
func (b *bench) inTurn(ours, theirs func(round int) (time.Duration, error)) (mine, other time.Duration, err error) {
	var all [2][]time.Duration
	for i := range b.rounds {
		for k, measure := range [...]func(int) (time.Duration, error){ours, theirs} {
			d, err := measure(i)
			if err != nil {
				return 0, 0, err
			}
			all[k] = append(all[k], d)
		}
		fmt.Fprintf(b.talk, "benchmark:   %v, %v\n", round(all[0][i]), round(all[1][i]))
	}
	return median(all[0]), median(all[1]), nil
}

// floods lets both read the flood, one after the other, and returns the medians.
func (b *bench) floods(ctx context.Context, ours, theirs *client, times int) (mine, other time.Duration, err error) {
	return b.inTurn(
		func(int) (time.Duration, error) { return b.flood(ctx, ours, times) },
		func(int) (time.Duration, error) { return b.flood(ctx, theirs, times) })
}

// repeats reports whether the file is want, repeated times times.
func repeats(path string, want []byte, times int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	got := make([]byte, len(want))
	for i := range times {
		if _, err := io.ReadFull(f, got); err != nil {
			return fmt.Errorf("the output ends in repetition %d of %d: %w", i+1, times, err)
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("the output differs in repetition %d", i+1)
		}
	}
	if n, _ := f.Read(make([]byte, 1)); n > 0 {
		return errors.New("the output goes on after its end")
	}
	return nil
}

// linesHold reports whether the file's lines hold the ids, in order, the given
// number of times.
func linesHold(path string, ids [][]byte, times int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	n := 0
	for ; lines.Scan(); n++ {
		if !bytes.Contains(lines.Bytes(), ids[n%len(ids)]) {
			return fmt.Errorf("line %d is not the event that it should be", n+1)
		}
	}
	if want := times * len(ids); n != want {
		return fmt.Errorf("%d lines, not %d", n, want)
	}
	return lines.Err()
}

// ledger is what the program says at its end that became of the events.
type ledger struct {
	Received, Kept, Filtered, Rejected, Dropped, Waiting int
}

func readLedger(stderr []byte) (l ledger, err error) {
	for line := range bytes.Lines(stderr) {
		if bytes.Contains(line, []byte(`"received":`)) {
			return l, json.Unmarshal(line, &l)
		}
	}
	return l, fmt.Errorf("no ledger on stderr:\n%s", stderr)
}
