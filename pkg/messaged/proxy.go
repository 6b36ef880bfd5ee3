package messaged

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// ParseProxy reads the address of a proxy for [Options].Proxy: "none", or a
// URL http://, https:// or socks5:// with an optional user and password. For
// "none" it returns nil, which is no proxy. No error shows a password.
func ParseProxy(s string) (func(*http.Request) (*url.URL, error), error) {
	if s == "none" {
		return nil, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("proxy %s: want none or a URL such as http://HOST:3128", redacted(s))
	}
	if err := checkProxy(u); err != nil {
		return nil, fmt.Errorf("proxy %s: %w", redacted(s), err)
	}
	return http.ProxyURL(u), nil
}

func checkProxy(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" && u.Scheme != "socks5h":
		return errors.New("unknown scheme; want http, https or socks5")
	case u.Hostname() == "":
		return errors.New("has no host")
	}
	return nil
}

// proxyHost returns the proxy's host and port, with the scheme's port if the
// URL has none.
func proxyHost(u *url.URL) string {
	if port := u.Port(); port != "" {
		return u.Host
	}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if port == "" {
		port = "1080"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// statusError is the answer of an HTTP proxy that did not connect.
type statusError struct {
	code   int
	status string // the code and the proxy's words
}

func (e *statusError) Error() string { return "it answered HTTP " + e.status }

// tunnel asks the HTTP proxy at the other end of nc for a connection to addr.
// gorilla's own CONNECT panics on a status line without a reason.
func tunnel(ctx context.Context, nc net.Conn, proxy *url.URL, addr string, config *tls.Config) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok {
		if err := nc.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	if proxy.Scheme == "https" {
		config = config.Clone()
		config.ServerName = proxy.Hostname()
		tc := tls.Client(nc, config)
		if err := tc.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		nc = tc
	}
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{}}
	if u := proxy.User; u != nil {
		password, _ := u.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)))
	}
	if err := req.Write(nc); err != nil {
		return nil, err
	}
	// What the buffered reader holds may be thrown away: the server says nothing
	// before the client does.
	resp, err := http.ReadResponse(bufio.NewReader(nc), req) //nolint:bodyclose // the body is the connection, which the caller keeps or closes
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, &statusError{resp.StatusCode, strings.TrimSpace(resp.Status)}
	}
	return nc, nil
}

// explainProxy returns the error of an attempt that did not get past its proxy.
func (c *Client) explainProxy(a *attempt, err error) *Error {
	// A proxy may repeat the password that it was given.
	password, _ := a.proxy.User.Password()
	secrets := append(newSecrets(password), c.secrets...)
	e := &Error{Kind: Proxy, Addr: c.addr, Err: secrets.cause(err)}
	var reason string
	if answer, ok := errors.AsType[*statusError](err); ok {
		reason, e.Status = answer.Error(), answer.code
		if answer.code == http.StatusProxyAuthRequired {
			e.Kind = ProxyAuth
		}
	} else if e.Kind, reason = explainSOCKS(a.proxy, err); reason == "" {
		e.Kind, reason = Proxy, c.explainProxyConn(a, err)
	}
	e.Detail = "proxy " + proxyHost(a.proxy) + ": " + secrets.clean(reason)
	return e
}

// explainSOCKS says what a SOCKS proxy refused, "" if err is about something
// else. gorilla's client for SOCKS has no types for its errors.
func explainSOCKS(proxy *url.URL, err error) (Kind, string) {
	if !strings.HasPrefix(proxy.Scheme, "socks5") {
		return Proxy, ""
	}
	text := err.Error()
	switch {
	case strings.HasSuffix(text, " requires authentication"):
		if proxy.User == nil {
			return ProxyAuth, "it asks for a user and a password"
		}
		return ProxyAuth, "it wants another authentication than a user and a password"
	case strings.HasSuffix(text, " rejected username/password"):
		return ProxyAuth, "it did not accept the user and the password"
	case strings.Contains(text, " has unexpected version "):
		return Proxy, "it does not speak SOCKS5"
	}
	if _, reply, ok := strings.Cut(text, " failed to connect: "); ok {
		return Proxy, "it could not connect: " + reply
	}
	return Proxy, ""
}

// explainProxyConn says what is wrong with the connection to the proxy.
func (c *Client) explainProxyConn(a *attempt, err error) string {
	if a.conn == nil {
		_, reason := c.explainDial(err)
		return reason
	}
	_, isTLS := errors.AsType[tls.RecordHeaderError](err)
	below := a.conn.err // gorilla's client for SOCKS keeps only its text
	switch {
	case timedOut(err), below != nil && timedOut(below):
		return fmt.Sprintf("connected, but no answer within %s", c.opts.ConnectTimeout)
	case isTLS:
		return "it does not speak TLS on this port: use http://"
	case oserr.IsTLSVersion(err):
		return "its TLS is too old: TLS 1.2 is needed"
	case hungUp(err), below != nil && hungUp(below):
		return "it hung up without an answer"
	case strings.Contains(err.Error(), "malformed HTTP"):
		return "it does not speak HTTP"
	}
	if reason := oserr.Certificate(err); reason != "" {
		return reason
	}
	return strings.TrimPrefix(oserr.Reason(err), "tls: ")
}
