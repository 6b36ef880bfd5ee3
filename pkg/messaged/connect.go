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

// attempt holds what is known about an attempt to connect, to explain a failure.
type attempt struct {
	client *Client
	stage  stage
	proxy  *url.URL       // nil without a proxy
	conn   *conn          // nil before TCP is connected, to the server or the proxy
	frames *frames        // nil behind a SOCKS proxy
	resp   *http.Response // nil before an HTTP answer has come
	stop   func() bool    // as of context.AfterFunc, once conn is not nil
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
	a := attempt{client: c, stop: func() bool { return true }}
	if err := c.chooseProxy(&a); err != nil {
		return nil, err
	}
	dialer := websocket.Dialer{
		HandshakeTimeout: c.opts.ConnectTimeout,
		TLSClientConfig:  c.opts.TLS,
		WriteBufferSize:  1024, // only control frames are written, and they bypass it
	}
	if a.proxy != nil && strings.HasPrefix(a.proxy.Scheme, "socks5") {
		// The proxy and TLS are gorilla's then, and so are all frames.
		dialer.Proxy = http.ProxyURL(&url.URL{Scheme: "socks5", User: a.proxy.User, Host: proxyHost(a.proxy)})
		dialer.NetDialContext = func(dialing context.Context, network, addr string) (net.Conn, error) {
			return a.dial(ctx, dialing, network, addr)
		}
		dialer.ReadBufferSize = readBuffer
	} else {
		dialer.NetDialContext = func(dialing context.Context, network, addr string) (net.Conn, error) {
			return a.dialFrames(ctx, dialing, network, addr)
		}
		dialer.NetDialTLSContext = dialer.NetDialContext
	}
	ws, resp, err := dialer.DialContext(a.trace(ctx), c.url, c.opts.Header) //nolint:bodyclose // what there is of the body is in memory
	if !a.stop() && err == nil {
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
	return &link{client: c, conn: a.conn, frames: a.frames, ws: ws}, nil
}

// dial connects to addr, through an HTTP proxy if there is one. The attempt has the time of
// dialing, and the connection ends with ctx until a.stop is called.
func (a *attempt) dial(ctx, dialing context.Context, network, addr string) (net.Conn, error) {
	c := a.client
	tunneled := a.proxy != nil && strings.HasPrefix(a.proxy.Scheme, "http")
	target := addr
	if tunneled {
		target = proxyHost(a.proxy)
	}
	nc, err := c.dial(dialing, network, target)
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
	a.stop = context.AfterFunc(ctx, func() { _ = nc.Close() })
	if !tunneled {
		return a.conn, nil
	}
	through, err := tunnel(dialing, a.conn, a.proxy, addr, c.opts.TLS)
	if err != nil {
		_ = nc.Close()
	}
	return through, err
}

// dialFrames is dial with TLS, for wss, and with the reader of plain frames above it.
func (a *attempt) dialFrames(ctx, dialing context.Context, network, addr string) (net.Conn, error) {
	nc, err := a.dial(ctx, dialing, network, addr)
	if err != nil {
		return nil, err
	}
	if a.client.request.URL.Scheme == "https" {
		if nc, err = handshakeTLS(dialing, nc, addr, a.client.opts.TLS); err != nil {
			return nil, err
		}
	}
	a.frames = newFrames(nc)
	return a.frames, nil
}

// handshakeTLS does the TLS handshake with the server addr, and calls the hooks of ctx as gorilla
// does where it secures. It closes nc if that fails.
func handshakeTLS(ctx context.Context, nc net.Conn, addr string, config *tls.Config) (net.Conn, error) {
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(addr)
	}
	hooks := httptrace.ContextClientTrace(ctx)
	hooks.GotConn(httptrace.GotConnInfo{Conn: nc})
	hooks.TLSHandshakeStart()
	tc := tls.Client(nc, config)
	err := tc.HandshakeContext(ctx)
	hooks.TLSHandshakeDone(tc.ConnectionState(), err)
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	return tc, nil
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
