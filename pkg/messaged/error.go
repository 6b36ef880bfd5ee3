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

// Kind says which way a connection failed, so that a program can say what to
// try and choose its exit code.
type Kind uint8

// The kinds of failure.
const (
	// Unreachable: no route to the host, or any other failure of the network
	// below TCP's own refusal.
	Unreachable Kind = iota
	// Refused: nothing listens on the port, or a firewall says so.
	Refused
	// Timeout: no connection, or no answer to the handshake, in time.
	Timeout
	// Resolve: the name could not be looked up.
	Resolve
	// TLS: the two sides could not agree, or the certificate did not hold, or
	// one side spoke TLS and the other did not.
	TLS
	// Unauthorized: HTTP 401 or 403, or, as long as no event has come, a close
	// frame that speaks of policy or of access: code 1008, 3000, 3003, 4401 or
	// 4403, or such a reason. It always ends the events.
	Unauthorized
	// NotFound: HTTP 404.
	NotFound
	// NotWebsocket: something answered that does not speak websocket, or hung
	// up without an answer.
	NotWebsocket
	// BadStatus: any other HTTP status; see Error.Status.
	BadStatus
	// Redirect: HTTP 3xx. It is never followed, so the key goes nowhere else.
	Redirect
	// Proxy: the proxy could not be used, or would not connect.
	Proxy
	// Lost: a connection that stood has ended, whoever ended it and how.
	Lost
)

var kindNames = [...]string{
	"unreachable", "refused", "timeout", "resolve", "tls", "unauthorized",
	"not found", "not a websocket", "status", "redirect", "proxy", "lost",
}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// Error is why there is no connection, or no longer one. It never holds the
// key, nor do the errors inside it.
type Error struct {
	Kind Kind
	// Addr is the address without the key, as Address.String gives it.
	Addr string
	// Status is the HTTP status that the server answered with, 0 if none.
	Status int
	// Server is what the headers of an HTTP answer tell of who gave it, as
	// "nginx, WWW-Authenticate: Basic": it need not be messaged. "" if nothing.
	Server string
	// Detail says what happened, in lower case, printable and at most some
	// 300 bytes. What it quotes of the server's words is a claim of the server.
	Detail string
	// Err is the cause, nil where Detail says it all.
	Err error
}

func (e *Error) Error() string { return e.Addr + ": " + e.Detail }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// secrets are the forms in which a key may come back from a server.
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

// redact replaces every form of the key, and whatever stands behind authkey=.
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

// clean makes text of the server fit for an error: one line, printable, no
// key, bounded. The order matters: a key with a control character in the
// middle is a key again once that is gone, and one cut short is not found.
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

// cause returns err, or its cleaned text if that holds the key.
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

// bounded cuts text to at most n bytes, at a rune's edge, and marks the cut.
func bounded(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}
