package messaged

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// upgrade answers a websocket handshake by hand, so that any bytes can follow.
func upgrade(nc net.Conn) (*http.Request, *bufio.Reader, error) {
	br := bufio.NewReader(nc)
	req, err := http.ReadRequest(br)
	if err != nil {
		return nil, nil, err
	}
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, err = fmt.Fprintf(nc, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	return req, br, err
}

// listen runs serve for each connection, numbered from 0, and closes the connection after
// it.
func listen(t testing.TB, serve func(n int, nc net.Conn)) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	all.Go(func() {
		for n := 0; ; n++ {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[nc] = true
			mu.Unlock()
			all.Go(func() {
				defer nc.Close()
				serve(n, nc)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for nc := range open {
			nc.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return ln.Addr().String()
}

// send is a server that upgrades, sends wire, and then reads until the client goes.
func send(t testing.TB, wire ...[]byte) string {
	return listen(t, func(_ int, nc net.Conn) {
		_, br, err := upgrade(nc)
		if err != nil {
			return
		}
		if _, err := nc.Write(bytes.Join(wire, nil)); err != nil {
			return
		}
		_, _ = br.WriteTo(io.Discard)
	})
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

const (
	opContinue = 0x0
	opText     = 0x1
	opBinary   = 0x2
	opClose    = 0x8
	opPing     = 0x9
	opPong     = 0xa
	final      = 0x80
)

// frame is a server's frame: head is the first byte.
func frame(head byte, payload []byte) []byte {
	b := []byte{head}
	switch n := len(payload); {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, payload...)
}

func text(s string) []byte { return frame(final|opText, []byte(s)) }

func closing(code uint16, reason string) []byte {
	return frame(final|opClose, append(binary.BigEndian.AppendUint16(nil, code), reason...))
}

// pages is an HTTP server.
func pages(t testing.TB, handle http.HandlerFunc) string {
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func address(t testing.TB, s string) Address {
	t.Helper()
	a, err := ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// gather returns copies of all events, and the error that ends them.
func gather(t testing.TB, c *Client) (got []string, err error) {
	t.Helper()
	var ev event.Event
	for ev, err = range c.Events(t.Context()) {
		if err == nil {
			got = append(got, string(ev.Raw))
		}
	}
	return got, err
}
