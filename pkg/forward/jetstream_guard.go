package forward

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Two kinds of events can be older than they look when the process was stopped: one that was
// looked for in the stream but not yet written to the connection, and one that waited in a
// socket. Meanwhile another forwarder may have published the same event, and the server may
// have forgotten its id again.

// freshness says how long what waits to be written to the connection may still be written.
type freshness struct {
	oldest atomic.Int64 // when the first of it was looked for, in Unix nanoseconds; 0 for none
	window atomic.Int64 // the duplicate window in nanoseconds, 0 if it is not known yet
}

// minFresh is the time that a process may take that is slow but not stopped.
const minFresh = 100 * time.Millisecond

// limit returns how old it may be. Together with half the window, after which an event is looked
// for, and the time for which a pulse notices nothing, it is less than the window.
func (f *freshness) limit() time.Duration {
	if w := f.window.Load(); w != 0 {
		return max(time.Duration(w/8), minFresh)
	}
	return StreamWindow / 8
}

// guard is a connection that breaks rather than write an event that is no longer fresh.
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
	if at != 0 && time.Now().UnixNano()-at > int64(g.fresh.limit()) {
		_ = g.Close()
		return 0, errStale
	}
	return g.Conn.Write(p)
}

// lateFor is for how long after the process was stopped events come that had waited.
const lateFor = 30 * time.Second

// pulse notices that the process was stopped, or the machine.
type pulse struct {
	mu               sync.Mutex
	last             time.Time // by the wall clock, which goes on while the machine sleeps
	stopped, resumed time.Time
}

// beat notes that the process runs at the time now, and had been stopped if the last beat was
// longer ago than limit.
func (p *pulse) beat(now time.Time, limit time.Duration) {
	now = now.Round(0)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.last.IsZero() && now.Sub(p.last) > limit {
		if now.Sub(p.resumed) > lateFor {
			p.stopped = p.last
		}
		p.resumed = now
	}
	p.last = now
}

// since returns since when an event may have waited that was received at that time.
func (p *pulse) since(received time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if received.After(p.stopped) && received.Before(p.resumed.Add(lateFor)) {
		return p.stopped
	}
	return received
}

// keep beats until ctx is done.
func (p *pulse) keep(ctx context.Context, f *freshness) {
	for ctx.Err() == nil {
		limit := f.limit()
		p.beat(time.Now(), limit)
		select {
		case <-time.After(min(limit/4, time.Second)):
		case <-ctx.Done():
		}
	}
}
