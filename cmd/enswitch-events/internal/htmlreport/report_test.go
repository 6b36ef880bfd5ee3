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

	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

var write = flag.String("write", "", "write the page of the sample to this file")

// hostile is what a caller may choose as a name.
const hostile = `"></title></svg><script>alert(1)</script><img src=http://192.0.2.1/x onerror=alert(1)>` + "\u202e\x1b[2J{{.}}"

// feed follows events and collects them.
type feed struct {
	collector *Collector
	counter   Counter
	tracker   *call.Tracker
	figures   *call.Figures
	reader    *call.Reader
	x         event.Index
}

func newFeed(t interface{ Fatal(...any) }, zone *time.Location) *feed {
	m, err := call.NewMap()
	if err != nil {
		t.Fatal(err)
	}
	f := &feed{collector: NewCollector(zone, true), figures: call.NewFigures(nil), reader: m.NewReader()}
	f.tracker = call.NewTracker(&call.Options{Figures: f.figures, OnEnd: f.collector.Ended, OnJoin: f.collector.Joined})
	f.counter.Reset()
	return f
}

// add adds an event of fields and values; its name is CLASS.EVENT.
func (f *feed) add(t interface{ Fatal(...any) }, name string, at float64, fields ...string) {
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
	f.counter.Add(&f.x, e.Time)
	f.tracker.Add(&e)
}

func (f *feed) page(t interface{ Fatal(...any) }) []byte {
	f.collector.Add(&f.counter)
	f.counter.Reset()
	f.tracker.Finish()
	counts := f.figures.Now(0).Total
	page, err := f.collector.Page(&Facts{Sources: []string{"events.ndjson"}, Made: time.Unix(1790000000, 0), Program: "enswitch-events test", Counts: counts, Guesses: []string{hostile}})
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// sample adds that many calls over a time in seconds, with the load of days, and messages.
func sample(t interface{ Fatal(...any) }, f *feed, calls int, span float64) {
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
		switch {
		case r.Float64() < 0.62:
			talk := 20 + r.ExpFloat64()*90
			all = append(all, one{at + pdd, "call.ring", rest}, one{at + pdd + 6, "call.answer", rest}, one{at + pdd + 6 + talk, "call.end", rest})
		default:
			all = append(all, one{at + pdd, "call.ring", rest}, one{at + pdd + 20, "call.end", append(slices.Clone(rest), "cause", causes[r.IntN(len(causes))])})
		}
		if i%5 == 0 {
			all = append(all, one{at, "message.receive", []string{"machine", "2"}}, one{at + 1, "registration.expire", []string{"machine", "3"}})
		}
	}
	slices.SortFunc(all, func(a, b one) int { return int(1e6 * (a.at - b.at)) })
	for _, e := range all {
		f.add(t, e.name, 1789000000+e.at, e.rest...)
	}
}

// check checks what holds of every page.
func check(t interface {
	Errorf(string, ...any)
}, page []byte) {
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
	f := newFeed(t, time.UTC)
	sample(t, f, 4000, 4*86400)
	f.add(t, "enswitch-events.gap", 1789100000, "from", "1789090000.0", "to", "1789100000.0", "reason", "reconnect", "dropped", "3")
	page := f.page(t)
	check(t, page)
	for _, want := range []string{
		"8 Sep 2026 00:00:00|10 Sep 2026", "<dt>calls</dt><dd><b>4,000</b>", "Events each hour, by class", "<svg", "ASR each", "PDD each", "Slowest calls",
		"NO ANSWER", "<td>reconnect</td><td class=\"n\">3</td>", "class=\"gap\"", "Friday 1\\d:00: \\d+ events", "prefers-color-scheme: dark", "@media print", "width=device-width",
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
	f := newFeed(t, time.UTC)
	for i := range 30 {
		id := fmt.Sprint(hostile, i)
		at := 1789000000 + 10*float64(i)
		f.add(t, "call.start", at, "callid", id, "uniqueid", id, "from", hostile, "to", hostile, "machine", hostile)
		f.add(t, "call.ring", at+1, "callid", id, "uniqueid", id)
		f.add(t, "call.end", at+3, "callid", id, "uniqueid", id, "cause", hostile)
	}
	f.add(t, "enswitch-events.gap", 1789000001, "from", "1789000000.0", "to", "1789000001.0", "reason", hostile)
	check(t, f.page(t))
}

// TestPageEmpty: without events, without calls and with one event there is a page, too.
func TestPageEmpty(t *testing.T) {
	page, err := NewCollector(time.UTC, false).Page(&Facts{})
	if err != nil || !bytes.Contains(page, []byte("no events")) {
		t.Errorf("%v, %s", err, page)
	}
	check(t, page)
	f := newFeed(t, time.UTC)
	f.add(t, "message.receive", 1789000000)
	page = f.page(t)
	check(t, page)
	f.collector.calls = false
	if page, err = f.collector.Page(&Facts{}); err != nil || bytes.Contains(page, []byte("Slowest")) {
		t.Errorf("%v, %s", err, page)
	}
}

// TestPageBounds: the page stays small, whatever is in the events.
func TestPageBounds(t *testing.T) {
	f := newFeed(t, time.FixedZone("x", -3*3600))
	long := strings.Repeat("é", 500)
	for i := range 3000 {
		id := fmt.Sprint(long, i)
		f.add(t, fmt.Sprintf("class%d.start", i%1000), 1e9+30_000*float64(i), "machine", fmt.Sprint(i, long), "callid", id)
	}
	page := f.page(t)
	check(t, page)
	if c := f.collector; len(c.machines.all) > maxMachines+1 || len(c.classes.all) > maxClasses+1 || len(c.series.buckets) > maxFine {
		t.Errorf("%d machines, %d classes, %d buckets", len(c.machines.all), len(c.classes.all), len(c.series.buckets))
	}
}

// TestSeries: the buckets have what was added, whatever the order of the seconds, and a
// time that is wrong does not decide what is shown.
func TestSeries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span := rapid.SampledFrom([]int64{1, 100, 10_000, 1_000_000, 50_000_000}).Draw(t, "span")
		seconds := rapid.SliceOfN(rapid.Int64Range(1e9, 1e9+span), 1, 200).Draw(t, "seconds")
		var s series
		s.offset = rapid.Int64Range(-12, 14).Draw(t, "zone") * 3600
		for _, at := range seconds {
			s.at(at, 1).events++
		}
		for _, shown := range []*series{&s, s.shown()} {
			sum := int64(0)
			for i, b := range shown.all() {
				sum += b.events
				n := int64(0)
				for _, at := range seconds {
					if begin := shown.begin(i); at >= begin && at < begin+shown.width() {
						n++
					}
				}
				if n != b.events {
					t.Fatalf("bucket %d of %d s has %d events, want %d", i, shown.width(), b.events, n)
				}
			}
			if sum != int64(len(seconds)) {
				t.Fatalf("%d events of %d", sum, len(seconds))
			}
		}
		if n := len(s.shown().all()); n > maxShown {
			t.Fatalf("%d buckets are shown", n)
		}
	})
	var s series
	s.at(10, 1)
	for i := range int64(100) {
		if b := s.at(1789000000+i, 1); b != nil {
			b.events++
		}
	}
	if s.left != 1 || s.begin(0) < 1789000000 {
		t.Errorf("%d left, from %d", s.left, s.begin(0))
	}
}

// TestCorrected: a call that is opened again, and one that becomes part of another, counts
// once.
func TestCorrected(t *testing.T) {
	f := newFeed(t, time.UTC)
	at := 1789000000.0
	f.add(t, "call.start", at, "callid", "a", "uniqueid", "a1")
	f.add(t, "call.end", at+1, "callid", "a", "uniqueid", "a1", "cause", "BUSY")
	for i := range 20 {
		f.add(t, "message.x", at+10+float64(i), "machine", "1")
	}
	if n := f.collector.causes["BUSY"]; n != 1 || len(f.collector.failed) != 1 {
		t.Errorf("%d, %v", n, f.collector.failed)
	}
	f.add(t, "call.start", at+40, "callid", "a", "uniqueid", "a2")
	f.add(t, "call.answer", at+41, "callid", "a", "uniqueid", "a2")
	f.add(t, "call.end", at+42, "callid", "a", "uniqueid", "a2")
	page := f.page(t)
	if n := f.collector.causes["BUSY"]; n != 0 || len(f.collector.failed) != 0 || !bytes.Contains(page, []byte(`answered <b>1</b>`)) || !bytes.Contains(page, []byte(`not answered <b>0</b>`)) {
		t.Errorf("%d, %v\n%s", n, f.collector.failed, page)
	}
}

// TestDelays: a percentile is near that of the sorted delays.
func TestDelays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Float64Range(0.002, 1000), minSample, 100).Draw(t, "delays")
		var d delays
		for _, v := range all {
			d.add(v, 1)
		}
		slices.Sort(all)
		for _, p := range []float64{0.5, 0.95} {
			want := all[int(float64(len(all))*p+0.999999)-1]
			if got, known := d.percentile(p); !known || got < want*0.97 || got > want*1.03 {
				t.Fatalf("%v: %v, want %v", p, got, want)
			}
		}
	})
}
