package forward

import (
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// An event is published within a quarter of the duplicate window after it was looked at, or not
// at all. Otherwise a process that was stopped for a while, or whose connection hung, would
// publish what its twin has published meanwhile, when the server no longer knows the id.

// freshness is until when what waits to be written to the connection may be written.
type freshness struct {
	oldest atomic.Int64 // when the first of it was looked at, in Unix nanoseconds; 0 for none
	limit  atomic.Int64 // in nanoseconds
}

// guard is a connection that breaks rather than to write an event that is no longer fresh.
type guard struct {
	net.Conn
	fresh *freshness
}

var errStale = errors.New("the process was stopped, or the connection hung")

// newGuard returns a guard of a new connection.
func newGuard(conn net.Conn, fresh *freshness) *guard {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // what the other side has not got when it is closed is not sent later
	}
	fresh.oldest.Store(0)
	return &guard{conn, fresh}
}

// Write implements [net.Conn].
func (g *guard) Write(p []byte) (int, error) {
	at := g.fresh.oldest.Swap(0)
	if at != 0 && time.Now().UnixNano()-at > g.fresh.limit.Load() {
		_ = g.Close()
		return 0, errStale
	}
	return g.Conn.Write(p)
}
