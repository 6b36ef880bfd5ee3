package messaged

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/gorilla/websocket"

	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

func (c *Client) failure(kind Kind, detail string, err error) *Error {
	return &Error{Kind: kind, Addr: c.addr, Detail: detail, Err: c.secrets.cause(err)}
}

// unfinished returns the error of an attempt that failed with err because its
// context ended, with the reason done. It says how far the attempt came.
func (c *Client) unfinished(a *attempt, err, done error) *Error {
	kind, reason := Timeout, "no connection so far"
	switch e, lookup := errors.AsType[*net.DNSError](err); {
	case lookup:
		kind, reason = Resolve, fmt.Sprintf("the name %q is still being looked up", bounded(e.Name, 100))
	case a.stage == securing:
		kind, reason = NoAnswer, "the port is open, but the TLS handshake is not answered so far"
	case a.conn != nil:
		kind, reason = NoAnswer, "the port is open, but nothing has answered so far"
	}
	if a.proxy != nil && a.stage == dialing {
		kind, reason = Proxy, "proxy "+proxyHost(a.proxy)+": "+reason
	}
	return c.failure(kind, reason, done)
}

// explain returns the error of an attempt that failed with err.
func (c *Client) explain(a *attempt, err error) *Error {
	switch {
	case a.resp != nil:
		return c.explainAnswer(a, err)
	case a.stage == dialing && a.proxy != nil:
		return c.explainProxy(a, err)
	case a.stage == dialing:
		kind, reason := c.explainDial(err)
		return c.failure(kind, reason, err)
	case timedOut(err):
		return c.failure(NoAnswer, fmt.Sprintf("connected, but no answer within %s", c.opts.ConnectTimeout), err)
	}
	if kind, reason := c.explainTLS(a, err); reason != "" {
		return c.failure(kind, reason, err)
	}
	switch {
	case errors.Is(a.conn.err, errHandshakeTooLong):
		return c.failure(NotWebsocket, errHandshakeTooLong.Error(), nil)
	case a.conn.lastRead.IsZero():
		return c.failure(NoAnswer, "connected, but the server hung up without an answer", err)
	case hungUp(err), a.conn.first == [2]byte{'H', 'T'} && hungUp(a.conn.err): // half a line is an error of its syntax
		return c.failure(NotWebsocket, "the server hung up in the middle of the answer", err)
	}
	return c.failure(NotWebsocket, "what answered speaks neither HTTP nor websocket", err)
}

// timedOut reports whether err is the end of the time that an attempt has.
func timedOut(err error) bool {
	var e net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &e) && e.Timeout()
}

// hungUp reports whether err says that the other side closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		oserr.IsReset(err) || oserr.IsClosedPipe(err)
}

// explainDial says why there is no TCP connection.
func (c *Client) explainDial(err error) (Kind, string) {
	_, lookup := errors.AsType[*net.DNSError](err)
	switch {
	case lookup:
		return Resolve, oserr.Reason(err)
	case oserr.IsRefused(err):
		return Refused, oserr.Reason(err)
	case timedOut(err):
		return Timeout, "no connection within " + c.opts.ConnectTimeout.String()
	}
	return Unreachable, c.secrets.clean(oserr.Reason(err))
}

// explainTLS returns "" if TLS is not the reason of err.
func (c *Client) explainTLS(a *attempt, err error) (Kind, string) {
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		if string(e.RecordHeader[:]) == "HTTP/" {
			return NotTLS, "the server speaks plain HTTP on this port: use ws://"
		}
		return NotTLS, "the server does not speak TLS on this port: use ws://"
	}
	if reason := oserr.Certificate(err); reason != "" {
		return Certificate, c.secrets.clean(reason)
	}
	if oserr.IsTLSVersion(err) {
		return TLSVersion, oserr.Reason(err)
	}
	// An alert of the server. One about a missing client certificate comes only
	// after the handshake looks done.
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "remote error" {
		kind := TLSRefused
		if e.Err.Error() == tls.AlertError(alertUnrecognizedName).Error() {
			kind = UnknownName
		}
		return kind, c.secrets.clean("the server refused: " + strings.TrimPrefix(e.Err.Error(), "tls: "))
	}
	// A TLS alert begins with the bytes 21 and 3.
	if a.stage == upgrading && strings.HasPrefix(c.url, "ws:") && a.conn.first == [2]byte{21, 3} {
		return WantsTLS, "the server speaks TLS on this port: use wss://"
	}
	if a.stage != securing {
		return TLS, ""
	}
	if hungUp(err) {
		return TLS, "the server hung up during the TLS handshake; does it speak TLS on this port?"
	}
	return TLS, c.secrets.clean("TLS handshake: " + strings.TrimPrefix(oserr.Reason(err), "tls: "))
}

// alertUnrecognizedName is the number of a TLS alert, from RFC 6066, section 3.
const alertUnrecognizedName = 112

// asUnauthorized returns err with the kind Unauthorized if the server closed the
// connection for a reason of access.
func asUnauthorized(err error) error {
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

// lost returns the error of a connection that has ended with err. below is the
// error of the network connection, which gorilla may have replaced.
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
	case below == nil: // the network is well, but the bytes are not websocket
		reason := strings.TrimPrefix(err.Error(), "websocket: ")
		if errors.Is(err, websocket.ErrReadLimit) {
			reason = "the length of a frame is out of range"
		}
		return c.failure(Lost, "broken websocket protocol: "+c.secrets.clean(reason), err)
	case errors.Is(below, os.ErrDeadlineExceeded):
		return c.failure(Lost, fmt.Sprintf("no answer to pings for %s", 2*c.opts.PingInterval), below)
	case oserr.IsTimedOut(below):
		return c.failure(Lost, "no sign of life: TCP gave up", below)
	case oserr.IsReset(below):
		return c.failure(Lost, "connection reset", below)
	case hungUp(below):
		return c.failure(Lost, "connection closed without a websocket close", below)
	}
	return c.failure(Lost, c.secrets.clean(oserr.Reason(below)), below)
}
