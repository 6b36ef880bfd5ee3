package messaged

import (
	"errors"
	"html"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is the way in which a connection failed. It lets a program choose what
// to suggest and how to exit.
type Kind uint8

// The kinds of failure.
const (
	// Unreachable: there is no route to the host, or the network failed in a way
	// that no other kind is for.
	Unreachable Kind = iota
	// Refused: nothing listens on the port, or a firewall says so.
	Refused
	// Timeout: there was no TCP connection in time.
	Timeout
	// NoAnswer: TCP is connected, but the server did not answer the handshake in
	// time, or closed the connection instead.
	NoAnswer
	// Resolve: the name could not be looked up.
	Resolve
	// NotTLS: the address has the scheme wss, and the server does not speak TLS.
	NotTLS
	// WantsTLS: the address has the scheme ws, and the server speaks TLS.
	WantsTLS
	// TLSVersion: the server speaks no TLS that is new enough.
	TLSVersion
	// Certificate: the certificate of the server was not accepted. Error.Err wraps
	// the error of crypto/x509: an UnknownAuthorityError, a HostnameError or a
	// CertificateInvalidError.
	Certificate
	// UnknownName: the server has no certificate for the name of the host.
	UnknownName
	// TLSRefused: the server ended the TLS handshake with an alert, as one does
	// that wants a client certificate.
	TLSRefused
	// TLS: the TLS handshake failed in another way.
	TLS
	// Unauthorized: HTTP 401 or 403; or, before any event, a close frame for a
	// reason of access: with code 1008, 3000, 3003, 4401 or 4403, or with a text
	// that says so. It always ends the events.
	Unauthorized
	// NotFound: HTTP 404.
	NotFound
	// NotWebsocket: what answered does not speak websocket.
	NotWebsocket
	// BadStatus: any other HTTP status; see Error.Status.
	BadStatus
	// Redirect: HTTP 3xx. It is never followed, so the key goes nowhere else.
	Redirect
	// Proxy: the proxy could not be used, or did not connect.
	Proxy
	// ProxyAuth: a proxy wants a user and a password, or other ones: HTTP 407, or
	// what SOCKS has for it.
	ProxyAuth
	// Lost: an established connection has ended, whoever ended it and how.
	Lost
)

var kindNames = [...]string{
	"unreachable", "refused", "timeout", "no answer", "resolve", "not tls", "wants tls", "tls version", "certificate",
	"unknown name", "tls refused", "tls", "unauthorized", "not found", "not a websocket", "status", "redirect",
	"proxy", "proxy authentication", "lost",
}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// Error is the reason why there is no connection, or no longer one. It never
// holds the key, nor do the errors that it wraps.
type Error struct {
	Kind Kind
	// Addr is the address without the key, as Address.String returns it.
	Addr string
	// Status is the HTTP status that the server or the proxy answered with, 0
	// without an answer.
	Status int
	// Server is what the headers of an HTTP answer say about its sender, such as
	// "nginx, WWW-Authenticate: Basic". The sender need not be messaged. It is
	// "" if they say nothing.
	Server string
	// Challenge is the header WWW-Authenticate of an HTTP answer, at most some 80
	// bytes: its sender wants a user and a password, which the key is not. It is ""
	// without the header.
	Challenge string
	// Detail says what happened: in lower case, printable, in one line of some
	// 300 bytes at most. Words of the server in it are not to be trusted.
	Detail string
	// Err is the cause. It is nil if Detail says everything.
	Err error
}

func (e *Error) Error() string { return e.Addr + ": " + e.Detail }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// secrets are the forms in which a key may show up in an answer.
type secrets []string

func newSecrets(keys ...string) secrets {
	var s secrets
	for _, key := range keys {
		if key == "" {
			continue
		}
		quoted := strconv.Quote(key)
		s = append(s, key, url.QueryEscape(key), url.PathEscape(key), html.EscapeString(key), quoted[1:len(quoted)-1])
	}
	return s
}

// redact replaces every form of the key, and every value of a parameter authkey.
func (s secrets) redact(text string) string {
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, "***")
	}
	const name = "authkey="
	var b strings.Builder
	for {
		i := indexFold(text, name)
		if i < 0 {
			return b.String() + text
		}
		b.WriteString(text[:i+len(name)] + "***")
		text = text[i+len(name):]
		if end := strings.IndexAny(text, "& \t\r\n\"'<>#;,)"); end >= 0 {
			text = text[end:]
		} else {
			text = ""
		}
	}
}

// clean makes text of a server fit for an error: one line, printable, without
// the key, bounded. The order matters: without its control characters a text may
// hold the key that it did not hold before, and a key that was cut is not found.
func (s secrets) clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError, !unicode.IsPrint(r): // bidirectional controls are not printable
			return -1
		}
		return r
	}, text)
	return bounded(strings.Join(strings.Fields(s.redact(text)), " "), 200)
}

// cause returns err, or its cleaned text if the text holds the key.
func (s secrets) cause(err error) error {
	if err == nil {
		return nil
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // the URL has the key
	}
	if text := err.Error(); s.redact(text) != text {
		return errors.New(s.clean(text))
	}
	return err
}

// bounded cuts text to n bytes or a little less, between runes, and marks the
// cut.
func bounded(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}
