package enswitchtest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

const shipped = "../../testdata/scenarios/*.yaml"

func parse(t testing.TB, text string) *Scenario {
	t.Helper()
	s, err := ParseScenario([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestScenario(t *testing.T) {
	s := parse(t, `flows:
  - name: only
    fields: {a: 1, z: [x], "quo\"te": null}
    steps:
      - event: start
      - {event: ring, after: 1.5s, leg: 1, fields: {a: "2"}}
      - raw: '{"cut'
      - event: never
        odds: 100
        otherwise: [{event: over, after: 1s..1s, class: "other"}]
      - {event: unreached}
`)
	g := NewGenerator(&GeneratorOptions{Scenario: s, Machines: 1, Rate: 0.001})
	for i, want := range []string{
		`{"a":1,"asteriskid":"1234567890.1","callid":"1234567890.100000","class":"call","event":"start","machine":1,"quo\"te":null,"timestamp":"1234567890.123456","uniqueid":"1234567890.100000","z":"x"}`,
		`{"a":"2","asteriskid":"1234567891.2","callid":"1234567890.100000","class":"call","event":"ring","machine":1,"quo\"te":null,"timestamp":"1234567891.623456","uniqueid":"1234567891.100001","z":"x"}`,
		`{"cut`,
		`{"a":1,"class":"other","event":"over","machine":1,"quo\"te":null,"timestamp":"1234567892.623456","z":"x"}`,
	} {
		if got := string(g.Next().Raw); got != want {
			t.Errorf("event %d is\n%s, not\n%s", i, got, want)
		}
	}
}

// The memory of long delays is bounded.
func TestManyFlows(t *testing.T) {
	s := parse(t, "flows: [{name: a, steps: [{event: x, after: 24h}]}]")
	g := NewGenerator(&GeneratorOptions{Scenario: s, Rate: 1000})
	for range 10 {
		g.Next()
	}
	if g.running > maxRunning || g.running < maxRunning-10 || len(g.steps) != g.running+1 {
		t.Errorf("%d flows, %d steps", g.running, len(g.steps))
	}
}

func TestScenarioErrors(t *testing.T) {
	flow := func(rest string) string { return "flows:\n  - name: a\n" + rest }
	step := func(rest string) string { return flow("    steps:\n      - {" + rest + "}\n") }
	for _, c := range []struct {
		text string
		line int
		want string
	}{
		{"", 0, "empty"},
		{"# nothing\n", 0, "empty"},
		{"flows", 1, `want keys with values, not "flows"`},
		{"{}", 1, "flows is missing"},
		{"flows: []", 1, "an empty list of flows"},
		{"flows:\n", 1, "want a list of flows, not nothing"},
		{"flow: []", 1, `unknown key "flow": it may be flows`},
		{"flows: [}", 0, "did not find"},
		{"flows:\n\t- x", 2, "cannot start any token"},
		{flow("    weigth: 1\n"), 3, `unknown key "weigth": it may be name, weight, class, fields, steps`},
		{flow(""), 2, "steps is missing"},
		{flow("    name: b\n    steps: [{event: x}]\n"), 3, `the key "name" is there twice`},
		{flow("    weight: 0\n    steps: [{event: x}]\n"), 3, `want a number from 1 to 1000000, not "0"`},
		{flow("    steps: [{event: x}]\n  - name: a\n    steps: [{event: x}]\n"), 4, `a second flow is called "a"`},
		{step("leg: 1"), 4, "event is missing"},
		{step("event: x, raw: y"), 4, "exclude"},
		{step("raw: y, fields: {a: 1}"), 4, "fields has no effect beside raw"},
		{step("event: x, after: soon"), 4, `a delay is written like 300ms or 2s..8s and is at most 24h0m0s, not "soon"`},
		{step("event: x, after: 3s..1s"), 4, "a delay"},
		{step("event: x, after: 25h"), 4, "a delay"},
		{step("event: x, after: -1s"), 4, "a delay"},
		{step("event: x, odds: 20"), 4, "go together"},
		{step("event: x, otherwise: [{event: y}]"), 4, "go together"},
		{step("event: x, odds: 101"), 4, "from 1 to 100"},
		{step("event: [x]"), 4, "want a text, not a list"},
		{step("event: x, fields: {timestamp: 1}"), 4, "timestamp is set by the simulator"},
		{step("event: x, fields: {a: {b: 1}}"), 4, "want a value or a list of values, not keys with values"},
		{step("event: x, fields: {a: []}"), 4, "an empty list"},
		{step("event: &x x, fields: {a: *x}"), 4, "an anchor"},
		{step("event: x, fields: &f {a: 1}"), 4, "an anchor"},
		{step("event: x, fields: {<<: {a: 1}}"), 4, "a plain key"},
		{step("event: x") + "---\nflows: []\n", 5, "a second document"},
		{flow("    steps: [" + strings.Repeat("{event: x}, ", maxSteps+1) + "]\n"), 3, "more than 1000 steps"},
		{flow("    steps: " + strings.Repeat("[{event: x, odds: 1, otherwise: ", 12) + "[{event: x}]" + strings.Repeat("}]", 12) + "\n"), 3, "more than 10 deep"},
		{strings.Repeat("#", MaxScenario+1), 0, "longer than"},
	} {
		s, err := ParseScenario([]byte(c.text))
		e, ok := errors.AsType[*ScenarioError](err)
		if s != nil || !ok || e.Line != c.line || !strings.Contains(e.Reason, c.want) {
			t.Errorf("%.200s\nis %v, want line %d: %s", c.text, err, c.line, c.want)
		}
	}
}

func TestShippedScenarios(t *testing.T) {
	names, err := filepath.Glob(shipped)
	if err != nil || len(names) != 3 {
		t.Fatalf("%v, %v", names, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s := parse(t, string(text))
		for _, rate := range []float64{20, math.Inf(1)} {
			g, again := NewGenerator(&GeneratorOptions{Seed: 3, Rate: rate, Scenario: s}), NewGenerator(&GeneratorOptions{Seed: 3, Rate: rate, Scenario: s})
			var x event.Index
			bad, steps := 0, 0
			var first, last time.Time
			const n = 20_000
			for i := range n {
				ev := g.Next()
				if other := again.Next(); !bytes.Equal(ev.Raw, other.Raw) {
					t.Fatalf("%s: the same seed gives %s and %s", name, ev.Raw, other.Raw)
				}
				if ev.At.Before(last) {
					t.Fatalf("%s: out of order", name)
				}
				if last = ev.At; i == n/2 {
					first = ev.At
				}
				if x.Scan(ev.Raw) != nil {
					bad++
				}
				steps = max(steps, len(g.steps))
			}
			if got := n / 2 / last.Sub(first).Seconds(); rate == 20 && (got < 19 || got > 21) {
				t.Errorf("%s: rate %v", name, got)
			}
			if hostile := strings.Contains(name, "hostile"); hostile != (bad > 0) {
				t.Errorf("%s: %d are no events", name, bad)
			}
			if steps > 20_000 {
				t.Errorf("%s: %d steps planned", name, steps)
			}
		}
	}
}

func FuzzScenario(f *testing.F) {
	names, _ := filepath.Glob(shipped)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseScenario(text)
		if err != nil {
			if !errors.As(err, new(*ScenarioError)) {
				t.Fatalf("%T", err)
			}
			return
		}
		g := NewGenerator(&GeneratorOptions{Scenario: s})
		raw := slices.ContainsFunc(s.flows, func(f flow) bool { return hasRaw(f.steps) })
		var x event.Index
		for range 10 {
			if b := g.Next().Raw; !raw && x.Scan(b) != nil {
				t.Fatalf("%q is no event", b)
			}
		}
	})
}

func hasRaw(steps []scenarioStep) bool {
	return slices.ContainsFunc(steps, func(s scenarioStep) bool { return s.raw != nil || hasRaw(s.otherwise) })
}

// Arrivals per tenth of a period, as a share of those of a constant load.
func TestShapes(t *testing.T) {
	for _, c := range []struct {
		kind  ShapeKind
		share [20]float64 // of two periods
	}{
		{Burst, [20]float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 5}},
		{Ramp, [20]float64{1.2, 1.6, 2, 2.4, 2.8, 3.2, 3.6, 4, 4.4, 4.8, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5}},
		{Storm, [20]float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 5}},
	} {
		const rate, period = 1000, 20 * time.Second
		// Flows of a single event, so that events are arrivals.
		s := parse(t, "flows: [{name: a, steps: [{event: x}]}]")
		o := &GeneratorOptions{Rate: rate, Shape: Shape{Kind: c.kind, Period: period, Peak: 5}, Scenario: s}
		if c.kind == Storm {
			o.Scenario, o.Rate = nil, rate
		}
		g := NewGenerator(o)
		start := g.start
		var counts [20]int
		again, down := 0, 0
		for {
			ev := g.Next()
			i := int(ev.At.Sub(start) / (period / 10))
			if i >= len(counts) {
				break
			}
			counts[i]++
			if bytes.Contains(ev.Raw, []byte(`"down"`)) {
				down++
			}
			if bytes.Contains(ev.Raw, []byte(`"register"`)) && i%10 == 9 {
				again++
			}
		}
		for i, n := range counts {
			got := float64(n) / (rate * period.Seconds() / 10)
			if c.kind == Storm && i%10 != 9 {
				continue // calls of before go on
			}
			if math.Abs(got-c.share[i]) > 0.6 {
				t.Errorf("%v: tenth %d has %v times the rate, want %v", c.kind, i, got, c.share[i])
			}
		}
		if c.kind == Storm && (down < 2 || again < int(2*3.5*rate*2)) {
			t.Errorf("%d machines down, %d registrations", down, again)
		}
	}
}

func TestShapeNames(t *testing.T) {
	for _, k := range []ShapeKind{Constant, Ramp, Burst, Storm} {
		var got ShapeKind
		text, _ := k.MarshalText()
		if err := got.UnmarshalText(text); err != nil || got != k {
			t.Errorf("%v became %v, %v", k, got, err)
		}
	}
	if new(ShapeKind).UnmarshalText([]byte("square")) == nil {
		t.Error("a square was taken")
	}
}

// Each machine's clock is off by an amount of its own, at most Skew.
func TestSkew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		skew := time.Duration(rapid.IntRange(1, 5000).Draw(t, "skew")) * time.Millisecond
		g := NewGenerator(&GeneratorOptions{Seed: rapid.Uint64().Draw(t, "seed"), Skew: skew})
		off := map[string]time.Duration{}
		var x event.Index
		for range 300 {
			ev := g.Next()
			if err := x.Scan(ev.Raw); err != nil {
				t.Fatal(err)
			}
			usec, _ := event.Timestamp(x.Get("timestamp").Text())
			d := time.UnixMicro(usec).Sub(ev.At)
			machine := string(x.Get("machine").Text())
			if was, ok := off[machine]; ok && was != d || d.Abs() > skew {
				t.Fatalf("machine %s is off by %v and %v", machine, was, d)
			}
			off[machine] = d
		}
		if len(off) < 2 {
			t.Fatalf("%v", off)
		}
	})
}

func TestShuffle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &Faults{
			Duplicates: rapid.Float64Range(0, 1).Draw(t, "duplicates"),
			Reorder:    rapid.Float64Range(0, 1).Draw(t, "reorder"),
		}
		seed := rapid.Uint64().Draw(t, "seed")
		const n = 200
		sent := func() (all []int) {
			d := newShuffle(f, seed)
			send := func(raw []byte) {
				var i int
				_, _ = fmt.Sscan(string(raw), &i)
				all = append(all, i)
			}
			for i := range n {
				d.push(fmt.Append(nil, i), send)
			}
			d.flush(send)
			return all
		}
		all := sent()
		if !slices.Equal(all, sent()) {
			t.Fatal("the same seed, another order")
		}
		counts := [n]int{}
		high := 0
		for _, i := range all {
			counts[i]++
			high = max(high, i)
			if high-i > 5 {
				t.Fatalf("%d came after %d", i, high)
			}
		}
		for i, c := range counts {
			if c < 1 || c > 2 || c == 1 && f.Duplicates == 1 || c == 2 && f.Duplicates == 0 {
				t.Fatalf("%d was sent %d times", i, c)
			}
		}
	})
}
