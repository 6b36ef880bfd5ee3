package stream

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// ConnectOptions are the settings of a connection. Zero fields mean the defaults.
type ConnectOptions struct {
	// Name is what the server knows the connection as. The default is enswitch-events.
	Name string
	// Credentials is the path of a credentials file: a JWT and the seed of its key, or the
	// seed of an NKey alone.
	Credentials string
	// TLS is how a server's certificate is checked, and the client's own. The default is by
	// the certificates of the system.
	TLS *tls.Config
	// Timeout bounds the connection to one server. The default is 5 s.
	Timeout time.Duration
	// Wrap returns what is used instead of a new connection, below TLS. The default is the
	// connection itself.
	Wrap func(net.Conn) net.Conn
	// More are options of the library, for its callbacks.
	More []nats.Option
}

const (
	defaultTimeout = 5 * time.Second
	// A server that restarts is found again soon, and one that is gone is noticed.
	reconnectWait = 250 * time.Millisecond
	pingInterval  = 20 * time.Second
)

// Connect connects to one of the servers of an address. The connection is made again when it
// is lost, with any of the servers, until it is closed or ctx is done; what is published
// meanwhile fails at once and is not kept. A nil o means the defaults. Errors have the address
// without user and password, and say what happened.
func Connect(ctx context.Context, a *Address, o *ConnectOptions) (*nats.Conn, error) {
	if o == nil {
		o = &ConnectOptions{}
	}
	timeout := cmp.Or(o.Timeout, defaultTimeout)
	d := &dialer{ctx: ctx, Dialer: net.Dialer{Timeout: timeout}, wrap: o.Wrap}
	options := []nats.Option{
		nats.Name(cmp.Or(o.Name, "enswitch-events")), nats.Timeout(timeout), nats.SetCustomDialer(d),
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait), nats.ReconnectBufSize(-1), nats.PingInterval(pingInterval),
		// The library writes to standard error otherwise.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	switch {
	case a.User != "" && !a.hasPassword:
		options = append(options, nats.Token(a.User))
	case a.User != "":
		options = append(options, nats.UserInfo(a.User, a.Password))
	}
	if o.Credentials != "" {
		login, err := credentials(o.Credentials)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.servers(), err)
		}
		options = append(options, login)
	}
	if o.TLS != nil {
		options = append(options, func(n *nats.Options) error { n.TLSConfig = o.TLS; return nil })
	}
	if a.TLS {
		options = append(options, func(n *nats.Options) error { n.Secure = true; return nil })
	}
	options = append(options, o.More...)
	defer context.AfterFunc(ctx, d.abort)()
	servers := "nats://" + strings.Join(a.Servers, ",nats://")
	conn, err := nats.Connect(servers, options...)
	if err != nil && a.TLS && ctx.Err() == nil && awaitsTLS(err, d) {
		var first error
		if conn, first = nats.Connect(servers, append(options, nats.TLSHandshakeFirst())...); first == nil {
			return conn, nil
		}
		if _, plain := errors.AsType[tls.RecordHeaderError](first); !plain {
			err = first
		}
	}
	if err == nil && ctx.Err() != nil {
		conn.Close()
		err = ctx.Err()
	}
	if err != nil {
		if errors.Is(err, nats.ErrNoServers) {
			err = cmp.Or(d.lastError(), err)
		}
		return nil, fmt.Errorf("%s: %w", a.servers(), connectError(err, o))
	}
	return conn, nil
}

// awaitsTLS reports whether an error is that of a server that says nothing before the TLS
// handshake, as one is set by handshake_first.
func awaitsTLS(err error, d *dialer) bool {
	return d.lastError() == nil && (errors.Is(err, nats.ErrTimeout) || errors.Is(err, io.EOF) ||
		errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, nats.ErrNoServers))
}

// CheckCredentials reports what is wrong with a credentials file, nil if it has a JWT with the
// seed of its key, or the seed of an NKey alone. It does not ask a server whether it takes them.
func CheckCredentials(path string) error {
	_, err := credentials(path)
	return err
}

// credentials returns the login by a credentials file.
func credentials(path string) (nats.Option, error) {
	text, err := os.ReadFile(path)
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("the credentials file %s cannot be read: %w", path, e.Err)
	}
	if bytes.Contains(text, []byte("BEGIN NATS USER JWT")) {
		if _, err := nkeys.ParseDecoratedUserNKey(text); err != nil {
			return nil, fmt.Errorf("the credentials file %s has a JWT without the seed of its key", path)
		}
		return nats.UserCredentials(path), nil
	}
	login, err := nats.NkeyOptionFromSeed(path)
	if err != nil {
		return nil, fmt.Errorf("the credentials file %s has no JWT with its seed, and no seed of an NKey", path)
	}
	return login, nil
}

// expiry returns when the JWT of a credentials file expires, zero for never.
func expiry(path string) time.Time {
	text, _ := os.ReadFile(path) // it was read before
	_, rest, _ := strings.Cut(string(text), "-----BEGIN NATS USER JWT-----")
	parts := strings.Split(strings.TrimSpace(rest), ".")
	if len(parts) < 3 {
		return time.Time{}
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	var c struct {
		Expires int64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(claims, &c) != nil || c.Expires == 0 {
		return time.Time{}
	}
	return time.Unix(c.Expires, 0)
}

// dialer dials until ctx is done, and keeps the last error, which the library hides.
type dialer struct {
	net.Dialer
	wrap func(net.Conn) net.Conn
	last net.Conn
	ctx  context.Context //nolint:containedctx // the library calls Dial without one
	mu   sync.Mutex
	err  error
	over bool // abort was called
}

// Dial implements [nats.CustomDialer].
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	conn, err := d.DialContext(d.ctx, network, address)
	d.mu.Lock()
	if err == nil && d.over { // abort came before there was a connection to close
		_ = conn.Close()
		err = net.ErrClosed
	}
	d.err = err
	if err == nil {
		d.last = conn
	}
	d.mu.Unlock()
	if err == nil && d.wrap != nil {
		conn = d.wrap(conn)
	}
	return conn, err
}

// abort closes the last connection, and each that comes: the library waits for a silent server
// otherwise.
func (d *dialer) abort() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	if d.last != nil {
		_ = d.last.Close()
	}
}

func (d *dialer) lastError() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// connectError returns why there is no connection, in plain words.
func connectError(err error, o *ConnectOptions) error {
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, other := errors.AsType[x509.HostnameError](err)
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		if at := expiry(o.Credentials); !at.IsZero() && at.Before(time.Now()) {
			return refusal("the server refuses the credentials, which expired at " + at.Local().Format(time.DateTime))
		}
		if o.Credentials != "" {
			return refusal("the server refuses the credentials")
		}
		return refusal("the server refuses the user or the password, or asks for one")
	case errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrAccountAuthExpired):
		return refusal("the credentials have expired")
	case errors.Is(err, nats.ErrSecureConnWanted):
		return errors.New("the server has no TLS: write nats:// instead of tls://")
	case plain, errors.Is(err, nats.ErrNoInfoReceived):
		return errors.New("there is no NATS server at this address")
	case unknown, other:
		return fmt.Errorf("the server's certificate cannot be trusted: %w", err)
	case errors.Is(err, context.Canceled), errors.Is(err, net.ErrClosed), errors.Is(err, nats.ErrTimeout), errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("the server does not answer")
	case alert, strings.Contains(err.Error(), "closed by remote after TLS handshake"):
		return errors.New("the server refuses the TLS connection: it may want a client certificate")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("connection refused: no server listens there")
	case errors.Is(err, io.EOF):
		return errors.New("the server has closed the connection: it may want TLS first: write tls:// instead of nats://")
	}
	if o.Credentials != "" && strings.Contains(err.Error(), "nkeys") {
		return fmt.Errorf("the credentials file %s has no valid JWT with its seed", o.Credentials)
	}
	return errors.New(strings.TrimPrefix(err.Error(), "nats: "))
}
