package messaged

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/websocket"
)

// keptBody is how many bytes of the body of an HTTP answer gorilla keeps.
const keptBody = 1024

// explainAnswer returns the error of an attempt that got an HTTP answer, or a
// broken websocket handshake with the error err.
func (c *Client) explainAnswer(a *attempt, err error) *Error {
	resp := a.resp
	body, _ := io.ReadAll(io.LimitReader(resp.Body, keptBody))
	code := resp.StatusCode
	status := strings.TrimSpace(fmt.Sprintf("HTTP %d %s", code, strings.ToLower(http.StatusText(code))))
	e := c.failure(BadStatus, status, nil)
	e.Status, e.Server = code, c.serverHeaders(resp.Header)
	e.Challenge = bounded(c.secrets.clean(resp.Header.Get("WWW-Authenticate")), 80)
	switch {
	case code == http.StatusSwitchingProtocols:
		e.Kind, e.Detail = NotWebsocket, "a broken websocket handshake"
		if !errors.Is(err, websocket.ErrBadHandshake) {
			e.Detail += ": " + c.secrets.clean(strings.TrimPrefix(err.Error(), "websocket: "))
		}
		return e
	case 300 <= code && code < 400:
		e.Kind = Redirect
		if location, err := url.Parse(resp.Header.Get("Location")); err == nil && location.Host != "" {
			e.Detail += ", which is not followed: to " + c.secrets.clean(location.Scheme+"://"+location.Host+location.EscapedPath())
		}
		return e
	case code == http.StatusUpgradeRequired && strings.Contains(resp.Header.Get("Upgrade"), "TLS"):
		e.Kind, e.Detail = WantsTLS, "the server wants TLS on this port: use wss://"
		return e
	case code == http.StatusBadRequest && strings.HasPrefix(c.url, "ws:") && strings.Contains(string(body), "HTTP request") && strings.Contains(string(body), "HTTPS"):
		e.Kind, e.Detail = WantsTLS, "the server speaks TLS on this port: use wss://"
		return e
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		e.Kind = Unauthorized
	case code == http.StatusNotFound:
		e.Kind = NotFound
	case code == http.StatusProxyAuthRequired:
		e.Kind, e.Detail = ProxyAuth, "a proxy on the way asks for a user and a password ("+status+")"
	case code < 200:
		e.Kind, e.Detail = NotWebsocket, "an interim answer came before the websocket's ("+status+")"
	case code < 300:
		e.Kind, e.Detail = NotWebsocket, "a web page answered, not a websocket ("+status+")"
	}
	if excerpt := c.excerpt(body, resp.Header); excerpt != "" {
		e.Detail += ": " + excerpt
	}
	return e
}

// serverHeaders returns what the headers of an answer say about the server.
func (c *Client) serverHeaders(h http.Header) string {
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

// excerpt returns the beginning of a body as an error may show it, "" for markup and
// for bytes that are not text.
func (c *Client) excerpt(body []byte, h http.Header) string {
	if strings.Contains(h.Get("Content-Type"), "html") {
		return ""
	}
	cut := len(body) >= keptBody
	switch strings.ToLower(h.Get("Content-Encoding")) {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return ""
		}
		plain, err := io.ReadAll(io.LimitReader(z, keptBody))
		body, cut = plain, err != nil || len(plain) == keptBody
	default:
		return ""
	}
	if cut { // perhaps in the middle of the key
		longest := 0
		for _, secret := range c.secrets {
			longest = max(longest, len(secret))
		}
		body = body[:max(0, len(body)-longest)]
	}
	return c.secrets.clean(string(body))
}
