package call

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// TestRowsFresh: a row that is used again is what a new one would be, whatever has happened
// to its call; and a row that was returned does not change.
func TestRowsFresh(t *testing.T) {
	m, err := NewMap()
	if err != nil {
		t.Fatal(err)
	}
	for _, hold := range []time.Duration{0, -1} {
		tr, r := NewTracker(&Options{Hold: hold, KeepEvents: true}), m.NewReader()
		g := enswitchtest.NewGenerator(&enswitchtest.GeneratorOptions{Rate: 50, Skew: 500 * time.Millisecond})
		var x event.Index
		var e Event
		var changes Changes
		before, copies, open := map[*Row]Row{}, 0, 0
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
			tr.Changes(&changes, true, i%2 == 0)
			rows, n := changes.Rows, 0
			open = 0
			for c := range tr.Calls() {
				if want := c.newRow(rows[n].Record != nil); !reflect.DeepEqual(rows[n], want) {
					t.Fatalf("hold %v, event %d: row\n%+v\nwant\n%+v", hold, i, rows[n], want)
				}
				if was, ok := before[rows[n]]; ok && !reflect.DeepEqual(was, *rows[n]) {
					t.Fatalf("hold %v, event %d: a row has changed", hold, i)
				} else if ok {
					copies++
				}
				if rows[n].State == Open {
					open++
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
		if copies < 300 || open == 0 || open == len(changes.Rows) {
			t.Errorf("%d rows were used again, %d of %d calls are open", copies, open, len(changes.Rows))
		}
	}
}

// TestChanges: the changes one after the other make the calls that there are, also where there
// are too many to be noted.
func TestChanges(t *testing.T) {
	m, err := NewMap()
	if err != nil {
		t.Fatal(err)
	}
	tr, r := NewTracker(&Options{Hold: -1, KeepEvents: true, DropEvents: true}), m.NewReader()
	g := enswitchtest.NewGenerator(&enswitchtest.GeneratorOptions{Rate: 2000, Skew: 500 * time.Millisecond})
	var x event.Index
	var e Event
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
		if i == 5000 { // there is no room for one more
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
		n := 0
		for call := range tr.Calls() {
			row := *known[call.Number()]
			row.Record = nil
			if want := call.Row(); !reflect.DeepEqual(row, *want) {
				t.Fatalf("event %d: call\n%+v\nwant\n%+v", i, row, *want)
			}
			n++
		}
		if n != len(known) {
			t.Fatalf("event %d: %d calls, not %d", i, len(known), n)
		}
	}
	if all != 3 || some < 30 || c.Gone == 0 {
		t.Errorf("%d times all calls, %d times some, %d are gone", all, some, c.Gone)
	}
}

// TestRowBounds: the calls that are over are counted when they are not kept any more,
// if they were chosen, and a row says how far its call has come.
func TestRowBounds(t *testing.T) {
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
	var c Changes
	tr.Changes(&c, true, true)
	if c.Gone != 50 || len(c.Rows) != 1+maxKept || c.Rows[1].CallID != "c100" || c.Rows[1].Over != 101 || c.Rows[0].State != Open {
		t.Fatalf("gone %d, %d calls, the first are %+v and %+v", c.Gone, len(c.Rows), c.Rows[0], c.Rows[1])
	}
	const at = (1e9 + maxKept + 200) * 1e6
	want := Row{
		Number: maxKept + 101, Stage: Answer, Answered: true, Chosen: true, CallID: "up", From: "ü", Machines: []string{"2"},
		Legs: 1, Up: 1, Events: 3, Begin: at, Last: at + 2e6, Answer: at + 2e6, PDD: 1, LastClass: "call", LastEvent: "answer",
		Record: []byte(`{"callid":"up","uniqueids":["up"],"machines":[2],"state":"open","answered":true,"partial":false,"doubtful":false,"from":"ü",` +
			`"start":"1000005200.000000","ring":"1000005201.000000","answer":"1000005202.000000","pdd":1.000000,"legs":1,"events":3}`),
	}
	if !reflect.DeepEqual(*c.Rows[0], want) {
		t.Errorf("got\n%+v\nwant\n%+v", *c.Rows[0], want)
	}
	if c.Now != at+2e6 {
		t.Errorf("now %d", c.Now)
	}
}

func BenchmarkChanges(b *testing.B) {
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
	var c Changes
	tr.Changes(&c, true, false)
	b.ReportAllocs()
	for b.Loop() {
		tr.Changes(&c, true, false)
	}
	b.ReportMetric(float64(len(c.Rows)), "calls")
}

// TestRowAllocations: the row of a call whose texts are the same as before is one allocation.
func TestRowAllocations(t *testing.T) {
	m, err := NewMap()
	if err != nil {
		t.Fatal(err)
	}
	tr, r := NewTracker(&Options{Hold: -1, KeepEvents: true}), m.NewReader()
	var x event.Index
	var e Event
	for i := range 4 {
		raw := fmt.Appendf(nil, `{"class":"call","event":"ring","callid":"a","machine":%d,"from":"+4930123456","timestamp":"1790000000.%06d"}`, i%2, i)
		if err := x.Scan(raw); err != nil {
			t.Fatal(err)
		}
		r.Read(&e, raw, &x)
		tr.Add(&e)
	}
	for c := range tr.Calls() {
		c.row = c.newRow(false)
		if n := testing.AllocsPerRun(100, func() { c.row = c.newRow(false) }); n != 1 {
			t.Errorf("%v allocations, want 1", n)
		}
	}
}
