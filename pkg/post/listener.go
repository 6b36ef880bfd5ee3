package post

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// LimitListener returns a listener that keeps at most n connections of l open,
// n at least 1. One more closes the connection that has been silent longest:
// making the new one wait would delay a call, and turning it away would let
// whoever opens n idle connections shut everybody out. Where the system allows
// fewer open files, n becomes smaller, so that some are left for others.
//
// Connections that are closed in this way, and such that begin with TLS, are
// reported to onFault, unless that is nil.
func LimitListener(l net.Listener, n int, onFault func(Fault)) net.Listener {
	if onFault == nil {
		onFault = func(Fault) {}
	}
	return &limitListener{Listener: l, onFault: onFault, most: max(n, 1), conns: make(map[*limitedConn]struct{})}
}

// spareFiles is how many open files are left for others where the system allows
// no more of them.
const spareFiles = 16

type limitListener struct {
	net.Listener
	onFault func(Fault)
	reads   atomic.Int64 // of all connections, in the place of a clock

	mu    sync.Mutex
	most  int
	conns map[*limitedConn]struct{}
}

func (l *limitListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		switch {
		case err == nil:
			return l.add(c), nil
		case !noFiles(err) || !l.shrink():
			return nil, err
		}
	}
}

// noFiles reports whether there can be no more open files.
func noFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// add makes c one of the connections, in the place of another if need be.
func (l *limitListener) add(c net.Conn) net.Conn {
	conn := &limitedConn{Conn: c, listener: l, reads: deadline{move: c.SetReadDeadline}, writes: deadline{move: c.SetWriteDeadline}}
	conn.heard.Store(l.reads.Add(1))
	l.mu.Lock()
	silent := l.take(len(l.conns) + 1 - l.most)
	l.conns[conn] = struct{}{}
	l.mu.Unlock()
	l.end(silent)
	return conn
}

// shrink lowers the limit below the number of connections. It reports false if
// there is none to close.
func (l *limitListener) shrink() bool {
	l.mu.Lock()
	l.most = max(min(l.most, len(l.conns)-spareFiles), 1)
	silent := l.take(len(l.conns) + 1 - l.most)
	l.mu.Unlock()
	l.end(silent)
	return len(silent) > 0
}

// take removes the n connections that have been silent longest. The mutex is
// held.
func (l *limitListener) take(n int) (silent []*limitedConn) {
	for len(silent) < n && len(l.conns) > 0 {
		var longest *limitedConn
		for conn := range l.conns {
			if longest == nil || conn.heard.Load() < longest.heard.Load() {
				longest = conn
			}
		}
		delete(l.conns, longest)
		silent = append(silent, longest)
	}
	return silent
}

func (l *limitListener) end(silent []*limitedConn) {
	for _, conn := range silent {
		_ = conn.Conn.Close()
		l.onFault(Fault{Kind: TooManyConns, Remote: host(conn.RemoteAddr().String()), Text: "closed as the one silent longest"})
	}
}

type limitedConn struct {
	net.Conn
	listener      *limitListener
	heard         atomic.Int64 // listener.reads when something was last read
	begun         bool         // something has been read
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
		if !c.begun && n > 1 && p[0] == 0x16 && p[1] == 3 { // a TLS handshake
			c.listener.onFault(Fault{Kind: TLS, Remote: host(c.RemoteAddr().String()), Text: "a TLS handshake"})
		}
		c.begun = true
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
