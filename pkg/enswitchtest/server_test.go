package enswitchtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// serve starts a server that is closed after the clients that dial made.
func serve(t testing.TB, o *ServerOptions) *Server {
	s := NewServer(o)
	t.Cleanup(s.Close)
	return s
}

func dial(t testing.TB, s *Server) *websocket.Conn {
	t.Helper()
	n := s.Clients()
	ws, _, err := websocket.DefaultDialer.Dial(s.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	wait(t, s, n+1)
	return ws
}

func wait(t testing.TB, s *Server, n int) {
	t.Helper()
	if err := s.WaitClients(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, ws *websocket.Conn) string {
	t.Helper()
	_, b, err := ws.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// ends collects what OnClient is told.
type ends struct {
	mu   sync.Mutex
	list []error
}

func (e *ends) note(_ string, connected bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !connected {
		e.list = append(e.list, err)
	}
}

func TestRefusals(t *testing.T) {
	var e ends
	s := serve(t, &ServerOptions{Authkey: "k&y 1", RejectStatus: 403, OnClient: e.note})
	if want := "ws://" + s.Addr() + "/events/websocket/?authkey=k%26y+1"; s.URL() != want {
		t.Errorf("URL %s, want %s", s.URL(), want)
	}
	base := "ws://" + s.Addr()
	for _, c := range []struct {
		url  string
		want int
	}{
		{s.URL(), 101},
		{base + "/events/websocket/", 403},
		{base + "/events/websocket/?authkey=", 403},
		{base + "/events/websocket/?authkey=k", 403},
		{base + "/events/websocket/?key=k%26y+1", 403},
		{base + "/events/websocket?authkey=k%26y+1", 404},
		{base + "/?authkey=k%26y+1", 404},
	} {
		ws, resp, err := websocket.DefaultDialer.Dial(c.url, nil)
		if resp == nil || resp.StatusCode != c.want {
			t.Errorf("%s: %v, %v", c.url, resp, err)
		}
		if err == nil {
			wait(t, s, 1)
			_ = ws.Close()
		}
	}
	resp, err := http.Get(s.HTTPURL())
	if err != nil || resp.StatusCode != 400 {
		t.Errorf("a browser: %v %v", resp, err)
	}
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	s.Close()
	e.mu.Lock()
	defer e.mu.Unlock()
	keys := 0
	for _, err := range e.list {
		if err == ErrKey {
			keys++
		}
	}
	if keys != 4 || len(e.list) != 5 {
		t.Errorf("told of %v", e.list)
	}
}

func TestRejectStatusDefault(t *testing.T) {
	s := serve(t, &ServerOptions{Authkey: "secret"})
	_, resp, _ := websocket.DefaultDialer.Dial("ws://"+s.Addr()+DefaultPath, nil)
	if resp == nil || resp.StatusCode != 401 {
		t.Errorf("%v", resp)
	}
}

func TestOrder(t *testing.T) {
	s := serve(t, nil)
	s.Send([]byte("nobody hears this"))
	one, two := dial(t, s), dial(t, s)
	const senders, each = 4, 300
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for j := 0; j < each; j += 3 {
				s.Send(fmt.Appendf(nil, "%d %d", i, j), fmt.Appendf(nil, "%d %d", i, j+1), fmt.Appendf(nil, "%d %d", i, j+2))
			}
		})
	}
	var got [2][]string
	for range senders * each {
		got[0] = append(got[0], read(t, one))
		got[1] = append(got[1], read(t, two))
	}
	wg.Wait()
	if !slices.Equal(got[0], got[1]) {
		t.Error("two clients saw different orders")
	}
	next := make([]int, senders)
	for _, line := range got[0] {
		var i, j int
		if _, err := fmt.Sscan(line, &i, &j); err != nil || next[i] != j {
			t.Fatalf("%q, want %d", line, next[i])
		}
		next[i]++
	}
}

func TestFrames(t *testing.T) {
	s := serve(t, nil)
	ws := dial(t, s)
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20} {
		want := strings.Repeat("x", n)
		s.Send([]byte(want))
		if got := read(t, ws); got != want {
			t.Fatalf("%d bytes became %d", n, len(got))
		}
	}
	s.SendFrame(websocket.BinaryMessage, []byte("a"), nil, []byte("bc"))
	if kind, b, err := ws.ReadMessage(); kind != websocket.BinaryMessage || string(b) != "abc" || err != nil {
		t.Errorf("%d %q %v", kind, b, err)
	}
	s.SendFrame(websocket.TextMessage)
	if got := read(t, ws); got != "" {
		t.Errorf("%q", got)
	}
	wire := AppendFrame(AppendFrame(nil, true, 1, []byte("one")), true, 1, []byte("two"))
	s.SendRaw(wire[:3])
	s.SendRaw(wire[3:])
	if a, b := read(t, ws), read(t, ws); a != "one" || b != "two" {
		t.Errorf("%q %q", a, b)
	}
	s.SendRaw([]byte{0xff, 0xff})
	if _, _, err := ws.ReadMessage(); err == nil {
		t.Error("nonsense was read")
	}
}

func TestPing(t *testing.T) {
	s := serve(t, nil)
	ws := dial(t, s)
	var pong string
	ws.SetPongHandler(func(data string) error { pong = data; return nil })
	if err := ws.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte("ignored"), 100_000)); err != nil {
		t.Fatal(err)
	}
	s.Stall()
	if err := ws.WriteControl(websocket.PingMessage, []byte("hello"), time.Time{}); err != nil {
		t.Fatal(err)
	}
	s.Stall() // twice does no harm
	s.Resume()
	s.Resume()
	for pong == "" { // ReadMessage returns for a message only
		s.Send([]byte("more"))
		read(t, ws)
	}
	if pong != "hello" {
		t.Errorf("pong %q", pong)
	}
}

func TestStallHoldsBack(t *testing.T) {
	s := serve(t, nil)
	ws := dial(t, s)
	s.Stall()
	s.Send([]byte("one"))
	s.Send([]byte("two"))
	s.Resume()
	if a, b := read(t, ws), read(t, ws); a != "one" || b != "two" {
		t.Errorf("%q %q", a, b)
	}
}

func TestDrop(t *testing.T) {
	for _, secure := range []bool{false, true} {
		var e ends
		s := NewServer(&ServerOptions{TLS: secure, OnClient: e.note, SlowAfter: 20 * time.Millisecond})
		d := websocket.DefaultDialer
		if secure {
			d = trusting(s)
		}
		ws, _, err := d.Dial(s.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		wait(t, s, 1)
		s.Send([]byte("one"))
		if got := read(t, ws); got != "one" {
			t.Errorf("%q", got)
		}
		s.Drop()
		if s.Clients() != 0 {
			t.Errorf("%d clients after Drop", s.Clients())
		}
		_, _, err = ws.ReadMessage()
		if c, ok := errors.AsType[*websocket.CloseError](err); err == nil || ok && c.Code != websocket.CloseAbnormalClosure {
			t.Errorf("tls %v: the client saw %v", secure, err)
		}
		_ = ws.Close()
		again, _, err := d.Dial(s.URL(), nil) // the server lives on
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		_ = again.Close()
		if len(e.list) == 0 || e.list[0] != nil || e.list[len(e.list)-1] != nil {
			t.Errorf("told %v", e.list)
		}
	}
}

func TestCloseClients(t *testing.T) {
	var e ends
	s := serve(t, &ServerOptions{OnClient: e.note})
	for _, c := range []struct {
		code   int
		reason string
		want   int
		text   string
	}{
		{1000, "done", 1000, "done"},
		{1012, strings.Repeat("r", 200), 1012, strings.Repeat("r", 123)},
		{1005, "", 1005, ""},
	} {
		ws := dial(t, s)
		s.Send([]byte("last"))
		s.CloseClients(c.code, c.reason)
		s.Send([]byte("too late"))
		if got := read(t, ws); got != "last" {
			t.Errorf("%q", got)
		}
		_, _, err := ws.ReadMessage()
		got, ok := errors.AsType[*websocket.CloseError](err)
		if !ok || got.Code != c.want || got.Text != c.text {
			t.Errorf("%d: the client saw %v", c.code, err)
		}
		wait(t, s, 0)
	}
	s.Close()
	if len(e.list) != 3 || e.list[0] != nil || e.list[1] != nil || e.list[2] != nil {
		t.Errorf("told %v", e.list)
	}
}

func TestClientCloses(t *testing.T) {
	var e ends
	s := serve(t, &ServerOptions{OnClient: e.note, SlowAfter: 20 * time.Millisecond})
	ws := dial(t, s)
	goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if err := ws.WriteControl(websocket.CloseMessage, goodbye, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("the client saw %v", err)
	}
	wait(t, s, 0)

	// A stalled server does not hold on to a client that leaves.
	ws = dial(t, s)
	s.Stall()
	if err := ws.WriteControl(websocket.CloseMessage, goodbye, time.Time{}); err != nil {
		t.Fatal(err)
	}
	wait(t, s, 0)
	s.Resume()

	// One that vanishes is told of as an error.
	ws = dial(t, s)
	_ = ws.NetConn().Close()
	wait(t, s, 0)
	s.Close()
	if len(e.list) != 3 || e.list[0] != nil || e.list[1] != nil || e.list[2] == nil {
		t.Errorf("told %v", e.list)
	}
}

func TestCloseDrains(t *testing.T) {
	s := NewServer(&ServerOptions{SlowAfter: time.Minute})
	ws := dial(t, s)
	const n = 20_000
	raw := bytes.Repeat([]byte("x"), 300)
	for range n {
		s.Send(raw)
	}
	closed := make(chan bool)
	go func() { s.Close(); close(closed) }()
	for range n {
		if got := read(t, ws); len(got) != 300 {
			t.Fatalf("%q", got)
		}
	}
	if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("the client saw %v", err)
	}
	<-closed
	s.Close()
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("still accepts")
	}
}

// A client that does not read cannot hold up Close.
func TestCloseOfSilentClient(t *testing.T) {
	s := NewServer(&ServerOptions{SlowAfter: 10 * time.Millisecond})
	dial(t, s)
	s.Stall()
	s.Send(bytes.Repeat([]byte("x"), 8<<20))
	s.Close()
	if s.Clients() != 0 {
		t.Errorf("%d clients", s.Clients())
	}
}

func TestWaitClients(t *testing.T) {
	s := serve(t, nil)
	wait(t, s, 0)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.WaitClients(ctx, 2) }()
	dial(t, s)
	dial(t, s)
	if err := <-done; err != nil {
		t.Error(err)
	}
	cancel()
	if err := s.WaitClients(ctx, 3); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func trusting(s *Server) *websocket.Dialer {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	d := *websocket.DefaultDialer
	d.TLSClientConfig = &tls.Config{RootCAs: pool}
	return &d
}

func TestTLS(t *testing.T) {
	s := serve(t, &ServerOptions{TLS: true, Authkey: "secret"})
	if !strings.HasPrefix(s.URL(), "wss://") || !strings.HasPrefix(s.HTTPURL(), "https://") {
		t.Errorf("%s, %s", s.URL(), s.HTTPURL())
	}
	if _, _, err := websocket.DefaultDialer.Dial(s.URL(), nil); err == nil {
		t.Error("an unknown certificate was trusted")
	}
	ws, _, err := trusting(s).Dial(s.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	wait(t, s, 1)
	s.Send([]byte("one"), []byte("two"))
	if a, b := read(t, ws), read(t, ws); a != "one" || b != "two" {
		t.Errorf("%q %q", a, b)
	}
}

func TestHandler(t *testing.T) {
	s := NewHandler(&ServerOptions{Path: "/feed"})
	mux := http.NewServeMux()
	mux.Handle("/feed", s)
	own := httptest.NewServer(mux)
	defer own.Close()
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(own.URL, "http")+"/feed", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	wait(t, s, 1)
	s.Send([]byte("one"))
	if got := read(t, ws); got != "one" {
		t.Errorf("%q", got)
	}
	go func() { _, _, _ = ws.ReadMessage() }()
	s.Close()
	if s.URL() != "" || s.HTTPURL() != "" || s.Addr() != "" || s.Certificate() != nil {
		t.Error("a handler has no address")
	}
	resp, err := http.Get(own.URL + "/feed")
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%v %v", resp, err)
	}
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
}

// BenchmarkFlood sends a block of prepared frames to a client that does
// nothing but read.
func BenchmarkFlood(b *testing.B) {
	const events = 4096
	g := NewGenerator(nil)
	var block []byte
	for range events {
		block = AppendFrame(block, true, websocket.TextMessage, g.Next().Raw)
	}
	benchmarkSend(b, events, int64(len(block)), func(s *Server) { s.SendRaw(block) })
}

// BenchmarkSend has the frames made for every block of events.
func BenchmarkSend(b *testing.B) {
	for _, events := range []int{1, 64, 4096} {
		b.Run(fmt.Sprintf("events=%d", events), func(b *testing.B) {
			g := NewGenerator(nil)
			raw := make([][]byte, events)
			size := 0
			for i := range raw {
				raw[i] = g.Next().Raw
				size += len(raw[i])
			}
			benchmarkSend(b, events, int64(size), func(s *Server) { s.Send(raw...) })
		})
	}
}

func benchmarkSend(b *testing.B, events int, size int64, send func(*Server)) {
	s := serve(b, nil)
	ws := dial(b, s)
	done := make(chan bool)
	go func() {
		_, _ = io.Copy(io.Discard, ws.NetConn())
		close(done)
	}()
	b.ReportAllocs()
	b.SetBytes(size)
	for b.Loop() {
		send(s)
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	s.Drop()
	<-done
}
