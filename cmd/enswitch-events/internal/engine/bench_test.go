package engine

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/needle"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// The fields beyond the vendor's published example are illustrative.
const benchEvent = `{"asteriskid":"1234567890.1","callid":"1234567890.100000","class":"call","event":"answer","machine":2,"timestamp":"1234567890.123456","uniqueid":"1234567890.100000","customer":"4711","from":"+4930123456","to":"+442071234567","name":"Zoë \"Z\" Example Co"}`

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

// pathOf returns a function that maps and folds a block of the same event, and the
// block.
func pathOf(tb testing.TB, i int) (run func(), b *Block) {
	tb.Helper()
	buf := newBuffer(64 << 20)
	feed := buf.Feed("test")
	ev := event.Event{Raw: []byte(benchEvent), Received: time.Unix(1234567890, 0)}
	for len(feed.cur.data)+len(ev.Raw) < cap(feed.cur.data) {
		feed.Add(ev)
	}
	c := &Config{Sink: text(tb, paths[i].filter, render.Options{Format: paths[i].format}), Out: io.Discard, Workers: 1}
	f, err := newFolder(c, buf)
	if err != nil {
		tb.Fatal(err)
	}
	b = feed.cur
	return func() {
		b.from = Place{}
		b.toMap.Store(true)
		if o := f.fold(b); o.over() {
			tb.Fatal(o)
		}
	}, b
}

// TestNoAllocations: no allocation for an event, from the block to the write.
func TestNoAllocations(t *testing.T) {
	for i := range paths {
		run, b := pathOf(t, i)
		run() // buffers grow once
		if n := testing.AllocsPerRun(10, run); n > 0 {
			t.Errorf("%s: %v allocations for %d events", paths[i].name, n, len(b.items))
		}
	}
}

// BenchmarkPath is the path of an event from the block to the write.
func BenchmarkPath(b *testing.B) {
	for i := range paths {
		b.Run(paths[i].name, func(b *testing.B) {
			run, block := pathOf(b, i)
			b.SetBytes(int64(len(block.data)))
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(block.items)), "ns/event")
		})
	}
}

// BenchmarkFeed is the path of an event into the buffer and out of it, of one feed and
// of one of two.
func BenchmarkFeed(b *testing.B) {
	for feeds := 1; feeds <= 2; feeds++ {
		b.Run(fmt.Sprintf("%d feeds", feeds), func(b *testing.B) {
			buf := newBuffer(64 << 20)
			feed := buf.Feed("test")
			if feeds == 2 {
				buf.Feed("other").Connected(false)
			}
			ev := event.Event{Raw: []byte(benchEvent), Received: time.Unix(1234567890, 0)}
			b.SetBytes(int64(len(benchEvent)))
			b.ReportAllocs()
			for b.Loop() {
				feed.Add(ev)
				if c, _ := buf.Take(false); c != nil {
					buf.Book(Ledger{Filtered: int64(len(c.items))})
					buf.Done(c)
				}
			}
		})
	}
}

// BenchmarkPut is the path of a POST into the buffer, from as many senders as there are
// processors, each with one address or a proxy for many.
func BenchmarkPut(b *testing.B) {
	for _, sources := range []int{1, 10, maxSources} {
		b.Run(fmt.Sprintf("%d sources", sources), func(b *testing.B) {
			buf := newBuffer(64 << 20)
			feed := buf.Feed("test")
			b.ReportAllocs()
			var senders atomic.Int32
			b.RunParallel(func(pb *testing.PB) {
				ev := event.Event{Raw: []byte(benchEvent), Received: time.Unix(1234567890, 0)}
				sender := senders.Add(1)
				for n := 0; pb.Next(); n++ {
					ev.Source = fmt.Sprintf("10.%d.%d.%d", sender, n%sources>>8, n%sources&255)
					feed.Put(ev)
				}
			})
		})
	}
}

// BenchmarkCat is a run over a capture.
func BenchmarkCat(b *testing.B) {
	var lines strings.Builder
	for i := range 100_000 {
		ev := []string{"start", "ring", "answer", "end", "route", "hold", "up", "down"}[i%8]
		fmt.Fprintf(&lines, `{"asteriskid":"1234567890.%d","callid":"1234567890.%06d","class":"call","event":"%s","machine":%d,"timestamp":"1234567890.%06d","uniqueid":"1234567890.%06d"}`+"\n", i, i, ev, i%7, i, i)
	}
	name := write(b, lines.String())
	for _, row := range []struct {
		name    string
		options filter.Options
		show    render.Options
		strict  bool
	}{
		{"needle", filter.Options{Class: []string{"call"}, Event: []string{"answer"}}, render.Options{Format: "ndjson"}, false},
		{"strict", filter.Options{Class: []string{"call"}, Event: []string{"answer"}}, render.Options{Format: "ndjson"}, true},
		{"native", filter.Options{JQ: ".machine == 2"}, render.Options{Format: "ndjson"}, false},
		{"all", filter.Options{}, render.Options{Format: "ndjson"}, false},
		{"line", filter.Options{}, render.Options{Format: "line"}, false},
		{"delta", filter.Options{}, delta, false},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(lines.Len()))
			for b.Loop() {
				c := &Config{Sink: text(b, row.options, row.show), Out: io.Discard}
				if !row.strict {
					c.Needles = needle.Of(&row.options)
				}
				if _, end, err := cat(b.Context(), b, CaptureOptions{Names: []string{name}}, c); end != EndOfInput || err != nil {
					b.Fatal(end, err)
				}
			}
		})
	}
}
