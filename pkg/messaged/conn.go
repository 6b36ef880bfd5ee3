package messaged

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

const (
	userTimeout = time.Minute // how long what was sent may stay unacknowledged

	readBuffer     = 256 << 10              // measured: four times as fast as gorilla's 4 KiB on small frames
	firstMessage   = 64 << 10               // room for a message to begin with
	keptMessage    = 1 << 20                // a buffer above it is not kept for the next message
	handshakeLimit = 1 << 20                // bytes that may come before the handshake is done
	pingWait       = time.Second            // to write a ping or an answer to one
	closeWait      = 250 * time.Millisecond // to write a close frame
)

var errHandshakeTooLong = errors.New("the answer to the handshake is too long")

// conn is the network connection below gorilla's, and below TLS. It knows when
// bytes came, when the reader is about to wait, and how long it may.
type conn struct {
	net.Conn
	ctx    context.Context
	onWait func()
	at     time.Time // when the last Read that had bytes returned
	err    error     // of the last Read: gorilla hides the cause of a time-out
	first  [2]byte   // the first bytes that came
	budget int       // bytes that may still come, -1 for any number

	patience time.Duration // how long Read may wait, 0 for ever
	armed    time.Time     // when the deadline was set
}

func (c *conn) Read(p []byte) (int, error) {
	c.onWait()
	if c.patience > 0 {
		// Setting a deadline costs about as much as reading a small event, so
		// it is set a little long and not at each read.
		slack := min(time.Second, c.patience/8)
		if now := time.Now(); now.Sub(c.armed) >= slack {
			c.armed = now
			if c.err = c.SetReadDeadline(now.Add(c.patience + slack)); c.err != nil {
				return 0, c.err
			}
		}
	}
	// After the deadline was set, not before: what ends ctx sets a deadline
	// too, and that one must be the last.
	if c.err = c.ctx.Err(); c.err != nil {
		return 0, c.err
	}
	var n int
	n, c.err = c.Conn.Read(p)
	if n == 0 && c.patience > 0 && errors.Is(c.err, os.ErrDeadlineExceeded) {
		n, c.err = c.readLate(p)
	}
	if n > 0 {
		if c.at.IsZero() {
			copy(c.first[:], p[:n])
		}
		c.at = time.Now()
	}
	if c.budget >= 0 {
		if c.budget -= n; c.budget < 0 {
			c.budget, c.err = 0, errHandshakeTooLong
			return 0, c.err
		}
	}
	return n, c.err
}

// readLate reads once more when the time is over. After the process was
// suspended, or the machine slept, the deadline has passed although the peer is
// not to blame: what it sent meanwhile is still to be read, and it was not
// pinged.
func (c *conn) readLate(p []byte) (int, error) {
	c.armed = time.Time{} // the next Read has all its time again
	if err := c.SetReadDeadline(time.Now().Add(min(time.Second, c.patience/8))); err != nil {
		return 0, err
	}
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// link is a websocket connection that stands.
type link struct {
	client *Client
	conn   *conn
	ws     *websocket.Conn
	buf    []byte // the message being read
	heard  bool   // a message came that may be an event

	mu     sync.Mutex // the pings are sent by a goroutine of their own
	pings  uint64     // sent
	pinged time.Time  // when the last one was
}

// deliver yields messages until the connection ends, which it returns as an
// *Error, or the consumer has had enough, which is nil. It closes the
// connection.
func (l *link) deliver(ctx context.Context, yield func(event.Event, error) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	unblock := context.AfterFunc(ctx, func() { _ = l.conn.SetReadDeadline(time.Unix(1, 0)) })
	l.ws.SetPingHandler(l.answer)
	var pinger sync.WaitGroup
	if interval := l.client.opts.PingInterval; interval > 0 {
		l.ws.SetPongHandler(l.pong)
		pinger.Go(func() { l.ping(ctx, interval) })
	}
	defer pinger.Wait()
	defer l.close()
	defer cancel()
	defer unblock()

	for {
		whole, err := l.read()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return l.client.lost(err, l.conn.err)
		}
		l.heard = l.heard || len(l.buf) > 0 && l.buf[0] == '{'
		ev := event.Event{Raw: l.buf, Received: l.conn.at, Source: l.client.shown}
		if !whole {
			ev.Raw = l.buf[:min(len(l.buf), RejectExcerpt)]
			l.client.opts.OnReject(ev, ErrTooLong)
		} else if !yield(ev, nil) {
			return nil
		}
		if cap(l.buf) > keptMessage {
			l.buf = nil // rare enough, and the feed may stay quiet for hours
		}
	}
}

// read reads the next message into l.buf. It reports whether all of it is
// there: of a message that is too long only the beginning is, and gorilla
// skips the rest when the next one is read.
func (l *link) read() (whole bool, err error) {
	_, r, err := l.ws.NextReader()
	if err != nil {
		return false, err
	}
	limit := l.client.opts.MaxMessage
	l.buf = l.buf[:0]
	for {
		// The buffer grows with what has come, never with what a frame's
		// header announces.
		if len(l.buf) == cap(l.buf) {
			grown := make([]byte, len(l.buf), max(firstMessage, min(2*cap(l.buf), limit+1)))
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

// close says goodbye, if that can be done quickly, and closes.
func (l *link) close() {
	goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	err := l.ws.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(closeWait))
	if err == nil {
		_ = l.ws.Close()
	}
	// TLS would wait five seconds to say goodbye to a peer that takes nothing.
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
		l.pinged = now
		payload := strconv.AppendUint(nil, l.pings, 10)
		l.mu.Unlock()
		if l.ws.WriteControl(websocket.PingMessage, payload, now.Add(pingWait)) != nil {
			return // a failed write is for ever; the reader finds out what happened
		}
	}
}

// answer answers a ping, while reading. That it cannot be written is no reason
// to stop reading: the server may be slow, and if it is gone, reading says so.
func (l *link) answer(payload string) error {
	_ = l.ws.WriteControl(websocket.PongMessage, []byte(payload), time.Now().Add(pingWait))
	return nil
}

// pong takes the answer to a ping, while reading.
func (l *link) pong(payload string) error {
	l.mu.Lock()
	pings, pinged := l.pings, l.pinged
	l.mu.Unlock()
	n, err := strconv.ParseUint(payload, 10, 64)
	if err != nil || n == 0 || n > pings {
		return nil //nolint:nilerr // an answer to nothing that was asked proves nothing
	}
	l.conn.patience = 2 * l.client.opts.PingInterval
	if n == pings {
		l.client.opts.OnState(State{Status: Answered, RTT: time.Since(pinged)})
	}
	return nil
}
