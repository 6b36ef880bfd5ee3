package post

import (
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of a server, against senders that are slow, silent or many.
const (
	// HeaderTimeout is how long a request's header may take to arrive, and a
	// TLS handshake.
	HeaderTimeout = 5 * time.Second
	// RequestTimeout is how long a whole request may take to arrive.
	RequestTimeout = 10 * time.Second
	// AnswerTimeout is how long after the header an answer may still be
	// written.
	AnswerTimeout = 20 * time.Second
	// IdleTimeout is how long a connection is kept without a request. It is
	// long, as a connection cut just when a request is sent loses the event.
	IdleTimeout = 2 * time.Minute
	// MaxHeader is the most bytes of a request's header.
	MaxHeader = 16 << 10
	// MaxConns is how many connections LimitListener should be given to keep.
	MaxConns = 1024
)

// NewServer returns a server for h, as a rule a [Handler], with the limits
// above, HTTP/1 only, TLS 1.2 or later. Serve it on a [LimitListener], which
// also makes the limits of time cheap. Of its TLSConfig the certificates are
// left to the caller.
//
// Faults of connections go to onFault, one line each, or nowhere if that is
// nil. It is called concurrently and must be quick. The lines name addresses
// but no URL, so no key.
func NewServer(h http.Handler, onFault func(line string)) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            HeaderTimeout,
		ReadTimeout:                  RequestTimeout,
		WriteTimeout:                 AnswerTimeout,
		IdleTimeout:                  IdleTimeout,
		MaxHeaderBytes:               MaxHeader,
		Protocols:                    &protocols,
		TLSConfig:                    &tls.Config{MinVersion: tls.VersionTLS12},
		DisableGeneralOptionsHandler: true, // every request is counted, OPTIONS * too
		ErrorLog:                     log.New(faultWriter(onFault), "", 0),
	}
}

type faultWriter func(line string)

func (f faultWriter) Write(p []byte) (int, error) {
	if f != nil {
		f(strings.TrimSuffix(string(p), "\n"))
	}
	return len(p), nil
}

// LimitListener returns a listener that keeps at most n connections of l open,
// n at least 1. One more closes the connection that has been silent longest:
// making the new one wait would delay a call, and turning it away would let
// whoever opens n idle connections shut everybody out.
func LimitListener(l net.Listener, n int) net.Listener {
	return &limitListener{Listener: l, most: max(n, 1), conns: make(map[*limitedConn]struct{})}
}

type limitListener struct {
	net.Listener
	most  int
	reads atomic.Int64 // of all connections, in the place of a clock

	mu    sync.Mutex
	conns map[*limitedConn]struct{}
}

func (l *limitListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn := &limitedConn{Conn: c, listener: l, reads: deadline{move: c.SetReadDeadline}, writes: deadline{move: c.SetWriteDeadline}}
	conn.heard.Store(l.reads.Add(1))
	var silent *limitedConn
	l.mu.Lock()
	if len(l.conns) >= l.most {
		for other := range l.conns {
			if silent == nil || other.heard.Load() < silent.heard.Load() {
				silent = other
			}
		}
		delete(l.conns, silent)
	}
	l.conns[conn] = struct{}{}
	l.mu.Unlock()
	if silent != nil {
		_ = silent.Conn.Close()
	}
	return conn, nil
}

type limitedConn struct {
	net.Conn
	listener      *limitListener
	heard         atomic.Int64 // listener.reads when something was last read
	reads, writes deadline
}

func (c *limitedConn) Read(p []byte) (n int, err error) {
	for again := true; again; {
		if err := c.reads.begin(); err != nil {
			return 0, err
		}
		n, err = c.Conn.Read(p)
		again = c.reads.again(err) && n == 0
	}
	if n > 0 {
		c.heard.Store(c.listener.reads.Add(1))
	}
	return n, err
}

func (c *limitedConn) Write(p []byte) (n int, err error) {
	for again := true; again; {
		if err := c.writes.begin(); err != nil {
			return n, err
		}
		var more int
		more, err = c.Conn.Write(p[n:])
		n += more
		again = c.writes.again(err)
	}
	return n, err
}

func (c *limitedConn) SetReadDeadline(t time.Time) error  { return c.reads.set(t) }
func (c *limitedConn) SetWriteDeadline(t time.Time) error { return c.writes.set(t) }

func (c *limitedConn) SetDeadline(t time.Time) error {
	return errors.Join(c.reads.set(t), c.writes.set(t))
}

func (c *limitedConn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.conns, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite lets net/http end a refused request so that the sender still
// reads the answer.
func (c *limitedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
