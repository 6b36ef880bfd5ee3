package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// manyCalls makes a capture, plain or not, of over 16 MiB, from which on trace reads in several passes:
// the scenarios of testdata/calls, each many times, at random times of that many seconds.
func manyCalls(t *testing.T, r *rand.Rand, calls, seconds int) (name string, lines []string) {
	t.Helper()
	var scenarios [][]string
	for _, name := range []string{"attended", "blind", "blonde", "busy", "forked", "parking", "pickup", "queue", "reused_within", "reused_after", "midway"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "calls", name+".ndjson"))
		if err != nil {
			t.Fatal(err)
		}
		scenarios = append(scenarios, strings.Split(strings.TrimSpace(string(text)), "\n"))
	}
	stamp := regexp.MustCompile(`"timestamp":"(\d+)\.(\d+)"`)
	id := regexp.MustCompile(`"(callid|uniqueid|asteriskid)":"([0-9.]+)"`)
	type timed struct {
		usec int64
		line string
	}
	var all []timed
	for n := range calls {
		offset := r.Int64N(int64(seconds) * 1e6)
		disorder := r.Int64N(2) * 1_500_000
		own := strings.NewReplacer("+441632960", fmt.Sprintf("+44163%06d", n), "desk-", fmt.Sprintf("desk-%d-", n))
		scenario := scenarios[r.IntN(len(scenarios))]
		switch r.IntN(10) {
		case 0: // it began before
			scenario = scenario[r.IntN(len(scenario)):]
		case 1: // it did not end
			scenario = scenario[:1+r.IntN(len(scenario))]
		}
		for _, line := range scenario {
			line = id.ReplaceAllString(own.Replace(line), fmt.Sprintf(`"$1":"${2}%06d"`, n))
			var s, usec int64
			if _, err := fmt.Sscanf(stamp.FindString(line), `"timestamp":"%d.%d"`, &s, &usec); err != nil {
				t.Fatal(err)
			}
			at := s*1e6 + usec + offset
			came := at + r.Int64N(disorder+1)
			add := func(line string) {
				all = append(all, timed{came, stamp.ReplaceAllString(line, fmt.Sprintf(`"timestamp":"%d.%06d","filler":%q`, at/1e6, at%1e6, strings.Repeat("x", 1000)))})
			}
			add(line)
			switch r.IntN(100) {
			case 0: // it came twice
				add(line)
			case 1: // another event of another machine has its ids, some time later
				at += r.Int64N(20_000_000)
				came = at
				add(strings.NewReplacer(`"class":"call"`, `"class":"message"`, `"machine":1`, `"machine":2`).Replace(line))
			case 2:
				if n%50 == 0 {
					add(`{"class":"enswitch-events","event":"gap","timestamp":"0.0"}`)
				}
			case 3:
				if n%50 == 0 {
					all = append(all, timed{came, strings.Replace(line, `"timestamp"`, `"time"`, 1)})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b timed) int { return cmp.Compare(a.usec, b.usec) })
	var text bytes.Buffer
	for _, e := range all {
		lines = append(lines, e.line)
		text.WriteString(e.line)
		text.WriteByte('\n')
	}
	if text.Len() < 16<<20 {
		t.Fatalf("%d bytes are read in one pass", text.Len())
	}
	name = filepath.Join(t.TempDir(), "calls.ndjson")
	stored := &text
	if r.IntN(2) == 0 { // as large as it was, but not plain text
		stored = &bytes.Buffer{}
		w, err := gzip.NewWriterLevel(stored, gzip.NoCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(text.Bytes()); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(name, stored.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name, lines
}

// TestTracePasses compares what trace finds in several passes with what it finds when it
// follows everything, as it does from a pipe: in captures that are dense or not, in the
// order of the timestamps or off by less than the linger, with calls of which the
// beginning or the end is missing, gaps, events that came twice, events without a
// timestamp, and events of other classes with ids of calls.
func TestTracePasses(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	value := regexp.MustCompile(`"(callid|uniqueid|asteriskid|phone|from|to)":"([^"]*)"`)
	seconds := []int{5, 600, 86400}[r.IntN(3)]
	name, lines := manyCalls(t, r, 1800, seconds)
	text := strings.Join(lines, "\n") + "\n"
	for range 4 {
		m := value.FindAllStringSubmatch(lines[r.IntN(len(lines))], -1)
		if m == nil {
			continue
		}
		field := m[r.IntN(len(m))]
		what := field[2]
		switch r.IntN(3) {
		case 0:
			what = field[1] + "=" + what
		case 1:
			if number, ok := strings.CutPrefix(what, "+44"); ok {
				what = "(0" + number[:3] + ") " + number[3:]
			}
		}
		args := []string{"trace", what, "-Q", "-o", "summary", "-n", fmt.Sprint(1 + r.IntN(2)), "--read"}
		if r.IntN(3) == 0 {
			args = slices.Insert(args, 2, "--call-timeout", fmt.Sprintf("%ds", 1+r.IntN(100)))
		}
		trace := func(file, stdin string) (string, int) {
			var out bytes.Buffer
			code := run(context.Background(), append(slices.Clone(args), file), cli.Streams{In: strings.NewReader(stdin), Out: &out, Err: &bytes.Buffer{}})
			return out.String(), code
		}
		got, code := trace(name, "")
		want, wantCode := trace("-", text)
		if got != want || code != wantCode {
			t.Errorf("seed %d, %d s: %q: %d\n%s, want %d\n%s", seed, seconds, args, code, got, wantCode, want)
		}
	}
}
