package htmlreport

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/stats"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

var write = flag.String("write", "", "write the page of the sample to this file")

// hostile is what a caller may choose as a name.
const hostile = `"></title></svg><script>alert(1)</script><img src=http://192.0.2.1/x onerror=alert(1)>` + "\u202e\x1b[2J{{.}}"

// feed makes the data of a report of calls.
type feed struct {
	data    stats.ReportData
	tracker *call.Tracker
	figures *call.Figures
	reader  *call.Reader
	x       event.Index
	events  map[int64]int64 // by minute
}

func newFeed(t *testing.T) *feed {
	t.Helper()
	m, err := call.NewMap()
	if err != nil {
		t.Fatal(err)
	}
	f := &feed{figures: call.NewFigures(&call.FiguresOptions{Every: time.Minute}), reader: m.NewReader(), events: map[int64]int64{}}
	f.tracker = call.NewTracker(&call.Options{Figures: []*call.Figures{f.figures}})
	return f
}

// add adds an event of fields and values; its name is CLASS.EVENT.
func (f *feed) add(t *testing.T, name string, at float64, fields ...string) {
	t.Helper()
	class, ev, _ := strings.Cut(name, ".")
	raw := fmt.Appendf(nil, `{"class":"%s","event":"%s","timestamp":"%.6f"`, class, ev, at)
	for i := 0; i < len(fields); i += 2 {
		raw = append(fmt.Appendf(raw, `,"%s":`, fields[i]), event.AppendString(nil, []byte(fields[i+1]))...)
	}
	raw = append(raw, '}')
	if err := f.x.Scan(raw); err != nil {
		t.Fatal(err)
	}
	e := call.Event{Chosen: true}
	f.reader.Read(&e, raw, &f.x)
	f.tracker.Add(&e)
	f.events[e.Time/60_000_000]++
	f.data.Events++
	if f.data.From == 0 {
		f.data.From = e.Time
	}
	f.data.To = max(f.data.To, e.Time)
	hour := time.UnixMicro(e.Time).UTC()
	f.data.Week[hour.Weekday()][hour.Hour()].Events++
}

// page returns the page of what was added.
func (f *feed) page(t *testing.T) []byte {
	t.Helper()
	f.tracker.Finish()
	d := &f.data
	d.Calls = &call.Counts{}
	add := func(i *call.Interval) {
		at := i.From / 60_000_000
		d.Spans = append(d.Spans, stats.Span{From: at * 60_000_000, To: (at + 1) * 60_000_000, Events: f.events[at], Calls: i.Total})
		d.Calls.Add(i.Total)
	}
	for i := f.figures.Take(); i != nil; i = f.figures.Take() {
		add(i)
	}
	add(f.figures.Now(0))
	d.Machines = append(d.Machines, stats.MachineData{Name: "1", Events: d.Events, Calls: d.Calls})
	page, err := makePage(d, &Facts{Sources: []string{"events.ndjson"}, Made: time.Unix(1790000000, 0), Program: "enswitch-events test", Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// sample adds that many calls over a time in seconds, with the load of days.
func sample(t *testing.T, f *feed, calls int, span float64) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	causes := []string{"NO ANSWER", "BUSY", "CONGESTION", "CHANUNAVAIL", ""}
	type one struct {
		at   float64
		name string
		rest []string
	}
	var all []one
	for i := range calls {
		at := span * r.Float64()
		for hour := int(at/3600) % 24; r.Float64() > 0.08+0.92*float64(max(0, 8-max(hour-14, 14-hour)))/8; hour = int(at/3600) % 24 {
			at = span * r.Float64()
		}
		id := fmt.Sprintf("%d.%d", 1789000000+int(at), i)
		rest := []string{"callid", id, "uniqueid", id, "machine", fmt.Sprint(1 + i%7), "from", fmt.Sprintf("+4416329600%02d", i%100), "to", fmt.Sprint(200 + i%30)}
		all = append(all, one{at, "call.start", rest})
		pdd := 0.4 + r.ExpFloat64()*1.5
		row := &call.Row{Number: int64(i), Begin: int64(1e6 * (1789000000 + at)), From: rest[7], To: rest[9], CallID: id, PDD: pdd, State: call.Ended}
		if pdd > 9 && len(f.data.Slowest) < 20 {
			f.data.Slowest = append(f.data.Slowest, row)
		}
		if r.Float64() < 0.62 {
			talk := 20 + r.ExpFloat64()*90
			all = append(all, one{at + pdd, "call.ring", rest}, one{at + pdd + 6, "call.answer", rest}, one{at + pdd + 6 + talk, "call.end", rest})
			continue
		}
		row.Cause = causes[r.IntN(len(causes))]
		all = append(all, one{at + pdd, "call.ring", rest}, one{at + pdd + 20, "call.end", append(slices.Clone(rest), "cause", row.Cause)})
		if len(f.data.Failed) < 50 {
			f.data.Failed = append(f.data.Failed, row)
		}
	}
	f.data.Causes = []stats.Cause{{Text: "NO ANSWER", Calls: 322}, {Calls: 310}, {Text: "BUSY", Calls: 200}}
	slices.SortFunc(all, func(a, b one) int { return int(1e6 * (a.at - b.at)) })
	for _, e := range all {
		f.add(t, e.name, 1789000000+e.at, e.rest...)
	}
}

// check checks what holds of every page.
func check(t interface {
	Errorf(string, ...any)
}, page []byte,
) {
	for _, bad := range []string{"<script", "javascript:", "onerror=alert", "src=", "href=", "url(", "@import", "\u202e", "\x1b", "NaN", "Inf", "ZgotmplZ", "<no value>"} {
		text := page
		if i := bytes.Index(bytes.ToLower(text), []byte(strings.ToLower(bad))); i >= 0 && bad != "onerror=alert" && bad != "src=" {
			t.Errorf("%q in the page: %s", bad, text[max(0, i-60):min(len(text), i+60)])
		}
	}
	if len(page) > 300_000 {
		t.Errorf("%d bytes", len(page))
	}
	// HTML of this template is XML but for its head.
	_, body, _ := bytes.Cut(page, []byte("<body>"))
	body, _, _ = bytes.Cut(body, []byte("</body>"))
	d := xml.NewDecoder(bytes.NewReader(append(append([]byte("<x>"), bytes.ReplaceAll(body, []byte("<br>"), []byte("<br/>"))...), "</x>"...)))
	d.Entity = xml.HTMLEntity
	elements := map[string]bool{}
	ids := map[string]bool{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Errorf("not well-formed: %v", err)
			break
		}
		start, is := token.(xml.StartElement)
		if !is {
			continue
		}
		elements[start.Name.Local] = true
		for _, a := range start.Attr {
			if a.Name.Local == "id" && ids[a.Value] {
				t.Errorf("two elements have the id %s", a.Value)
			}
			ids[a.Value] = ids[a.Value] || a.Name.Local == "id"
			if strings.HasPrefix(a.Name.Local, "on") {
				t.Errorf("the attribute %s", a.Name.Local)
			}
		}
	}
	for _, never := range []string{"script", "img", "iframe", "object", "link", "form", "a"} {
		if elements[never] {
			t.Errorf("an element %s", never)
		}
	}
}

// TestPage: a page of some days has each of its parts.
func TestPage(t *testing.T) {
	f := newFeed(t)
	sample(t, f, 4000, 4*86400)
	f.data.Gaps = []stats.Gap{{From: 1789090000e6, To: 1789100000e6, Reason: "reconnect", Source: "ws://10.0.0.5:4875", Dropped: 3}}
	f.data.Guessed = true
	page := f.page(t)
	check(t, page)
	for _, want := range []string{
		"10 Sep 2026 00:.*14 Sep 2026", "<dt>calls\\*</dt><dd><b>4,000</b>", "Events each hour", "<svg", "ASR each", "PDD each", "Slowest calls",
		"NO ANSWER", "<td>reconnect</td><td>ws://10.0.0.5:4875</td><td class=\"n\">3</td>", "class=\"gap\"", "Friday 1\\d:00: \\d+ events",
		"prefers-color-scheme: dark", "@media print", "width=device-width", "\\* rests on meanings",
	} {
		if !regexp.MustCompile(want).Match(page) {
			t.Errorf("%s is not in the page", want)
		}
	}
	if *write != "" {
		if err := os.WriteFile(*write, page, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPageHostile: no text of an event is markup or moves what is around it.
func TestPageHostile(t *testing.T) {
	f := newFeed(t)
	sample(t, f, 50, 3600)
	row := &call.Row{From: hostile, To: hostile, CallID: hostile, Cause: hostile, PDD: 1, Begin: 1789000000e6}
	f.data.Slowest, f.data.Failed = []*call.Row{row}, []*call.Row{row}
	f.data.Causes = []stats.Cause{{Text: hostile, Calls: 1}}
	f.data.Machines = []stats.MachineData{{Name: hostile, Events: 1, Calls: &call.Counts{}}}
	f.data.Gaps = []stats.Gap{{From: 1789000000e6, To: 1789000001e6, Reason: hostile, Source: hostile}}
	page := f.page(t)
	check(t, page)
	if n := bytes.Count(page, []byte("&lt;script&gt;")); n < 11 {
		t.Errorf("it is in the page %d times", n)
	}
}

// TestPageEmpty: without events, without calls and with one event there is a page, too.
func TestPageEmpty(t *testing.T) {
	page, err := makePage(&stats.ReportData{Calls: &call.Counts{}}, &Facts{Zone: time.UTC})
	if err != nil || !bytes.Contains(page, []byte("no events")) {
		t.Errorf("%v, %s", err, page)
	}
	check(t, page)
	f := newFeed(t)
	f.add(t, "message.receive", 1789000000)
	page = f.page(t)
	check(t, page)
	if bytes.Contains(page, []byte("Slowest")) || !bytes.Contains(page, []byte("Events each minute")) {
		t.Errorf("%s", page)
	}
}

// TestPageBounds: the page stays small, whatever its data is.
func TestPageBounds(t *testing.T) {
	long := strings.Repeat("é\"<", 5000)
	f := newFeed(t)
	sample(t, f, 1000, 86400)
	d := &f.data
	for i := range 200 {
		row := &call.Row{From: long, To: long, CallID: long, Cause: long, PDD: 1, Begin: 1789000000e6}
		d.Machines = append(d.Machines, stats.MachineData{Name: fmt.Sprint(i, long), Events: 1, Calls: &call.Counts{}})
		d.Gaps = append(d.Gaps, stats.Gap{From: 1789000000e6 + int64(i)*1e8, To: 1789000001e6 + int64(i)*1e8, Reason: "reconnect", Source: long, Dropped: 1})
		if i < 50 {
			d.Failed = append(d.Failed, row)
		}
		if i < 20 {
			d.Slowest, d.Causes = append(d.Slowest, row), append(d.Causes, stats.Cause{Text: long, Calls: 5})
		}
	}
	check(t, f.page(t))
}

// TestSeries: the buckets have what the spans have, are not more than fit, and days begin
// with one.
func TestSeries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.SampledFrom([]int64{1, 5, 60, 1440}).Draw(t, "minutes") * 60_000_000
		n := rapid.IntRange(1, 1440).Draw(t, "spans")
		hours := rapid.IntRange(-12, 14).Draw(t, "zone")
		first := rapid.Int64Range(0, 1_000_000).Draw(t, "first") * width
		var spans []stats.Span
		for i := range int64(n) {
			spans = append(spans, stats.Span{From: first + i*width, To: first + (i+1)*width, Events: i + 1, Calls: &call.Counts{}})
		}
		zone := time.FixedZone("z", hours*3600)
		s := newSeries(spans, zone, 0)
		if len(s.buckets) > maxShown {
			t.Fatalf("%d buckets", len(s.buckets))
		}
		sum := int64(0)
		for i := range s.buckets {
			want, begin := int64(0), s.begin(i)*1_000_000
			for _, span := range spans {
				if span.From >= begin && span.From < begin+s.width*1_000_000 {
					want += span.Events
				}
			}
			if sum += want; s.buckets[i].events != want {
				t.Fatalf("bucket %d: %d events, want %d", i, s.buckets[i].events, want)
			}
		}
		if sum != int64(n)*int64(n+1)/2 {
			t.Fatalf("%d events", sum)
		}
		if at := time.Unix(s.begin(0), 0).In(zone); s.width == 86400 && at.Hour()+at.Minute() != 0 {
			t.Fatalf("a day begins at %v", at)
		}
	})
}
