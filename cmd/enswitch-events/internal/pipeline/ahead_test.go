package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// flooded is a buffer with many full blocks, in which there are wide names, days
// that change, what is no event and what is to be repaired; and what of it is
// kept and rejected.
func flooded(b *Buffer) (kept, rejected int64) {
	f := b.Feed("test")
	at := time.Unix(1795359846, 0)
	for n := range 30_000 {
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

// TestSecond: with two workers the same comes out as with one.
func TestSecond(t *testing.T) {
	for _, o := range []render.Options{
		{Format: "line", Profile: colorprofile.ANSI256, Time: "utc"},
		{Format: "line", Time: "delta"},
		{Format: "line", Highlight: []string{"call"}, Time: "unix"},
		{Format: "ndjson"},
		{Format: "csv", Fields: []string{"class", "callid"}},
		{Format: "pretty", Meta: true},
	} {
		var outs [2]bytes.Buffer
		for i := range outs {
			r, err := render.New(&o)
			if err != nil {
				t.Fatal(err)
			}
			buf := newBuffer(64 << 20)
			kept, rejected := flooded(buf)
			told := int64(0)
			c := &Config{Filter: everything(t), Renderer: r, Out: &outs[i], OnReject: func(*event.Event, error) { told++ }}
			w := newWorker(c, buf)
			if i == 0 {
				w.second = nil
			} else if w.second == nil {
				t.Fatalf("%s: one worker", o.Format)
			}
			if end, err := w.work(); end != EndOfInput || err != nil {
				t.Fatal(end, err)
			}
			want := Ledger{Received: kept + rejected, Kept: kept, Rejected: rejected, Repaired: 6}
			if l := buf.Ledger(); l != want || told != rejected {
				t.Errorf("%s: %+v, not %+v; told of %d", o.Format, l, want, told)
			}
		}
		if !bytes.Equal(outs[0].Bytes(), outs[1].Bytes()) {
			t.Errorf("%s %s: two workers do not write what one does", o.Format, o.Time)
		}
	}
}

// TestSecondEnds: when the output fails, no worker is left, and the ledger adds
// up.
func TestSecondEnds(t *testing.T) {
	for after := range 12 {
		r, err := render.New(&render.Options{Format: "ndjson"})
		if err != nil {
			t.Fatal(err)
		}
		buf := newBuffer(64 << 20)
		flooded(buf)
		out := &failing{Writer: &bytes.Buffer{}, after: after, err: syscall.ENOSPC}
		end, err := Run(t.Context(), &Config{Filter: everything(t), Renderer: r, Out: out}, buf, func(context.Context) error { return nil })
		if end != EndOutput || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("after %d writes: %v, %v", after, end, err)
		}
		if l := buf.Ledger(); !addsUp(l) || l.Waiting == 0 {
			t.Errorf("after %d writes: %+v", after, l)
		}
	}
}

// TestNoSecond: where every event has to be looked at in its turn, one worker
// does.
func TestNoSecond(t *testing.T) {
	jq, err := filter.Compile(&filter.Options{JQ: "true"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		o      render.Options
		config Config
		feeds  int
	}{
		{"count", render.Options{Format: "line"}, Config{Filter: everything(t), Count: 1}, 1},
		{"until", render.Options{Format: "line"}, Config{Filter: everything(t), Until: query(t, "false")}, 1},
		{"fail if", render.Options{Format: "line"}, Config{Filter: everything(t), FailIf: query(t, "false")}, 1},
		{"jq", render.Options{Format: "line"}, Config{Filter: jq}, 1},
		{"two feeds", render.Options{Format: "line"}, Config{Filter: everything(t)}, 2},
		{"terminal", render.Options{Format: "line", Width: func() int { return 80 }}, Config{Filter: everything(t)}, 1},
		{"template", render.Options{Format: "template", Template: "{{.class}}"}, Config{Filter: everything(t)}, 1},
	} {
		buf := newBuffer(64 << 20)
		for range tt.feeds {
			buf.Feed("test")
		}
		if tt.config.Renderer, err = render.New(&tt.o); err != nil {
			t.Fatal(err)
		}
		if newWorker(&tt.config, buf).second != nil {
			t.Errorf("%s: two workers", tt.name)
		}
	}
}
