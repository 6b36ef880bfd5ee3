package forward

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A request to a server without TLS, and without a proxy, goes over a plainConn: one goroutine
// writes it and reads the answer, which takes half the time of net/http with its two goroutines a
// connection. A larger request than maxPlain goes through net/http, which can read the answer
// while it still writes.

const (
	// maxPlain is the size of a request that fits into the buffers of a connection at both ends,
	// so that writing it does not wait for the server.
	maxPlain = 64 << 10
	// maxIdle is the longest time for which a connection may have been idle to be used again.
	maxIdle = 90 * time.Second
	// quickIdle is how long it may have been idle to be used again without a look at whether
	// the server has closed it, and lookTime how long that look takes.
	quickIdle = time.Second
	lookTime  = time.Millisecond
)

// plainClient has the connections to one server.
type plainClient struct {
	address string
	head    []byte // of a request, up to the length of its body
	request *http.Request
	timeout time.Duration
	most    int // idle connections

	mu     sync.Mutex
	idle   []*plainConn // the one that was used last is the last
	closed bool
}

// plainConn is a connection. One goroutine at a time uses it.
type plainConn struct {
	net.Conn
	in    *bufio.Reader
	limit io.LimitedReader // of in
	out   []byte
	since time.Time // when it became idle
	used  bool
}

// newPlainClient returns a client for the target t, nil if its requests must go by net/http.
func newPlainClient(t *httpTarget) *plainClient {
	if t.url.Scheme != "http" || strings.ContainsFunc(t.url.Host, func(r rune) bool { return r >= 0x80 || r == '%' }) {
		return nil
	}
	request := &http.Request{Method: http.MethodPost, URL: t.url, Header: t.base}
	if proxy, err := http.ProxyFromEnvironment(request); proxy != nil || err != nil {
		return nil
	}
	var head bytes.Buffer
	head.WriteString("POST " + t.url.RequestURI() + " HTTP/1.1\r\nHost: " + strings.TrimSuffix(t.url.Host, ":") + "\r\n")
	_ = t.base.Write(&head)
	head.WriteString("Content-Length: ")
	return &plainClient{address: hostPort(t.url), head: head.Bytes(), request: request, timeout: t.o.Timeout, most: t.o.Connections}
}

// hostPort returns the host and the port of a URL.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// post sends a request with these fields of the header besides those that all requests have,
// and returns its answer. The connection must be given to done once the body of the answer,
// which must not be closed, has been read.
func (p *plainClient) post(ctx context.Context, fields []field, body []byte) (answer *http.Response, c *plainConn, err error) {
	deadline := time.Now().Add(p.timeout)
	for again := false; ; again = true {
		if c, err = p.connect(ctx, deadline, again); err != nil {
			return nil, nil, err
		}
		if err = c.SetDeadline(deadline); err == nil {
			stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
			answer, err = c.exchange(p, fields, body)
			stop()
		}
		if err == nil {
			return answer, c, nil
		}
		_ = c.Close()
		// A server may close an idle connection at any time: then it has not read the request.
		if !c.used || again || ctx.Err() != nil || c.limit.N < maxHeader || isTimeout(err) {
			return nil, nil, err
		}
	}
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// connect returns a connection, always another one if fresh is set.
func (p *plainClient) connect(ctx context.Context, deadline time.Time, fresh bool) (*plainConn, error) {
	for !fresh {
		p.mu.Lock()
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			break
		}
		c := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		if c.alive() {
			return c, nil
		}
		_ = c.Close()
	}
	conn, err := (&net.Dialer{Deadline: deadline}).DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, err
	}
	c := &plainConn{Conn: conn}
	c.limit.R = conn
	c.in = bufio.NewReaderSize(&c.limit, 4<<10)
	return c, nil
}

// alive reports whether an idle connection can be used again, as far as that is known: the
// server has neither closed it nor said anything more, such as 408.
func (c *plainConn) alive() bool {
	idle := time.Since(c.since)
	if idle < quickIdle {
		return true
	}
	if idle > maxIdle || c.SetReadDeadline(time.Now().Add(lookTime)) != nil {
		return false
	}
	c.limit.N = 1
	_, err := c.in.Peek(1)
	return isTimeout(err)
}

// exchange writes a request and reads the answer up to its body.
func (c *plainConn) exchange(p *plainClient, fields []field, body []byte) (*http.Response, error) {
	out := strconv.AppendInt(append(c.out[:0], p.head...), int64(len(body)), 10)
	for _, f := range fields {
		out = append(append(append(append(out, "\r\n"...), f.name...), ": "...), f.value...)
	}
	c.out = append(append(out, "\r\n\r\n"...), body...)
	_, failed := c.Write(c.out)
	c.limit.N = maxHeader
	for { // after a failed write there may be an answer, too, that says why
		answer, err := http.ReadResponse(c.in, p.request)
		switch {
		case err == nil && answer.StatusCode < 200 && answer.StatusCode != http.StatusSwitchingProtocols:
			continue
		case err == nil:
			c.limit.N = math.MaxInt64
			return answer, nil
		case c.limit.N <= 0:
			return nil, errLongHeader
		case failed != nil:
			return nil, failed
		}
		return nil, err
	}
}

// errLongHeader says that the header of an answer is longer than maxHeader.
var errLongHeader = errors.New("response headers exceeded")

// done gives back a connection whose answer has been read, to its end if whole is set.
func (p *plainClient) done(c *plainConn, answer *http.Response, whole bool) {
	if !whole || answer.Close || answer.StatusCode == http.StatusSwitchingProtocols || c.in.Buffered() > 0 {
		_ = c.Close()
		return
	}
	c.used, c.since = true, time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= p.most {
		_ = c.Close()
		return
	}
	p.idle = append(p.idle, c)
}

// close closes the idle connections.
func (p *plainClient) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		_ = c.Close()
	}
	p.idle = nil
}
