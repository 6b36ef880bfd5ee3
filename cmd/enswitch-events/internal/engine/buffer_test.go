package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestBlocksMerge: a trickle behind a slow reader does not cost a block an
// event.
func TestBlocksMerge(t *testing.T) {
	buf := newBuffer(64 << 20)
	feed := buf.Feed("test")
	for n := range 1000 {
		feed.Add(testEvent(n, 100))
		feed.Flush()
	}
	if len(buf.queue) > 2 {
		t.Errorf("%d blocks for 1000 events", len(buf.queue))
	}
	if l := buf.Ledger(); l.Waiting != 1000 || l.Received != 1000 {
		t.Errorf("%+v", l)
	}
	buf.Close()
	var out bytes.Buffer
	if end, err := buf.Run(t.Context(), verbatim(t, &out)); end != EndOfInput || err != nil {
		t.Fatal(end, err)
	}
	if got := numbers(t, out.String()); !slices.Equal(got, upTo(1000)) {
		t.Errorf("%d lines, or not in order", len(got))
	}
}

// TestMergeStopsAtGap: what came after the feed was away stays after it.
func TestMergeStopsAtGap(t *testing.T) {
	buf := newBuffer(64 << 20)
	feed := buf.Feed("ws://10.0.0.5:4875")
	feed.Add(testEvent(0, 0))
	feed.Gap(Gap{Reason: "reconnect", From: time.Unix(10, 0), To: time.Unix(20, 500_000)})
	feed.Add(testEvent(1, 0))
	feed.Flush()
	buf.Close()
	var out bytes.Buffer
	var gaps []Gap
	c := verbatim(t, &out)
	c.ReportGaps, c.OnGap = true, func(g Gap) { gaps = append(gaps, g) }
	if end, err := buf.Run(t.Context(), c); end != EndOfInput || err != nil {
		t.Fatal(end, err)
	}
	lines := slices.Collect(strings.Lines(out.String()))
	if len(lines) != 3 {
		t.Fatalf("wrote %q", lines)
	}
	var record map[string]any
	if err := json.Unmarshal([]byte(lines[1]), &record); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"class": "enswitch-events", "event": "gap", "reason": "reconnect",
		"source": "ws://10.0.0.5:4875", "timestamp": "20.000500", "from": "10.000000", "to": "20.000500", "dropped": 0.0,
	} {
		if record[name] != want {
			t.Errorf("%s is %v, want %v", name, record[name], want)
		}
	}
	if l := buf.Ledger(); len(gaps) != 1 || l.Gaps != 1 || l.Kept != 2 || !addsUp(l) {
		t.Errorf("%+v, %v", l, gaps)
	}
}

// TestOverflow: without room events are dropped and counted, the first of a
// stretch is reported at once, and a gap takes their place.
func TestOverflow(t *testing.T) {
	told := 0
	buf := NewBuffer(BufferOptions{Size: 1 << 20, OnOverflow: func(Gap) { told++ }})
	feed := buf.Feed("test")
	const count = 4000
	for n := range count {
		feed.Add(testEvent(n, 1000))
	}
	feed.Flush()
	before := buf.Ledger()
	if before.Dropped == 0 || before.Waiting == 0 || before.Gaps != 1 || told != 1 || !addsUp(before) || buf.bytes > 1<<20 {
		t.Fatalf("%+v, told %d times, %d bytes", before, told, buf.bytes)
	}
	// There is room again: what comes now stands behind the gap.
	c, _ := buf.Take(false)
	first := len(c.items)
	buf.Book(Ledger{Filtered: int64(first)})
	buf.Done(c)
	feed.Add(testEvent(count, 0))
	feed.Flush()
	buf.Close()

	var out bytes.Buffer
	var gap Gap
	run := verbatim(t, &out)
	run.OnGap = func(g Gap) { gap = g }
	if end, err := buf.Run(t.Context(), run); end != EndOfInput || err != nil {
		t.Fatal(end, err)
	}
	got := numbers(t, out.String())
	want := append(upTo(count - int(before.Dropped))[first:], count)
	if !slices.Equal(got, want) {
		t.Errorf("wrote %d events, want %d", len(got), len(want))
	}
	if gap.Dropped != before.Dropped || gap.Reason != "overflow" || gap.From != time.Unix(0, count-gap.Dropped) || gap.To != time.Unix(0, count-1) {
		t.Errorf("%+v", gap)
	}
	if l := buf.Ledger(); l.Dropped != before.Dropped || l.Waiting != 0 || !addsUp(l) {
		t.Errorf("%+v", l)
	}
}

// TestLargeEvent: an event that is larger than the buffer is taken when nothing
// else waits: a bound that no event fits would stop the feed for good.
func TestLargeEvent(t *testing.T) {
	buf := newBuffer(1)
	feed := buf.Feed("test")
	feed.Add(testEvent(0, 1<<20))
	feed.Add(testEvent(1, 1<<20))
	feed.Flush()
	if l := buf.Ledger(); l.Waiting != 1 || l.Dropped != 1 {
		t.Errorf("%+v", l)
	}
	if len(buf.free) > minFree {
		t.Errorf("%d blocks kept", len(buf.free))
	}
}

// TestMemoryIsReused: a second burst makes no new blocks.
func TestMemoryIsReused(t *testing.T) {
	buf := newBuffer(4 << 20)
	feed := buf.Feed("test")
	burst := func() {
		for n := range 2000 {
			feed.Add(testEvent(n, 1000))
		}
		feed.Flush()
		for {
			c, _ := buf.Take(false)
			if c == nil {
				return
			}
			buf.Done(c)
		}
	}
	burst()
	blocks := len(buf.free)
	burst()
	if len(buf.free) != blocks || buf.bytes != 0 {
		t.Errorf("%d blocks, then %d; %d bytes", blocks, len(buf.free), buf.bytes)
	}
	if free := int64(blocks) * buf.free[0].size(); blocks <= minFree || free > 4<<20 {
		t.Errorf("%d blocks, %d bytes", blocks, free)
	}
}

// TestLedgerUnderLoad: every snapshot adds up, while many senders put events
// in, one at a time, and the worker takes them out.
func TestLedgerUnderLoad(t *testing.T) {
	buf := newBuffer(1 << 20)
	feed := buf.Feed("")
	const senders, each = 8, 2000
	var sending, first sync.WaitGroup
	first.Add(senders)
	for s := range senders {
		sending.Go(func() {
			source := "10.0.0." + string(rune('0'+s))
			for n := range each {
				ev := testEvent(n, n%3000)
				ev.Source = source
				feed.Put(ev)
				if n%100 == 0 {
					feed.Reject()
				}
				if n == 0 { // for one event of each there is room
					first.Done()
					first.Wait()
				}
			}
		})
	}
	stop := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		for last := int64(0); ; {
			l := buf.Ledger()
			if !addsUp(l) || l.Waiting < 0 || l.Received < last {
				t.Errorf("%+v after %d", l, last)
				return
			}
			last = l.Received
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	sources := map[string]int{}
	var out bytes.Buffer
	var mu sync.Mutex
	c := verbatim(t, &out)
	c.Sink = hooked{c.Sink.(*Text), func(e *Event) {
		mu.Lock()
		defer mu.Unlock()
		sources[e.Source]++
	}}
	end, err := buf.Run(t.Context(), c, func(context.Context) error { sending.Wait(); return nil })
	close(stop)
	looking.Wait()
	if end != EndOfInput || err != nil {
		t.Fatal(end, err)
	}
	l := buf.Ledger()
	if l.Received != senders*(each+each/100) || l.Rejected != senders*each/100 || l.Waiting != 0 || !addsUp(l) {
		t.Errorf("%+v", l)
	}
	total := 0
	for _, n := range sources {
		total += n
	}
	if int64(total) != l.Kept || len(sources) != senders {
		t.Errorf("%d events of %v", total, sources)
	}
}

// TestMergedFeeds: of two feeds each event comes once, and what only one has
// comes too.
func TestMergedFeeds(t *testing.T) {
	buf := newBuffer(1 << 20)
	a, b := buf.Feed("a"), buf.Feed("b")
	var out bytes.Buffer
	end, err := buf.Run(t.Context(), verbatim(t, &out), inOrder(events(a, 0, 60), events(b, 40, 100)))
	if end != EndOfInput || err != nil {
		t.Fatal(end, err)
	}
	if got := numbers(t, out.String()); !slices.Equal(got, upTo(100)) {
		t.Errorf("wrote %v", got)
	}
	if l := buf.Ledger(); l.Duplicates != 20 || l.Kept != 100 || !addsUp(l) {
		t.Errorf("%+v", l)
	}
}
