package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

func everything(t testing.TB) *filter.Filter {
	t.Helper()
	f, err := filter.Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func query(t testing.TB, expr string) *filter.Query {
	t.Helper()
	q, err := filter.CompileQuery("--until", expr, nil, filter.EngineAuto)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// newBuffer is a buffer without a disk behind it.
func newBuffer(size int64) *Buffer { return NewBuffer(BufferOptions{Size: size}) }

// events is a source of the events from..to, flushed one by one.
func events(feed *Feed, from, to int) Source {
	return func(context.Context) error {
		for n := from; n < to; n++ {
			feed.Add(testEvent(n, 0))
			feed.Flush()
		}
		return nil
	}
}

// forever is a source that is quiet until it is told to end.
func forever(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// inOrder runs sources one after the other.
func inOrder(sources ...Source) Source {
	return func(ctx context.Context) error {
		for _, s := range sources {
			if err := s(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// numbers are the field n of each line.
func numbers(t testing.TB, text string) (all []int) {
	t.Helper()
	for line := range strings.Lines(text) {
		digits, _, _ := strings.Cut(strings.TrimPrefix(line, `{"n":`), ",")
		n, err := strconv.Atoi(digits)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
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

// failing is an output that takes so many writes and then fails.
type failing struct {
	io.Writer
	after int
	err   error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.after--; f.after < 0 {
		return 0, f.err
	}
	return f.Writer.Write(p)
}

func TestEnds(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name   string
		config func(*Config)
		source func(*Feed) Source
		out    error // of the first write
		cancel bool
		want   End
		err    error
		kept   int           // of ten events
		after  time.Duration // from the beginning
	}{
		{name: "end of input", kept: 10, want: EndOfInput},
		{name: "count", config: func(c *Config) { c.Count = 3 }, kept: 3, want: EndCount},
		{name: "count at the last event", config: func(c *Config) { c.Count = 10 }, kept: 10, want: EndCount},
		{name: "count not reached", config: func(c *Config) { c.Count = 11 }, kept: 10, want: EndOfInput},
		{name: "until", config: func(c *Config) { c.Until = query(t, ".n == 4") }, kept: 5, want: EndUntil},
		{name: "fail if", config: func(c *Config) { c.FailIf = query(t, ".n == 4") }, kept: 5, want: EndFailIf},
		{name: "fail if goes before until", config: func(c *Config) {
			c.Until = query(t, ".n == 4")
			c.FailIf = query(t, ".n == 4")
		}, kept: 5, want: EndFailIf},
		{name: "until goes before count", config: func(c *Config) {
			c.Until = query(t, ".n == 4")
			c.Count = 5
		}, kept: 5, want: EndUntil},
		{
			name: "for", config: func(c *Config) { c.For = time.Minute },
			source: func(f *Feed) Source { return inOrder(events(f, 0, 10), forever) }, kept: 10, want: EndFor, after: time.Minute,
		},
		{
			name: "idle from the start", config: func(c *Config) { c.Idle = time.Minute },
			source: func(*Feed) Source { return forever }, want: EndIdle, after: time.Minute,
		},
		{
			name: "idle after the last event", config: func(c *Config) { c.Idle = time.Minute },
			source: func(f *Feed) Source {
				return func(ctx context.Context) error {
					for n := range 10 {
						time.Sleep(50 * time.Second)
						ev := testEvent(n, 0)
						ev.Received = time.Now()
						f.Add(ev)
						f.Flush()
					}
					return forever(ctx)
				}
			}, kept: 10, want: EndIdle, after: 560 * time.Second,
		},
		{
			name: "signal", cancel: true,
			source: func(f *Feed) Source { return inOrder(events(f, 0, 10), forever) }, kept: 10, want: EndSignal,
		},
		{name: "source", source: func(f *Feed) Source {
			return inOrder(events(f, 0, 10), func(context.Context) error { return broken })
		}, kept: 10, want: EndSource, err: broken},
		{name: "closed pipe", out: io.ErrClosedPipe, want: EndClosed, err: io.ErrClosedPipe},
		{name: "broken pipe", out: &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}, want: EndClosed, err: syscall.EPIPE},
		{name: "full disk", out: &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}, want: EndOutput, err: syscall.ENOSPC},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				buf := newBuffer(1 << 20)
				var out bytes.Buffer
				c := &Config{Filter: everything(t), Renderer: plain{}, Out: &out}
				if tt.out != nil {
					c.Out = &failing{&out, 0, tt.out}
				}
				if tt.config != nil {
					tt.config(c)
				}
				feed := buf.Feed("test")
				source := events(feed, 0, 10)
				if tt.source != nil {
					source = tt.source(feed)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.cancel {
					go func() { synctest.Wait(); cancel() }()
				}
				start := time.Now()
				end, err := Run(ctx, c, buf, source)
				if end != tt.want || !errors.Is(err, tt.err) {
					t.Errorf("end %d, %v; want %d, %v", end, err, tt.want, tt.err)
				}
				if after := time.Since(start); after != tt.after {
					t.Errorf("after %v, want %v", after, tt.after)
				}
				if got := numbers(t, out.String()); !slices.Equal(got, upTo(tt.kept)) {
					t.Errorf("wrote %v, want %d events", got, tt.kept)
				}
				if l := buf.Ledger(); !addsUp(l) || tt.out == nil && l.Kept != int64(tt.kept) {
					t.Errorf("%+v", l)
				}
			})
		})
	}
}

// TestUntilWritesWhatIsFiltered: the event that ends the run is written even if
// the filters drop it.
func TestUntilWritesWhatIsFiltered(t *testing.T) {
	buf := newBuffer(1 << 20)
	keep, err := filter.Compile(&filter.Options{Where: []string{"n<2"}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	end, err := Run(t.Context(), &Config{Filter: keep, Renderer: plain{}, Out: &out, Until: query(t, ".n == 5")}, buf, events(buf.Feed("test"), 0, 10))
	if end != EndUntil || err != nil {
		t.Fatal(end, err)
	}
	if got := numbers(t, out.String()); !slices.Equal(got, []int{0, 1, 5}) {
		t.Errorf("wrote %v", got)
	}
	if l := buf.Ledger(); l.Kept != 3 || l.Filtered != 3 || !addsUp(l) {
		t.Errorf("%+v", l)
	}
}

// stuck is an output that takes nothing until it is let go.
type stuck struct {
	once bool
	in   chan struct{} // closed by the first write
	let  chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	if !s.once {
		s.once = true
		close(s.in)
	}
	<-s.let
	return len(p), nil
}

// TestStuck: a signal is obeyed though the reader of the output takes nothing,
// when Drain is over and not before, and the sources never wait for it.
func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		buf := newBuffer(1 << 20)
		out := &stuck{in: make(chan struct{}), let: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-out.in; synctest.Wait(); cancel() }()
		feed := buf.Feed("test")
		start := time.Now()
		end, err := Run(ctx, &Config{Filter: everything(t), Renderer: plain{}, Out: out, Drain: 3 * time.Second}, buf, inOrder(events(feed, 0, 1000), forever))
		if end != EndStuck || err == nil || time.Since(start) != 3*time.Second {
			t.Errorf("end %d after %v: %v", end, time.Since(start), err)
		}
		if l := buf.Ledger(); l.Received != 1000 || l.Waiting != 1000 {
			t.Errorf("%+v", l)
		}
		close(out.let)
	})
}

// TestSlowReaderGetsAll: an end that nobody asked for waits for the reader.
func TestSlowReaderGetsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		buf := newBuffer(1 << 20)
		r, w := io.Pipe()
		got := make(chan string)
		go func() {
			time.Sleep(time.Hour)
			all, _ := io.ReadAll(r)
			got <- string(all)
		}()
		end, err := Run(t.Context(), &Config{Filter: everything(t), Renderer: plain{}, Out: w}, buf, events(buf.Feed("test"), 0, 1000))
		_ = w.Close()
		if end != EndOfInput || err != nil {
			t.Error(end, err)
		}
		if n := numbers(t, <-got); !slices.Equal(n, upTo(1000)) {
			t.Errorf("%d lines", len(n))
		}
	})
}

func TestRejectedAndRepaired(t *testing.T) {
	buf := newBuffer(1 << 20)
	feed := buf.Feed("ws://10.0.0.5:4875")
	for _, raw := range []string{`{"n":0,"name":"ok"}`, ``, `[1]`, "{\"n\":1,\"name\":\"Zo\xeb\"}", `{"n":`, "{\"n\":2,\"name\":\"a\nb\"}"} {
		feed.Add(event.Event{Raw: []byte(raw), Received: time.Unix(1, 0)})
	}
	feed.Reject()
	var rejected []string
	var out bytes.Buffer
	c := &Config{Filter: everything(t), Renderer: plain{}, Out: &out, OnReject: func(ev *event.Event, err error) {
		rejected = append(rejected, fmt.Sprintf("%s %q %v", ev.Source, ev.Raw, err != nil))
	}}
	if end, err := Run(t.Context(), c, buf, func(context.Context) error { feed.Flush(); return nil }); end != EndOfInput || err != nil {
		t.Fatal(end, err)
	}
	if l := buf.Ledger(); l != (Ledger{Received: 7, Kept: 3, Rejected: 4, Repaired: 2}) {
		t.Errorf("%+v", l)
	}
	const source = "ws://10.0.0.5:4875 "
	if want := []string{source + `"" true`, source + `"[1]" true`, source + `"{\"n\":" true`}; !slices.Equal(rejected, want) {
		t.Errorf("rejected %q", rejected)
	}
}

// TestSharedWrite: events that are waiting already share a write, and one that
// comes alone does not wait for another.
func TestSharedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		buf := newBuffer(1 << 20)
		var writes []int
		out := writer(func(p []byte) { writes = append(writes, bytes.Count(p, []byte("\n"))) })
		feed := buf.Feed("test")
		source := func(context.Context) error {
			for n := range 100 {
				feed.Add(testEvent(n, 0))
			}
			feed.Flush()
			synctest.Wait()
			feed.Add(testEvent(100, 0))
			feed.Flush()
			synctest.Wait()
			if want := []int{100, 1}; !slices.Equal(writes, want) {
				t.Errorf("wrote %v, want %v", writes, want)
			}
			return nil
		}
		if end, err := Run(t.Context(), &Config{Filter: everything(t), Renderer: plain{}, Out: out}, buf, source); end != EndOfInput || err != nil {
			t.Error(end, err)
		}
	})
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

// TestManyValues: what one event becomes is written on the way when it is much.
func TestManyValues(t *testing.T) {
	keep, err := filter.Compile(&filter.Options{JQ: `range(30000) | tostring`})
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []int{100, 1} {
		buf := newBuffer(1 << 20)
		most, lines := 0, 0
		out := &failing{writer(func(p []byte) { most = max(most, len(p)); lines += bytes.Count(p, []byte("\n")) }), after, io.ErrClosedPipe}
		end, _ := Run(t.Context(), &Config{Filter: keep, Renderer: plain{}, Out: out}, buf, events(buf.Feed("test"), 0, 1))
		switch {
		case most > 2*writeSize:
			t.Errorf("%d bytes in a write", most)
		case after == 100 && (end != EndOfInput || lines != 30_000), after == 1 && end != EndClosed:
			t.Errorf("end %d, %d lines", end, lines)
		}
	}
}
