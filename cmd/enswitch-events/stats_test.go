//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// TestStatsTruth compares the figures of a capture with those that were worked out by hand:
// see testdata/stats/README.md. They are the same wherever the events come from.
func TestStatsTruth(t *testing.T) {
	t.Parallel()
	const dir = "../../testdata/stats/"
	for _, from := range ways() {
		for want, more := range map[string][]string{"mixed.want.ndjson": nil, "mixed.want.machine.ndjson": {"--by", "machine"}} {
			t.Run(from.what+"/"+want, func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(dir + want)
				if err != nil {
					t.Fatal(err)
				}
				command := append([]string{"stats", "-o", "ndjson", "--map", "cause=cause", "--call-timeout", "150s"}, more...)
				got := from.run(t, dir+"mixed.ndjson", command...)
				wanted := strings.Split(strings.TrimSpace(string(text)), "\n")
				if len(got) != len(wanted) {
					t.Fatalf("%d objects, want %d:\n%s", len(got), len(wanted), strings.Join(got, "\n"))
				}
				for i := range wanted {
					compareObjects(t, got[i], wanted[i], from.live)
				}
			})
		}
	}
}

// compareObjects compares two objects of stats: their fields, in order, the numbers within
// 1 %. Those of a live run are of another time.
func compareObjects(t *testing.T, got, want string, live bool) {
	t.Helper()
	g, w := fieldsInOrder(t, got), fieldsInOrder(t, want)
	if len(g) != len(w) {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	for i := range w {
		name := w[i].name
		if g[i].name != name {
			t.Fatalf("field %d is %s, want %s:\n%s", i, g[i].name, name, got)
		}
		if live && (name == "from" || name == "to" || name == "erlang") {
			continue
		}
		a, aIs := g[i].value.(float64)
		b, bIs := w[i].value.(float64)
		if aIs && bIs {
			if math.Abs(a-b) > 0.01*b || a != math.Trunc(a) && name == "events" {
				t.Errorf("%s is %v, want %v", name, a, b)
			}
			if b == math.Trunc(b) && b < 1e6 && a != b {
				t.Errorf("%s is %v, want %v", name, a, b)
			}
			continue
		}
		if x, y := mustJSON(t, g[i].value), mustJSON(t, w[i].value); x != y {
			t.Errorf("%s is %s, want %s", name, x, y)
		}
	}
}

// namedValue is a field of a JSON object.
type namedValue struct {
	name  string
	value any
}

func fieldsInOrder(t *testing.T, text string) (all []namedValue) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	if _, err := d.Token(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		all = append(all, namedValue{name.(string), v})
	}
	return all
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestStatsOfWrongClocks: a call of a machine whose clock is wrong counts in the interval in which
// it is made, and does not change what another machine's calls say.
func TestStatsOfWrongClocks(t *testing.T) {
	t.Parallel()
	for _, more := range [][]string{nil, {"--every", "2000h"}} {
		s := serverAt(t, "")
		p := start(t, append([]string{"stats", s.Addr(), "--by", "machine", "-o", "ndjson"}, more...)...)
		waitClients(t, s, 1)
		for i, name := range []string{"start", "answer", "end"} {
			for machine, off := range []time.Duration{0, 9000 * time.Hour, -9000 * time.Hour} {
				at := time.Now().Add(off)
				s.Send(fmt.Appendf(nil, `{"class":"call","event":%q,"machine":%d,"timestamp":"%d.%06d","callid":"%[2]d"}`, name, machine, at.Unix(), at.Nanosecond()/1000))
			}
			p.received(3 * int64(i+1))
		}
		p.signal(syscall.SIGINT)
		got := callLines(t, p, cli.ExitOK)
		if len(got) != 3 {
			t.Fatalf("%d objects, want 3: %s", len(got), got)
		}
		for _, object := range got {
			if !strings.Contains(object, `"events":3,"attempts":1,"answered":1,`) || !strings.Contains(object, `"concurrent_max":1,"cps_max":1,`) {
				t.Errorf("%v: %s", more, object)
			}
		}
	}
}

// TestStatsOnTerminal: the table is drawn again in place, above the status line and below the
// messages, and the whole of it is left at the end. Nothing that an event holds moves the
// cursor.
func TestStatsOnTerminal(t *testing.T) {
	t.Parallel()
	s := serverAt(t, "")
	p := onScreen(t, size{80, 40}, nil, "stats", s.Addr())
	waitClients(t, s, 1)
	s.Send(callEvent(0, "start", "a"), []byte(`{"class":"call","event":"\u001b[2J\u001b[H","callid":"a","timestamp":"1000000001.000000"}`))
	p.shows("call.start", `call.\x1b[2J\x1b[H`, "attempts         1", " kept", "connected to ws://"+s.Addr())
	s.Send(callEvent(2, "start", "b"))
	p.shows("attempts         2", "3 events")
	if text := p.text(); strings.Count(text, "attempts") != 1 {
		t.Errorf("on the screen is\n%s", text)
	}
	p.resize(size{60, 12})
	p.until("it fits", func(text string) bool {
		return strings.Contains(text, "3 events") && strings.Contains(text, "calls up") && strings.Contains(text, " kept") && !strings.Contains(text, "call.start")
	})
	p.resize(size{80, 40})
	p.shows("attempts         2")
	p.press("^C")
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
	text := p.text()
	if strings.Count(text, "attempts         2\n") != 1 || strings.Contains(text, " · ") || !strings.Contains(text, "3 events received: 3 kept") {
		t.Errorf("left on the screen is\n%s", text)
	}
}

// TestStatsLines: without a terminal that can be drawn on there are lines; with -Q there is
// the table alone.
func TestStatsLines(t *testing.T) {
	t.Parallel()
	s := serverAt(t, "")
	dumb := onScreen(t, size{80, 40}, []string{"TERM=dumb"}, "stats", s.Addr())
	quiet := onScreen(t, size{80, 40}, nil, "stats", s.Addr(), "-Q")
	waitClients(t, s, 2)
	s.Send(callEvent(0, "start", "a"))
	quiet.shows("attempts         1")
	for _, p := range []*terminal{dumb, quiet} {
		p.press("^C")
		if code := p.exit(); code != cli.ExitOK {
			t.Errorf("exit code %d", code)
		}
		if text := p.text(); strings.Count(text, "attempts         1\n") != 1 {
			t.Errorf("on the screen is\n%s", text)
		}
	}
	if out := dumb.output(); strings.Contains(out, "\x1b") {
		t.Errorf("written to a dumb terminal: %q", out)
	}
	if out := quiet.output(); strings.Contains(out, "kept") || strings.Contains(out, "connected") {
		t.Errorf("said with -Q: %q", out)
	}
}
