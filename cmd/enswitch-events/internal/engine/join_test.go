package engine

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// spelled draws an event, one of a few, as a feed may have written it. What is no event
// has the number -1.
func spelled(t *rapid.T) (number int, raw string) {
	n := rapid.IntRange(-1, 30).Draw(t, "event")
	if n < 0 {
		return n, rapid.SampledFrom([]string{"null", "[1]", "no event"}).Draw(t, "raw")
	}
	class, name := "call", strings.Repeat("e", 1+5*(n%5))
	stamp := fmt.Sprintf("%d.5", 30_000*(n%7))
	return n, rapid.SampledFrom([]string{
		fmt.Sprintf(`{"class":%q,"event":%q,"n":%d,"timestamp":%q,"name":"�"}`, class, name, n, stamp),
		fmt.Sprintf(`{"timestamp":%q, "n":"%d","name":"\ufffd","class":%q,"event":%q}`, stamp, n, class, name),
		fmt.Sprintf(`{"class":%q,"event":%q,"n":%d,"timestamp":%q,"name":"%c"}`, class, name, n, stamp, 0xfffd),
		fmt.Sprintf(`{"class":%q,"event":%q,"n":%d,"timestamp":%q,"name":"`+"\xff"+`"}`, class, name, n, stamp),
	}).Draw(t, "raw")
}

// TestEachOnce: of several feeds each event comes once, and what was left out has left
// nothing behind, whatever the format and the number of workers. The reference
// counts how often each feed has brought each event.
func TestEachOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		received := time.Unix(1, 0)
		buf := newBuffer(64 << 20)
		feeds := make([]*Feed, rapid.IntRange(2, 3).Draw(t, "feeds"))
		waiting := make([][]func(), len(feeds)) // to be brought, in the reference
		for i := range feeds {
			feeds[i] = buf.Feed(fmt.Sprint("feed ", i))
		}
		var lines []string
		var want Ledger
		counts := map[int][]int{} // of each event, by feed
		flush := func(i int) {
			for _, bring := range waiting[i] {
				bring()
			}
			waiting[i] = nil
		}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			i := rapid.IntRange(0, len(feeds)-1).Draw(t, "feed")
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0: // the next block is another one
				feeds[i].Gap(Gap{})
				want.Gaps++
				flush(i)
			case 1, 2:
				feeds[i].Flush()
				flush(i)
			default:
				n, raw := spelled(t)
				feeds[i].Add(event.Event{Raw: []byte(raw), Received: received})
				waiting[i] = append(waiting[i], func() {
					if counts[n] == nil {
						counts[n] = make([]int, len(feeds))
					}
					counts[n][i]++
					others := slices.Delete(slices.Clone(counts[n]), i, i+1)
					if n < 0 || slices.Max(others) < counts[n][i] {
						lines = append(lines, raw)
						return
					}
					want.Add(&Ledger{Received: 1, Filtered: 1, Duplicates: 1})
					if strings.Contains(raw, "\xff") {
						want.Repaired++
					}
				})
			}
		}
		for i, feed := range feeds {
			feed.Flush()
			flush(i)
		}
		buf.Close()

		keep := rapid.SampledFrom(captureFilters).Draw(t, "filter")
		show := rapid.SampledFrom(captureFormats).Draw(t, "format")
		var out bytes.Buffer
		c := &Config{Sink: text(t, keep, show), Out: &out, Workers: rapid.SampledFrom([]int{1, 2, 4}).Draw(t, "workers")}
		c.Header = c.Sink.(*Text).Header()
		c.Count = rapid.Int64Range(0, 20).Draw(t, "count")
		m := &model{Config: c, keep: keep, show: show, received: received, CaptureOptions: CaptureOptions{MaxLine: 1 << 20}}
		m.begin(t)
		for _, line := range lines {
			if m.end == EndOfInput {
				m.line("", 0, line)
			}
		}
		end, err := buf.Run(context.Background(), c)
		if end != m.end || err != nil || out.String() != string(m.out) {
			t.Fatalf("end %v, %v:\n%s\nwant %v:\n%s", end, err, out.String(), m.end, m.out)
		}
		l := buf.Ledger()
		want.Add(&m.l)
		want.Received, want.Waiting = l.Received, l.Waiting // what is behind the end
		if l != want || !addsUp(l) {
			t.Fatalf("%+v, want %+v", l, want)
		}
	})
}
