//go:build unix

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// fault is a row of the matrix: something that goes wrong, what is expected of
// the program then, and the test that does it to the real program.
type fault struct {
	name        string
	fault       string
	expectation string
	run         func(*testing.T)
}

func faultRows() []fault {
	return slices.Concat(connectionFaults(), protocolFaults(), connectFaults(), neverFaults(), keyFaults(), saidFaults(), feedFaults(),
		outputFaults(), recordFaults(), followFaults(), signalFaults(), postFaults(), stdioFaults(), drainFaults(), forwardFaults(), streamFaults(), streamChangeFaults(), twinFaults())
}

// TestFaults runs every row. Each one starts the program as a process of its
// own, with real sockets, and in the end the ledger must add up, agree with
// what stdout got and, where that can be known, with what was sent.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, row := range longestLast(t, faultRows()) {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.run(t)
		})
	}
}

// longest are the rows that wait for 4 s and more, for a time that is the program's. They
// start first, so that the run does not end with waiting for them.
var longest = []string{
	"stream-past", "suspended", "record-fifo-hangs", "slow-header", "sigint-stdout-blocked", "lost-and-blocked",
	"lost-then-sigint-blocked", "record-unread-stdout-blocked", "sigterm-slow-jq", "stream-worker-blocked",
	"lost-then-sigterm-slow-jq", "dns-changes", "slow-body", "answers-with-events", "stream-cluster",
}

// longestLast returns the rows with the longest ones last: package testing releases parallel
// tests in the reverse order.
func longestLast(t *testing.T, rows []fault) []fault {
	place := func(row fault) int { return slices.Index(longest, row.name) }
	slices.SortStableFunc(rows, func(a, b fault) int { return cmp.Compare(place(a), place(b)) })
	if n := len(longest); n > len(rows) || place(rows[len(rows)-n]) != 0 {
		t.Error("longest has a name that is no row")
	}
	return rows
}

// TestFaultsTable keeps the table in testdata the same as the rows.
func TestFaultsTable(t *testing.T) {
	const name = "../../testdata/faults.md"
	rows := faultRows()
	var b bytes.Buffer
	fmt.Fprintf(&b, `# What can go wrong, and what is expected then

Each row is a test that runs the program as a process, with real sockets:
`+"`go test ./cmd/enswitch-events -run 'TestFaults/NAME$'`"+`. In every row the ledger
must add up (received = kept + filtered + rejected + dropped + waiting), agree
with what stdout got and, where that can be known, with what was sent. This
table is made from the tests, %d rows: `+"`go test ./cmd/enswitch-events -run TestFaultsTable -update`"+`.

| fault | expectation | test |
|---|---|---|
`, len(rows))
	known := map[string]bool{}
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", cell(row.fault), cell(row.expectation), row.name)
		if known[row.name] || strings.ContainsAny(row.name, " /|") {
			t.Errorf("%q: names are used once, and have no space, slash or bar", row.name)
		}
		known[row.name] = true
	}
	if *update {
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	old, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(old, b.Bytes()) {
		t.Error("testdata/faults.md differs from the rows: run the test with -update")
	}
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
