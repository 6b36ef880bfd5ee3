package messaged

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/internal/guard"
)

const (
	userTimeout = time.Minute // how long bytes may stay unacknowledged

	readBuffer   = 256 << 10              // measured: four times as fast as gorilla's 4 KiB on small frames
	minBuffer    = 64 << 10               // for a message
	keptBuffer   = 1 << 20                // a larger buffer is not kept for the next message
	pauseBytes   = 64 << 10               // that have come end a pause: the system holds more before the sender waits
	maxHandshake = 1 << 20                // bytes that may come before the handshake is done
	pingWait     = time.Second            // to write a ping or a pong
	closeWait    = 250 * time.Millisecond // to write a close frame
)

var (
	errHandshakeTooLong = errors.New("the answer to the handshake is too long")
	errStopped          = errors.New("the caller wants no more") // yield returned false
)

// conn is the network connection below gorilla's, and below TLS.
type conn struct {
	net.Conn
	ctx      context.Context
	onWait   func()    // called before each read
	lastRead time.Time // when the last Read returned bytes
	err      error     // of the last Read: gorilla hides the cause of a time-out
	first    [2]byte   // the first bytes received
	limit    int       // bytes that may still come, -1 for no limit

	timeout time.Duration // how long Read may wait, 0 without limit
	armed   time.Time     // when the deadline was set

	pause   time.Duration   // Options.ReadPause
	raw     syscall.RawConn // for a pause
	drained bool            // the last Read took all that had come
}

func (c *conn) Read(p []byte) (int, error) {
	c.onWait()
	if c.drained && c.raw != nil {
		c.rest()
	}
	if c.timeout > 0 {
		// Setting a deadline costs about as much as reading a small event. So it
		// is set a little later than needed, and not at each read.
		slack := min(time.Second, c.timeout/8)
		if now := time.Now(); now.Sub(c.armed) >= slack {
			c.armed = now
			if c.err = c.SetReadDeadline(now.Add(c.timeout + slack)); c.err != nil {
				return 0, c.err
			}
		}
	}
	// Checked after the deadline was set: the end of ctx sets a deadline too,
	// which must not be overwritten.
	if c.err = c.ctx.Err(); c.err != nil {
		return 0, c.err
	}
	var n int
	n, c.err = c.Conn.Read(p)
	if n == 0 && c.timeout > 0 && errors.Is(c.err, os.ErrDeadlineExceeded) {
		n, c.err = c.readLate(p)
	}
	if n > 0 {
		if c.lastRead.IsZero() {
			copy(c.first[:], p[:n])
		}
		c.lastRead = time.Now()
	}
	c.drained = n < len(p) && c.limit < 0 // nothing waits before the handshake is done
	if c.limit >= 0 {
		if c.limit -= n; c.limit < 0 {
			c.limit, c.err = 0, errHandshakeTooLong
			return 0, c.err
		}
	}
	return n, c.err
}

// rest waits for the pause, until many bytes have come, or for the end of ctx.
func (c *conn) rest() {
	c.armed = time.Time{} // the deadline is that of the pause
	if c.SetReadDeadline(time.Now().Add(c.pause)) == nil && c.ctx.Err() == nil {
		awaitBytes(c.raw, pauseBytes)
	}
	if c.timeout == 0 {
		_ = c.SetReadDeadline(time.Time{})
	}
}

// readLate reads once more after the deadline. When the process was suspended,
// or the machine slept, the deadline passed without a fault of the peer: the
// client sent no pings, and bytes of the peer may be waiting.
func (c *conn) readLate(p []byte) (int, error) {
	c.armed = time.Time{} // the next Read sets a new deadline
	if err := c.SetReadDeadline(time.Now().Add(min(time.Second, c.timeout/8))); err != nil {
		return 0, err
	}
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// link is an established websocket connection.
type link struct {
	client   *Client
	conn     *conn
	frames   *frames // between the two, nil if ws reads all frames
	ws       *websocket.Conn
	buf      []byte // the current message, if ws has read it
	gotEvent bool   // a message came that may be an event

	mu       sync.Mutex // guards what follows: pings have their own goroutine
	pings    uint64     // number of pings sent
	lastPing time.Time
}

// deliver yields messages until the connection ends, and returns why: an *Error,
// the error of ctx, or nil if yield returned false. It closes the connection.
func (l *link) deliver(ctx context.Context, yield func(event.Event, error) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	unblock := context.AfterFunc(ctx, func() { _ = l.conn.SetReadDeadline(time.Unix(1, 0)) })
	l.ws.SetPingHandler(l.onPing)
	var pinger sync.WaitGroup
	if interval := l.client.opts.PingInterval; interval > 0 {
		l.ws.SetPongHandler(l.onPong)
		pinger.Go(func() { guard.Run(l.client.opts.OnPanic, func() { l.ping(ctx, interval) }) })
	}
	defer pinger.Wait()
	defer l.close()
	defer cancel()
	defer unblock()

	take := func(text []byte, whole bool) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		l.gotEvent = l.gotEvent || len(text) > 0 && text[0] == '{'
		ev := event.Event{Raw: text, Received: l.conn.lastRead, Source: l.client.addr}
		if !whole {
			ev.Raw = text[:min(len(text), MaxExcerpt)]
			l.client.opts.OnReject(ev, ErrTooLong)
		} else if !yield(ev, nil) {
			return errStopped
		}
		return nil
	}
	if l.frames != nil {
		l.frames.most = min(l.client.opts.MaxMessage, readBuffer-maxHeader)
		l.frames.message = func(text []byte) error { return take(text, true) }
	}
	for {
		whole, err := l.read()
		if err == nil {
			err = take(l.buf, whole)
		}
		switch {
		case errors.Is(err, errStopped):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return l.client.lost(err, l.conn.err)
		}
		if cap(l.buf) > keptBuffer {
			l.buf = nil // large messages are rare, and the feed may be quiet for hours
		}
	}
}

// read reads the next message that l.frames does not yield into l.buf. For a message that is
// too long it returns false after the beginning; gorilla skips the rest at the next read.
func (l *link) read() (whole bool, err error) {
	_, r, err := l.ws.NextReader()
	if err != nil {
		return false, err
	}
	limit := l.client.opts.MaxMessage
	l.buf = l.buf[:0]
	for {
		// The buffer grows with the bytes received, not with the length that a
		// frame announces, which costs the sender nothing.
		if len(l.buf) == cap(l.buf) {
			grown := make([]byte, len(l.buf), max(minBuffer, min(2*cap(l.buf), limit+1)))
			copy(grown, l.buf)
			l.buf = grown
		}
		n, err := r.Read(l.buf[len(l.buf):cap(l.buf)])
		l.buf = l.buf[:len(l.buf)+n]
		switch {
		case len(l.buf) > limit:
			return false, nil
		case err == io.EOF:
			return true, nil
		case err != nil:
			return false, err
		}
	}
}

// close sends a close frame, if that is quick, and closes the connection.
func (l *link) close() {
	goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	err := l.ws.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(closeWait))
	if err == nil {
		_ = l.ws.Close()
	}
	// Closing TLS would wait five seconds for a peer that reads nothing.
	_ = l.conn.Close()
}

// ping sends a numbered ping each interval until ctx ends.
func (l *link) ping(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		l.mu.Lock()
		l.pings++
		l.lastPing = now
		payload := strconv.AppendUint(nil, l.pings, 10)
		l.mu.Unlock()
		if l.ws.WriteControl(websocket.PingMessage, payload, now.Add(pingWait)) != nil {
			return // gorilla writes nothing any more; the reader finds the reason
		}
	}
}

// onPing answers a ping. It runs during a read. A failed write does not end the
// reading: the server may be slow, and if it is gone, reading fails too.
func (l *link) onPing(payload string) error {
	_ = l.ws.WriteControl(websocket.PongMessage, []byte(payload), time.Now().Add(pingWait))
	return nil
}

// onPong takes the answer to a ping. It runs during a read.
func (l *link) onPong(payload string) error {
	l.mu.Lock()
	pings, lastPing := l.pings, l.lastPing
	l.mu.Unlock()
	n, err := strconv.ParseUint(payload, 10, 64)
	if err != nil || n == 0 || n > pings {
		return nil //nolint:nilerr // a pong without a ping proves nothing
	}
	l.conn.timeout = 2 * l.client.opts.PingInterval
	if n == pings {
		l.client.opts.OnState(State{Status: Pong, RTT: time.Since(lastPing)})
	}
	return nil
}
