//go:build unix

package main

import (
	"path/filepath"
	"regexp"
	"testing"
)

// question matches a sequence that a terminal answers: a device attribute or status, a mode,
// the keyboard, a colour.
var question = regexp.MustCompile(`\x1b\[[?>=]?[0-9;]*(?:[cnq]|\$p)|\x1b\[\?u|\x1b\][0-9;]+;\?|\x1bP[+$]q`)

// TestNoQuestions: no command but the screen asks the terminal anything: one that does not
// answer would hold it up, and an answer that comes late is typed into the shell.
func TestNoQuestions(t *testing.T) {
	t.Parallel()
	file, err := filepath.Abs("../../testdata/events/calls.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"version"},
		{"help"},
		{"calls", "--help"},
		{"cat", file},
		{"cat", file, "-o", "pretty"},
		{"calls", "--read", file, "-o", "line"},
		{"trace", "201", "--read", file},
		{"stats", "--read", file},
		{"wait", "--read", file, "-e", "answer"},
		{"tail", "--demo", "-n", "3"},
		{"nosuch"},
	} {
		p := onScreen(t, small, []string{"PAGER=cat"}, args...)
		p.exit()
		if asked := question.FindString(p.output()); asked != "" {
			t.Errorf("%q asks the terminal: %q", args, asked)
		}
	}
	// The screen does, so the test knows a question when it sees one.
	p := onScreen(t, small, nil, "calls", "--read", file)
	p.atEnd()
	if !question.MatchString(p.output()) {
		t.Errorf("no question in %q", p.output())
	}
	p.press("q")
	p.exit()
}
