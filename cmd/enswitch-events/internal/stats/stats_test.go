package stats

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// run gives lines to a Sink, in blocks of size lines, and returns it and what it printed.
func run(t *testing.T, o Options, lines string, size int) (*Sink, string) {
	t.Helper()
	var err error
	if o.Map, err = call.NewMap("cause=cause"); err != nil {
		t.Fatal(err)
	}
	o.Log = log.New(io.Discard, log.Options{})
	defer o.Log.Close()
	if o.Format == "" {
		o.Format = "ndjson"
	}
	s := New(&o)
	keep, err := filter.Compile(&filter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.text, err = engine.NewText(func(func(error)) (*filter.Filter, error) { return keep, nil }, func(func(error)) (*render.Renderer, error) {
		return render.New(&render.Options{Format: "ndjson"})
	})
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Worker(nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	b := &engine.Block{}
	fold := func() {
		w.End(b)
		s.Fold(b, nil)
		out.Write(b.Out.Bytes())
		b.Out.Reset(nil)
	}
	w.Begin(b, true)
	n := 0
	var e engine.Event
	for line := range strings.Lines(lines) {
		e.Raw = []byte(strings.TrimSpace(line))
		if err := e.X.Scan(e.Raw); err != nil {
			t.Fatal(err)
		}
		w.Event(&e)
		if n++; n%size == 0 {
			fold()
			w.Begin(b, true)
		}
	}
	fold()
	var rest engine.Output
	s.Finish(&rest)
	out.Write(rest.Bytes())
	return s, out.String()
}

// TestLiveIntervals: live an event counts in the interval in which it came, whatever its
// timestamp is, and a block is printed a time after its end.
func TestLiveIntervals(t *testing.T) {
	m, err := call.NewMap()
	if err != nil {
		t.Fatal(err)
	}
	l := log.New(io.Discard, log.Options{})
	defer l.Close()
	s := New(&Options{Map: m, Live: true, Every: 10 * time.Second, Format: "ndjson", Log: l, Tracker: call.Options{Linger: 2 * time.Second}})
	const begin = 1_700_000_003_000_000
	s.windows.begin = begin
	add := func(after int64) string {
		at := (begin + after*1_000_000) / s.windows.every
		s.windows.add(at, s.groups.number(newName(nil)), 1)
		s.advance(begin + after*1_000_000)
		out := string(s.out)
		s.out = s.out[:0]
		return out
	}
	if out := add(0) + add(6) + add(8) + add(11); out != "" {
		t.Errorf("printed early: %s", out)
	}
	want := `{"from":1700000003.000000,"to":1700000010.000000,"by":{},"events":2,`
	if out := add(12); !strings.HasPrefix(out, want) || strings.Count(out, "\n") != 1 {
		t.Errorf("got %s, want %s", out, want)
	}
	want = `{"from":1700000010.000000,"to":1700000020.000000,"by":{},"events":3,`
	out := add(47) // two intervals without an event between
	if !strings.HasPrefix(out, want) || strings.Count(out, "\n") != 3 || strings.Count(out, `"events":0,`) != 2 {
		t.Errorf("got %s, want %s", out, want)
	}
}

// TestVerdicts: which machine is silent, late or wrong.
func TestVerdicts(t *testing.T) {
	const now = 1_700_000_000_000_000
	for _, row := range []struct {
		what string
		lags []int64 // of events a second apart, the last of them now
		ago  int64   // seconds
		want string
	}{
		{"in time", []int64{1000, 2000, 900}, 0, ""},
		{"ahead", []int64{-3_000_000, -2_990_000}, 0, "its clock is ahead"},
		{"behind", []int64{3_000_000, 3_000_100}, 0, "its clock is behind, or its events are late"},
		{"late", []int64{10_000, 9_000_000, 8_000_000}, 0, "events come late"},
		{"silent", []int64{1000, 1000, 1000}, 40, "silent for 40s"},
		{"seldom", []int64{1000}, 40, ""},
	} {
		var m machines
		for i, lag := range row.lags {
			received := int64(now) - (row.ago+int64(len(row.lags)-1-i))*1_000_000
			c := machineCell{name: newName([]value{{text: "1"}})}
			c.add(received-lag, received)
			m.add([]machineCell{c})
		}
		if got := m.inOrder()[0].verdict(now); got != row.want {
			t.Errorf("%s: %q, want %q", row.what, got, row.want)
		}
	}
}

// mixed returns the capture whose figures are known.
func mixed(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../../testdata/stats/mixed.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReportData compares the data of a report with what was worked out by hand: see
// testdata/stats/README.md.
func TestReportData(t *testing.T) {
	r := NewReport(time.UTC)
	s, _ := run(t, Options{Report: r, Every: 100 * time.Second, By: []string{"class"}, Tracker: call.Options{Timeout: 150 * time.Second}}, mixed(t), 7)
	if s.figures != nil || s.ReportData().Calls.Attempts != 42 {
		t.Fatal("calls are not followed for the report, or for the blocks")
	}
	r = NewReport(time.UTC)
	s, _ = run(t, Options{Report: r, Every: 100 * time.Second, By: []string{"machine"}, Tracker: call.Options{Timeout: 150 * time.Second}}, mixed(t), 7)
	d := s.ReportData()
	const begin = 1_700_000_000_000_000
	if d.From != begin || d.To != begin+700e6 || d.Events != 158 || !d.Guessed {
		t.Errorf("from %d to %d, %d events, guessed %v", d.From, d.To, d.Events, d.Guessed)
	}
	if c := d.Calls; c.Attempts != 42 || c.Answered != 27 || c.Decided != 39 || c.Lost != 1 || c.Doubtful != 1 || c.Partial != 1 || c.ConcurrentMax != 6 || c.CPSMax != 2 {
		t.Errorf("%+v", *c)
	}
	// The first minute begins 20 s before the first event, the 13th with the last one.
	if sum := d.Calls.Summary(); math.Abs(sum.Erlang-1006.0/720) > 1e-6 || sum.PDD50.N != 39 || sum.ACD.Value != 30 {
		t.Errorf("%+v", sum)
	}
	events, attempts, last := int64(0), int64(0), int64(0)
	for i, span := range d.Spans {
		if span.To-span.From != 60e6 || i > 0 && span.From != last {
			t.Errorf("span %d is from %d to %d", i, span.From, span.To)
		}
		last = span.To
		events, attempts = events+span.Events, attempts+span.Calls.Attempts
	}
	if len(d.Spans) != 13 || events != 158 || attempts != 42 {
		t.Errorf("%d spans, %d events, %d attempts", len(d.Spans), events, attempts)
	}
	var machines []string
	for _, m := range d.Machines {
		machines = append(machines, fmt.Sprint(m.Name, " ", m.Events, " ", m.Calls.Attempts))
	}
	if got := strings.Join(machines, ", "); got != " 1 0, 1 91 24, 2 66 18" {
		t.Errorf("machines %s", got)
	}
	// 1,700,000,000 is Tuesday, 22:13:20.
	if h := d.Week[time.Tuesday][22]; h.Events != 158 || h.Attempts != 42 {
		t.Errorf("hour: %+v", h)
	}
	if len(d.Slowest) != 20 || d.Slowest[0].PDD != 1.3 || d.Slowest[19].PDD < 1.1 {
		t.Errorf("slowest: %d", len(d.Slowest))
	}
	if len(d.Failed) != 14 || d.Failed[0].CallID != "doubtful" {
		t.Errorf("failed: %d", len(d.Failed))
	}
	if len(d.Causes) != 3 || d.Causes[0] != (Cause{"17", 7}) || d.Causes[1] != (Cause{"34", 6}) || d.Causes[2] != (Cause{"", 1}) {
		t.Errorf("causes: %v", d.Causes)
	}
	if len(d.Gaps) != 1 || d.Gaps[0] != (Gap{From: begin + 404e6, To: begin + 405e6, Reason: "disconnected", Source: "ws://10.0.0.5:4875"}) {
		t.Errorf("gaps: %+v", d.Gaps)
	}
}

// TestReportBounds: the parts of a long time become longer, and none is lost.
func TestReportBounds(t *testing.T) {
	var lines strings.Builder
	const n = 2000
	for i := range n {
		at := 1_700_000_000 + i*600
		fmt.Fprintf(&lines, `{"class":"call","event":"start","callid":"%d","uniqueid":"%[1]d","machine":"m%d","timestamp":"%d.000000"}`+"\n", i, i%300, at)
		fmt.Fprintf(&lines, `{"class":"call","event":"end","callid":"%d","uniqueid":"%[1]d","machine":"m%d","timestamp":"%d.000000"}`+"\n", i, i%300, at+1)
	}
	s, _ := run(t, Options{Report: NewReport(time.UTC)}, lines.String(), 100)
	d := s.ReportData()
	events, attempts := int64(0), int64(0)
	for _, span := range d.Spans {
		events, attempts = events+span.Events, attempts+span.Calls.Attempts
	}
	if len(d.Spans) > maxSpans || len(d.Spans) < maxSpans/2 || events != 2*n || attempts != n || d.Calls.Decided != n {
		t.Errorf("%d spans, %d events, %d attempts, %d decided", len(d.Spans), events, attempts, d.Calls.Decided)
	}
	if len(d.Machines) != maxMachines || len(d.Failed) != maxFailed {
		t.Errorf("%d machines, %d failed", len(d.Machines), len(d.Failed))
	}
}

// TestManyMachines: a machine of a report has its own calls alone, also the last one that there
// is room for.
func TestManyMachines(t *testing.T) {
	var lines strings.Builder
	for i := range maxMachines + 5 {
		fmt.Fprintf(&lines, `{"class":"call","event":"start","callid":"c%d","uniqueid":"c%d","machine":%d,"timestamp":"1700000000.%06d"}`+"\n", i, i, i, i)
	}
	s, _ := run(t, Options{Report: NewReport(time.UTC)}, lines.String(), 50)
	data := s.ReportData()
	if len(data.Machines) != maxMachines || data.Calls.Attempts != maxMachines+5 {
		t.Errorf("%d machines, %d calls", len(data.Machines), data.Calls.Attempts)
	}
	for _, m := range data.Machines {
		if m.Calls.Attempts != 1 {
			t.Errorf("machine %s has %d calls", m.Name, m.Calls.Attempts)
		}
	}
}
