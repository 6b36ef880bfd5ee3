package call

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// feeder gives events to a Tracker.
type feeder struct {
	t *Tracker
	r *Reader
	x event.Index
	e Event
}

func newFeeder(t testing.TB, o *Options) *feeder {
	t.Helper()
	m, err := NewMap()
	if err != nil {
		t.Fatal(err)
	}
	return &feeder{t: NewTracker(o), r: m.NewReader()}
}

// add adds an event of class call at that second.
func (f *feeder) add(at float64, name, ids string) {
	raw := fmt.Appendf(nil, `{"class":"call","event":%q,"timestamp":"%.6f",%s}`, name, 1_000_000_000+at, ids)
	if err := f.x.Scan(raw); err != nil {
		panic(err)
	}
	f.r.Read(&f.e, raw, &f.x)
	f.t.Add(&f.e)
	clear(raw)
}

// TestManyEvents: a call with many events, also ends, takes no more memory than one with as
// many as are kept, so that there is room for others.
func TestManyEvents(t *testing.T) {
	for _, row := range []struct {
		name, more string
		drop       bool
	}{
		{"hold", "", false}, {"end", "", false}, {"end", `,"cause":"normal clearing"`, false}, {"hold", "", true},
	} {
		f := newFeeder(t, &Options{KeepEvents: true, DropEvents: row.drop})
		bytes := 0
		for i := range 20_000 {
			f.add(float64(i), row.name, `"callid":"one","uniqueid":"one","machine":1`+row.more)
			if i == 2000 {
				bytes = f.t.bytes
			}
		}
		if grown := f.t.bytes - bytes; grown > 1024 {
			t.Errorf("%s: %d bytes more", row.name+row.more, grown)
		}
		for c := range f.t.Calls() {
			if n := len(c.Events()); n != maxFirst+maxLast {
				t.Errorf("%s: %d events are kept", row.name+row.more, n)
			}
			times := map[int64]bool{}
			for _, e := range c.Events() {
				times[e.Time] = true
			}
			if len(times) != maxFirst+maxLast {
				t.Errorf("%s: %d different events are kept", row.name+row.more, len(times))
			}
		}
	}
}

// TestBadInput: whatever events hold, other calls stay right.
func TestBadInput(t *testing.T) {
	const good = `"callid":"good","uniqueid":"good","machine":1`
	for _, row := range []struct {
		name string
		bad  func(f *feeder, i int)
	}{
		{"no id", func(f *feeder, i int) { f.add(float64(i), "start", `"machine":1`) }},
		{"null and empty ids", func(f *feeder, i int) { f.add(float64(i), "end", `"callid":null,"uniqueid":"","machine":1`) }},
		{"ids that are no text", func(f *feeder, i int) {
			f.add(float64(i), "end", `"callid":{"good":1},"uniqueid":["good"],"asteriskid":true,"machine":[1]`)
		}},
		{"numbers", func(f *feeder, i int) { f.add(float64(i), "end", fmt.Sprintf(`"callid":%d,"machine":1`, i)) }},
		{"asteriskid without a machine", func(f *feeder, i int) { f.add(float64(i), "end", `"asteriskid":"1.1"`) }},
		{"large ids", func(f *feeder, i int) {
			f.add(float64(i), "start", fmt.Sprintf(`"callid":"%d%s"`, i, strings.Repeat("x", 64<<10)))
		}},
		{"many legs", func(f *feeder, i int) {
			for j := range 200 {
				f.add(float64(i), "start", fmt.Sprintf(`"callid":"bad","uniqueid":"%d.%d","machine":2`, i, j))
			}
		}},
		{"times that run backwards", func(f *feeder, i int) { f.add(-1000*float64(i), "end", `"callid":"bad","machine":2`) }},
		{"a time far ahead", func(f *feeder, i int) {
			if i == 20 {
				f.add(1e9, "start", `"callid":"bad","machine":1`)
			}
		}},
		{"no time", func(f *feeder, i int) {
			f.add(float64(i), "start", `"timestamp":"soon","callid":"bad","machine":2`)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got []string
			f := newFeeder(t, &Options{OnEnd: func(c *Call) {
				if record := string(c.AppendRecord(nil)); strings.Contains(record, "good") && !strings.Contains(record, "x{100}") {
					got = append(got, record)
				}
			}})
			for i := range 60 {
				switch i {
				case 1:
					f.add(1, "start", good)
				case 30:
					f.add(30, "answer", good)
				case 40:
					f.add(40, "end", good)
				}
				row.bad(f, i)
			}
			f.t.Finish()
			want := `{"callid":"good","uniqueids":["good"],"machines":[1],"state":"ended","answered":true,"partial":false,"doubtful":false,` +
				`"start":"1000000001.000000","answer":"1000000030.000000","end":"1000000040.000000","pdd":29.000000,"duration":39.000000,"talk":10.000000,"legs":1,"events":3}`
			if len(got) != 1 || got[0] != want {
				t.Errorf("got %s\nwant %s", strings.Join(got, "\n"), want)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	t.Run("open calls", func(t *testing.T) {
		lost := 0
		f := newFeeder(t, &Options{OnEnd: func(c *Call) {
			if c.State() == Lost && c.Doubtful() {
				lost++
			}
		}})
		for i := range maxOpen + 10 {
			f.add(float64(i)/100, "start", fmt.Sprintf(`"callid":%d`, i))
		}
		f.t.Finish()
		if s := f.t.Stats(); lost != 10 || s.GivenUp != 10 {
			t.Errorf("%d calls were lost, %d given up", lost, s.GivenUp)
		}
	})
	t.Run("legs", func(t *testing.T) {
		f := newFeeder(t, nil)
		for i := range maxLegs + 10 {
			f.add(float64(i)/100, "start", fmt.Sprintf(`"callid":"a","uniqueid":"u%d"`, i))
		}
		f.t.Finish()
		if s := f.t.Stats(); s.LegsOver != 10 || s.Calls != 1 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("a call of many joined ones", func(t *testing.T) {
		f := newFeeder(t, &Options{OnEvent: func(*Call, *Event, bool) {}})
		for i := range maxLegs {
			at := float64(i) / 1000
			f.add(at, "start", fmt.Sprintf(`"callid":"a%d","uniqueid":"a%[1]d","machine":%d`, i, i%2000))
			f.add(at, "start", fmt.Sprintf(`"callid":"a%d","uniqueid":"b%[1]d"`, i))
			f.add(at+0.0005, "ring", fmt.Sprintf(`"callid":"one","uniqueid":"a%d"`, i)) // joins
		}
		f.t.Finish()
		n := 0
		for c := range f.t.Calls() {
			n++
			if len(c.legs) != maxLegs || len(c.callids) != maxMarked || len(c.machines) != maxMarked || len(c.hashes) != maxFirst+maxLast || len(c.seqs) != len(c.hashes) {
				t.Errorf("%d legs, %d callids, %d machines, %d hashes, %d numbers", len(c.legs), len(c.callids), len(c.machines), len(c.hashes), len(c.seqs))
			}
		}
		if n != 1 {
			t.Errorf("%d calls", n)
		}
	})
	t.Run("events of a call", func(t *testing.T) {
		var numbers []string
		f := newFeeder(t, &Options{KeepEvents: true, OnEnd: func(c *Call) {
			for _, e := range c.Events() {
				numbers = append(numbers, string(e.Role(From).Text()))
			}
		}})
		for i := range 1000 {
			f.add(float64(i), "hold", fmt.Sprintf(`"callid":"a","from":%d`, i))
		}
		f.t.Finish()
		if n := len(numbers); n != maxFirst+maxLast || numbers[0] != "0" || numbers[maxFirst-1] != "399" || numbers[maxFirst] != "900" || numbers[n-1] != "999" {
			t.Errorf("kept %d: %v", n, numbers)
		}
		if s := f.t.Stats(); s.Unkept != 500 {
			t.Errorf("%d were not kept", s.Unkept)
		}
	})
	t.Run("bytes", func(t *testing.T) {
		f := newFeeder(t, &Options{KeepEvents: true})
		text := strings.Repeat("x", 1<<20)
		for i := range 100 {
			f.add(float64(i), "hold", fmt.Sprintf(`"callid":%d,"text":"%s"`, i, text))
		}
		f.t.Finish()
		if s := f.t.Stats(); s.GivenUp < 30 || f.t.bytes > maxBytes {
			t.Errorf("%d given up, %d bytes", s.GivenUp, f.t.bytes)
		}
	})
	t.Run("events first", func(t *testing.T) {
		f := newFeeder(t, &Options{Hold: -1, KeepEvents: true, DropEvents: true})
		for i := range 30 {
			for n := range 2000 {
				f.add(float64(i), "hold", fmt.Sprintf(`"callid":%d,"n":%d,"text":"%0800d"`, n, i, n))
			}
		}
		n, events := 0, 0
		for c := range f.t.Calls() {
			n++
			for _, e := range c.Events() {
				events++
				if want := fmt.Sprintf(`"callid":%s,"n":`, c.callids[0].json); !strings.Contains(string(e.Raw), want) {
					t.Fatalf("a call with %s has the event %.150s", want, e.Raw)
				}
			}
		}
		if s := f.t.Stats(); s.GivenUp != 0 || n != 2000 || s.Unkept != int64(30*n-events) || s.Unkept < 2000 || f.t.bytes > maxBytes || f.t.bytes < maxBytes*3/4 {
			t.Errorf("%+v, %d calls, %d events, %d bytes", s, n, events, f.t.bytes)
		}
	})
	t.Run("ids of ended calls", func(t *testing.T) {
		var g gone
		forgotten := int64(0)
		for i := range 3*maxGone + 1 {
			forgotten += g.add(key(i+1), 1e15)
		}
		if forgotten != 2*maxGone || g.current.count != 1 || g.older.count != maxGone {
			t.Errorf("%d were forgotten, %d and %d are kept", forgotten, g.current.count, g.older.count)
		}
	})
}

// TestLate: an event of a call that ended, and is not kept any more, makes no call.
func TestLate(t *testing.T) {
	f := newFeeder(t, nil)
	for i := range maxKept + 2 {
		id := fmt.Sprintf(`"callid":%d,"machine":1`, i)
		f.add(float64(i)/100, "start", id)
		f.add(float64(i)/100, "end", id)
	}
	f.add(100, "hold", `"callid":"other","machine":1`)
	f.add(200, "hold", `"callid":0,"machine":1`)
	f.add(400, "hold", `"callid":1,"machine":1`) // more than 5 minutes later
	f.t.Finish()
	if s := f.t.Stats(); s.Late != 1 || s.Calls != maxKept+4 {
		t.Errorf("%+v", s)
	}
}

// TestQuiet: without further events the last calls end by Quiet.
// TestAtOnce: without Hold each event is followed when it comes, also one that is far
// ahead of its time, which ends no other call.
func TestAtOnce(t *testing.T) {
	followed, ended := 0, 0
	f := newFeeder(t, &Options{
		Hold:    -1,
		OnEvent: func(*Call, *Event, bool) { followed++ },
		OnEnd:   func(*Call) { ended++ },
	})
	for i, at := range []float64{0, 1, 100_000, 2, 3, 200_000, 300_000, 4} {
		f.add(at, "start", fmt.Sprintf(`"callid":"%.0f"`, at))
		if followed != i+1 {
			t.Fatalf("%d events followed of %d", followed, i+1)
		}
		if ended > 0 && i < 6 {
			t.Fatalf("%d calls ended by event %d", ended, i)
		}
	}
	if ended == 0 {
		t.Error("no call was lost when two events agreed that hours had passed")
	}
}

func TestQuiet(t *testing.T) {
	var ended []State
	f := newFeeder(t, &Options{OnEnd: func(c *Call) { ended = append(ended, c.State()) }})
	f.add(0, "start", `"callid":"a","machine":1`)
	f.add(1, "end", `"callid":"a","machine":1`)
	f.add(1, "start", `"callid":"b","machine":1`)
	for _, row := range []struct {
		quiet time.Duration
		ended int
	}{{0, 0}, {1900 * time.Millisecond, 0}, {4100 * time.Millisecond, 1}, {3 * time.Hour, 1}, {5 * time.Hour, 2}} {
		if f.t.Quiet(row.quiet); len(ended) != row.ended {
			t.Errorf("after %v: %v", row.quiet, ended)
		}
	}
	if f.t.Waiting() {
		t.Error("something is waited for")
	}
}

// TestGap: calls that are open during a gap are doubtful, whether the caller says so or a
// record in the capture.
func TestGap(t *testing.T) {
	for _, record := range []bool{false, true} {
		doubtful := map[string]bool{}
		f := newFeeder(t, &Options{OnEnd: func(c *Call) { doubtful[c.Text(From)] = c.Doubtful() }})
		f.add(0, "start", `"callid":"a","from":"before"`)
		f.add(1, "end", `"callid":"a"`)
		f.add(0, "start", `"callid":"b","from":"during"`)
		f.add(10, "hold", `"callid":"b"`)
		if record {
			raw := []byte(`{"class":"enswitch-events","event":"gap","timestamp":"1000000015.000000"}`)
			if err := f.x.Scan(raw); err != nil {
				t.Fatal(err)
			}
			f.r.Read(&f.e, raw, &f.x)
			f.t.Add(&f.e)
		} else {
			f.t.Gap()
		}
		f.add(20, "start", `"callid":"c","from":"after"`)
		f.t.Finish()
		if doubtful["before"] || !doubtful["during"] || doubtful["after"] {
			t.Errorf("by a record: %v: %v", record, doubtful)
		}
	}
}

// TestTwice: an event that came twice counts once.
func TestTwice(t *testing.T) {
	var times []int
	f := newFeeder(t, &Options{KeepEvents: true, OnEnd: func(c *Call) {
		for _, e := range c.Events() {
			times = append(times, e.Times)
		}
	}})
	f.add(0, "start", `"callid":"a"`)
	f.add(0, "start", `"callid":"a"`)
	f.add(1, "ring", `"callid":"a"`)
	f.add(5, "start", `"callid":"b"`)
	f.add(0, "start", `"callid":"a"`) // late, too
	f.t.Finish()
	if fmt.Sprint(times) != "[3 1 1]" {
		t.Error(times)
	}
}

func TestMap(t *testing.T) {
	for _, row := range []struct {
		given, class, event string
		want                Kind
		origin              Origin
	}{
		{"", "call", "start", Start, Documented},
		{"", "call", "hangup", End, Guessed},
		{"", "message", "start", None, Guessed},
		{"end=call.gone*", "call", "gone-away", End, Given},
		{"end=gone", "call", "hangup", None, Guessed},
		{"answer=call.ring", "call", "ring", Answer, Given},
		{"start=*.new", "channel", "new", Start, Given},
	} {
		var given []string
		if row.given != "" {
			given = append(given, row.given)
		}
		m, err := NewMap(given...)
		if err != nil {
			t.Fatal(err)
		}
		if k, o := m.Kind([]byte(row.class), []byte(row.event)); k != row.want || k != None && o != row.origin {
			t.Errorf("%s: %s.%s: %v, %v", row.given, row.class, row.event, k, o)
		}
	}
	for _, wrong := range []string{"", "start", "begin=call.start", "start=", "start=a,,b", "end=call.", "end=.x"} {
		if _, err := NewMap(wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

// TestAllocs: reading an event allocates nothing.
func TestAllocs(t *testing.T) {
	m, err := NewMap("from=a.b,from")
	if err != nil {
		t.Fatal(err)
	}
	raw := []byte(`{"asteriskid":"1234567890.1","callid":"1234567890.100000","class":"call","event":"start","machine":1,"timestamp":"1234567890.123456","uniqueid":"1234567890.100000","from":"+4420","a":{"b":"c"}}`)
	r := m.NewReader()
	var x event.Index
	var e Event
	if n := testing.AllocsPerRun(100, func() {
		if err := x.Scan(raw); err != nil {
			t.Fatal(err)
		}
		r.Read(&e, raw, &x)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if got := string(e.Role(From).Text()); got != "c" {
		t.Errorf("from is %q", got)
	}
}
