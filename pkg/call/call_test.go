package call

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// follow follows the events, one a line, with the functions of o.
func follow(t interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}, lines string, o *Options,
) *Tracker {
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

// TestDue ends calls when they are due, whatever others wait for: one whose second machine
// was heard of first with a call that ends later, and one whose machine is silent behind
// one whose machine is not.
func TestDue(t *testing.T) {
	for _, row := range []struct {
		lines string
		want  []int // events
	}{{`
{"callid":"z","class":"call","event":"end","machine":2,"timestamp":"100.000000","uniqueid":"z1"}
{"callid":"b","class":"call","event":"end","machine":1,"timestamp":"100.000001","uniqueid":"b1"}
{"callid":"z","class":"call","event":"start","machine":1,"timestamp":"100.000001","uniqueid":"z1","x":1}
{"callid":"z","class":"call","event":"start","machine":1,"timestamp":"102.000000"}
`, []int{2, 1}}, {`
{"callid":"a","class":"call","event":"end","machine":1,"timestamp":"100.000000","uniqueid":"a1"}
{"callid":"b","class":"call","event":"end","machine":2,"timestamp":"100.000000","uniqueid":"b1"}
{"callid":"a","class":"call","event":"start","machine":1,"timestamp":"101.999999","uniqueid":"a1"}
{"callid":"b","class":"call","event":"start","machine":3,"timestamp":"110.999999"}
`, []int{1, 2}}} {
		var events []int
		follow(t, row.lines, &Options{OnEnd: func(c *Call) { events = append(events, c.Count()) }})
		if !slices.Equal(events, row.want) {
			t.Errorf("%v events, want %v: %s", events, row.want, row.lines)
		}
	}
}

// TestMachineSpellings: a machine that writes its number now as a number, now as a string, is
// one machine. Each call lists it as it wrote it first there.
func TestMachineSpellings(t *testing.T) {
	got := records(t, `
{"callid":"a","class":"call","event":"start","machine":1,"timestamp":"100.000000","uniqueid":"a1"}
{"callid":"a","class":"call","event":"ring","machine":"1","timestamp":"101.000000","uniqueid":"a1"}
{"callid":"b","class":"call","event":"start","machine":"1","timestamp":"101.500000","uniqueid":"b1"}
{"callid":"b","class":"call","event":"ring","machine":"12","timestamp":"101.600000","uniqueid":"b1"}
{"callid":"a","class":"call","event":"end","machine":"\u0031","timestamp":"102.000000","uniqueid":"a1"}
{"callid":"a","class":"call","event":"end","machine":1,"timestamp":"103.000000","uniqueid":"b1"}
`)
	if len(got) != 1 || !strings.Contains(got[0], `"machines":[1,"12"]`) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	got = records(t, `
{"callid":"a","class":"call","event":"start","machine":1,"timestamp":"100.000000","uniqueid":"a1"}
{"callid":"b","class":"call","event":"start","machine":"1","timestamp":"101.500000","uniqueid":"b1"}
{"callid":"b","class":"call","event":"end","machine":1,"timestamp":"101.600000","uniqueid":"b1"}
{"callid":"a","class":"call","event":"end","machine":1,"timestamp":"102.000000","uniqueid":"a1"}
`)
	if len(got) != 2 || !strings.Contains(got[0], `"machines":["1"]`) || !strings.Contains(got[1], `"machines":[1]`) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}

// An event that no Reader has filled belongs to no call.
func TestEventOfNoReader(t *testing.T) {
	tr := NewTracker(nil)
	tr.Add(&Event{})
	tr.Finish()
	if s := tr.Stats(); s.Calls != 0 || s.Untimed != 1 {
		t.Errorf("%+v", s)
	}
}

// TestLegs: the legs of a call, few or many, in whatever order they came and were asked for, are
// those of a plain map.
func TestLegs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c Call
		c.reset(1)
		want := map[key]int64{}
		for range rapid.IntRange(1, 4*manyLegs).Draw(t, "steps") {
			k := key(rapid.IntRange(1, 3*manyLegs).Draw(t, "key"))
			switch leg := c.leg(k); {
			case (leg != nil) != (want[k] != 0) || leg != nil && (leg.key != k || leg.order != want[k]):
				t.Fatalf("leg %d: %+v, want %d", k, leg, want[k])
			case leg == nil:
				want[k] = int64(len(want) + 1)
				c.addLeg(Leg{key: k, First: rapid.Int64Range(0, 9).Draw(t, "first"), order: want[k]})
			}
			if rapid.IntRange(0, 20).Draw(t, "shown") == 0 && len(c.Legs()) != len(want) {
				t.Fatalf("%d legs, want %d", len(c.legs), len(want))
			}
		}
	})
}
