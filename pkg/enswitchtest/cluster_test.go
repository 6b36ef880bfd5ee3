package enswitchtest

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// receive counts the messages until the connection ends.
func receive(ws *websocket.Conn) (n int, err error) {
	for {
		if _, _, err := ws.ReadMessage(); err != nil {
			return n, err
		}
		n++
	}
}

func TestCluster(t *testing.T) {
	var posts atomic.Int64
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { posts.Add(1) }))
	defer receiver.Close()
	defer http.DefaultClient.CloseIdleConnections()
	told := atomic.Int64{}
	c := NewCluster(&ClusterOptions{
		Generator: GeneratorOptions{Rate: math.Inf(1)}, Count: 300, WaitClients: 1, Post: receiver.URL,
		Faults: Faults{Duplicates: 1},
		OnPost: func(err error) {
			if err == nil {
				told.Add(1)
			}
		},
	})
	defer c.Close()
	ws, _, err := websocket.DefaultDialer.Dial(c.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if err := c.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	go c.Close()
	n, err := receive(ws)
	if n != 600 || !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("%d events, %v", n, err)
	}
	if events, queued := c.Sent(); events != 600 || queued != 600 || posts.Load() != 600 || told.Load() != 600 {
		t.Errorf("%d sent, %d queued, %d arrived, told of %d", events, queued, posts.Load(), told.Load())
	}
}

func TestClusterRejectsKey(t *testing.T) {
	c := NewCluster(&ClusterOptions{Server: ServerOptions{Authkey: "secret", RejectKey: true}})
	defer c.Close()
	if _, resp, err := websocket.DefaultDialer.Dial(c.URL(), nil); err == nil || resp == nil || resp.StatusCode != 401 {
		t.Errorf("%v, %v", resp, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Wait(ctx); err != context.Canceled {
		t.Errorf("%v", err)
	}
}

// A half-open connection stays open, and nothing comes any more.
func TestHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		c := NewCluster(&ClusterOptions{
			Server: ServerOptions{Listener: l, HalfOpenAfter: 10 * time.Second}, Generator: GeneratorOptions{Rate: 100},
			For: time.Minute,
		})
		defer c.Close()
		d := websocket.Dialer{NetDialContext: l.dial}
		ws, _, err := d.Dial(c.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		last := time.Now()
		start := last
		ended := make(chan error)
		go func() {
			for {
				if _, _, err := ws.ReadMessage(); err != nil {
					ended <- err
					return
				}
				last = time.Now()
			}
		}()
		if err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if d := last.Sub(start); d < 9*time.Second || d > 10*time.Second || time.Since(start) != time.Minute || c.Clients() != 1 {
			t.Errorf("the last event came after %v, the end after %v, %d clients", d, time.Since(start), c.Clients())
		}
		go c.Server.Close()
		if err := <-ended; websocket.IsCloseError(err, websocket.CloseGoingAway) {
			t.Error("a dead connection said goodbye")
		}
	})
}

func TestDropEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		c := NewCluster(&ClusterOptions{
			Server: ServerOptions{Listener: l}, Generator: GeneratorOptions{Rate: 100},
			Faults: Faults{DropEvery: 10 * time.Second}, For: 35 * time.Second,
		})
		defer c.Close()
		d := websocket.Dialer{NetDialContext: l.dial}
		start := time.Now()
		for i := range 3 {
			ws, _, err := d.Dial(c.URL(), nil)
			if err != nil {
				t.Fatal(err)
			}
			n, err := receive(ws)
			if want := time.Duration(i+1) * 10 * time.Second; err == nil || n < 500 || time.Since(start) != want {
				t.Errorf("connection %d had %d events and ended after %v: %v", i, n, time.Since(start), err)
			}
			_ = ws.Close()
		}
		if err := c.Wait(t.Context()); err != nil || time.Since(start) != 35*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// With Slow the header comes at once, the body later.
func TestSlowPost(t *testing.T) {
	arrived := make(chan struct{})
	bodies := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		b, err := io.ReadAll(r.Body)
		if err == nil {
			bodies <- string(b)
		}
	}))
	defer receiver.Close()
	defer http.DefaultClient.CloseIdleConnections()
	raw := []byte(`{"class":"call"}`)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- (&Poster{URL: receiver.URL, Slow: time.Hour}).Post(ctx, raw) }()
	<-arrived
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	arrived = make(chan struct{})
	if err := (&Poster{URL: receiver.URL, Slow: time.Millisecond}).Post(t.Context(), raw); err != nil || <-bodies != "class=call" {
		t.Errorf("%v", err)
	}
}
