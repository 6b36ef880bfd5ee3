package stream

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
)

// ConnectOptions are the settings of a connection. Zero fields mean the defaults.
type ConnectOptions struct {
	// Name is what the server knows the connection as. The default is enswitch-events.
	Name string
	// Credentials is the path of a credentials file, with a JWT and the seed of a key.
	Credentials string
	// TLS is how a server's certificate is checked, and the client's own. The default is by
	// the certificates of the system.
	TLS *tls.Config
	// Timeout bounds the connection to one server. The default is 5 s.
	Timeout time.Duration
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
	d := &dialer{ctx: ctx, Dialer: net.Dialer{Timeout: timeout}}
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
		options = append(options, nats.UserCredentials(o.Credentials))
	}
	if o.TLS != nil {
		options = append(options, func(n *nats.Options) error { n.TLSConfig = o.TLS; return nil })
	}
	if a.TLS {
		options = append(options, func(n *nats.Options) error { n.Secure = true; return nil })
	}
	conn, err := nats.Connect("nats://"+strings.Join(a.Servers, ",nats://"), append(options, o.More...)...)
	if err != nil {
		if errors.Is(err, nats.ErrNoServers) {
			err = cmp.Or(d.lastError(), err)
		}
		return nil, fmt.Errorf("%s: %w", a.servers(), connectError(err, o))
	}
	return conn, nil
}

// dialer dials until ctx is done, and keeps the last error, which the library hides.
type dialer struct {
	net.Dialer
	ctx context.Context //nolint:containedctx // the library calls Dial without one
	mu  sync.Mutex
	err error
}

// Dial implements [nats.CustomDialer].
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	conn, err := d.DialContext(d.ctx, network, address)
	d.mu.Lock()
	d.err = err
	d.mu.Unlock()
	return conn, err
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
	path, isPath := errors.AsType[*fs.PathError](err)
	switch {
	case isPath && path.Path == o.Credentials:
		return fmt.Errorf("the credentials file %s cannot be read: %w", path.Path, path.Err)
	case errors.Is(err, nats.ErrAuthorization):
		if o.Credentials != "" {
			return refusal("the server refuses the credentials")
		}
		return refusal("the server refuses the user or the password, or asks for one")
	case errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrAccountAuthExpired):
		return refusal("the credentials have expired")
	case errors.Is(err, nats.ErrSecureConnWanted):
		return errors.New("the server has no TLS: write nats:// in the place of tls://")
	case plain, errors.Is(err, nats.ErrNoInfoReceived):
		return errors.New("there is no NATS server at this address")
	case unknown, other:
		return fmt.Errorf("the server's certificate cannot be trusted: %w", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("connection refused: no server listens there")
	case errors.Is(err, io.EOF):
		return errors.New("the server has closed the connection")
	}
	if o.Credentials != "" && strings.Contains(err.Error(), "nkeys") {
		return fmt.Errorf("the credentials file %s has no valid JWT and seed", o.Credentials)
	}
	return errors.New(strings.TrimPrefix(err.Error(), "nats: "))
}
