package messaged

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"syscall"

	"github.com/gorilla/websocket"
)

// stage is how far an attempt to connect has come.
type stage int

const (
	dialing   stage = iota // name lookup, TCP, proxy
	securing               // TLS handshake
	upgrading              // websocket handshake
)

// attempt is what is known about an attempt to connect. It explains a failure.
type attempt struct {
	stage stage
	proxy *url.URL       // nil without a proxy
	conn  *conn          // nil before TCP is connected, to the server or the proxy
	resp  *http.Response // nil before an HTTP answer has come
}

// handshakeHeader returns h without the headers that gorilla sets itself: it
// refuses a request that brings its own.
func handshakeHeader(h http.Header) http.Header {
	h = h.Clone()
	for name := range h {
		switch canonical := http.CanonicalHeaderKey(name); {
		case canonical == "Upgrade", canonical == "Connection", strings.HasPrefix(canonical, "Sec-Websocket-"):
			delete(h, name)
		}
	}
	return h
}

func tlsConfig(config *tls.Config) *tls.Config {
	if config == nil {
		config = &tls.Config{}
	}
	config = config.Clone()
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	config.NextProtos = []string{"http/1.1"} // HTTP/2 has no Upgrade
	return config
}

// connect makes one attempt. Its error is an *Error.
func (c *Client) connect(ctx context.Context) (*link, error) {
	var a attempt
	if err := c.chooseProxy(&a); err != nil {
		return nil, err
	}
	dialer := websocket.Dialer{
		HandshakeTimeout: c.opts.ConnectTimeout,
		TLSClientConfig:  c.opts.TLS,
		ReadBufferSize:   readBuffer,
		WriteBufferSize:  1024, // only control frames are written, and they bypass it
	}
	stop := func() bool { return true }
	dialer.NetDialContext = func(dialCtx context.Context, network, addr string) (net.Conn, error) {
		tunneled := a.proxy != nil && strings.HasPrefix(a.proxy.Scheme, "http")
		target := addr
		if tunneled {
			target = proxyHost(a.proxy)
		}
		nc, err := c.dial(dialCtx, network, target)
		if err != nil {
			return nil, err
		}
		a.conn = &conn{Conn: nc, ctx: ctx, onWait: c.opts.OnWait, limit: maxHandshake, pause: c.opts.ReadPause}
		if tcp, ok := nc.(syscall.Conn); ok && c.opts.ReadPause > 0 {
			if a.conn.raw, err = tcp.SyscallConn(); err != nil {
				return nil, err
			}
		}
		// Reading an HTTP answer stops at a deadline, not at the end of a context.
		stop = context.AfterFunc(ctx, func() { _ = nc.Close() })
		if !tunneled {
			return a.conn, nil
		}
		through, err := tunnel(dialCtx, a.conn, a.proxy, addr, c.opts.TLS)
		if err != nil {
			_ = nc.Close()
		}
		return through, err
	}
	if a.proxy != nil && strings.HasPrefix(a.proxy.Scheme, "socks5") {
		dialer.Proxy = http.ProxyURL(&url.URL{Scheme: "socks5", User: a.proxy.User, Host: proxyHost(a.proxy)})
	}
	ws, resp, err := dialer.DialContext(a.trace(ctx), c.url, c.opts.Header) //nolint:bodyclose // what there is of the body is in memory
	if !stop() && err == nil {
		_ = ws.Close()
		err = ctx.Err()
	}
	switch a.resp = resp; {
	case err == nil:
	case ctx.Err() != nil:
		return nil, c.unfinished(&a, err, ctx.Err())
	default:
		return nil, c.explain(&a, err)
	}
	a.conn.limit = -1
	return &link{client: c, conn: a.conn, ws: ws}, nil
}

// chooseProxy asks Options.Proxy for the proxy of this attempt.
func (c *Client) chooseProxy(a *attempt) error {
	if c.opts.Proxy == nil {
		return nil
	}
	proxy, err := c.opts.Proxy(c.request)
	if err != nil { // its text may hold the proxy's password
		return c.failure(Proxy, "the address of the proxy cannot be read", nil)
	}
	if proxy != nil {
		if err := checkProxy(proxy); err != nil {
			return c.failure(Proxy, "the address of the proxy: "+err.Error(), nil)
		}
	}
	a.proxy = proxy
	return nil
}

// trace returns ctx with a trace that keeps a.stage up to date.
func (a *attempt) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:           func(httptrace.GotConnInfo) { a.stage = upgrading },
		TLSHandshakeStart: func() { a.stage = securing },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err == nil {
				a.stage = upgrading
			}
		},
	})
}
