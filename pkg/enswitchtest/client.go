package enswitchtest

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// The limits of one write. They are small enough that the buffer of a slow reader
// shrinks in steps while a large block is written.
const (
	writeBytes  = 256 << 10
	writeBlocks = 1024 // the maximum of writev
)

// client is one connection. Two goroutines work on it: the handler's, which reads, and a
// writer. Only the writer writes, so that pongs and close frames never end up in the
// middle of another frame: they are in the queue like events.
type client struct {
	s       *Server
	ws      *websocket.Conn
	conn    net.Conn
	remote  string
	more    chan struct{} // holds a token if there is something to write, or the end
	room    chan struct{} // holds a token if the buffer is at most half full again
	gone    chan struct{} // closed when the connection is over
	written chan struct{} // closed when the writer has ended

	mu     sync.Mutex
	queue  [][]byte
	queued int  // bytes in queue, and of the blocks that the writer has taken
	ending bool // a close frame has been queued, nothing may follow
	over   bool // gone is closed
	frozen bool // nothing is written any more
	cause  error
}

func newClient(s *Server, ws *websocket.Conn, remote string) *client {
	return &client{
		s:       s,
		ws:      ws,
		conn:    ws.NetConn(),
		remote:  remote,
		more:    make(chan struct{}, 1),
		room:    make(chan struct{}, 1),
		gone:    make(chan struct{}),
		written: make(chan struct{}),
	}
}

// signal puts a token into the channel unless it has one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// push queues a block. It returns false if there is no room. For a client that is
// ending it does nothing.
func (c *client) push(block []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending || c.over || c.frozen || len(block) == 0 {
		return true
	}
	if c.queued > 0 && c.queued+len(block) > c.s.o.ClientBuffer {
		return false
	}
	c.add(block)
	return true
}

// add queues a block. c.mu is held.
func (c *client) add(block []byte) {
	c.queue = append(c.queue, block)
	c.queued += len(block)
	signal(c.more)
}

// finish queues a close frame. The client has SlowAfter to read what waits for it and to
// answer.
func (c *client) finish(code int, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending || c.over {
		return
	}
	c.ending = true
	reason = reason[:min(len(reason), 123)]
	c.add(AppendFrame(nil, true, websocket.CloseMessage, websocket.FormatCloseMessage(code, reason)))
	_ = c.conn.SetDeadline(time.Now().Add(c.s.o.SlowAfter))
}

// abort breaks the connection with a TCP reset.
func (c *client) abort(cause error) {
	if c.end(cause) {
		raw := c.conn
		if t, ok := raw.(interface{ NetConn() net.Conn }); ok {
			raw = t.NetConn() // below TLS, which would close properly
		}
		if t, ok := raw.(interface{ SetLinger(int) error }); ok {
			_ = t.SetLinger(0)
		}
		_ = raw.Close()
	}
	c.s.remove(c)
}

// end notes that the connection is over, and why. It returns true for the first call,
// and the others have no effect.
func (c *client) end(cause error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return false
	}
	c.over = true
	if !c.ending {
		c.cause = cause
	}
	close(c.gone)
	return true
}

// run reads until the connection ends. It returns why, nil if either side closed it on
// purpose.
func (c *client) run() error {
	go c.write()
	c.ws.SetPingHandler(func(data string) error {
		// If the buffer is full, the pong is lost: a client that pings without
		// reading must not cost memory.
		c.push(AppendFrame(nil, true, websocket.PongMessage, []byte(data)))
		return nil
	})
	goodbye := false
	c.ws.SetCloseHandler(func(code int, _ string) error {
		goodbye = true
		c.finish(code, "")
		return nil
	})
	var err error
	for err == nil {
		_, _, err = c.ws.NextReader() // skips the message before
	}
	if goodbye {
		// The answer to its close frame must still be written, but a stalled
		// server must not keep the connection for ever.
		patience := time.NewTimer(c.s.o.SlowAfter)
		select {
		case <-c.written:
		case <-patience.C:
		}
		patience.Stop()
	}
	c.end(err)
	_ = c.ws.Close()
	<-c.written
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// write writes what is queued until the connection is over or its close frame
// has been written.
func (c *client) write() {
	defer close(c.written)
	var work, batch [][]byte
	for {
		c.mu.Lock()
		work, c.queue = c.queue, work[:0]
		ending := c.ending
		c.mu.Unlock()
		if len(work) == 0 {
			if ending {
				return
			}
			select {
			case <-c.more:
				continue
			case <-c.gone:
				return
			}
		}
		for i := 0; i < len(work); {
			select {
			case <-c.flowing():
			case <-c.gone:
				return
			}
			size := 0
			for batch = batch[:0]; i < len(work) && size < writeBytes && len(batch) < writeBlocks; {
				part := work[i][:min(len(work[i]), writeBytes-size)]
				batch, size = append(batch, part), size+len(part)
				if work[i] = work[i][len(part):]; len(work[i]) == 0 {
					work[i] = nil
					i++
				}
			}
			buffers := net.Buffers(batch)
			c.setDeadline()
			if _, err := buffers.WriteTo(c.conn); err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					err = ErrSlow
				}
				c.end(err)
				_ = c.ws.Close() // wakes the reader
				return
			}
			c.wrote(size)
		}
	}
}

// freeze stops all writing and keeps the connection open. It wakes a Send that waits for
// room.
func (c *client) freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen = true
	signal(c.room)
}

// flowing returns a channel that is closed when writing is allowed.
func (c *client) flowing() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.frozen {
		return nil
	}
	return c.s.flowing()
}

// setDeadline gives the client StallAfter for the next write.
func (c *client) setDeadline() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.s.o.StallAfter > 0 && !c.ending {
		_ = c.conn.SetWriteDeadline(time.Now().Add(c.s.o.StallAfter))
	}
}

func (c *client) wrote(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queued -= n; c.queued <= c.s.o.ClientBuffer/2 {
		signal(c.room)
	}
}
