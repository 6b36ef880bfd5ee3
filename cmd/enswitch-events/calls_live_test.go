//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// callEvent is an event of class call, seconds after a moment in the past.
func callEvent(seconds float64, name, id string) []byte {
	return fmt.Appendf(nil, `{"class":"call","event":%q,"machine":1,"timestamp":"%.6f","callid":%q,"uniqueid":%[3]q}`, name, 1e9+seconds, id)
}

// picked are the arguments of calls that print a record in a few words.
var picked = []string{"-o", "tsv", "--no-header", "-F", "callid,state,doubtful"}

// TestCallsLive: a call ends though nothing comes after it, one that was open while the
// feed was away is doubtful, and a signal prints what is open.
func TestCallsLive(t *testing.T) {
	t.Parallel()
	s := serverAt(t, "")
	p := start(t, append([]string{"calls", s.Addr(), "--linger", "10ms", "--report-gaps", "--fail-on-loss"}, picked...)...)
	waitClients(t, s, 1)
	s.Send(callEvent(0, "start", "over"), callEvent(0, "start", "during"), callEvent(1, "end", "over"))
	p.lines(1)
	s.Drop()
	p.says("connected again", 1)
	waitClients(t, s, 1) // the server knows of it a little later
	s.Send(callEvent(2, "start", "after"))
	p.received(4)
	p.signal(syscall.SIGINT)
	got := callLines(t, p, cli.ExitLoss)
	want := []string{"over\tended\tfalse", "\t\t", "during\topen\ttrue", "after\topen\tfalse"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
	p.matches([]string{`3 calls: 1 ended, 2 open \(1 doubtful\)`, "events were lost: 0 dropped, 1 gap"}, nil)
}

// TestCallsTime: an end by time prints what is open, and says how many calls came of those
// asked for.
func TestCallsTime(t *testing.T) {
	t.Parallel()
	s := serverAt(t, "")
	p := start(t, append([]string{"calls", s.Addr(), "-n", "3", "--idle-timeout", "1s"}, picked...)...)
	waitClients(t, s, 1)
	s.Send(callEvent(0, "start", "a"), callEvent(1, "end", "a"), callEvent(1, "start", "b"))
	got := callLines(t, p, cli.ExitTime)
	if want := "a\tended\tfalse\nb\topen\tfalse"; strings.Join(got, "\n") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.matches([]string{"no event for 1s: 2 of 3 calls came"}, nil)
}

// TestCallsTimeCount: the records of calls that are open when the time is up count, too.
func TestCallsTimeCount(t *testing.T) {
	t.Parallel()
	s := serverAt(t, "")
	p := start(t, append([]string{"calls", s.Addr(), "-n", "1", "--idle-timeout", "1s"}, picked...)...)
	waitClients(t, s, 1)
	s.Send(callEvent(0, "start", "a"), callEvent(0, "start", "b"))
	got := callLines(t, p, cli.ExitOK)
	if want := "a\topen\tfalse"; strings.Join(got, "\n") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestCallsCount: the run ends behind the event with which the last record comes.
func TestCallsCount(t *testing.T) {
	t.Parallel()
	s := serverAt(t, "")
	p := start(t, append([]string{"calls", s.Addr(), "-n", "1"}, picked...)...)
	waitClients(t, s, 1)
	s.Send(callEvent(0, "start", "a"), callEvent(1, "end", "a"), callEvent(10, "start", "b"), callEvent(20, "start", "c"), callEvent(30, "end", "c"))
	got := callLines(t, p, cli.ExitOK)
	if want := "a\tended\tfalse"; strings.Join(got, "\n") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestCallsBad: whatever else comes, the record of a call is as it would be alone, and
// what is left out is counted.
func TestCallsBad(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, said string
		calls      int // beside those that are good
		write      func(w *bytes.Buffer)
	}{
		{"no id", "20,000 events of class call without an id", 0, func(w *bytes.Buffer) {
			for range 20_000 {
				w.WriteString(`{"class":"call","event":"start","machine":1,"timestamp":"1000000010.0"}` + "\n")
			}
		}},
		{"an id that is no text", "4,000 events of class call without an id", 1, func(w *bytes.Buffer) {
			for range 1000 {
				for _, id := range []string{"null", "true", "[1]", `{"a":1}`, "1.5e3"} {
					fmt.Fprintf(w, `{"class":"call","event":"start","machine":1,"timestamp":"1000000010.0","callid":%s,"uniqueid":%[1]s}`+"\n", id)
				}
			}
		}},
		{"legs", "1,000 legs beyond 10,000", 1, func(w *bytes.Buffer) {
			for n := range 11_000 {
				fmt.Fprintf(w, `{"class":"call","event":"start","timestamp":"1000000010.%06d","callid":"big","uniqueid":"%[1]d"}`+"\n", n)
			}
		}},
		{"long ids", "2 calls: 2 ended|given up as lost", 1200, func(w *bytes.Buffer) {
			for n := range 1200 {
				fmt.Fprintf(w, `{"class":"call","event":"start","timestamp":"1000000010.%06d","callid":"%d%s"}`+"\n", n, n, strings.Repeat("x", 64<<10))
			}
		}},
		{"back in time", "2 calls|52 calls", 50, func(w *bytes.Buffer) {
			for n := range 20_000 {
				fmt.Fprintf(w, "%s\n", callEvent(float64(100_000-n), "hold", fmt.Sprint(n%50)))
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var w bytes.Buffer
			good := func(seconds float64, id string) {
				for i, name := range []string{"start", "answer", "end"} {
					fmt.Fprintf(&w, "%s\n", callEvent(seconds+float64(i), name, id))
				}
			}
			good(0, "first")
			row.write(&w)
			good(200_000, "last")
			file := filepath.Join(t.TempDir(), "events.ndjson")
			if err := os.WriteFile(file, w.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			p := start(t, "calls", "--read", file, "-o", "tsv", "--no-header", "-F", "uniqueids,state,talk,events")
			got := callLines(t, p, cli.ExitOK)
			for _, id := range []string{"first", "last"} {
				if want := id + "\tended\t1.000000\t3"; count(got, func(line string) bool { return line == want }) != 1 {
					t.Errorf("no line %q", want)
				}
			}
			if len(got) != row.calls+2 {
				t.Errorf("%d records, want %d", len(got), row.calls+2)
			}
			p.matches([]string{row.said}, nil)
		})
	}
}
