package enswitchtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// serve starts a server. It is closed after the clients of dial.
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

// ends records the calls of OnClient.
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
