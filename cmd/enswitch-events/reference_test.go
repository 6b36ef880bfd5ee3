//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// referenceTime is how long the program is compared with the reference.
func referenceTime(t *testing.T) time.Duration {
	if text := os.Getenv("REFERENCETIME"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal("REFERENCETIME: ", err)
		}
		return d
	}
	if testing.Short() {
		return time.Second
	}
	return 2 * time.Second
}

// referenceSeeds calls check with one seed after another until the time is over,
// or with the one of the environment variable REFERENCESEED alone.
func referenceSeeds(t *testing.T, check func(seed uint64) (ok bool)) {
	if text := os.Getenv("REFERENCESEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal("REFERENCESEED: ", err)
		}
		check(seed)
		return
	}
	seed := uint64(time.Now().UnixNano())
	until := time.Now().Add(referenceTime(t))
	n := 0
	for ; n == 0 || time.Now().Before(until); n++ {
		if seed++; !check(seed) {
			break
		}
	}
	t.Logf("%d cases", n)
}

// TestReferenceCat compares cat with a reader that is slow, plain and right: on
// random captures with random flags stdout, the exit code and the ledger are the
// same, on 1, 2 and 4 processors.
func TestReferenceCat(t *testing.T) {
	t.Parallel()
	referenceSeeds(t, func(seed uint64) bool {
		c := randomCase(seed)
		wrong := c.check(t)
		if wrong == "" {
			return true
		}
		c, wrong = c.shrink(t, wrong)
		dir := t.TempDir()
		c.store(dir)
		var files strings.Builder
		for i := range c.files {
			f := &c.files[i]
			fmt.Fprintf(&files, "%s, %s, %d lines: %.2000q\n", f.name, f.kind, len(f.lines), f.text())
		}
		t.Errorf("REFERENCESEED=%d: %q\n%s\n%s", seed, c.args(), wrong, &files)
		return false
	})
}

// check runs the program and says what is not as it should be.
func (c *catCase) check(t *testing.T) (wrong string) {
	want := c.read(c.sequence())
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	processors := []int{1, 2, 4, 2}
	runs := make([]*ran, len(processors))
	var running sync.WaitGroup
	for i, n := range processors {
		at := filepath.Join(dir, fmt.Sprint(i))
		c.store(at)
		running.Go(func() { runs[i] = c.run(at, n) })
	}
	running.Wait()
	for i, got := range runs {
		wrong := c.differ(got, want)
		if wrong == "" && got.counts != runs[0].counts {
			wrong = fmt.Sprintf("ledger %+v, and on 1 processor %+v", got.counts, runs[0].counts)
		}
		if wrong != "" {
			return fmt.Sprintf("on %d processors: %s\nstderr: %s", processors[i], wrong, firstBytes(got.stderr, 2000))
		}
	}
	return ""
}

// differ compares what came with what should come. Without --strict a line that
// cannot be kept may count as filtered without having been looked at, so what it
// is may stay unknown.
func (c *catCase) differ(got *ran, want *answer) string {
	unseen := !c.strict && (c.class != nil || c.event != nil || c.where != nil || c.jq != "")
	g, w := got.counts, want.counts
	if unseen && g.Rejected <= w.Rejected {
		g.Filtered -= w.Rejected - g.Rejected
		g.Rejected = w.Rejected
		if want.keptRepaired <= g.Repaired && g.Repaired <= w.Repaired {
			g.Repaired = w.Repaired
		}
	}
	switch {
	case !got.told:
		return "no ledger"
	case bytes.Contains(got.stderr, []byte("panic")):
		return "it panicked"
	case got.code != want.code:
		return fmt.Sprintf("exit code %d, want %d", got.code, want.code)
	case !bytes.Equal(got.stdout, want.stdout):
		return difference(got.stdout, want.stdout)
	case g != w:
		return fmt.Sprintf("ledger %+v, want %+v", got.counts, want.counts)
	}
	return ""
}

// difference shows where two outputs differ.
func difference(got, want []byte) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	from := max(0, i-60)
	return fmt.Sprintf("stdout has %d bytes, %d lines, want %d, %d; they differ at byte %d:\n got %.200q\nwant %.200q",
		len(got), bytes.Count(got, []byte{'\n'}), len(want), bytes.Count(want, []byte{'\n'}), i, got[from:], want[from:])
}

func firstBytes(b []byte, n int) []byte { return b[:min(len(b), n)] }

// shrink leaves out captures and lines of them as long as the program remains
// wrong.
func (c *catCase) shrink(t *testing.T, wrong string) (*catCase, string) {
	until := time.Now().Add(20 * time.Second)
	for i := len(c.files) - 1; i >= 0 && len(c.files) > 1; i-- {
		fewer := *c
		fewer.files = slices.Delete(slices.Clone(c.files), i, i+1)
		fewer.merge = c.merge && len(fewer.files) > 1
		if still := fewer.check(t); still != "" {
			c, wrong = &fewer, still
		}
	}
	for i := range c.files {
		for chunk := len(c.files[i].lines); chunk > 0; chunk = chunk / 2 {
			for at := 0; at < len(c.files[i].lines) && time.Now().Before(until); {
				fewer := *c
				fewer.files = slices.Clone(c.files)
				lines := c.files[i].lines
				fewer.files[i].lines = slices.Concat(lines[:at], lines[min(len(lines), at+chunk):])
				if still := fewer.check(t); still != "" {
					c, wrong = &fewer, still
				} else {
					at += chunk
				}
			}
		}
	}
	return c, wrong
}

// store writes the captures.
func (c *catCase) store(dir string) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		panic(err)
	}
	for i := range c.files {
		f := &c.files[i]
		path := filepath.Join(dir, f.name)
		var err error
		switch f.kind {
		case "missing":
		case "directory":
			err = os.Mkdir(path, 0o700)
		case "fifo":
			err = syscall.Mkfifo(path, 0o600)
		default: // standard input is a file, too, or read from one
			err = os.WriteFile(path, f.stored(), 0o600)
		}
		if err != nil {
			panic(err)
		}
	}
}

// ran is what came of a run of the program.
type ran struct {
	stdout, stderr []byte
	code           int
	counts
	told bool // the ledger
}

// run runs the program in the directory of the captures.
func (c *catCase) run(dir string, processors int) *ran {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "enswitch-events", append(c.args(), "--log-format=json")...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TZ=UTC", fmt.Sprint("GOMAXPROCS=", processors), exitAtOnce}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	for i := range c.files {
		f := &c.files[i]
		switch f.kind {
		case "stdin":
			cmd.Stdin = &slowly{bytes.NewReader(f.stored()), f.chunk}
		case "redirect":
			in, err := os.Open(filepath.Join(dir, f.name))
			if err != nil {
				panic(err)
			}
			defer in.Close()
			cmd.Stdin = in
		case "fifo":
			defer feedFIFO(filepath.Join(dir, f.name), &slowly{bytes.NewReader(f.stored()), f.chunk})()
		}
	}
	err := cmd.Run()
	r := &ran{stdout: stdout.Bytes(), stderr: stderr.Bytes()}
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		r.code = e.ExitCode()
	} else if err != nil {
		panic(err)
	}
	for line := range bytes.Lines(r.stderr) {
		if bytes.Contains(line, []byte(`"received":`)) {
			r.told = json.Unmarshal(line, &r.counts) == nil
		}
	}
	return r
}

// feedFIFO writes to a fifo until all is written or stop is called.
func feedFIFO(path string, from io.Reader) (stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if f, err := os.OpenFile(path, os.O_WRONLY, 0); err == nil {
			_, _ = io.Copy(struct{ io.Writer }{f}, from) // the program may end before
			f.Close()
		}
	}()
	return func() {
		// The opening waits for a reader, and the writing ends when there is none.
		if f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil {
			f.Close()
		}
		<-done
	}
}

// slowly reads a chunk at once.
type slowly struct {
	r     io.Reader
	chunk int
}

func (s *slowly) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), s.chunk)]) }
