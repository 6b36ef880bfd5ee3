package main

import (
	"bytes"
	"encoding/json"
	"go/parser"
	"go/token"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCorpus(t *testing.T) {
	c := newCorpus()
	if len(c.events) != chunkEvents || len(c.ids) != chunkEvents || len(c.forms) != chunkEvents || len(c.posted) != chunkEvents {
		t.Fatal("not all forms of all events")
	}
	size := 0
	for i, e := range c.events {
		size += len(e)
		var m map[string]any
		if err := json.Unmarshal(e, &m); err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		if m["uniqueid"] != string(c.ids[i]) || bytes.ContainsAny(e, "\n") {
			t.Errorf("%s", e)
		}
	}
	if mean := size / len(c.events); mean < 246 || mean > 270 {
		t.Errorf("an event has %d bytes on average", mean)
	}
	// The traps: inside a string, inside an object, and escapes.
	for _, part := range []string{`\"class\":\"call\"`, `{"class":"call"`, `\"Z\"`, "Zoë", `\\`} {
		if !bytes.Contains(c.frames, []byte(part)) {
			t.Errorf("%s is nowhere", part)
		}
	}
	lines, err := c.kept(func(e map[string]any) bool { return e["class"] == "call" && e["event"] == "answer" })
	if n := bytes.Count(lines, []byte("\n")); err != nil || n != chunkEvents/len(kinds) {
		t.Errorf("%d answers, %v", n, err)
	}
}

func TestProfiledMain(t *testing.T) {
	source, err := os.ReadFile("../enswitch-events/main.go")
	if err != nil {
		t.Fatal(err)
	}
	source, err = profiledMain(source)
	if err != nil || bytes.Contains(source, []byte("os.Exit")) {
		t.Fatalf("%s: %v", source, err)
	}
	for _, text := range [...]string{string(source), profiler} {
		if _, err := parser.ParseFile(token.NewFileSet(), "main.go", text, parser.AllErrors); err != nil {
			t.Errorf("%v: %s", err, text)
		}
	}
}

func TestBareLoop(t *testing.T) {
	c := newCorpus()
	s := newServer(repeat(c.frames, 2))
	defer s.Close()
	var out strings.Builder
	if err := run(t.Context(), []string{bareLoop, s.address()}, &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	if want := strconv.Itoa(2*chunkEvents) + "\n"; out.String() != want {
		t.Errorf("counted %q, want %q", out.String(), want)
	}
	if err := <-s.sent; err != nil {
		t.Error(err)
	}
}

func TestBareLoopLost(t *testing.T) {
	s := newServer(func(c net.Conn) error { return c.Close() })
	defer s.Close()
	if err := readBare(s.address(), t.Output()); err == nil {
		t.Error("no error for a connection that was lost")
	}
}

func TestRepeats(t *testing.T) {
	for _, tt := range []struct {
		got   string
		times int
		ok    bool
	}{
		{"ab\nab\n", 2, true},
		{"ab\nab\n", 1, false},
		{"ab\nab\n", 3, false},
		{"ab\nac\n", 2, false},
		{"ab\na", 2, false},
		{"", 1, false},
	} {
		path := filepath.Join(t.TempDir(), "out")
		if err := os.WriteFile(path, []byte(tt.got), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := repeats(path, []byte("ab\n"), tt.times); (err == nil) != tt.ok {
			t.Errorf("%q, %d times: %v", tt.got, tt.times, err)
		}
		if err := linesHold(path, [][]byte{[]byte("ab")}, tt.times); (err == nil) != tt.ok {
			t.Errorf("%q, %d lines: %v", tt.got, tt.times, err)
		}
	}
}

func TestReadLedger(t *testing.T) {
	l, err := readLedger([]byte("{\"msg\":\"connected\"}\n{\"msg\":\"3 events\",\"received\":3,\"kept\":1,\"filtered\":2,\"dropped\":0}\n"))
	if err != nil || l != (ledger{Received: 3, Kept: 1, Filtered: 2}) {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := readLedger([]byte("no such thing\n")); err == nil {
		t.Error("no error")
	}
}

func TestQuantile(t *testing.T) {
	list := []int{5, 1, 4, 2, 3}
	if got := median(list); got != 3 {
		t.Errorf("median %d", got)
	}
	if got := quantile(list, 0.99); got != 5 {
		t.Errorf("p99 %d", got)
	}
	if list[0] != 5 {
		t.Error("the list was sorted")
	}
}

func TestTable(t *testing.T) {
	for _, tt := range []struct{ reach, want string }{
		{"", "| what | against | ratio | this program | the other |\n| --- | --- | --: | --: | --: |\n| a\\|b |  | 0.5 |  |  |\n\nSkipped: c\n"},
		{"1", "| what | against | ratio | this program | the other | reach |\n| --- | --- | --: | --: | --: | --: |\n| a\\|b |  | 0.5 |  |  | 1 |\n\nSkipped: c\n"},
	} {
		var out strings.Builder
		if err := printTable(&out, []row{{what: "a|b", ratio: "0.5", reach: tt.reach}}, []string{"c"}); err != nil {
			t.Fatal(err)
		}
		if out.String() != tt.want {
			t.Errorf("got\n%s", out.String())
		}
	}
}

func TestWriteReadme(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	write := func(text string) error {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return writeReadme(path, []row{{what: "a", ours: "$1", reach: "7"}}, nil, time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC))
	}
	if err := write("<!-- flags A -->\n<!-- end -->\n<!-- benchmark -->\nold\n<!-- end -->\nbelow\n<!-- end -->\n"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	above, rest, _ := strings.Cut(string(got), "<!-- benchmark -->\n| what | against | ratio | this program | the other |\n")
	_, below, ok := strings.Cut(rest, "| a |  |  | $1 |  |\n\nMeasured on 2026-11-23: ")
	if above != "<!-- flags A -->\n<!-- end -->\n" || !ok || !strings.HasSuffix(below, ".\n<!-- end -->\nbelow\n<!-- end -->\n") {
		t.Errorf("wrote\n%s", got)
	}
	if err := write("<!-- benchmark short -->\nold\n<!-- end -->\n"); err != nil {
		t.Fatal(err)
	}
	if got, err = os.ReadFile(path); err != nil || !strings.HasPrefix(string(got), "<!-- benchmark short -->\n") || strings.Contains(string(got), "| a |") {
		t.Errorf("of no row of the front page it wrote\n%s (%v)", got, err)
	}
	for _, text := range []string{"", "<!-- benchmark -->\n", strings.Repeat("<!-- benchmark -->\n<!-- end -->\n", 2)} {
		if write(text) == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

// TestFile compares what is written to a file with what is expected of its
// readers.
func TestFile(t *testing.T) {
	b := &bench{corpus: newCorpus(), dir: t.TempDir()}
	path, copies, err := b.writeFile("f", 2_000_000)
	if err != nil || copies != 2 {
		t.Fatalf("%d copies, %v", copies, err)
	}
	if again, n, err := b.writeFile("f", 2_000_000); again != path || n != copies || err != nil {
		t.Errorf("then %s, %d copies, %v", again, n, err)
	}
	all, err := b.corpus.kept(func(map[string]any) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	for name, check := range map[string]func([]byte, int) func(string) error{"same": same, "values": sameValues} {
		if err := check(all, copies)(path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for n := range 4 {
			if (check(all, n)(path) == nil) != (n == copies) {
				t.Errorf("%s: %d copies", name, n)
			}
		}
		if check(bytes.Replace(all, []byte("phone"), []byte("fax00"), 1), copies)(path) == nil {
			t.Errorf("%s: a difference was not found", name)
		}
	}
	sorted := filepath.Join(b.dir, "sorted")
	if err := os.WriteFile(sorted, []byte(`{"a":"2000000000.1","b":2}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sameValues([]byte(`{"b":2,"a":"1234567890.1"}`+"\n"), 1)(sorted); err != nil {
		t.Error(err)
	}
}

func TestPerSecond(t *testing.T) {
	for _, tt := range []struct {
		n    int
		want string
	}{{3_456_789, "3.46 million/s"}, {56_789, "57,000/s"}, {1234, "1234/s"}} {
		if got := perSecond(tt.n, time.Second); got != tt.want {
			t.Errorf("%d: got %s", tt.n, got)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-n", "0"}, {"-rounds", "0"}, {"-run", "("}, {"-bytes", "0"}, {"-large", "0"}, {"-readme", "x", "-run", "listen"}, {"extra"}, {"-no-such"}} {
		if err := run(t.Context(), args, t.Output(), t.Output()); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

// TestWriteCalls: the file has every event of every call, in the order of their times.
func TestWriteCalls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls")
	calls, err := writeCalls(path, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	events, last := map[string]int{}, ""
	for line := range bytes.Lines(text) {
		var e struct{ CallID, Timestamp string }
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if e.Timestamp < last {
			t.Fatalf("%s after %s", e.Timestamp, last)
		}
		last = e.Timestamp
		events[e.CallID]++
	}
	if len(events) != calls {
		t.Errorf("%d calls, want %d", len(events), calls)
	}
	for id, n := range events {
		if n != len(callPlan) {
			t.Errorf("%s has %d events", id, n)
		}
	}
}

// TestFrontPage: the short table has some of the rows, and not all.
func TestFrontPage(t *testing.T) {
	for what, want := range map[string]bool{
		"`tail -c call -e answer` into a file":                              true,
		"`tail` into a file":                                                true,
		"`tail -o line --color always` into a file":                         false,
		"`cat -c call -e answer` into a file":                               true,
		"`cat -c call -e answer` of 2.1 GB: resident memory at its highest": true,
		"`cat --jq 'x'` into a file":                                        false,
		"`cat` of a .zst, into nothing":                                     true,
		"`cat` of a .gz, into nothing":                                      false,
		"`listen` into a file, forms POSTed over 8 kept connections":        true,
		"the same, its answer time":                                         false,
		"`tail` into a pipe, event in to line out, 10,000 events/s":         true,
		"start-up: `version`, from fork to exit":                            true,
		"the program's file, stripped":                                      true,
	} {
		if frontPage.MatchString(what) != want {
			t.Errorf("%s: %v", what, !want)
		}
	}
}
