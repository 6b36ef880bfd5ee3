package call

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// follow follows the events, one a line, with the functions of o.
func follow(t testing.TB, lines string, o *Options) *Tracker {
	t.Helper()
	m, err := NewMap()
	if err != nil {
		t.Fatal(err)
	}
	tr, r := NewTracker(o), m.NewReader()
	var x event.Index
	var e Event
	for line := range strings.Lines(lines) {
		raw := []byte(strings.TrimSpace(line))
		if len(raw) == 0 {
			continue
		}
		if err := x.Scan(raw); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		r.Read(&e, raw, &x)
		tr.Add(&e)
		clear(raw) // the tracker must not use it
	}
	tr.Finish()
	return tr
}

// records returns the records of the calls in the events, as they end.
func records(t testing.TB, lines string) (all []string) {
	follow(t, lines, &Options{OnEnd: func(c *Call) { all = append(all, string(c.AppendRecord(nil))) }})
	return all
}

// TestScenarios compares the calls of the captures in testdata with what was written
// down by hand.
func TestScenarios(t *testing.T) {
	wants, err := filepath.Glob("../../testdata/calls/*.want.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range wants {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".want.ndjson"), func(t *testing.T) {
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			lines, err := os.ReadFile(strings.TrimSuffix(path, ".want.ndjson") + ".ndjson")
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(records(t, string(lines)), "\n")
			if got != string(bytes.TrimSpace(want)) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestSimple(t *testing.T) {
	got := records(t, `{"callid":"1.1","class":"call","event":"start","machine":1,"timestamp":"100.000000","uniqueid":"1.1","from":"+44"}
{"callid":"1.1","class":"call","event":"ring","machine":1,"timestamp":"101.500000","uniqueid":"1.1"}
{"callid":"1.1","class":"call","event":"answer","machine":1,"timestamp":"104.200000","uniqueid":"1.1"}
{"callid":"1.1","class":"call","event":"end","machine":1,"timestamp":"110.000000","uniqueid":"1.1","cause":"16"}
`)
	want := `{"callid":"1.1","uniqueids":["1.1"],"machines":[1],"state":"ended","answered":true,"partial":false,"doubtful":false,"from":"+44","cause":"16","start":"100.000000","ring":"101.500000","answer":"104.200000","end":"110.000000","pdd":1.500000,"duration":10.000000,"talk":5.800000,"legs":1,"events":4}`
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %s\nwant %s", strings.Join(got, "\n"), want)
	}
}
