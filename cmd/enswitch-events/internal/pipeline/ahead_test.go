package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// flood puts so many events into b that sources work ahead: events with wide
// names, days that change, what is no event and what is to be repaired.
func flood(b *Buffer) (kept, rejected int64) {
	f := b.Feed("test")
	at := time.Unix(1795359846, 0)
	for n := range 15_000 {
		raw := fmt.Sprintf(`{"class":"call","event":"%s","timestamp":"%d.%06d","callid":"%d.1","name":"Zoë %d"}`,
			strings.Repeat("x", 4+n/2000), at.Unix()+int64(n/7000)*86400, n, n/3, n)
		switch {
		case n%9000 == 8999:
			raw = "no event"
			rejected++
		case n%5000 == 4999:
			raw = strings.ReplaceAll(raw, "ë", "\xeb")
			kept++
		default:
			kept++
		}
		f.Add(event.Event{Raw: []byte(raw), Received: at})
	}
	f.Flush()
	b.Close()
	return kept, rejected
}

// renderedAhead counts the blocks in b that were rendered ahead.
func renderedAhead(b *Buffer) (n int) {
	for _, c := range b.queue {
		if c.made.ok {
			n++
		}
	}
	return n
}

// TestRenderAhead: what a source renders is what the worker would have written.
func TestRenderAhead(t *testing.T) {
	for _, o := range []render.Options{
		{Format: "line", Profile: colorprofile.ANSI256, Time: "utc"},
		{Format: "line", Highlight: []string{"call"}, Time: "unix"},
		{Format: "ndjson"},
		{Format: "csv", Fields: []string{"class", "callid"}},
		{Format: "pretty", Meta: true},
	} {
		for _, size := range []int64{64 << 20, 3 << 20} { // in the small one there is no room for it
			var outs [2]bytes.Buffer
			for i := range outs {
				r, err := render.New(&o)
				if err != nil {
					t.Fatal(err)
				}
				buf := newBuffer(size)
				var told []string
				c := &Config{Filter: everything(t), Renderer: r, Out: &outs[i], OnReject: func(ev *event.Event, err error) {
					told = append(told, string(ev.Raw)+ev.Source+err.Error())
				}}
				if i == 1 {
					buf.workAheadBy(c)
				}
				kept, rejected := flood(buf)
				room := size == 64<<20 || o.Format == "ndjson" // which takes none
				if n := renderedAhead(buf); n > 0 != (i == 1 && room) || n > len(buf.queue)-aheadFrom {
					t.Fatalf("%s: %d of %d blocks are rendered", o.Format, n, len(buf.queue))
				}
				if end, err := newWorker(c, buf).work(); end != EndOfInput || err != nil {
					t.Fatal(end, err)
				}
				want := Ledger{Received: kept + rejected, Kept: kept, Rejected: rejected, Repaired: 3}
				if l := buf.Ledger(); l != want {
					t.Errorf("%s: %+v, not %+v", o.Format, l, want)
				}
				if slices.ContainsFunc(told, func(s string) bool { return s != told[0] }) || len(told) != int(rejected) || !strings.HasPrefix(told[0], "no eventtest") {
					t.Errorf("%s: told of %q", o.Format, told)
				}
				if buf.bytes != 0 {
					t.Errorf("%s: %d bytes are still held", o.Format, buf.bytes)
				}
			}
			if !bytes.Equal(outs[0].Bytes(), outs[1].Bytes()) {
				t.Errorf("%s %s: a source does not render what the worker does", o.Format, o.Time)
			}
		}
	}
}

// TestJQAhead: what a source makes of events by a jq expression is what the
// worker would have made, its failures and the account of it too.
func TestJQAhead(t *testing.T) {
	for _, tt := range []struct {
		expr string
		o    render.Options
	}{
		{`.event != "xxxxx"`, render.Options{Format: "ndjson"}},
		{`.event != "xxxxx"`, render.Options{Format: "line", Time: "utc"}},
		{`select(.name | endswith("7") | not) | {callid, name}`, render.Options{Format: "ndjson"}},
		{`(.callid | split(".") | .[0] | tonumber) % 4 != 0`, render.Options{Format: "ndjson"}},
		{`(.callid | split(".") | .[0] | tonumber) % 4 != 0`, render.Options{Format: "line", Time: "utc"}},
		{`if (.name | split(" ") | .[1] | tonumber) % 5 == 0 then .name + 1 else . end`, render.Options{Format: "ndjson"}},
		{`(., .callid) | select(. != "7.1"), (.. | .name? // empty)`, render.Options{Format: "ndjson", Meta: true}},
		{`., .`, render.Options{Format: "ndjson"}},
		{`def f: .callid | split("."); f | .[0] + .[1]`, render.Options{Format: "ndjson"}},
		{`., .callid`, render.Options{Format: "json"}},
		{`., error("no")`, render.Options{Format: "ndjson"}},
		{`error(.name)`, render.Options{Format: "ndjson"}},
		{`select(.event != "xxxxx") | ., error`, render.Options{Format: "pretty"}},
		{`if .callid == "4000.1" then "\(.)" * 30000 else .name end`, render.Options{Format: "ndjson"}}, // too much
		{`if .callid == "4000.1" then error("\(.)" * 30000) else .name end`, render.Options{Format: "ndjson"}},
	} {
		type result struct {
			out, told string
			ledger    Ledger
		}
		var results [3]result
		// The worker alone, with the sources, and with sources that have no time.
		for i := range results {
			var told, out strings.Builder
			failures := int64(0)
			f, err := filter.Compile(&filter.Options{JQ: tt.expr, OnError: func(err error) {
				failures++
				told.WriteString(err.Error())
			}})
			if err != nil {
				t.Fatal(err)
			}
			r, err := render.New(&tt.o)
			if err != nil {
				t.Fatal(err)
			}
			buf := newBuffer(64 << 20)
			c := &Config{Filter: f, Renderer: r, Out: &out, Failures: func() int64 { return failures }}
			if i > 0 {
				buf.workAheadBy(c)
			}
			switch hurried := i == 2; {
			case hurried && !f.Native():
				buf.ahead.gojq = 1
			case i > 0 && !f.Native():
				buf.ahead.gojq = time.Hour
			}
			flood(buf)
			if n := renderedAhead(buf); n > 0 != (i == 1 || i == 2 && f.Native()) {
				t.Fatalf("%s: %d of %d blocks are rendered", tt.expr, n, len(buf.queue))
			}
			if end, err := newWorker(c, buf).work(); end != EndOfInput || err != nil {
				t.Fatal(end, err)
			}
			if results[i] = (result{out.String(), told.String(), buf.Ledger()}); buf.bytes != 0 {
				t.Errorf("%s: %d bytes are still held", tt.expr, buf.bytes)
			}
			if results[i] != results[0] {
				t.Errorf("%s: a source does not make what the worker does: %+v, not %+v; %d bytes, not %d", tt.expr,
					results[i].ledger, results[0].ledger, len(results[i].out), len(results[0].out))
			}
		}
	}
}

// TestTellAhead: what is no event, and what jq fails on, is told in the order of the
// events, and by a source of many senders with the right one's name.
func TestTellAhead(t *testing.T) {
	for _, ahead := range []bool{false, true} {
		var told []string
		jq, err := filter.Compile(&filter.Options{JQ: `if .n > 4 then error("jq \(.n)") else . end`, OnError: func(err error) {
			told = append(told, strings.TrimPrefix(err.Error(), "error: "))
		}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := render.New(&render.Options{Format: "ndjson", Meta: true})
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		c := &Config{Filter: jq, Renderer: r, Out: &out, OnReject: func(ev *event.Event, _ error) {
			told = append(told, string(ev.Raw)+" of "+ev.Source)
		}}
		buf := newBuffer(64 << 20)
		feed := buf.Feed("")
		if ahead {
			buf.workAheadBy(c)
			buf.ahead.gojq = time.Hour
		}
		for n := range 6 {
			ev := testEvent(n, 100_000)
			ev.Source = "10.0.0." + strconv.Itoa(n)
			feed.Put(ev)
		}
		feed.Add(testEvent(6, 40_000))
		feed.Add(event.Event{Raw: []byte("no event")})
		feed.Add(testEvent(7, 40_000))
		feed.Flush()
		buf.Close()
		if n := renderedAhead(buf); n > 0 != ahead {
			t.Errorf("%d blocks are rendered", n)
		}
		if end, err := newWorker(c, buf).work(); end != EndOfInput || err != nil {
			t.Fatal(end, err)
		}
		if want := []string{"jq 5", "jq 6", "no event of 10.0.0.5", "jq 7"}; !slices.Equal(told, want) {
			t.Errorf("ahead %v: told %q", ahead, told)
		}
		for n := range 5 {
			if !strings.Contains(out.String(), fmt.Sprintf(`"source":"10.0.0.%d","event":{"n":%d,`, n, n)) {
				t.Errorf("ahead %v: event %d has not its source", ahead, n)
			}
		}
	}
}

// TestGiantAhead: of a giant nothing is left with the source, and what comes after
// it is rendered right.
func TestGiantAhead(t *testing.T) {
	r, err := render.New(&render.Options{Format: "line", Time: "none"})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	c := &Config{Filter: everything(t), Renderer: r, Out: &out}
	buf := newBuffer(256 << 20)
	buf.workAheadBy(c)
	feed := buf.Feed("test")
	add := func(n, pad int) {
		feed.Add(testEvent(n, pad))
		feed.Flush()
	}
	for n := range 6 {
		add(n, 100_000)
	}
	add(6, 20_000_000)
	feed.Add(event.Event{Raw: []byte(`{"class":"call","event":"start","m":[` + strings.Repeat("1,", 20_000) + `1]}`)})
	feed.Flush()
	buf.Close()
	if kept := cap(feed.ahead.made.out) + len(feed.ahead.x.JSON()) + len(feed.ahead.ev.Raw); kept > 4*mostAhead {
		t.Errorf("%d bytes are left", kept)
	}
	if end, err := newWorker(c, buf).work(); end != EndOfInput || err != nil {
		t.Fatal(end, err)
	}
	if lines := strings.Split(out.String(), "\n"); len(lines) != 9 || !strings.Contains(lines[6], "n=6") || !strings.HasPrefix(lines[7], "call.start") {
		t.Errorf("%d lines, the last %.40q", len(lines), lines[max(len(lines)-2, 0)])
	}
}

// TestStallAhead: an event on which jq takes long holds up its source for no longer
// than it may.
func TestStallAhead(t *testing.T) {
	numbers := `{"a":[` + strings.Repeat("1,", 5000) + `1]}`
	jq, err := filter.Compile(&filter.Options{JQ: "any(.a[] as $x | .a[] as $y | $x + $y; . == 3)"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := render.New(&render.Options{Format: "ndjson"})
	if err != nil {
		t.Fatal(err)
	}
	buf := newBuffer(64 << 20)
	buf.workAheadBy(&Config{Filter: jq, Renderer: r})
	feed := buf.Feed("test")
	for range 100 {
		feed.Add(event.Event{Raw: []byte(numbers)})
	}
	if feed.Flush(); feed.ahead.pause == 0 || buf.Ledger().Waiting != 100 {
		t.Errorf("the source has not given up: %+v", buf.Ledger())
	}
}

// TestRenderAheadEnds: when the output fails, the ledger adds up.
func TestRenderAheadEnds(t *testing.T) {
	for after := range 12 {
		r, err := render.New(&render.Options{Format: "ndjson"})
		if err != nil {
			t.Fatal(err)
		}
		buf := newBuffer(64 << 20)
		c := &Config{Filter: everything(t), Renderer: r, Out: &failing{Writer: &bytes.Buffer{}, after: after, err: syscall.ENOSPC}}
		buf.workAheadBy(c)
		flood(buf)
		end, err := newWorker(c, buf).work()
		if end != EndOutput || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("after %d writes: %v, %v", after, end, err)
		}
		if l := buf.Ledger(); !addsUp(l) || l.Waiting == 0 {
			t.Errorf("after %d writes: %+v", after, l)
		}
	}
}

// TestRenderInTurn: where every event has to be looked at in its turn, nothing is
// rendered ahead.
func TestRenderInTurn(t *testing.T) {
	for _, tt := range []struct {
		name   string
		o      render.Options
		config Config
		feeds  int
	}{
		{"count", render.Options{Format: "line"}, Config{Filter: everything(t), Count: 1}, 1},
		{"until", render.Options{Format: "line"}, Config{Filter: everything(t), Until: query(t, "false")}, 1},
		{"fail if", render.Options{Format: "line"}, Config{Filter: everything(t), FailIf: query(t, "false")}, 1},
		{"two feeds", render.Options{Format: "line"}, Config{Filter: everything(t)}, 2},
		{"terminal", render.Options{Format: "line", Width: func() int { return 80 }}, Config{Filter: everything(t)}, 1},
		{"template", render.Options{Format: "template", Template: "{{.class}}"}, Config{Filter: everything(t)}, 1},
		{"delta", render.Options{Format: "line", Time: "delta"}, Config{Filter: everything(t)}, 1},
	} {
		buf := newBuffer(64 << 20)
		for range tt.feeds - 1 {
			buf.Feed("other")
		}
		var err error
		if tt.config.Renderer, err = render.New(&tt.o); err != nil {
			t.Fatal(err)
		}
		buf.workAheadBy(&tt.config)
		if flood(buf); renderedAhead(buf) > 0 {
			t.Errorf("%s: rendered ahead", tt.name)
		}
	}
}
