package enswitchtest

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

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

	// A client that vanishes is an error.
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

// A client that does not read does not block Close.
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
