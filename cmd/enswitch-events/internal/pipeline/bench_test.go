package pipeline

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// The fields beyond the vendor's published example are illustrative.
const benchEvent = `{"asteriskid":"1234567890.1","callid":"1234567890.100000","class":"call","event":"answer","machine":2,"timestamp":"1234567890.123456","uniqueid":"1234567890.100000","customer":"4711","from":"+4930123456","to":"+442071234567","name":"Zoë \"Z\" Example Co"}`

// filled is a block full of the same event.
func filled(b *Buffer) (f *Feed, c *block) {
	f = b.Feed("test")
	ev := event.Event{Raw: []byte(benchEvent), Received: time.Unix(1234567890, 0)}
	for len(f.cur.data)+len(ev.Raw) <= cap(f.cur.data) {
		f.Add(ev)
	}
	return f, f.cur
}

var paths = []struct {
	name, format string
	filter       filter.Options
}{
	{"ndjson", "ndjson", filter.Options{}},
	{"json", "json", filter.Options{}},
	{"line", "line", filter.Options{}},
	{"class and event kept", "ndjson", filter.Options{Class: []string{"call"}, Event: []string{"answer"}}},
	{"class and event dropped", "ndjson", filter.Options{Class: []string{"call"}, Event: []string{"end"}}},
	{"where", "ndjson", filter.Options{Where: []string{"machine=2"}}},
	{"native jq", "ndjson", filter.Options{JQ: `.class=="call" and .machine==2`}},
}

func pathWorker(tb testing.TB, i int) (*worker, *block) {
	tb.Helper()
	keep, err := filter.Compile(&paths[i].filter)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := render.New(&render.Options{Format: paths[i].format})
	if err != nil {
		tb.Fatal(err)
	}
	buf := newBuffer(64 << 20)
	_, c := filled(buf)
	return newWorker(&Config{Filter: keep, Renderer: r, Out: io.Discard}, buf), c
}

// TestNoAllocations: none an event, from the block to the write.
func TestNoAllocations(t *testing.T) {
	for i := range paths {
		w, c := pathWorker(t, i)
		run := func() {
			if end, err := w.block(c); end != EndOfInput || err != nil {
				t.Fatal(end, err)
			}
		}
		run() // scratch grows once
		if n := testing.AllocsPerRun(10, run); n > 0 {
			t.Errorf("%s: %v allocations for %d events", paths[i].name, n, len(c.items))
		}
	}
}

// BenchmarkWorker is the way of an event from the block to the write.
func BenchmarkWorker(b *testing.B) {
	for i := range paths {
		b.Run(paths[i].name, func(b *testing.B) {
			w, c := pathWorker(b, i)
			b.SetBytes(int64(len(c.data)))
			b.ReportAllocs()
			for b.Loop() {
				if end, err := w.block(c); end != EndOfInput || err != nil {
					b.Fatal(end, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(c.items)), "ns/event")
		})
	}
}

// BenchmarkFeed is the way of an event into the buffer and out of it.
func BenchmarkFeed(b *testing.B) {
	buf := newBuffer(64 << 20)
	feed := buf.Feed("test")
	ev := event.Event{Raw: []byte(benchEvent), Received: time.Unix(1234567890, 0)}
	b.SetBytes(int64(len(benchEvent)))
	b.ReportAllocs()
	for b.Loop() {
		feed.Add(ev)
		if c, _ := buf.take(); c != nil {
			buf.done(c, Ledger{Filtered: int64(len(c.items))})
		}
	}
}

// BenchmarkPut is a POST's way into the buffer, from as many senders as there
// are processors, which have one address or are proxies for many.
func BenchmarkPut(b *testing.B) {
	for _, sources := range []int{1, 10, maxSources} {
		b.Run(fmt.Sprintf("%d sources", sources), func(b *testing.B) {
			buf := newBuffer(64 << 20)
			feed := buf.Feed("test")
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				ev := event.Event{Raw: []byte(benchEvent), Received: time.Unix(1234567890, 0)}
				var names []string
				for n := range sources {
					names = append(names, fmt.Sprintf("10.0.%d.%d", n>>8, n&255))
				}
				for n := 0; pb.Next(); n++ {
					ev.Source = names[n%sources]
					feed.Put(ev)
				}
			})
		})
	}
}
