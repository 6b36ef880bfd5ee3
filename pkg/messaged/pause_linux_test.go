package messaged

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// pausing is a client, and its server: once the handshake is done, the server sends an event;
// once the client has it and waits for more, the server runs then.
type pausing struct {
	client *Client
	reads  int // after the first event
	events int
}

func newPausing(t *testing.T, o Options, then func(nc net.Conn, r io.Reader)) *pausing {
	p := &pausing{}
	connected, waits := make(chan struct{}), make(chan struct{})
	addr := listen(t, func(_ int, nc net.Conn) {
		_, br, err := upgrade(nc)
		if err != nil {
			return
		}
		<-connected
		_, _ = nc.Write(text("first"))
		<-waits
		then(nc, br)
		_, _ = br.WriteTo(io.Discard)
	})
	o.Retries = -1
	onWait := o.OnWait
	o.OnState = func(s State) {
		if s.Status == Connected {
			close(connected)
		}
	}
	o.OnWait = func() {
		if p.events == 0 {
			return
		}
		if p.reads++; p.reads == 1 {
			close(waits)
			if onWait != nil {
				onWait()
			}
		}
	}
	p.client = New(address(t, addr), &o)
	return p
}

// run counts the events until there are n, and returns the error that ends them before.
func (p *pausing) run(ctx context.Context, n int) error {
	for _, err := range p.client.Events(ctx) {
		if err != nil {
			return err
		}
		if p.events++; p.events == n {
			break
		}
	}
	return nil
}

// Events that come one by one during a pause are read together. 64 KiB end it: the pause of
// this test is an hour.
func TestPauseGathers(t *testing.T) {
	one := text(strings.Repeat("x", 1000))
	p := newPausing(t, Options{ReadPause: time.Hour}, func(nc net.Conn, _ io.Reader) {
		for range 2 * pauseBytes / len(one) {
			_, _ = nc.Write(one)
		}
	})
	if err := p.run(t.Context(), pauseBytes/len(one)); err != nil || p.reads != 1 {
		t.Errorf("%d reads for %d events, %v", p.reads, p.events, err)
	}
}

// Whatever ends the events ends a pause, too.
func TestPauseEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	none := func(net.Conn, io.Reader) {}
	cancelled := func() {
		cancel()
		for range 1000 {
			runtime.Gosched() // what the end of ctx starts runs before the pause begins
		}
	}
	for _, tt := range []struct {
		name   string
		o      Options
		server func(nc net.Conn, _ io.Reader)
		want   string
		events int
	}{
		{"the server closes", Options{ReadPause: time.Hour}, func(nc net.Conn, _ io.Reader) { _ = nc.(*net.TCPConn).CloseWrite() }, "connection closed", 1},
		{"its time", Options{ReadPause: time.Millisecond}, func(nc net.Conn, _ io.Reader) {
			_, _ = nc.Write(bytes.Join([][]byte{text("second"), closing(1000, "done")}, nil))
		}, "done", 2},
		{"the context", Options{ReadPause: time.Hour, OnWait: cancelled}, none, "context canceled", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPausing(t, tt.o, tt.server)
			err := p.run(ctx, -1)
			if err == nil || !strings.Contains(err.Error(), tt.want) || p.events != tt.events {
				t.Errorf("%d events, %v", p.events, err)
			}
			if e, ok := errors.AsType[*Error](err); ok && e.Kind != Lost {
				t.Errorf("kind %v", e.Kind)
			}
		})
	}
}

// The read deadline of a pause ends with it, before and after the first answer to a ping.
func TestPauseDeadline(t *testing.T) {
	o := Options{ReadPause: time.Millisecond, PingInterval: time.Second / 2}
	p := newPausing(t, o, func(nc net.Conn, r io.Reader) {
		for range 2 { // each takes longer than a pause
			payload, err := readControl(r)
			if err != nil {
				return
			}
			_, _ = nc.Write(frame(final|opPong, payload))
			_, _ = nc.Write(text("next"))
		}
	})
	if err := p.run(t.Context(), 3); err != nil {
		t.Error(err)
	}
}
