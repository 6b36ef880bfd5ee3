//go:build unix

package main

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// text collects the lines of a stream.
type text struct {
	over chan struct{} // closed at its end

	mu    sync.Mutex
	lines []string
	grown chan struct{} // closed, and replaced, when a line came
}

func newText() *text {
	return &text{over: make(chan struct{}), grown: make(chan struct{})}
}

func (x *text) read(r io.Reader) {
	defer close(x.over)
	br := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := br.ReadString('\n')
		if line != "" {
			x.mu.Lock()
			x.lines = append(x.lines, strings.TrimSuffix(line, "\n"))
			// Who waits looks at all lines, which takes long if it is after each of many.
			if rest, _ := br.Peek(br.Buffered()); !bytes.ContainsRune(rest, '\n') {
				close(x.grown)
				x.grown = make(chan struct{})
			}
			x.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

func (x *text) snapshot() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.lines)
}

func (x *text) tail() string {
	lines := x.snapshot()
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// await waits until ok.
func (x *text) await(t *testing.T, what string, ok func(lines []string) bool) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		x.mu.Lock()
		fine, grown := ok(x.lines), x.grown
		x.mu.Unlock()
		if fine {
			return
		}
		select {
		case <-grown:
		case <-x.over:
			if !ok(x.snapshot()) {
				t.Fatalf("the program ended before %s", what)
			}
		case <-limit.C:
			t.Fatalf("waited for %s in vain", what)
		}
	}
}
