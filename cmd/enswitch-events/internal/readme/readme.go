package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// consolePart is a console block of the README: after each command, what it prints.
var consolePart = regexp.MustCompile("(?s)```console\n(.*?)```")

// rewrite brings the README up to date.
func rewrite(ctx context.Context, p *program, root string) error {
	file := filepath.Join(root, "README.md")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	events, err := sample(root)
	if err != nil {
		return err
	}
	var failed error
	text = consolePart.ReplaceAllFunc(text, func(part []byte) []byte {
		out, err := console(ctx, p, consolePart.FindSubmatch(part)[1], events)
		if err != nil {
			failed = err
		}
		return fmt.Appendf(nil, "```console\n%s```", out)
	})
	if failed != nil {
		return failed
	}
	return write(file, text)
}

// sample is what the examples of the README see.
func sample(root string) ([][]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, "testdata", "events", "calls.ndjson"))
	if err != nil {
		return nil, err
	}
	return bytes.Split(bytes.TrimSpace(text), []byte("\n")), nil
}

// console runs the commands of a block, which are the lines after a "$ ", and
// returns the block with what they print now. What they say on stderr is left
// out.
func console(ctx context.Context, p *program, block []byte, events [][]byte) ([]byte, error) {
	var out []byte
	for line := range bytes.Lines(block) {
		command, ok := bytes.CutPrefix(line, []byte("$ "))
		if !ok {
			continue
		}
		printed, err := p.serve(ctx, string(bytes.TrimSpace(command)), events)
		if err != nil {
			return nil, err
		}
		out = append(append(out, line...), printed...)
	}
	return out, nil
}
