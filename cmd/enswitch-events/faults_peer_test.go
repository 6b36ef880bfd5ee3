//go:build unix

package main

import (
	"bufio"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// wire stands where messaged should. What it does to a connection the test
// says, byte by byte.
type wire struct {
	t    *testing.T
	l    net.Listener
	tls  *tls.Config
	addr string
	peer chan *peer
}

// newWire listens on a free port of the loopback interface.
func newWire(t *testing.T) *wire { return wireAt(t, closedPort(t), nil) }

// wireAt listens on addr, and speaks TLS if config is not nil.
func wireAt(t *testing.T, addr string, config *tls.Config) *wire {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, l: l, tls: config, addr: l.Addr().String(), peer: make(chan *peer, 100)}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p := &peer{t: t, tcp: conn.(*net.TCPConn), Conn: conn}
			if config != nil {
				p.Conn = tls.Server(conn, config)
			}
			p.br = bufio.NewReader(p.Conn)
			w.peer <- p
			t.Cleanup(func() { p.tcp.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); accepting.Wait() })
	return w
}

// accept waits for the next connection.
func (w *wire) accept() *peer {
	w.t.Helper()
	select {
	case p := <-w.peer:
		_ = p.SetDeadline(time.Now().Add(patience))
		return p
	case <-time.After(patience):
		w.t.Fatal("nobody connected")
		return nil
	}
}

// join waits for the next connection and makes a websocket of it.
func (w *wire) join() *peer {
	w.t.Helper()
	p := w.accept()
	p.upgrade()
	return p
}

// peer is one connection, seen from messaged's end.
type peer struct {
	t   *testing.T
	tcp *net.TCPConn
	net.Conn
	br *bufio.Reader
	mu sync.Mutex // one frame after another
}

// request reads what the client asks.
func (p *peer) request() *http.Request {
	p.t.Helper()
	r, err := http.ReadRequest(p.br)
	if err != nil {
		p.t.Fatalf("the client's request: %v", err)
	}
	return r
}

// upgrade does the handshake.
func (p *peer) upgrade() *http.Request {
	p.t.Helper()
	r := p.request()
	sum := sha1.Sum([]byte(r.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	p.write(fmt.Appendf(nil, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:])))
	return r
}

// answer refuses the request, and hangs up.
func (p *peer) answer(status int, header, body string) {
	p.t.Helper()
	p.request()
	p.write(fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n%s",
		status, http.StatusText(status), len(body), header, body))
	p.Close()
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.SetDeadline(time.Now().Add(patience))
	if _, err := p.Write(b); err != nil {
		p.t.Fatalf("the client takes nothing: %v", err)
	}
}

// send sends the events of these numbers.
func (p *peer) send(first, last int) {
	p.t.Helper()
	p.sendEach(first, last, 120, appendEvent)
}

// sendEach sends what event appends for these numbers, a frame each, at most size bytes.
func (p *peer) sendEach(first, last, size int, event func(dst []byte, n int) []byte) {
	p.t.Helper()
	block := make([]byte, 0, (last-first+1)*(size+10))
	var frame []byte
	for n := first; n <= last; n++ {
		frame = event(frame[:0], n)
		block = enswitchtest.AppendFrame(block, true, 1, frame)
	}
	p.write(block)
}

// closeFrame sends a close frame and waits until the client has gone.
func (p *peer) closeFrame(payload []byte) {
	p.t.Helper()
	p.write(enswitchtest.AppendFrame(nil, true, 8, payload))
	p.hold()
}

func closeCode(code int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(code)) }

// reset breaks the connection with a TCP reset.
func (p *peer) reset() {
	_ = p.tcp.SetLinger(0)
	_ = p.tcp.Close()
}

// next reads a frame.
func (p *peer) next() (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(p.br, head[:]); err != nil {
		return 0, nil, err
	}
	rest := make([]byte, 4+int(head[1]&0x7f)) // a client's frames are short, and masked
	if _, err := io.ReadFull(p.br, rest); err != nil {
		return 0, nil, err
	}
	payload = rest[4:]
	for i := range payload {
		payload[i] ^= rest[i%4]
	}
	return head[0] & 0xf, payload, nil
}

// ping waits for a ping and returns what it holds.
func (p *peer) ping() []byte {
	p.t.Helper()
	for {
		opcode, payload, err := p.next()
		if err != nil {
			p.t.Fatalf("waiting for a ping: %v", err)
		}
		if opcode == 9 {
			return payload
		}
	}
}

// pong answers a ping.
func (p *peer) pong() { p.t.Helper(); p.write(enswitchtest.AppendFrame(nil, true, 10, p.ping())) }

// hold reads until the client has gone.
func (p *peer) hold() { _, _ = io.Copy(io.Discard, p.br) }
