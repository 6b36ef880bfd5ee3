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
		return nil, fmt.Errorf("proxy %s: want none or a URL such as http://HOST:3128", shown(s))
	}
	if err := checkProxy(u); err != nil {
		return nil, fmt.Errorf("proxy %s: %w", shown(s), err)
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

// proxyHost is the proxy's host and port; the port is filled in.
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
	// The buffered reader may be thrown away: the far end says nothing before
	// it is spoken to.
	resp, err := http.ReadResponse(bufio.NewReader(nc), req) //nolint:bodyclose // the body is the connection, which the caller keeps or closes
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered HTTP %s", strings.TrimSpace(resp.Status))
	}
	return nc, nil
}
