package call

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// plainRecord is what a record says that the figures rest on.
type plainRecord struct {
	State                       string
	Answered, Partial, Doubtful bool
	Cause                       string
	Ring                        string
	PDD, Talk                   *float64
}

// plainFigures counts records the plain way.
func plainFigures(t interface{ Fatal(...any) }, records map[int64]string) (c Counts, s Summary) {
	var pdds, talks []float64
	effective, of, caused := 0, 0, false
	for _, text := range records {
		var r plainRecord
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		if r.Partial {
			c.Partial++
			continue
		}
		c.Attempts++
		if r.State == "open" {
			continue
		}
		caused = caused || r.Cause != ""
		switch {
		case r.Answered:
			c.Answered++
		case r.State == "lost":
			c.Lost++
			continue
		case r.Doubtful:
			c.Doubtful++
			continue
		}
		c.Decided++
		if r.PDD != nil {
			pdds = append(pdds, *r.PDD)
		}
		if r.Talk != nil {
			talks = append(talks, *r.Talk)
		}
		if r.Answered || r.Cause == "busy" {
			effective++
		}
		if r.Answered || r.Cause == "busy" || r.Cause == "34" {
			of++
		}
	}
	slices.Sort(pdds)
	rank := func(p int) Figure {
		if len(pdds) == 0 {
			return Figure{}
		}
		return Figure{pdds[(len(pdds)*p+99)/100-1], int64(len(pdds))}
	}
	sum := 0.0
	for _, v := range talks {
		sum += v
	}
	s = Summary{
		ASR: Figure{float64(c.Answered) / float64(c.Decided), c.Decided}, NER: Figure{float64(effective) / float64(of), int64(of)},
		ACD: Figure{sum / float64(len(talks)), int64(len(talks))}, PDD50: rank(50), PDD95: rank(95), PDD99: rank(99),
	}
	if !caused {
		s.NER = Figure{N: -1} // absent, unless a call that was opened again had one
	}
	return c, s
}

// near reports whether two figures are the same within 1 %, or both without a call.
func near(a, b Figure) bool {
	return a.N == b.N && (a.N == 0 || math.Abs(a.Value-b.Value) <= 0.01*math.Abs(b.Value)+1e-9)
}

func compareFigures(t interface{ Fatalf(string, ...any) }, got *Counts, want Counts, figures Summary, lines string) {
	if got.Attempts != want.Attempts || got.Partial != want.Partial || got.Decided != want.Decided || got.Answered != want.Answered || got.Lost != want.Lost || got.Doubtful != want.Doubtful {
		t.Fatalf("%sgot  %+v\nwant %+v", lines, *got, want)
	}
	s := got.Summary()
	for _, f := range []struct {
		name      string
		got, want Figure
	}{
		{"ASR", s.ASR, figures.ASR},
		{"NER", s.NER, figures.NER},
		{"ACD", s.ACD, figures.ACD},
		{"PDD50", s.PDD50, figures.PDD50},
		{"PDD95", s.PDD95, figures.PDD95},
		{"PDD99", s.PDD99, figures.PDD99},
	} {
		if f.want.N >= 0 && !near(f.got, f.want) {
			t.Fatalf("%s%s: got %v, want %v", lines, f.name, f.got, f.want)
		}
	}
}

// timeSpan is from when to when a call is up; to is 0 if it is up still.
type timeSpan struct{ from, to int64 }

// plainLevel returns how many calls are up at most, and for how long all of them together.
func plainLevel(spans map[int64]timeSpan, now int64) (most, upTime int64) {
	for _, s := range spans {
		up := int64(0)
		for _, o := range spans {
			if o.from <= s.from && (o.to == 0 || o.to > s.from) {
				up++
			}
		}
		most = max(most, up)
		if s.to == 0 {
			s.to = now
		}
		upTime += max(s.to-s.from, 0)
	}
	return most, upTime
}

// TestFigures compares Figures with the last records of the calls, counted the plain way:
// of calls that are opened again, joined, lost, or begin before the input. The calls of all
// groups, and those of all intervals, are the same.
func TestFigures(t *testing.T) {
	m, err := NewMap("cause=cause")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		cuts := rapid.SliceOfN(rapid.IntRange(0, len(events)), 0, 3).Draw(t, "cuts")
		f := NewFigures(&FiguresOptions{Map: m, Group: func(e *Event) int { return int(e.Machine().Text()[0] - '1') }})
		last, spans := map[int64]string{}, map[int64]timeSpan{}
		tr := NewTracker(&Options{
			Figures: []*Figures{f},
			OnEnd: func(c *Call) {
				last[c.Number()] = string(c.AppendRecord(nil))
				spans[c.Number()] = timeSpan{c.start.at, map[State]int64{Ended: c.end.at, Lost: c.last}[c.state]}
				if c.Partial() {
					delete(spans, c.Number())
				}
			},
			OnJoin: func(_, from *Call) {
				delete(last, from.Number())
				delete(spans, from.Number())
			},
		})
		var x event.Index
		e := Event{Chosen: true}
		r := m.NewReader()
		var lines strings.Builder
		for i, p := range events {
			if slices.Contains(cuts, i) {
				f.Cut(p.at)
			}
			lines.WriteString(p.json + "\n")
			if err := x.Scan([]byte(p.json)); err != nil {
				t.Fatal(err)
			}
			r.Read(&e, []byte(p.json), &x)
			tr.Add(&e)
		}
		tr.Finish()
		want, figures := plainFigures(t, last)
		var intervals []*Interval
		for len(f.intervals) > 1 {
			intervals = append(intervals, f.Take())
		}
		intervals = append(intervals, f.Now(0))
		var total, groups Counts
		for _, i := range intervals {
			total.Add(i.Total)
			for _, g := range i.Groups {
				if g != nil {
					groups.Add(g)
				}
			}
		}
		compareFigures(t, &total, want, figures, lines.String())
		compareFigures(t, &groups, want, figures, lines.String())
		most, upTime := plainLevel(spans, f.clock)
		if total.upTime != groups.upTime || total.upTime != upTime || total.ConcurrentMax != most {
			t.Fatalf("%sup for %d µs, by group %d, want %d; at most %d, want %d", lines.String(), total.upTime, groups.upTime, upTime, total.ConcurrentMax, most)
		}
	})
}

// chosen returns a Tracker, and what makes it follow events as if all passed the filters.
func chosen(t *testing.T, f *Figures, o Options) (tr *Tracker, add func(lines string)) {
	t.Helper()
	m, err := NewMap()
	if err != nil {
		t.Fatal(err)
	}
	o.Figures = []*Figures{f}
	tr, r := NewTracker(&o), m.NewReader()
	return tr, func(lines string) {
		var x event.Index
		for line := range strings.Lines(lines) {
			raw := []byte(strings.TrimSpace(line))
			if err := x.Scan(raw); err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			e := Event{Chosen: true}
			r.Read(&e, raw, &x)
			tr.Add(&e)
		}
	}
}

// callEvent is an event of class call at that second.
func callEvent(name, id string, at float64) string {
	return fmt.Sprintf(`{"class":"call","event":%q,"callid":%q,"uniqueid":%q,"machine":1,"timestamp":"%.6f"}`+"\n", name, id, id, at)
}

// TestConcurrent compares the calls that are up at once, the calls a second and Erlang with
// those of intervals drawn at random, looked at the plain way.
func TestConcurrent(t *testing.T) {
	const begin = 1_700_000_000
	rapid.Check(t, func(rt *rapid.T) {
		type span struct{ from, to int }
		spans := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) span {
			from := rapid.IntRange(0, 400).Draw(t, "from")
			return span{from, from + rapid.IntRange(1, 300).Draw(t, "length")}
		}), 1, 30).Draw(rt, "calls")
		type at struct {
			time int
			line string
		}
		var all []at
		perSecond := map[int]int64{}
		last, first, upTime := 0, 400, 0
		for i, s := range spans {
			id := fmt.Sprint("c", i)
			all = append(all, at{s.from, callEvent("start", id, begin+float64(s.from)/10)}, at{s.to, callEvent("end", id, begin+float64(s.to)/10)})
			perSecond[s.from/10]++
			last, first, upTime = max(last, s.to), min(first, s.from), upTime+s.to-s.from
		}
		var most, perSecondMost int64
		for _, s := range spans {
			perSecondMost = max(perSecondMost, perSecond[s.from/10])
			up := int64(0)
			for _, o := range spans {
				if o.from <= s.from && s.from < o.to {
					up++
				}
			}
			most = max(most, up)
		}
		// An end sorts before a start of the same time.
		slices.SortStableFunc(all, func(a, b at) int { return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.line, b.line)) })
		var lines strings.Builder
		for _, a := range all {
			lines.WriteString(a.line)
		}
		f := NewFigures(nil)
		tr, add := chosen(t, f, Options{})
		add(lines.String())
		tr.Finish()
		c := f.Now(0).Total
		if c.ConcurrentMax != most || c.CPSMax != perSecondMost || c.Concurrent != 0 {
			rt.Fatalf("%sgot %d at most, %d a second, %d now; want %d, %d, 0", lines.String(), c.ConcurrentMax, c.CPSMax, c.Concurrent, most, perSecondMost)
		}
		if got, want := c.Summary().Erlang, float64(upTime)/float64(last-first); math.Abs(got-want) > 1e-6 {
			rt.Fatalf("%sErlang %v, want %v", lines.String(), got, want)
		}
	})
}

// TestIntervals: a call counts in the interval of its start, and as over in that of its
// end; calls that stay up count in those between, too.
func TestIntervals(t *testing.T) {
	f := NewFigures(nil)
	var taken []*Interval
	lines := callEvent("start", "a", 1005) + callEvent("start", "b", 1008) + callEvent("answer", "b", 1009) +
		callEvent("end", "a", 1009.5) + callEvent("start", "c", 1021) + callEvent("end", "c", 1023) + callEvent("end", "b", 1025)
	f.Cut(1010e6)
	f.Cut(1020e6)
	tr, add := chosen(t, f, Options{})
	add(lines)
	tr.Finish()
	for range 2 {
		taken = append(taken, f.Take())
	}
	taken = append(taken, f.Now(1030e6))
	var got []string
	for _, i := range taken {
		c := i.Total
		got = append(got, fmt.Sprint(i.From/1e6, "-", i.To/1e6, ": ", c.Attempts, " attempts, ", c.Decided, " decided, ", c.Answered, " answered, ", c.ConcurrentMax, " at most, ", c.Concurrent, " at the end, Erlang ", c.Summary().Erlang, ", ", c.CPSMax, " a second"))
	}
	want := []string{
		"1005-1010: 2 attempts, 1 decided, 0 answered, 2 at most, 1 at the end, Erlang 1.3, 1 a second",
		"1010-1020: 0 attempts, 0 decided, 0 answered, 1 at most, 1 at the end, Erlang 1, 0 a second",
		"1020-1030: 1 attempts, 2 decided, 1 answered, 2 at most, 0 at the end, Erlang 0.7, 1 a second",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestEvery: intervals of one length are at its multiples, those between without calls
// included, and long times without a call are left out.
func TestEvery(t *testing.T) {
	f := NewFigures(&FiguresOptions{Every: 10 * time.Second})
	tr, add := chosen(t, f, Options{})
	add(callEvent("start", "a", 1005) + callEvent("end", "a", 1006) + callEvent("start", "b", 1031) + callEvent("end", "b", 1032) + callEvent("start", "c", 90001))
	tr.Finish()
	var got []string
	for i := f.Take(); i != nil; i = f.Take() {
		got = append(got, fmt.Sprint(i.From/1e6, "-", i.To/1e6, ": ", i.Total.Attempts, i.Total.Decided))
	}
	i := f.Now(0)
	got = append(got, fmt.Sprint(i.From/1e6, "-", i.To/1e6, ": ", i.Total.Attempts, i.Total.Decided))
	want := []string{"1000-1010: 1 1", "1010-1020: 0 0", "1020-1030: 0 0", "1030-1040: 1 1", "90000-90001: 1 0"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLost: a lost call was up until its last event. It counts as answered if it was, and
// else in no figure.
func TestLost(t *testing.T) {
	f := NewFigures(nil)
	lines := callEvent("start", "a", 1000) + callEvent("ring", "a", 1010) + callEvent("start", "b", 1000) + callEvent("answer", "b", 1020) +
		callEvent("start", "c", 2000) + callEvent("end", "c", 2000)
	tr, add := chosen(t, f, Options{Timeout: 100 * time.Second})
	add(lines)
	tr.Finish()
	c := f.Now(0).Total
	if s := c.Summary(); c.Attempts != 3 || c.Decided != 2 || c.Answered != 1 || c.Lost != 1 || c.Concurrent != 0 || math.Abs(s.Erlang-0.03) > 1e-9 || s.PDD50.N != 1 || s.ACD.N != 0 {
		t.Errorf("%+v %+v", *c, s)
	}
}

// TestTaken: what was taken stays as it was, and a call that ends again after that does not
// count a second time.
func TestTaken(t *testing.T) {
	f := NewFigures(nil)
	f.Cut(1100e6)
	tr, add := chosen(t, f, Options{})
	add(callEvent("start", "a", 1000) + callEvent("end", "a", 1001) + callEvent("start", "z", 1100))
	tr.Quiet(10 * time.Second)
	if c := f.Take().Total; c.Attempts != 1 || c.Decided != 1 {
		t.Fatalf("%+v", *c)
	}
	add(`{"class":"call","event":"start","callid":"a","uniqueid":"second","machine":1,"timestamp":"1102.000000"}
{"class":"call","event":"end","callid":"a","uniqueid":"second","machine":1,"timestamp":"1103.000000"}`)
	tr.Finish()
	if c := f.Now(0).Total; c.Attempts != 1 || c.Decided != 0 || c.ConcurrentMax != 2 || c.Concurrent != 1 {
		t.Fatalf("%+v", *c)
	}
}

// TestOpenedAgain: a call that is opened again and runs is not over.
func TestOpenedAgain(t *testing.T) {
	f := NewFigures(nil)
	tr, add := chosen(t, f, Options{})
	add(callEvent("start", "a", 1000) + callEvent("answer", "a", 1000.5) + callEvent("end", "a", 1001))
	tr.Quiet(10 * time.Second)
	if c := f.Now(0).Total; c.Decided != 1 || c.Answered != 1 || c.Concurrent != 0 {
		t.Fatalf("%+v", *c)
	}
	add(`{"class":"call","event":"start","callid":"a","uniqueid":"second","machine":1,"timestamp":"1102.000000"}`)
	tr.Finish()
	if c := f.Now(0).Total; c.Attempts != 1 || c.Decided != 0 || c.Answered != 0 || c.Concurrent != 1 || c.Summary().PDD50.N != 0 {
		t.Fatalf("%+v", *c)
	}
}

// TestRate: calls a second are those of the last whole seconds of the feed's time, from its
// first timestamp on, however often it is asked for.
func TestRate(t *testing.T) {
	f := NewFigures(nil)
	_, add := chosen(t, f, Options{Hold: -1})
	if got := f.Rate(10); got >= 0 {
		t.Error("without an event", got)
	}
	for i, step := range []struct {
		at    float64
		calls int
		want  float64 // negative for not known
	}{
		{0, 3, -1}, {0.9, 2, -1}, {1, 1, 5}, {2, 4, 3}, {10, 1, 1}, {11.5, 1, 0.6}, {200, 1, 0}, {201, 1, 0.1},
	} {
		for n := range step.calls {
			add(callEvent("start", fmt.Sprintf("%d.%d", i, n), 1000+step.at))
		}
		if got := f.Rate(10); (got >= 0) != (step.want >= 0) || got >= 0 && math.Abs(got-step.want) > 1e-9 {
			t.Errorf("at %v: %v, want %v", step.at, got, step.want)
		}
	}
}
