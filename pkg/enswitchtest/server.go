package enswitchtest

import (
	"cmp"
	"context"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
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

// DefaultPath is the path at which messaged serves events.
const DefaultPath = "/events/websocket/"

var (
	// ErrSlow is given to OnClient for a client that did not read fast enough
	// and was cut.
	ErrSlow = errors.New("client too slow")
	// ErrKey is given to OnClient for a request with a wrong key or none.
	ErrKey = errors.New("wrong or missing authkey")
)

// ServerOptions are the settings of a [Server]. Nil and zero fields mean the
// defaults that are named here.
type ServerOptions struct {
	// Authkey is the key that the URL must carry in its parameter authkey.
	// Empty: no key is asked for.
	Authkey string
	// Path is where events are served, DefaultPath if empty. Any other path
	// is answered with 404.
	Path string
	// RejectStatus is the HTTP status that a wrong key gets, 401 if zero.
	RejectStatus int
	// Listener is where NewServer accepts connections; the server closes it.
	// Nil: a free port of 127.0.0.1.
	Listener net.Listener
	// TLS makes NewServer speak TLS with a certificate of its own making, see
	// [Server.Certificate].
	TLS bool
	// ClientBuffer is how many bytes may wait for one client, 16 MiB if zero.
	// A single Send to a client for which nothing waits may exceed it.
	ClientBuffer int
	// SlowAfter is how long Send waits for a client whose buffer is full
	// before it cuts the client, and how long an orderly close waits for the
	// client to read what is left and to answer; one second if zero.
	SlowAfter time.Duration
	// StallAfter is how long a client may take to read what one write hands to
	// the system, at most 256 KiB, before it is cut, whether its buffer is full
	// or not: so it is cut without holding up Send. Zero: for ever.
	StallAfter time.Duration
	// HalfOpenAfter is how long after it began a connection goes dead, as if
	// the cable had been pulled: it stays open, but nothing is written to it any
	// more, not even pongs, and what is sent is lost to the client. Zero: never.
	HalfOpenAfter time.Duration
	// RejectKey has every key refused, the right one too.
	RejectKey bool
	// OnClient is told of each client that has connected, and of its end: err
	// is nil if the client or this server closed or dropped the connection on
	// purpose, ErrSlow if the client was cut, otherwise what broke. A request
	// with a wrong key is told once, with connected false and ErrKey. remote
	// is the client's address. A client that leaves by itself is counted by
	// Clients until OnClient has returned. It is called from many goroutines,
	// and must not call Close or WaitClients with 0, which wait for it.
	OnClient func(remote string, connected bool, err error)
}

// Server sends events to websocket clients as messaged does. It answers pings,
// and reads and ignores whatever else clients send. Make one with [NewServer]
// or, to serve it from an http.Server of one's own, with [NewHandler]. Its
// methods may be called from several goroutines.
type Server struct {
	o        ServerOptions
	upgrader websocket.Upgrader
	server   *http.Server // nil from NewHandler
	listener net.Listener // nil from NewHandler
	cert     *x509.Certificate

	// order is held while something is queued for all clients, so that
	// concurrent sends reach all of them in the same order.
	order sync.Mutex

	mu      sync.Mutex
	clients map[*client]struct{}
	changed chan struct{} // closed, and replaced, when clients has changed
	flow    chan struct{} // closed unless stalled
	closed  bool
	running sync.WaitGroup
}

// NewServer starts a server, which accepts connections when NewServer returns.
// Like httptest it panics if it cannot listen on the loopback interface or
// make a certificate; with a Listener of the caller's and no TLS it cannot
// fail. The caller ends it with Close.
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

// loopbackAnd returns localhost, the loopback addresses, and that of a listener.
func loopbackAnd(addr net.Addr) []string {
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && !tcp.IP.IsUnspecified() {
		return append(loopback[:len(loopback):len(loopback)], tcp.IP.String())
	}
	return loopback[:]
}

// NewHandler makes a server without a listener, to be used as an http.Handler;
// Listener and TLS are ignored, and URL, HTTPURL and Addr are empty. The caller
// ends its clients with Close, as closing an http.Server does not.
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

// URL is the address to connect to, key included:
// "ws://127.0.0.1:40123/events/websocket/?authkey=KEY", or wss with TLS.
func (s *Server) URL() string { return s.url("ws", "wss") }

// HTTPURL is the same address in the form in which the vendor documents it:
// it begins with http, or https with TLS.
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

// Addr is the host and port that the server listens on.
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Certificate is what clients must trust if the option TLS is set, else nil.
// It is valid for the listener's address, localhost and the loopback addresses.
func (s *Server) Certificate() *x509.Certificate { return s.cert }

// ServeHTTP checks path and key, and serves a websocket client until it or the
// server ends.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != s.o.Path {
		http.NotFound(w, r)
		return
	}
	key := r.URL.Query().Get("authkey")
	if s.o.RejectKey || s.o.Authkey != "" && subtle.ConstantTimeCompare([]byte(key), []byte(s.o.Authkey)) == 0 {
		s.tell(r.RemoteAddr, false, ErrKey)
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
	// Only now, so that what OnClient sends reaches the client.
	s.tell(c.remote, true, nil)
	if s.o.HalfOpenAfter > 0 {
		defer time.AfterFunc(s.o.HalfOpenAfter, c.freeze).Stop()
	}
	err := c.run()
	// In this order, so that whoever waits for no clients has been told of them.
	s.tell(c.remote, false, err)
	s.remove(c)
}

func (s *Server) tell(remote string, connected bool, err error) {
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

// snapshot returns the clients of this moment.
func (s *Server) snapshot() []*client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.clients))
}

// Clients is the number of connected clients. One that was dropped or cut is
// not counted any more when the method that did it returns.
func (s *Server) Clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.clients)
}

// WaitClients waits until at least n clients are connected; with n 0, until
// none is. When the context ends first, it returns the context's error.
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

// Send queues one text frame for each of raw for every connected client, in
// order, and returns without waiting for them to be written. The frames of one
// Send go out in as few writes as possible. It copies raw. While a client's
// buffer is full Send waits for it, so that a flood runs at the speed of its
// reader, but for SlowAfter at most: then the client is cut. Without clients
// it does nothing, as messaged keeps nothing for later.
func (s *Server) Send(raw ...[]byte) {
	s.order.Lock()
	defer s.order.Unlock()
	if clients := s.snapshot(); len(clients) > 0 {
		s.queue(clients, textFrames(raw))
	}
}

// SendFrame queues one message of the given opcode (1 text, 2 binary, 9 ping,
// others for hostile tests), in as many frames as there are fragments; without
// any it is one empty frame. It is otherwise like Send.
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

// SendRaw queues bytes for every client as they stand: many frames that
// [AppendFrame] made beforehand, half a frame, or nonsense. It does not copy
// wire, which must not be changed any more; one block may be sent many times.
// A pong or a close frame may follow wherever the bytes end. It is otherwise
// like Send.
func (s *Server) SendRaw(wire []byte) {
	s.order.Lock()
	defer s.order.Unlock()
	s.queue(s.snapshot(), wire)
}

// queue hands the block to each of the clients and cuts those that stay full.
// s.order is held.
func (s *Server) queue(clients []*client, block []byte) {
	var patience context.Context // begins when the first client is found full
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

// Drop breaks the connections of all clients as a crash does: with a TCP reset,
// without a close frame, and without what still waited for them.
func (s *Server) Drop() {
	for _, c := range s.snapshot() {
		c.abort(nil)
	}
}

// CloseClients sends a close frame with the code and reason to every client,
// after what still waits for it, and does not wait for that. The code 1005
// makes a close frame without any code. Reasons are cut to the 123 bytes that
// fit.
func (s *Server) CloseClients(code int, reason string) {
	s.order.Lock()
	defer s.order.Unlock()
	for _, c := range s.snapshot() {
		c.finish(code, reason)
	}
}

// Stall makes the server hang: nothing more is written, not even pongs, but
// connections stay open, what clients send is read, and new clients are
// accepted. What is sent meanwhile waits in the clients' buffers until Resume.
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

// flowing returns a channel that is closed as soon as the server is not
// stalled.
func (s *Server) flowing() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flow
}

// Close stops accepting clients, ends a Stall, lets each client read what
// still waits for it for at most SlowAfter, closes with code 1001 (going
// away), and returns when all goroutines of the server have ended. More calls
// do no harm.
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
