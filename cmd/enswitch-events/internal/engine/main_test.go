package engine

import (
	"context"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fataler is a test of testing or of rapid.
type fataler interface {
	Fatal(args ...any)
	Helper()
}

// text is a sink that filters and renders by these options.
func text(t fataler, keep filter.Options, show render.Options) *Text {
	t.Helper()
	s, err := NewText(func(onError func(error)) (*filter.Filter, error) {
		o := keep
		o.OnError = onError
		return filter.Compile(&o)
	}, func(onError func(error)) (*render.Renderer, error) {
		o := show
		o.OnError = onError
		return render.New(&o)
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// verbatim returns a Config that writes every event as it came.
func verbatim(t fataler, out io.Writer) *Config {
	t.Helper()
	return filtered(t, filter.Options{}, out)
}

// filtered returns a Config that writes the events that are kept as they came.
func filtered(t fataler, keep filter.Options, out io.Writer) *Config {
	t.Helper()
	return &Config{Sink: text(t, keep, render.Options{Format: "json"}), Out: out}
}

// hooked is a Text that calls hook for each event before it is mapped.
type hooked struct {
	*Text
	hook func(*Event)
}

func (h hooked) Worker(m Mapping) (Worker, error) {
	w, err := h.TextWorker(m)
	return hookedWorker{w, h.hook}, err
}

type hookedWorker struct {
	*TextWorker
	hook func(*Event)
}

func (w hookedWorker) Event(e *Event) bool {
	w.hook(e)
	return w.TextWorker.Event(e)
}

func query(t fataler, expr string) *filter.Query {
	t.Helper()
	q, err := filter.CompileQuery(expr, nil, filter.EngineAuto)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// newBuffer is a buffer without a disk behind it.
func newBuffer(size int64) *Buffer { return NewBuffer(BufferOptions{Size: size}) }

func testEvent(n int, pad int) event.Event {
	raw := strconv.AppendInt(append(make([]byte, 0, pad+40), `{"n":`...), int64(n), 10)
	raw = append(raw, `,"pad":"`...)
	for range pad {
		raw = append(raw, 'x')
	}
	return event.Event{Raw: append(raw, `"}`...), Received: time.Unix(0, int64(n)), Source: "test"}
}

// events is an input of the events from..to, flushed one by one.
func events(feed *Feed, from, to int) Input {
	return func(context.Context) error {
		for n := from; n < to; n++ {
			feed.Add(testEvent(n, 0))
			feed.Flush()
		}
		return nil
	}
}

// forever is an input that is quiet until its context ends.
func forever(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// inOrder runs inputs one after the other.
func inOrder(inputs ...Input) Input {
	return func(ctx context.Context) error {
		for _, input := range inputs {
			if err := input(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// numbers are the field n of each line.
func numbers(t fataler, text string) (all []int) {
	t.Helper()
	for line := range strings.Lines(text) {
		digits, _, _ := strings.Cut(strings.TrimPrefix(line, `{"n":`), ",")
		n, err := strconv.Atoi(digits)
		if err != nil {
			t.Fatal(line, err)
		}
		all = append(all, n)
	}
	return all
}

func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func addsUp(l Ledger) bool {
	return l.Received == l.Kept+l.Filtered+l.Rejected+l.Dropped+l.Waiting
}

// writer is an output that is a function.
type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// failing is an output that takes some writes and then fails.
func failing(out io.Writer, after int, err error) io.Writer {
	return writer(func(p []byte) (int, error) {
		if after--; after < 0 {
			return 0, err
		}
		return out.Write(p)
	})
}
