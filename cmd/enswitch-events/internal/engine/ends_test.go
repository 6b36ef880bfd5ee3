package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

func TestEnds(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name   string
		config func(*Config)
		input  func(*Feed) Input
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
			input: func(f *Feed) Input { return inOrder(events(f, 0, 10), forever) }, kept: 10, want: EndFor, after: time.Minute,
		},
		{
			name: "idle from the start", config: func(c *Config) { c.Idle = time.Minute },
			input: func(*Feed) Input { return forever }, want: EndIdle, after: time.Minute,
		},
		{
			name: "idle after the last event", config: func(c *Config) { c.Idle = time.Minute },
			input: func(f *Feed) Input {
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
			input: func(f *Feed) Input { return inOrder(events(f, 0, 10), forever) }, kept: 10, want: EndSignal,
		},
		{name: "input", input: func(f *Feed) Input {
			return inOrder(events(f, 0, 10), func(context.Context) error { return broken })
		}, kept: 10, want: EndInput, err: broken},
		{name: "closed pipe", out: io.ErrClosedPipe, want: EndClosed, err: io.ErrClosedPipe},
		{name: "broken pipe", out: &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}, want: EndClosed, err: syscall.EPIPE},
		{name: "full disk", out: &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}, want: EndOutput, err: syscall.ENOSPC},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				buf := newBuffer(1 << 20)
				var out bytes.Buffer
				c := verbatim(t, &out)
				if tt.out != nil {
					c.Out = failing(&out, 0, tt.out)
				}
				if tt.config != nil {
					tt.config(c)
				}
				feed := buf.Feed("test")
				source := events(feed, 0, 10)
				if tt.input != nil {
					source = tt.input(feed)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.cancel {
					go func() { synctest.Wait(); cancel() }()
				}
				start := time.Now()
				end, err := buf.Run(ctx, c, source)
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
	var out bytes.Buffer
	c := filtered(t, filter.Options{Where: []string{"n<2"}}, &out)
	c.Until = query(t, ".n == 5")
	end, err := buf.Run(t.Context(), c, events(buf.Feed("test"), 0, 10))
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
// when the time for that is over and not before, and the sources never wait for it.
func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		buf := newBuffer(1 << 20)
		out := &stuck{in: make(chan struct{}), let: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-out.in; synctest.Wait(); cancel() }()
		feed := buf.Feed("test")
		start := time.Now()
		end, err := buf.Run(ctx, verbatim(t, out), inOrder(events(feed, 0, 1000), forever))
		if end != EndStuck || err == nil || time.Since(start) != drainTime {
			t.Errorf("end %d after %v: %v", end, time.Since(start), err)
		}
		if l := buf.Ledger(); l.Received != 1000 || l.Waiting != 1000 {
			t.Errorf("%+v", l)
		}
		close(out.let)
	})
}

// TestBlame: what took most of the time after the signal is blamed, whatever goes on when the
// time is over.
func TestBlame(t *testing.T) {
	const turn, total = 50 * time.Millisecond, 120
	for _, tt := range []struct {
		filter time.Duration // of a turn, which is an event; the rest is for the write
		want   End
	}{{turn / 10 * 9, EndSlow}, {turn / 10, EndStuck}} {
		for phase := turn / 20; phase < turn; phase += turn / 10 {
			synctest.Test(t, func(t *testing.T) {
				buf := newBuffer(1 << 30)
				c := verbatim(t, writer(func(p []byte) (int, error) {
					time.Sleep(time.Duration(bytes.Count(p, []byte("\n"))) * (turn - tt.filter))
					return len(p), nil
				}))
				c.Sink = hooked{c.Sink.(*Text), func(*Event) { time.Sleep(tt.filter) }}
				c.Prompt, c.Workers = true, 1
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(turn+phase, cancel)
				feed := buf.Feed("test")
				end, err := buf.Run(ctx, c, func(ctx context.Context) error {
					for n := range total {
						feed.Add(testEvent(n, blockSize)) // a block each
					}
					feed.Flush()
					return forever(ctx)
				})
				if l := buf.Ledger(); end != tt.want || err == nil || l.Kept == 0 || l.Waiting == 0 || l.Kept+l.Waiting != total {
					t.Errorf("filtering %v, phase %v: end %d, %v, %+v", tt.filter, phase, end, err, l)
				}
			})
		}
	}
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
		end, err := buf.Run(t.Context(), verbatim(t, w), events(buf.Feed("test"), 0, 1000))
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
	c := verbatim(t, &out)
	c.OnReject = func(r Rejected) {
		rejected = append(rejected, fmt.Sprintf("%s %q %v", r.Source, r.Excerpt, r.Err != nil))
	}
	if end, err := buf.Run(t.Context(), c, func(context.Context) error { feed.Flush(); return nil }); end != EndOfInput || err != nil {
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
		out := writer(func(p []byte) (int, error) {
			writes = append(writes, bytes.Count(p, []byte("\n")))
			return len(p), nil
		})
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
		if end, err := buf.Run(t.Context(), verbatim(t, out), source); end != EndOfInput || err != nil {
			t.Error(end, err)
		}
	})
}

// TestManyValues: what one event becomes is written on the way when it is much.
func TestManyValues(t *testing.T) {
	for _, after := range []int{100, 1} {
		buf := newBuffer(1 << 20)
		most, lines := 0, 0
		out := failing(writer(func(p []byte) (int, error) {
			most = max(most, len(p))
			lines += bytes.Count(p, []byte("\n"))
			return len(p), nil
		}), after, io.ErrClosedPipe)
		c := filtered(t, filter.Options{JQ: `range(30000) | tostring`}, out)
		end, _ := buf.Run(t.Context(), c, events(buf.Feed("test"), 0, 1))
		switch {
		case most > 2*writeSize:
			t.Errorf("%d bytes in a write", most)
		case after == 100 && (end != EndOfInput || lines != 30_000), after == 1 && end != EndClosed:
			t.Errorf("end %d, %d lines", end, lines)
		}
		if l := buf.Ledger(); !addsUp(l) || l.Kept != int64(after/100) {
			t.Errorf("%+v", l)
		}
	}
}

// TestOnKept: it is called for each kept event once that has been written, one after the
// other.
func TestOnKept(t *testing.T) {
	buf := newBuffer(1 << 20)
	var out bytes.Buffer
	n := 0
	c := verbatim(t, &out)
	c.Until = query(t, ".n == 7")
	sink := c.Sink.(*Text)
	sink.OnKept = func(ev *event.Event, x *event.Index) {
		if got := numbers(t, out.String()); !slices.Equal(got, upTo(n+1)) || !x.Get("n").Is(fmt.Sprint(n)) || !bytes.HasPrefix(ev.Raw, fmt.Appendf(nil, `{"n":%d,`, n)) {
			t.Errorf("at %d: %s, written %v", n, ev.Raw, got)
		}
		n++
	}
	if end, err := buf.Run(t.Context(), c, events(buf.Feed("test"), 0, 10)); end != EndUntil || n != 8 {
		t.Errorf("end %d, %v, told %d times", end, err, n)
	}

	// What could not be written is not kept.
	buf = newBuffer(1 << 20)
	c.Out, sink.OnKept = failing(nil, 0, errors.New("broken")), func(*event.Event, *event.Index) { t.Error("told") }
	if end, _ := buf.Run(t.Context(), c, events(buf.Feed("test"), 0, 10)); end != EndOutput || !addsUp(buf.Ledger()) || buf.Ledger().Kept != 0 {
		t.Errorf("end %d, %+v", end, buf.Ledger())
	}
}

// TestWrittenIsKept: when a write fails, what went out whole is kept, also of that
// write, and the rest goes on waiting; live and from a capture.
func TestWrittenIsKept(t *testing.T) {
	const count = 10_000 // in several blocks
	var capture bytes.Buffer
	for n := range count {
		capture.Write(append(testEvent(n, 0).Raw, '\n'))
	}
	for room := 0; room < capture.Len(); room += 54_321 {
		var text strings.Builder
		out := writer(func(p []byte) (int, error) {
			n, _ := text.Write(p[:min(len(p), room-text.Len())])
			if n < len(p) {
				return n, io.ErrShortWrite
			}
			return n, nil
		})
		check := func(what string, end End, err error, l Ledger) {
			t.Helper()
			lines := int64(strings.Count(text.String(), "\n"))
			if end != EndOutput || err == nil || l.Kept != lines || l.Waiting == 0 || !addsUp(l) {
				t.Errorf("%s, %d bytes: %d lines, %+v", what, room, lines, l)
			}
			text.Reset()
		}
		buf := newBuffer(64 << 20)
		feed := buf.Feed("test")
		end, err := buf.Run(t.Context(), verbatim(t, out), events(feed, 0, count))
		l := buf.Ledger()
		check("live", end, err, l)
		if l.Received != count {
			t.Errorf("%+v", l)
		}
		source := NewCaptures(&CaptureOptions{Names: []string{"-"}, Stdin: bytes.NewReader(capture.Bytes()), MaxLine: 1 << 20})
		end, _, err = source.Run(t.Context(), verbatim(t, out))
		check("capture", end, err, source.Ledger())
	}
}
