package messaged

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func TestEvents(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789"), 500_000)
	long := append(bytes.Repeat([]byte("x"), 2*keptBuffer+1), "TAIL"...)
	wire := [][]byte{
		text(`{"class":"call"}`),
		frame(final|opBinary, []byte("binary \xff\x00")),
		text(""),
		frame(opText, []byte("in ")), frame(opContinue, []byte("three ")), frame(final|opPing, []byte("hello")), frame(final|opPong, nil), frame(final|opContinue, []byte("pieces")),
		text(strings.Repeat("y", 70_000)),
	}
	// 5 MB in pieces of 64 KiB.
	head := byte(opText)
	for piece := range slices.Chunk(big, 64<<10) {
		wire = append(wire, frame(head, piece))
		head = opContinue
	}
	wire = append(wire, frame(final|opContinue, nil), text("after"), closing(1000, ""))

	var waits int
	o := &Options{Retries: -1, OnWait: func() { waits++ }}
	got, err := gather(t, New(address(t, send(t, wire...)), o))
	want := []string{`{"class":"call"}`, "binary \xff\x00", "", "in three pieces", strings.Repeat("y", 70_000), string(big), "after"}
	if !slices.Equal(got, want) {
		t.Errorf("got %d events, want %d", len(got), len(want))
	}
	if e, ok := errors.AsType[*Error](err); !ok || e.Kind != Lost {
		t.Error(err)
	}
	if waits == 0 {
		t.Error("OnWait was never called")
	}

	// What is too long is skipped, in one frame or in several.
	wire = [][]byte{
		text("before"), frame(final|opText, long), text("between"),
		frame(opText, long), frame(opContinue, long), frame(final|opContinue, []byte("end")),
		text(strings.Repeat("z", 2*keptBuffer)), text("after"), closing(1000, ""),
	}
	var rejected []string
	o = &Options{Retries: -1, MaxMessage: 2 * keptBuffer, OnReject: func(ev event.Event, err error) {
		if !errors.Is(err, ErrTooLong) || ev.Source == "" || ev.Received.IsZero() {
			t.Errorf("%v, %v", ev, err)
		}
		rejected = append(rejected, string(ev.Raw))
	}}
	got, _ = gather(t, New(address(t, send(t, wire...)), o))
	if want := []string{"before", "between", strings.Repeat("z", 2*keptBuffer), "after"}; !slices.Equal(got, want) {
		t.Errorf("got %d events, want %d", len(got), len(want))
	}
	if want := strings.Repeat("x", MaxExcerpt); !slices.Equal(rejected, []string{want, want}) {
		t.Errorf("%d rejected", len(rejected))
	}

	// A limit below the first buffer.
	rejected = nil
	got, _ = gather(t, New(address(t, send(t, text("1234"), text("12345"), text("12"), closing(1000, ""))), &Options{
		Retries: -1, MaxMessage: 4, OnReject: o.OnReject,
	}))
	if !slices.Equal(got, []string{"1234", "12"}) || !slices.Equal(rejected, []string{"12345"}) {
		t.Errorf("got %q, rejected %q", got, rejected)
	}
}

// The memory of a large message is not kept.
func TestBufferShrinks(t *testing.T) {
	l, stop := dialed(t, send(t, text(strings.Repeat("x", 3*keptBuffer)), text("small")), nil)
	defer stop()
	n := 0
	_ = l.deliver(t.Context(), func(event.Event, error) bool { n++; return n < 2 })
	if cap(l.buf) > keptBuffer {
		t.Errorf("%d bytes kept", cap(l.buf))
	}
}

func dialed(t testing.TB, server string, o *Options) (*link, func()) {
	t.Helper()
	l, err := New(address(t, server), o).connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l, l.close
}

func TestHandshake(t *testing.T) {
	var got *http.Request
	upgrader := websocket.Upgrader{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		if ws, err := upgrader.Upgrade(w, r, nil); err == nil {
			_ = ws.WriteMessage(websocket.TextMessage, []byte("{}"))
			_, _, err := ws.ReadMessage()
			if !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
				t.Errorf("the server saw %v", err)
			}
			ws.Close()
		}
	}))
	defer server.Close()
	a := address(t, server.URL+"/?a=%20b&authkey=old")
	c := New(a, &Options{
		Authkey: testKey,
		TLS:     server.Client().Transport.(*http.Transport).TLSClientConfig,
		Header:  http.Header{"X-Test": {"yes"}, "Upgrade": {"no"}, "sec-websocket-key": {"no"}},
	})
	start := time.Now()
	for ev, err := range c.Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if string(ev.Raw) != "{}" || ev.Source != a.String() || ev.Received.Before(start) || ev.Received.After(time.Now()) {
			t.Errorf("%+v", ev)
		}
		break
	}
	server.Close() // waits for the handler
	if got.URL.Path != DefaultPath || got.URL.RawQuery != "a=%20b&authkey=s3cret%26%22k%3Dy" || got.Header.Get("X-Test") != "yes" {
		t.Errorf("asked for %s with %v", got.URL, got.Header)
	}
}

// The end of the context ends the client in any state, and leaves no goroutine behind
// (see TestMain).
func TestContextEnds(t *testing.T) {
	quiet := send(t, text("first"))
	flood := listen(t, func(_ int, nc net.Conn) {
		if _, _, err := upgrade(nc); err == nil {
			for block := bytes.Repeat(text("first"), 10_000); err == nil; {
				_, err = nc.Write(block)
			}
		}
	})
	gone := send(t, text("first"), closing(1001, ""))
	for _, tt := range []struct {
		name, server string
		when         Status
	}{
		{"before", quiet, Connecting},
		{"connected", quiet, Connected},
		{"flooded", flood, Connected},
		{"waiting", gone, Waiting},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := New(address(t, tt.server), &Options{RetryFirst: true, OnState: func(s State) {
				if s.Status == Disconnected && tt.when != Waiting {
					t.Error("a loss was reported")
				}
				if s.Status == tt.when && tt.when != Connected {
					cancel()
				}
			}})
			var err error
			for _, err = range c.Events(ctx) {
				if err == nil && tt.when == Connected {
					cancel()
				}
			}
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
}

// The same while the client is blocked in a read. The server knows that from the request
// or from a ping.
func TestContextEndsWhileReading(t *testing.T) {
	for _, handshake := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		server := listen(t, func(_ int, nc net.Conn) {
			if handshake {
				_, _ = http.ReadRequest(bufio.NewReader(nc))
			} else if _, br, err := upgrade(nc); err == nil {
				_, _ = readControl(br)
			}
			cancel()
			_, _ = io.Copy(io.Discard, nc)
		})
		n, err := gatherUntil(ctx, New(address(t, server), &Options{PingInterval: time.Millisecond}))
		if n != 1 || !errors.Is(err, context.Canceled) {
			t.Errorf("handshake %t: %v", handshake, err)
		}
		e, ok := errors.AsType[*Error](err)
		if ok != handshake || ok && (e.Kind != NoAnswer || !strings.Contains(e.Detail, "the port is open, but nothing has answered")) {
			t.Errorf("handshake %t: how far the attempt came: %v", handshake, err)
		}
		cancel()
	}
}

// pipe connects c with serve in memory, for the clock of synctest.
func pipe(c *Client, serve func(n int, nc net.Conn)) *sync.WaitGroup {
	var n atomic.Int32
	var servers sync.WaitGroup
	c.dial = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		i := int(n.Add(1)) - 1
		servers.Go(func() {
			defer far.Close()
			serve(i, far)
		})
		return pipeEnd{near}, nil
	}
	return &servers
}

// pipeEnd accepts deadlines after the other end has closed, as TCP does.
type pipeEnd struct{ net.Conn }

func (p pipeEnd) SetDeadline(t time.Time) error {
	if err := p.Conn.SetDeadline(t); !errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	return nil
}

func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var delays []time.Duration
		var attempts []int
		c := New(address(t, "h"), &Options{PingInterval: -1, Retries: 12, OnState: func(s State) {
			if s.Status == Waiting {
				delays = append(delays, s.Delay)
				attempts = append(attempts, s.Attempt)
			}
		}})
		servers := pipe(c, func(n int, nc net.Conn) {
			switch n {
			case 0, 3: // 0 at once, 3 after a good minute
				if _, _, err := upgrade(nc); err == nil {
					time.Sleep(time.Duration(n) * 21 * time.Second)
				}
			}
		})
		start := time.Now()
		_, err := gather(t, c)
		servers.Wait()
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Kind != Lost || !strings.Contains(e.Detail, "after 12 attempts") {
			t.Error(err)
		}
		if inner, ok := errors.AsType[*Error](e.Err); !ok || inner.Kind != NoAnswer {
			t.Errorf("inside: %v", e.Err)
		}
		if want := []int{1, 2, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; !slices.Equal(attempts, want) {
			t.Errorf("attempts %v", attempts)
		}
		var sum time.Duration
		for i, d := range delays {
			sum += d
			nominal := min(minDelay<<i, maxDelay)
			if i >= 3 {
				nominal = min(minDelay<<(i-3), maxDelay)
			}
			if d < nominal*3/4 || d > min(nominal*5/4, maxDelay) {
				t.Errorf("delay %d is %s, want about %s", i, d, nominal)
			}
		}
		if took := time.Since(start); took < sum || took > sum+64*time.Second {
			t.Errorf("waited %s in all, want %s", took, sum)
		}
	})
}

func TestRetries(t *testing.T) {
	for _, tt := range []struct {
		name           string
		retries        int
		first          bool
		answers        string // one an attempt: x hangs up, + sends an event and ends, u is 401; the last goes on
		kind           Kind
		dials, arrived int
	}{
		{"the first attempt fails", 0, false, "x", NoAnswer, 1, 0},
		{"no reconnect", -1, false, "+", Lost, 1, 1},
		{"some after a loss", 2, false, "+x", Lost, 3, 1},
		{"some in a row only", 2, false, "+x+x+xx", Lost, 7, 3},
		{"first, some", 2, true, "x", NoAnswer, 3, 0},
		{"first for ever, then a loss ends", -1, true, "xxxx+", Lost, 5, 1},
		{"first for ever, then for ever", 0, true, "xx+xxx+u", Unauthorized, 8, 2},
		{"a rejected key ends at once", 0, true, "u", Unauthorized, 1, 0},
		{"a rejected key ends later", 0, false, "+xu", Unauthorized, 3, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dials, up, away := 0, 0, 0
				c := New(address(t, "h"), &Options{Retries: tt.retries, RetryFirst: tt.first, OnState: func(s State) {
					switch s.Status {
					case Connecting:
						dials++
					case Connected:
						if up++; up > 1 && !s.Until.After(s.Since) {
							t.Errorf("away from %s until %s", s.Since, s.Until)
						}
					case Disconnected:
						away++
					}
				}})
				servers := pipe(c, func(n int, nc net.Conn) {
					switch tt.answers[min(n, len(tt.answers)-1)] {
					case '+':
						if _, _, err := upgrade(nc); err == nil {
							_, _ = nc.Write(text("{}"))
						}
					case 'u':
						_, _ = http.ReadRequest(bufio.NewReader(nc))
						_, _ = io.WriteString(nc, "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")
					}
				})
				got, err := gather(t, c)
				servers.Wait()
				e, ok := errors.AsType[*Error](err)
				if !ok || e.Kind != tt.kind || dials != tt.dials || len(got) != tt.arrived || up != tt.arrived || away != up {
					t.Errorf("%v after %d dials, %d events, %d times up, %d lost", err, dials, len(got), up, away)
				}
			})
		})
	}
}

func gatherUntil(ctx context.Context, c *Client) (n int, err error) {
	for _, err = range c.Events(ctx) {
		n++
	}
	return n, err
}

// readControl reads a client's control frame.
func readControl(r io.Reader) ([]byte, error) {
	var head [6]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	payload := make([]byte, head[1]&0x7f)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, err
	}
	for i := range payload {
		payload[i] ^= head[2+i%4]
	}
	if head[0] != final|opPing {
		return nil, io.EOF
	}
	return payload, nil
}
