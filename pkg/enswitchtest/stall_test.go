package enswitchtest

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// pipes is a listener without a network, so that synctest knows when all goroutines wait.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4875} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	p.conns <- there
	return here, nil
}

func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		s := NewServer(&ServerOptions{Listener: l})
		defer s.Close()
		d := websocket.Dialer{NetDialContext: l.dial}
		ws, _, err := d.Dial(s.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		ws.SetPongHandler(func(data string) error { got = append(got, "pong "+data); return nil })
		done := make(chan error)
		go func() {
			for {
				_, b, err := ws.ReadMessage()
				if err != nil {
					done <- err
					return
				}
				got = append(got, string(b))
			}
		}()
		s.Stall()
		if err := ws.WriteControl(websocket.PingMessage, []byte("1"), time.Time{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.Send([]byte("one"))
		time.Sleep(time.Hour) // of the bubble's clock
		synctest.Wait()
		if len(got) != 0 || s.Clients() != 1 {
			t.Errorf("a stalled server sent %q, %d clients", got, s.Clients())
		}
		s.Resume()
		synctest.Wait()
		if len(got) != 2 || got[0] != "pong 1" || got[1] != "one" {
			t.Errorf("a server that goes on sent %q", got)
		}

		// A client whose buffer is full has SlowAfter, and no more.
		s.o.ClientBuffer = 10
		s.Stall()
		start := time.Now()
		s.Send([]byte("fits, for nothing waits"))
		s.Send([]byte("too much"))
		if time.Since(start) != time.Second || s.Clients() != 0 {
			t.Errorf("cut after %v, %d clients", time.Since(start), s.Clients())
		}
		if err := <-done; err == nil {
			t.Error("the client was not cut")
		}
		_ = ws.Close()
	})
}

func TestSlowClientIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		ended := make(chan error, 2)
		s := NewServer(&ServerOptions{
			Listener:     l,
			ClientBuffer: 1000,
			OnClient: func(_ string, connected bool, err error) {
				if !connected {
					ended <- err
				}
			},
		})
		defer s.Close()
		d := websocket.Dialer{NetDialContext: l.dial}
		slow, _, err := d.Dial(s.URL(), nil) // never reads
		if err != nil {
			t.Fatal(err)
		}
		defer slow.Close()
		fast, _, err := d.Dial(s.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		const n = 500
		var got []string
		go func() {
			for {
				_, b, err := fast.ReadMessage()
				if err != nil {
					return
				}
				got = append(got, string(b))
			}
		}()
		synctest.Wait()
		start := time.Now()
		for i := range n {
			s.Send(fmt.Append(nil, i))
		}
		synctest.Wait()
		if err := <-ended; err != ErrSlow || time.Since(start) != time.Second || s.Clients() != 1 {
			t.Errorf("cut after %v with %v, %d clients", time.Since(start), err, s.Clients())
		}
		if len(got) != n {
			t.Errorf("the fast client got %d", len(got))
		}
		for i, b := range got {
			if b != fmt.Sprint(i) {
				t.Fatalf("event %d is %q", i, b)
			}
		}
	})
}
