package messaged

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/oserr"
	"github.com/gorilla/websocket"
)

// stage is how far an attempt to connect came.
type stage int

const (
	dialing  stage = iota // name, TCP, proxy
	securing              // TLS
	asking                // the websocket handshake
)

// attempt is what is known about an attempt to connect, to explain its failure.
type attempt struct {
	stage stage
	proxy *url.URL // nil for none
	conn  *conn    // nil before TCP stands
	resp  *http.Response
}

// handshakeHeader is h without what gorilla sets itself and refuses to be given.
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
	var err error
	if c.opts.Proxy != nil {
		// The error of a proxy function may hold the proxy's password.
		if a.proxy, err = c.opts.Proxy(c.request); err != nil {
			return nil, c.failure(Proxy, "the proxy's address cannot be read", nil)
		}
		if a.proxy != nil {
			if err := checkProxy(a.proxy); err != nil {
				return nil, c.failure(Proxy, "the proxy's address: "+err.Error(), nil)
			}
		}
	}
	dialer := websocket.Dialer{
		HandshakeTimeout: c.opts.ConnectTimeout,
		TLSClientConfig:  c.opts.TLS,
		ReadBufferSize:   readBuffer,
		WriteBufferSize:  1024, // only control frames are written, and they pass it by
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
		a.conn = &conn{Conn: nc, ctx: ctx, onWait: c.opts.OnWait, budget: handshakeLimit}
		// Reading an HTTP answer knows deadlines but no context.
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
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:           func(httptrace.GotConnInfo) { a.stage = asking },
		TLSHandshakeStart: func() { a.stage = securing },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err == nil {
				a.stage = asking
			}
		},
	})
	ws, resp, err := dialer.DialContext(traced, c.url, c.opts.Header) //nolint:bodyclose // what there is of the body is in memory
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
	a.conn.budget = -1
	return &link{client: c, conn: a.conn, ws: ws}, nil
}

func (c *Client) failure(kind Kind, detail string, err error) *Error {
	return &Error{Kind: kind, Addr: c.shown, Detail: detail, Err: c.secrets.cause(err)}
}

// unfinished says how far an attempt came that was given up with err because its
// context had ended.
func (c *Client) unfinished(a *attempt, err, ended error) *Error {
	kind, reason := Timeout, "no connection so far"
	switch e, lookup := errors.AsType[*net.DNSError](err); {
	case lookup:
		kind, reason = Resolve, fmt.Sprintf("the name %q is still being looked up", bounded(e.Name, 100))
	case a.stage == securing:
		reason = "the port is open, but the TLS handshake is not answered so far"
	case a.conn != nil:
		reason = "the port is open, but nothing has answered so far"
	}
	if a.proxy != nil && a.stage == dialing {
		kind, reason = Proxy, "proxy "+proxyHost(a.proxy)+": "+reason
	}
	return c.failure(kind, reason, ended)
}

// explain says why an attempt failed.
func (c *Client) explain(a *attempt, err error) *Error {
	var timeout net.Error
	late := errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
	switch {
	case a.resp != nil:
		return c.explainAnswer(a, err)
	case a.stage == dialing && a.proxy != nil:
		// The proxy's own words may repeat the password that it was given.
		password, _ := a.proxy.User.Password()
		words := append(newSecrets(password), c.secrets...)
		_, reason := explainDial(err, late, c.opts.ConnectTimeout.String())
		if reason == "" {
			reason = err.Error()
		}
		return &Error{Kind: Proxy, Addr: c.shown, Detail: "proxy " + proxyHost(a.proxy) + ": " + words.clean(reason), Err: words.cause(err)}
	case a.stage == dialing:
		kind, reason := explainDial(err, late, c.opts.ConnectTimeout.String())
		if reason == "" {
			reason = c.secrets.clean(err.Error())
		}
		return c.failure(kind, reason, err)
	case late:
		return c.failure(Timeout, fmt.Sprintf("connected, but no answer within %s", c.opts.ConnectTimeout), err)
	}
	if reason := c.explainTLS(a, err); reason != "" {
		return c.failure(TLS, reason, err)
	}
	switch {
	case errors.Is(a.conn.err, errHandshakeTooLong):
		return c.failure(NotWebsocket, errHandshakeTooLong.Error(), nil)
	case a.conn.at.IsZero():
		return c.failure(NotWebsocket, "connected, but hung up on without an answer", err)
	case ended(err):
		return c.failure(NotWebsocket, "hung up on in the middle of the answer", err)
	}
	return c.failure(NotWebsocket, "what answered speaks neither HTTP nor websocket", err)
}

// explainDial returns no reason where the error's own text is the best one.
func explainDial(err error, late bool, limit string) (Kind, string) {
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		switch {
		case e.IsNotFound:
			return Resolve, fmt.Sprintf("no such host: %q", bounded(e.Name, 100))
		case e.IsTimeout:
			return Resolve, fmt.Sprintf("the name %q could not be looked up in time", bounded(e.Name, 100))
		}
		return Resolve, fmt.Sprintf("the name %q could not be looked up: %s", bounded(e.Name, 100), bounded(e.Err, 100))
	}
	switch {
	case oserr.IsRefused(err):
		return Refused, "connection refused"
	case late:
		return Timeout, "no connection within " + limit
	case oserr.IsNoRoute(err):
		return Unreachable, "no route to the host"
	case oserr.IsNoNetwork(err):
		return Unreachable, "the network is unreachable"
	}
	return Unreachable, ""
}

// explainTLS returns "" where TLS is not the trouble.
func (c *Client) explainTLS(a *attempt, err error) string {
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		if string(e.RecordHeader[:]) == "HTTP/" {
			return "the server speaks plain HTTP on this port: use ws://"
		}
		return "the server does not speak TLS on this port: use ws://"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the certificate is signed by an unknown authority"
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return c.secrets.clean("the certificate is for another host: " + e.Error())
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return c.secrets.clean("the certificate has expired or is not yet valid: " + e.Error())
		}
		return c.secrets.clean("the certificate is not valid: " + e.Error())
	}
	if text := err.Error(); strings.Contains(text, "unsupported protocol version") || strings.Contains(text, "protocol version not supported") {
		return "the server's TLS is too old: TLS 1.2 is the least that is taken"
	}
	// How crypto/tls marks an alert; a missing client certificate is told only
	// when the handshake seems done.
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "remote error" {
		return c.secrets.clean("the server refused: " + e.Err.Error())
	}
	// Before TLS stands, 21 and 3 are the head of a TLS alert.
	if a.stage == asking && strings.HasPrefix(c.url, "ws:") && a.conn.first == [2]byte{21, 3} {
		return "the server speaks TLS on this port: use wss://"
	}
	if a.stage != securing {
		return ""
	}
	if ended(err) {
		return "hung up on during the TLS handshake; does the server speak TLS on this port?"
	}
	return c.secrets.clean("TLS handshake: " + err.Error())
}

// ended reports whether err is the other side's end of the connection.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		oserr.IsReset(err) || oserr.IsClosedPipe(err)
}

// explainAnswer says what is wrong with an HTTP answer.
func (c *Client) explainAnswer(a *attempt, err error) *Error {
	resp := a.resp
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1024)) // gorilla has kept no more
	excerpt := c.excerpt(body, resp.Header)
	e := c.failure(BadStatus, fmt.Sprintf("HTTP %d %s", resp.StatusCode, strings.ToLower(http.StatusText(resp.StatusCode))), nil)
	e.Status = resp.StatusCode
	e.Detail = strings.TrimSpace(e.Detail)
	e.Server = c.answerer(resp.Header)
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		e.Kind = Unauthorized
	case code == http.StatusNotFound:
		e.Kind = NotFound
	case code == http.StatusProxyAuthRequired:
		e.Kind = Proxy
		e.Detail = "a proxy on the way asks for a user and a password (" + e.Detail + ")"
	case code == http.StatusUpgradeRequired && strings.Contains(resp.Header.Get("Upgrade"), "TLS"):
		e.Kind = TLS
		e.Detail = "the server wants TLS on this port: use wss://"
		return e
	case 300 <= code && code < 400:
		e.Kind = Redirect
		if location, err := url.Parse(resp.Header.Get("Location")); err == nil && location.Host != "" {
			e.Detail += ", which is not followed: to " + c.secrets.clean(location.Scheme+"://"+location.Host+location.EscapedPath())
		}
		return e
	case code == http.StatusSwitchingProtocols:
		e.Kind = NotWebsocket
		e.Detail = "a broken websocket handshake"
		if !errors.Is(err, websocket.ErrBadHandshake) {
			e.Detail += ": " + c.secrets.clean(strings.TrimPrefix(err.Error(), "websocket: "))
		}
		return e
	case code < 200:
		e.Kind = NotWebsocket
		e.Detail = "an interim answer came before the websocket's (" + e.Detail + ")"
	case 200 <= code && code < 300:
		e.Kind = NotWebsocket
		e.Detail = "a web page answered, not a websocket (" + e.Detail + ")"
	case code == http.StatusBadRequest && strings.HasPrefix(c.url, "ws:") && strings.Contains(string(body), "HTTP request") && strings.Contains(string(body), "HTTPS"):
		e.Kind = TLS
		e.Detail = "the server speaks TLS on this port: use wss://"
		return e
	}
	if excerpt != "" {
		e.Detail += ": " + excerpt
	}
	return e
}

// answerer is what the headers of an answer say of who gave it.
func (c *Client) answerer(h http.Header) string {
	var parts []string
	for _, name := range [...]string{"Server", "Via", "WWW-Authenticate", "Proxy-Authenticate"} {
		value := c.secrets.clean(h.Get(name))
		if value == "" {
			continue
		}
		if name != "Server" {
			value = name + ": " + bounded(value, 80)
		}
		parts = append(parts, bounded(value, 100))
	}
	return strings.Join(parts, ", ")
}

// excerpt is the beginning of a body as an error may show it; nobody wants to
// read markup there, or bytes. Where gorilla cut the body, the cut may have gone
// through the key.
func (c *Client) excerpt(body []byte, h http.Header) string {
	if strings.Contains(h.Get("Content-Type"), "html") {
		return ""
	}
	cut := len(body) >= 1024
	switch strings.ToLower(h.Get("Content-Encoding")) {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return ""
		}
		plain, err := io.ReadAll(io.LimitReader(z, 1024))
		body, cut = plain, err != nil || len(plain) == 1024
	default:
		return ""
	}
	if cut {
		longest := 0
		for _, secret := range c.secrets {
			longest = max(longest, len(secret))
		}
		body = body[:max(0, len(body)-longest)]
	}
	return c.secrets.clean(string(body))
}

// asRejection returns err, and as one of kind Unauthorized where the server closed
// for a reason of access.
func asRejection(err error) error {
	e, _ := errors.AsType[*Error](err)
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		switch closed.Code {
		case websocket.ClosePolicyViolation, 3000, 3003, 4401, 4403: // 3000 and 3003 are registered, 44xx is a habit
			e.Kind = Unauthorized
		}
		for _, word := range [...]string{"unauthori", "authkey", "authent", "forbidden", "denied", "invalid key", "wrong key", "bad key"} {
			if containsFold(closed.Text, word) {
				e.Kind = Unauthorized
			}
		}
	}
	return e
}

// lost says how a connection that stood has ended. below is the error of the
// network connection, which gorilla may have replaced.
func (c *Client) lost(err, below error) *Error {
	if e, ok := errors.AsType[*websocket.CloseError](err); ok && e.Code != websocket.CloseAbnormalClosure {
		reason := c.secrets.clean(e.Text)
		detail := "closed by the server"
		if e.Code != websocket.CloseNoStatusReceived {
			detail += fmt.Sprintf(", code %d", e.Code)
		}
		if reason != "" {
			detail += ": " + reason
		}
		return c.failure(Lost, detail, &websocket.CloseError{Code: e.Code, Text: reason})
	}
	switch {
	case below == nil: // what came was wrong, not how
		reason := strings.TrimPrefix(err.Error(), "websocket: ")
		if errors.Is(err, websocket.ErrReadLimit) {
			reason = "a frame's length is out of range"
		}
		return c.failure(Lost, "broken websocket protocol: "+c.secrets.clean(reason), err)
	case errors.Is(below, os.ErrDeadlineExceeded):
		return c.failure(Lost, fmt.Sprintf("no answer to pings for %s", 2*c.opts.PingInterval), below)
	case oserr.IsTimedOut(below):
		return c.failure(Lost, "no sign of life: TCP gave up", below)
	case oserr.IsReset(below):
		return c.failure(Lost, "connection reset", below)
	case ended(below):
		return c.failure(Lost, "connection closed without a websocket close", below)
	}
	return c.failure(Lost, c.secrets.clean(below.Error()), below)
}
