package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// third waits for the third event that is kept, and wants them all.
func third() Await {
	var all []event.Event
	return func(ev *event.Event, _ *event.Index, kept bool) []event.Event {
		if kept {
			all = append(all, event.Event{Raw: bytes.Clone(ev.Raw), Received: ev.Received, Source: ev.Source})
		}
		if len(all) < 3 {
			return nil
		}
		return all
	}
}

// TestAwait: what was waited for is written and counted as kept, also of blocks
// long booked, and nothing else is.
func TestAwait(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name     string
		to       int // the events are those before it
		config   func(*Config)
		want     End
		written  []int
		filtered int64
		waiting  int64
	}{
		{name: "met", to: 10, want: EndAwaited, written: []int{0, 1, 2}, waiting: 7},
		{name: "not met", to: 2, want: EndOfInput, filtered: 2},
		{name: "fail if", to: 10, config: func(c *Config) { c.FailIf = query(t, ".n == 1") }, want: EndFailIf, written: []int{1}, filtered: 1, waiting: 8},
		{name: "fail if the last one", to: 10, config: func(c *Config) { c.FailIf = query(t, ".n == 2") }, want: EndFailIf, written: []int{0, 1, 2}, waiting: 7},
		{name: "cannot be written", to: 10, config: func(c *Config) { c.Out = &failing{nil, 0, broken} }, want: EndOutput, waiting: 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			buf := newBuffer(16 << 20)
			var out bytes.Buffer
			c := &Config{Filter: everything(t), Renderer: plain{}, Out: &out, Await: third()}
			if tt.config != nil {
				tt.config(c)
			}
			// All of them are there, each in a block of its own, before the first
			// is looked at.
			feed := buf.Feed("test")
			for n := range tt.to {
				feed.Gap(Gap{})
				feed.Add(testEvent(n, 0))
			}
			feed.Flush()
			end, _ := Run(t.Context(), c, buf)
			if got := numbers(t, out.String()); end != tt.want || !slices.Equal(got, tt.written) {
				t.Errorf("end %d, wrote %v; want %d, %v", end, got, tt.want, tt.written)
			}
			if l := buf.Ledger(); !addsUp(l) || l.Kept != int64(len(tt.written)) || l.Filtered != tt.filtered || l.Waiting != tt.waiting {
				t.Errorf("%+v", l)
			}
		})
	}
}

// TestOnKept: it is told of every event that is kept, when that has been
// written, one after the other.
func TestOnKept(t *testing.T) {
	buf := newBuffer(1 << 20)
	var out bytes.Buffer
	n := 0
	c := &Config{Filter: everything(t), Renderer: plain{}, Out: &out, Until: query(t, ".n == 7")}
	c.OnKept = func(ev *event.Event, x *event.Index) {
		if got := numbers(t, out.String()); !slices.Equal(got, upTo(n+1)) || !x.Get("n").Is(fmt.Sprint(n)) || !bytes.HasPrefix(ev.Raw, fmt.Appendf(nil, `{"n":%d,`, n)) {
			t.Errorf("at %d: %s, written %v", n, ev.Raw, got)
		}
		n++
	}
	if end, err := Run(t.Context(), c, buf, events(buf.Feed("test"), 0, 10)); end != EndUntil || n != 8 {
		t.Errorf("end %d, %v, told %d times", end, err, n)
	}

	// What could not be written is not kept.
	buf = newBuffer(1 << 20)
	c.Out, c.OnKept = &failing{nil, 0, errors.New("broken")}, func(*event.Event, *event.Index) { t.Error("told") }
	if end, _ := Run(t.Context(), c, buf, events(buf.Feed("test"), 0, 10)); end != EndOutput || !addsUp(buf.Ledger()) || buf.Ledger().Kept != 0 {
		t.Errorf("end %d, %+v", end, buf.Ledger())
	}
}
