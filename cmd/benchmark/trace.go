package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// The caller of all calls, who is in one line of six.
const (
	caller       = "from=+4930987654"
	callerNumber = "(0049) 30 987654"
)

// traceField and traceNumber are the rows of trace --read beside cat -w.
func traceField(ctx context.Context, b *bench) ([]row, error) {
	return b.besideCat(ctx, caller, row{what: "`trace --read` of a field that one line of six has", reach: "0.3"})
}

func traceNumber(ctx context.Context, b *bench) ([]row, error) {
	return b.besideCat(ctx, callerNumber, row{what: "`trace --read` of a number that one line of six has", reach: "0.15"})
}

// besideCat is a row of trace beside cat, which prints the lines with the caller.
func (b *bench) besideCat(ctx context.Context, what string, r row) ([]row, error) {
	path := filepath.Join(b.dir, "calls.ndjson")
	calls, err := writeCalls(path, b.fileSize)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(path) }()
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	r.against = "`cat -w` of the field"
	trace := &reader{b.binary, []string{"trace", what, "--read", path, "-o", "summary", "-Q"}, ended(1)}
	cat := &reader{b.binary, []string{"cat", path, "-w", caller, "-o", "ndjson", "-Q"}, lines(calls)}
	return b.besidePeer(ctx, trace, cat, st.Size(), r)
}

// lines checks that a file has that many lines.
func lines(want int) func(path string) error {
	return func(path string) error {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := bytes.Count(text, []byte("\n")); n != want {
			return fmt.Errorf("%d lines in the output, want %d", n, want)
		}
		return nil
	}
}
