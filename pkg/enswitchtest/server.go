package enswitchtest

import (
	"cmp"
	"context"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Server sends events to websocket clients, as messaged does. It answers pings, and
// reads and ignores everything else that clients send. [NewServer] makes one that
// listens, [NewHandler] one for your own http.Server. It is safe for concurrent use.
type Server struct {
	o        ServerOptions
	upgrader websocket.Upgrader
	server   *http.Server // nil from NewHandler
	listener net.Listener // nil from NewHandler
	cert     *x509.Certificate

	// order is held while frames are queued for all clients, so that concurrent
	// sends reach all of them in the same order.
	order sync.Mutex

	mu      sync.Mutex
	clients map[*client]struct{}
	changed chan struct{} // closed, and replaced, when clients has changed
	flow    chan struct{} // open while stalled, else closed
	closed  bool
	running sync.WaitGroup
}

// NewServer starts a server. It accepts connections when NewServer returns. Like
// httptest, NewServer panics if it cannot listen on the loopback interface or make a
// certificate; with a Listener and without TLS it cannot fail. Call Close when done.
func NewServer(o *ServerOptions) *Server {
	s := NewHandler(o)
	s.listener = s.o.Listener
	if s.listener == nil {
		var err error
		if s.listener, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0"); err != nil {
			panic(fmt.Sprintf("enswitchtest: cannot listen on loopback: %v", err))
		}
	}
	accept := s.listener
	if s.o.TLS {
		pair, err := NewCertificate(&CertificateOptions{Hosts: loopbackAnd(s.listener.Addr())})
		if err != nil {
			panic(fmt.Sprintf("enswitchtest: cannot make a certificate: %v", err))
		}
		s.cert = pair.Leaf
		accept = tls.NewListener(accept, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	}
	s.server = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // a library does not print
	}
	s.running.Go(func() { _ = s.server.Serve(accept) })
	return s
}

// loopbackAnd returns localhost, the loopback addresses, and the address of a listener.
func loopbackAnd(addr net.Addr) []string {
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && !tcp.IP.IsUnspecified() {
		return append(loopback[:len(loopback):len(loopback)], tcp.IP.String())
	}
	return loopback[:]
}

// NewHandler makes a server without a listener, to be used as an http.Handler. It
// ignores the options Listener and TLS, and its URL, HTTPURL and Addr are empty. Call
// Close when done: closing an http.Server does not end websocket clients.
func NewHandler(o *ServerOptions) *Server {
	s := &Server{
		clients: map[*client]struct{}{},
		changed: make(chan struct{}),
		flow:    make(chan struct{}),
	}
	close(s.flow)
	if o != nil {
		s.o = *o
	}
	s.o.Path = cmp.Or(s.o.Path, DefaultPath)
	s.o.RejectStatus = cmp.Or(s.o.RejectStatus, http.StatusUnauthorized)
	s.o.ClientBuffer = cmp.Or(s.o.ClientBuffer, 16<<20)
	s.o.SlowAfter = cmp.Or(s.o.SlowAfter, time.Second)
	s.upgrader.CheckOrigin = func(*http.Request) bool { return true }
	return s
}

// URL returns the address to connect to, with the key:
// "ws://127.0.0.1:40123/events/websocket/?authkey=KEY", or wss with TLS.
func (s *Server) URL() string { return s.url("ws", "wss") }

// HTTPURL returns the same address as the vendor documents it: it begins with http,
// or https with TLS.
func (s *Server) HTTPURL() string { return s.url("http", "https") }

func (s *Server) url(plain, secure string) string {
	if s.listener == nil {
		return ""
	}
	u := url.URL{Scheme: plain, Host: s.Addr(), Path: s.o.Path}
	if s.o.TLS {
		u.Scheme = secure
	}
	if s.o.Authkey != "" {
		u.RawQuery = url.Values{"authkey": {s.o.Authkey}}.Encode()
	}
	return u.String()
}

// Addr returns the host and the port that the server listens on.
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Certificate returns the certificate that clients must trust if the option TLS is
// set, else nil. It is for the listener's address, localhost and the loopback
// addresses.
func (s *Server) Certificate() *x509.Certificate { return s.cert }

// ServeHTTP checks the path and the key, and serves a websocket client until the
// client or the server ends the connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != s.o.Path {
		http.NotFound(w, r)
		return
	}
	key := r.URL.Query().Get("authkey")
	if s.o.RejectKey || s.o.Authkey != "" && subtle.ConstantTimeCompare([]byte(key), []byte(s.o.Authkey)) == 0 {
		s.onClient(r.RemoteAddr, false, ErrKey)
		http.Error(w, ErrKey.Error(), s.o.RejectStatus)
		return
	}
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.running.Add(1)
	}
	s.mu.Unlock()
	if closed {
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	}
	defer s.running.Done()
	ws, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	s.serve(newClient(s, ws, r.RemoteAddr))
}

func (s *Server) serve(c *client) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		_ = c.ws.Close()
		return
	}
	s.clients[c] = struct{}{}
	s.noteChange()
	s.mu.Unlock()
	// After the client was added, so that it gets what OnClient sends.
	s.onClient(c.remote, true, nil)
	if s.o.HalfOpenAfter > 0 {
		defer time.AfterFunc(s.o.HalfOpenAfter, c.freeze).Stop()
	}
	err := c.run()
	// In this order: when WaitClients with 0 returns, OnClient has been called.
	s.onClient(c.remote, false, err)
	s.remove(c)
}

func (s *Server) onClient(remote string, connected bool, err error) {
	if s.o.OnClient != nil {
		s.o.OnClient(remote, connected, err)
	}
}

func (s *Server) remove(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.clients[c]; ok {
		delete(s.clients, c)
		s.noteChange()
	}
}

// noteChange wakes WaitClients. s.mu is held.
func (s *Server) noteChange() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// snapshot returns the clients that are connected now.
func (s *Server) snapshot() []*client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.clients))
}

// Clients returns the number of connected clients. It does not include a client that
// was dropped or cut by a method that has returned.
func (s *Server) Clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.clients)
}

// WaitClients waits until at least n clients are connected, or with n 0 until none is.
// If ctx ends first, it returns an error that wraps that of ctx.
func (s *Server) WaitClients(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		have, changed := len(s.clients), s.changed
		s.mu.Unlock()
		if n > 0 && have >= n || n == 0 && have == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %d clients, have %d: %w", n, have, ctx.Err())
		}
	}
}

// Send queues one text frame for each of raw for every connected client, in order, and
// returns before they are written. The frames of one Send go out in as few writes as
// possible. It copies raw. While the buffer of a client is full, Send waits, so that a
// flood runs at the speed of its slowest reader; after SlowAfter it cuts the client.
// Without clients it does nothing: messaged keeps nothing for later.
func (s *Server) Send(raw ...[]byte) {
	s.order.Lock()
	defer s.order.Unlock()
	if clients := s.snapshot(); len(clients) > 0 {
		s.queue(clients, textFrames(raw))
	}
}

// SendFrame queues one message with the given opcode (1 text, 2 binary, 9 ping, others
// for hostile tests), one frame for each fragment; without fragments it is one empty
// frame. Otherwise it is like Send.
func (s *Server) SendFrame(opcode int, fragments ...[]byte) {
	if len(fragments) == 0 {
		fragments = [][]byte{nil}
	}
	var block []byte
	for i, f := range fragments {
		block = AppendFrame(block, i == len(fragments)-1, opcode, f)
		opcode = 0 // continuation
	}
	s.SendRaw(block)
}

// SendRaw queues bytes for every client unchanged: frames that [AppendFrame] made, half
// a frame, or nonsense. It does not copy wire, which must not be changed afterwards; a
// block may be sent many times. A pong or a close frame may follow where the bytes end.
// Otherwise it is like Send.
func (s *Server) SendRaw(wire []byte) {
	s.order.Lock()
	defer s.order.Unlock()
	s.queue(s.snapshot(), wire)
}

// queue adds the block to the buffer of each client, and cuts the clients whose buffer
// stays full. s.order is held.
func (s *Server) queue(clients []*client, block []byte) {
	var patience context.Context // begins with the first full buffer
	for _, c := range clients {
		for !c.push(block) {
			if patience == nil {
				var cancel context.CancelFunc
				patience, cancel = context.WithTimeout(context.Background(), s.o.SlowAfter)
				defer cancel()
			}
			select {
			case <-c.room:
				continue
			case <-c.gone:
			case <-patience.Done():
				c.abort(ErrSlow)
			}
			break
		}
	}
}

// Drop breaks the connections of all clients as a crash does: with a TCP reset, without
// a close frame. What waits for them is lost.
func (s *Server) Drop() {
	for _, c := range s.snapshot() {
		c.abort(nil)
	}
}

// CloseClients queues a close frame with the code and the reason for every client,
// after what waits for it, and returns before it is written. The code 1005 makes a
// close frame without a code. A reason longer than the 123 bytes that fit is cut.
func (s *Server) CloseClients(code int, reason string) {
	s.order.Lock()
	defer s.order.Unlock()
	for _, c := range s.snapshot() {
		c.finish(code, reason)
	}
}

// Stall makes the server hang: it writes nothing, not even pongs. Connections stay
// open, it reads what clients send, and it accepts new clients. Events wait in the
// buffers of the clients until Resume.
func (s *Server) Stall() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.flow:
		s.flow = make(chan struct{})
	default:
	}
}

// Resume ends a Stall.
func (s *Server) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.flow:
	default:
		close(s.flow)
	}
}

// flowing returns a channel that is closed when the server is not stalled.
func (s *Server) flowing() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flow
}

// Close stops accepting clients and ends a Stall. Each client has SlowAfter to read what
// waits for it, then the connection is closed with code 1001 (going away). Close returns
// when all goroutines of the server have ended. A second Close does nothing.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.Resume()
	s.CloseClients(websocket.CloseGoingAway, "going away")
	if s.server != nil {
		_ = s.server.Close()
	}
	s.running.Wait()
}
