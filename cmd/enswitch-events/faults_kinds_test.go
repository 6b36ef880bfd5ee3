package main

import (
	"slices"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
)

// TestFaultsSayEveryKind proves that messages are told once a kind, and counted
// exactly.
func TestFaultsSayEveryKind(t *testing.T) {
	var said []string
	f := report.Sampler{Log: func(msg string, _ ...any) { said = append(said, msg) }}
	failed := func(n string) {
		f.AddFailure("jq", "cannot add: number (…)", "cannot add: number ("+n+")")
	}
	failed("1")
	f.Add("--exec: exit status 1")
	failed("2")
	f.AddKind("few", "few: 1", 2)
	f.AddKind("few", "few: 2", 1)
	f.AddKind("few", "few: 1", 5)
	failed("3")
	failed("4")
	failed("1")
	f.AddKind("jq: cannot add: number (…)", "", 1000)
	for i := range 30 {
		f.AddKind(string(rune('a'+i)), "one", 3)
	}
	f.LogTotals()
	want := []string{
		"jq: cannot add: number (1)", "--exec: exit status 1", "jq: cannot add: number (2)", "few: 1", "few: 2",
		"jq: cannot add: number (3)",
	}
	if !slices.Equal(said[:len(want)], want) {
		t.Errorf("said %q", said)
	}
	for _, msg := range []string{"jq: cannot add: number (…) (1,005 in all)", "few: 1 (7 in all)", "39 failures of other kinds, not shown"} {
		if !slices.Contains(said, msg) {
			t.Errorf("not said: %s, but %q", msg, said)
		}
	}
}
