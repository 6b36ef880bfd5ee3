package call

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// TestSnapshotFresh: a row that is used again is what a new one would be, whatever has
// happened to its call; and what a snapshot had does not change.
func TestSnapshotFresh(t *testing.T) {
	m, err := NewMap()
	if err != nil {
		t.Fatal(err)
	}
	for _, hold := range []time.Duration{0, -1} {
		tr, r := NewTracker(&Options{Hold: hold, KeepEvents: true}), m.NewReader()
		g := enswitchtest.NewGenerator(&enswitchtest.GeneratorOptions{Rate: 50, Skew: 500 * time.Millisecond})
		var x event.Index
		var e Event
		var s Snapshot
		before, copies := map[*Row]Row{}, 0
		for i := range 8_000 {
			raw := g.Next().Raw
			if err := x.Scan(raw); err != nil {
				t.Fatal(err)
			}
			e.Chosen = i%3 == 0
			r.Read(&e, raw, &x)
			tr.Add(&e)
			if i%1999 == 0 {
				tr.Gap()
			}
			if i%401 != 0 {
				continue
			}
			tr.Snapshot(&s, i%2 == 0)
			rows, n := append(append([]*Row{}, s.Open...), s.Over...), 0
			for c := range tr.Calls() {
				if want := c.newRow(rows[n].Record != nil); !reflect.DeepEqual(rows[n], want) {
					t.Fatalf("hold %v, event %d: row\n%+v\nwant\n%+v", hold, i, rows[n], want)
				}
				if was, ok := before[rows[n]]; ok && !reflect.DeepEqual(was, *rows[n]) {
					t.Fatalf("hold %v, event %d: a row has changed", hold, i)
				} else if ok {
					copies++
				}
				n++
			}
			if n != len(rows) {
				t.Fatalf("%d rows, %d calls", len(rows), n)
			}
			clear(before)
			for _, row := range rows {
				before[row] = *row
			}
		}
		if copies < 300 || len(s.Over) == 0 || len(s.Open) == 0 {
			t.Errorf("%d rows were used again, %d calls are open, %d over", copies, len(s.Open), len(s.Over))
		}
	}
}

// TestChanges: the changes one after the other make the same calls as a snapshot, also where
// there are too many to be noted.
func TestChanges(t *testing.T) {
	m, err := NewMap()
	if err != nil {
		t.Fatal(err)
	}
	tr, r := NewTracker(&Options{Hold: -1, KeepEvents: true, DropEvents: true}), m.NewReader()
	g := enswitchtest.NewGenerator(&enswitchtest.GeneratorOptions{Rate: 2000, Skew: 500 * time.Millisecond})
	var x event.Index
	var e Event
	var s Snapshot
	var c Changes
	e.Chosen = true
	known, all, some := map[int64]*Row{}, 0, 0
	add := func(raw []byte) {
		if err := x.Scan(raw); err != nil {
			t.Fatal(err)
		}
		r.Read(&e, raw, &x)
		tr.Add(&e)
	}
	for i := range 12_000 {
		add(g.Next().Raw)
		add(fmt.Appendf(nil, `{"class":"call","event":"start","machine":2,"timestamp":"%d.0","callid":"%[1]d"}`, 1e9+i))
		add(fmt.Appendf(nil, `{"class":"call","event":"end","machine":2,"timestamp":"%d.1","callid":"%[1]d"}`, 1e9+i))
		if i%1999 == 0 {
			tr.Gap()
		}
		if i == 5000 { // so many that there is no room for one more
			tr.left = append(tr.left, make([]int64, maxNoted)...)
		}
		if i%201 != 0 {
			continue
		}
		tr.Changes(&c, i == 201*50, i%7 == 0)
		if c.All {
			clear(known)
			all++
		} else if len(c.Rows) < len(known) {
			some++
		}
		for _, n := range c.Left {
			delete(known, n)
		}
		for _, row := range c.Rows {
			known[row.Number] = row
		}
		tr.Snapshot(&s, false)
		if c.Now != s.Now || c.Gone != s.Gone || len(known) != len(s.Open)+len(s.Over) {
			t.Fatalf("event %d: %d, %d gone, %d calls; of the snapshot %d, %d, %d and %d", i, c.Now, c.Gone, len(known), s.Now, s.Gone, len(s.Open), len(s.Over))
		}
		for _, row := range append(append([]*Row{}, s.Open...), s.Over...) {
			if known[row.Number] != row {
				t.Fatalf("event %d: call\n%+v\nwant\n%+v", i, known[row.Number], row)
			}
		}
	}
	if all != 3 || some < 30 || s.Gone == 0 {
		t.Errorf("%d times all calls, %d times some, %d are gone", all, some, s.Gone)
	}
}

// TestSnapshotBounds: the calls that are over are counted when they are not kept any more,
// if they were chosen, and a row says how far its call has come.
func TestSnapshotBounds(t *testing.T) {
	m, err := NewMap()
	if err != nil {
		t.Fatal(err)
	}
	tr, r := NewTracker(&Options{Hold: -1, KeepEvents: true}), m.NewReader()
	var x event.Index
	add := func(seconds float64, name, call string, chosen bool) {
		raw := fmt.Appendf(nil, `{"class":"call","event":%q,"machine":2,"timestamp":"%.6f","callid":%q,"uniqueid":%[3]q,"from":"\u00fc"}`, name, 1e9+seconds, call)
		if err := x.Scan(raw); err != nil {
			t.Fatal(err)
		}
		e := Event{Chosen: chosen}
		r.Read(&e, raw, &x)
		tr.Add(&e)
	}
	for i := range maxKept + 100 {
		add(float64(i), "start", fmt.Sprint("c", i), i%2 == 0)
		add(float64(i), "end", fmt.Sprint("c", i), false)
	}
	add(maxKept+200, "start", "up", true)
	add(maxKept+201, "ring", "up", true)
	add(maxKept+202, "answer", "up", true)
	var s Snapshot
	tr.Snapshot(&s, true)
	if s.Gone != 50 || len(s.Over) != maxKept || s.Over[0].CallID != "c100" || s.Over[0].Over != 101 || len(s.Open) != 1 {
		t.Errorf("gone %d, over %d, the first is %+v, open %d", s.Gone, len(s.Over), s.Over[0], len(s.Open))
	}
	const at = (1e9 + maxKept + 200) * 1e6
	want := Row{
		Number: maxKept + 101, Stage: Answer, Answered: true, Chosen: true, CallID: "up", From: "ü", Machines: []string{"2"},
		Legs: 1, Up: 1, Events: 3, Begin: at, Last: at + 2e6, Answer: at + 2e6, PDD: 1, LastClass: "call", LastEvent: "answer",
		Record: []byte(`{"callid":"up","uniqueids":["up"],"machines":[2],"state":"open","answered":true,"partial":false,"doubtful":false,"from":"ü",` +
			`"start":"1000005200.000000","ring":"1000005201.000000","answer":"1000005202.000000","pdd":1.000000,"legs":1,"events":3}`),
	}
	if !reflect.DeepEqual(*s.Open[0], want) {
		t.Errorf("got\n%+v\nwant\n%+v", *s.Open[0], want)
	}
	if s.Now != at+2e6 {
		t.Errorf("now %d", s.Now)
	}
}

func BenchmarkSnapshot(b *testing.B) {
	lines := busyHour(50_000)
	m, _ := NewMap()
	tr, r := NewTracker(&Options{KeepEvents: true}), m.NewReader()
	var x event.Index
	for _, line := range lines {
		var e Event
		_ = x.Scan(line)
		r.Read(&e, line, &x)
		tr.Add(&e)
	}
	var s Snapshot
	tr.Snapshot(&s, false)
	b.ReportAllocs()
	for b.Loop() {
		tr.Snapshot(&s, false)
	}
	b.ReportMetric(float64(len(s.Open)+len(s.Over)), "calls")
}
