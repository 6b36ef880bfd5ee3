package post

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// LimitListener returns a listener that keeps at most maxConns connections of l open,
// at least 1. When one more comes, it closes the connection that has been silent
// longest: a new connection that had to wait would delay a call, and if it were turned
// away, idle connections could shut out everybody. If the system allows fewer open
// files, it lowers the limit, so that some are left for the rest of the program.
//
// onFault gets the connections that were closed in this way, and those that begin with
// TLS; it may be nil. It is called from many goroutines and must return soon.
func LimitListener(l net.Listener, maxConns int, onFault func(Fault)) net.Listener {
	if onFault == nil {
		onFault = func(Fault) {}
	}
	return &limitListener{Listener: l, onFault: onFault, limit: max(maxConns, 1), conns: make(map[*limitedConn]struct{})}
}

// spareFiles is how many open files are left for the rest of the program when the
// system allows no more.
const spareFiles = 16

type limitListener struct {
	net.Listener
	onFault func(Fault)
	reads   atomic.Int64 // number of reads of all connections: cheaper than a clock

	mu    sync.Mutex
	limit int
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

// noFiles reports whether the limit of open files is reached.
func noFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// add adds c to the connections, and closes another one if there are too many.
func (l *limitListener) add(c net.Conn) net.Conn {
	conn := &limitedConn{Conn: c, listener: l, reads: deadline{move: c.SetReadDeadline}, writes: deadline{move: c.SetWriteDeadline}}
	conn.lastRead.Store(l.reads.Add(1))
	l.mu.Lock()
	silent := l.take(len(l.conns) + 1 - l.limit)
	l.conns[conn] = struct{}{}
	l.mu.Unlock()
	l.close(silent)
	return conn
}

// shrink lowers the limit below the number of connections and closes the excess. It
// returns false if there is nothing to close.
func (l *limitListener) shrink() bool {
	l.mu.Lock()
	l.limit = max(min(l.limit, len(l.conns)-spareFiles), 1)
	silent := l.take(len(l.conns) + 1 - l.limit)
	l.mu.Unlock()
	l.close(silent)
	return len(silent) > 0
}

// take removes the n connections that have been silent longest. mu is held.
func (l *limitListener) take(n int) (silent []*limitedConn) {
	for len(silent) < n && len(l.conns) > 0 {
		var longest *limitedConn
		for conn := range l.conns {
			if longest == nil || conn.lastRead.Load() < longest.lastRead.Load() {
				longest = conn
			}
		}
		delete(l.conns, longest)
		silent = append(silent, longest)
	}
	return silent
}

func (l *limitListener) close(silent []*limitedConn) {
	for _, conn := range silent {
		_ = conn.Conn.Close()
		l.onFault(Fault{Kind: TooManyConns, Remote: host(conn.RemoteAddr().String()), Text: "closed as the one silent longest"})
	}
}

type limitedConn struct {
	net.Conn
	listener      *limitListener
	lastRead      atomic.Int64 // listener.reads at the last read with bytes
	begun         bool         // bytes have been read
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
		c.lastRead.Store(c.listener.reads.Add(1))
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

// CloseWrite is called by net/http after a refusal, so that the sender can still read
// the answer.
func (c *limitedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
