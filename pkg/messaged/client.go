// Package messaged receives events from Enswitch's message daemon, messaged,
// over its websocket.
//
//	addr, err := messaged.ParseAddress("10.0.0.5")
//	...
//	for ev, err := range messaged.New(addr, nil).Events(ctx) {
//
// A [Client] connects, reads, and connects again when the connection is lost.
// Enswitch has no replay: what happens while nobody is connected is not sent
// later. [State] says from when to when the feed was away.
//
// The vendor does not document whether messaged answers pings, sends pings
// itself, or splits messages into frames. The client works with either.
package messaged

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Defaults and limits of [Options].
const (
	DefaultConnectTimeout = 10 * time.Second
	DefaultPingInterval   = 20 * time.Second
	DefaultMaxMessage     = 16 << 20

	// MaxExcerpt is how many bytes of a message that is too long Options.OnReject
	// gets at most.
	MaxExcerpt = 4096

	maxMessage  = 1 << 30         // sums of sizes cannot overflow an int below it
	minDelay    = time.Second / 2 // before the first retry; doubles from there
	maxDelay    = 30 * time.Second
	stableAfter = time.Minute // a connection that lasted this long resets the delay
)

// ErrTooLong is the error that Options.OnReject gets for a message longer than
// Options.MaxMessage.
var ErrTooLong = errors.New("message too long")

// Options are the settings of a Client. The zero value of each field is its
// default.
//
// The callbacks run in the goroutine that ranges over Events, one at a time for
// each range. While one runs, nothing is read from the connection.
type Options struct {
	// Authkey is the key; "" means the key of the Address. It is sent as the URL
	// parameter authkey, as the vendor documents.
	Authkey string
	// Header is sent with the handshake. Headers that the handshake sets itself
	// (Upgrade, Connection, Sec-Websocket-…) are left out.
	Header http.Header
	// TLS is the configuration for wss; nil means the system's roots. The
	// connection needs TLS 1.2 at least, whatever it says.
	TLS *tls.Config
	// Proxy returns the proxy for a request, nil for none. The request has the
	// address without its query, with the scheme http for ws and https for wss.
	// http.ProxyFromEnvironment fits, and so does the result of ParseProxy. A nil
	// Proxy means no proxy.
	Proxy func(*http.Request) (*url.URL, error)

	// ConnectTimeout bounds one attempt, from the lookup of the name to the end
	// of the websocket handshake. 0 means DefaultConnectTimeout.
	ConnectTimeout time.Duration
	// PingInterval is the time between two pings. Once the server has answered a
	// ping, the connection counts as lost after two intervals without a pong or
	// an event. A server that has never answered one is not given up. 0 means
	// DefaultPingInterval, a negative interval no pings.
	PingInterval time.Duration
	// MaxMessage is the size of the longest message in bytes. A longer one goes
	// to OnReject, and the events go on. 0 means DefaultMaxMessage; above 1 GiB
	// it is 1 GiB.
	MaxMessage int
	// ReadPause is how long the client pauses once it has read all that had come. Then
	// events that come one by one are read together, which takes a third of the
	// processor time. It is for programs that show figures or pictures: an event that
	// comes during a pause is read at its end, so that Received, and the answer to a
	// ping, are up to ReadPause late. An event that comes after a pause is read at once.
	// A pause ends early when the connection or the context ends, and when 64 KiB have
	// come, so that it does not slow down a flood. 0 means no pause. Only Linux has pauses.
	ReadPause time.Duration
	// Retries is how many attempts in a row may fail after a loss. 0 means no
	// limit; negative means that a loss ends the events.
	Retries int
	// RetryFirst repeats the very first attempt, too, as after a loss: without
	// limit if Retries is negative. Otherwise its failure ends the events.
	RetryFirst bool

	// OnState gets every change of the connection, and every answered ping.
	OnState func(State)
	// OnReject gets the first MaxExcerpt bytes of a message that is longer than
	// MaxMessage, and ErrTooLong, as soon as the limit is passed. The rest is
	// skipped. Raw is valid during the call.
	OnReject func(event.Event, error)
	// OnWait is called before the client waits: for bytes, for a connection, for
	// the next attempt. A caller that gathers events should hand them on then.
	// Between two calls events come without waiting.
	OnWait func()
	// OnPanic is called by a goroutine of the Client that panics, before that ends the process: a
	// program that has changed the terminal gives it back there. It may be nil.
	OnPanic func()
}

// Status is what a connection is doing.
type Status uint8

// The states of a connection, in the order in which they occur.
const (
	// Connecting: an attempt begins.
	Connecting Status = iota
	// Connected: the handshake is done, events may come.
	Connected
	// Pong: the server answered a ping. The connection stays as it was.
	Pong
	// Disconnected: an established connection has ended.
	Disconnected
	// Waiting: the next attempt begins after State.Delay.
	Waiting
)

func (s Status) String() string {
	switch s {
	case Connecting:
		return "connecting"
	case Connected:
		return "connected"
	case Pong:
		return "pong"
	case Disconnected:
		return "disconnected"
	case Waiting:
		return "waiting"
	}
	return "unknown"
}

// State is a change of a connection. It never holds the key.
type State struct {
	Status Status
	// Err is the reason: of Disconnected the loss, of Waiting the loss or the
	// failed attempt before. It is an *Error.
	Err error
	// Delay is how long the client waits (Waiting).
	Delay time.Duration
	// Attempt counts the attempts since the connection was lost, from 1. While
	// Waiting it is the number of the next one. The very first attempt is 0.
	Attempt int
	// Since is the time of the last byte before the feed went away, Until the
	// time when it was back (Connected). Since is zero before the first
	// connection.
	Since, Until time.Time
	// RTT is the time from sending a ping to reading its answer (Pong). It
	// includes the time that the caller took for events meanwhile.
	RTT time.Duration
}

// Client receives the events of one messaged. It is safe for concurrent use;
// each range over Events is a connection of its own.
type Client struct {
	opts    Options // with defaults
	url     string  // with the key
	addr    string  // without the key
	secrets secrets
	request *http.Request // for Options.Proxy
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
}

// New returns a client for addr. It connects when Events is ranged over.
// o may be nil and is copied.
func New(addr Address, o *Options) *Client {
	c := &Client{addr: addr.String()}
	if o != nil {
		c.opts = *o
	}
	o = &c.opts
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = DefaultConnectTimeout
	}
	if o.PingInterval == 0 {
		o.PingInterval = DefaultPingInterval
	}
	if o.MaxMessage <= 0 {
		o.MaxMessage = DefaultMaxMessage
	}
	o.MaxMessage = min(o.MaxMessage, maxMessage)
	if o.OnState == nil {
		o.OnState = func(State) {}
	}
	if o.OnReject == nil {
		o.OnReject = func(event.Event, error) {}
	}
	if o.OnWait == nil {
		o.OnWait = func() {}
	}
	o.Header = handshakeHeader(o.Header)
	o.TLS = tlsConfig(o.TLS)

	u := addr.URL
	c.request = &http.Request{
		Method: http.MethodGet, Host: u.Host, Header: http.Header{},
		URL: &url.URL{Scheme: map[string]string{"ws": "http", "wss": "https"}[u.Scheme], Host: u.Host, Path: u.Path},
	}
	key := addr.Authkey
	if o.Authkey != "" {
		key = o.Authkey
	}
	if key != "" {
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += "authkey=" + url.QueryEscape(key)
	}
	c.url = u.String()
	c.secrets = newSecrets(o.Authkey, addr.Authkey)
	// Keepalive finds out that a peer is gone that never answered a ping.
	c.dial = (&net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 20 * time.Second, Interval: 10 * time.Second, Count: 4},
		Control:         setUserTimeout,
	}).DialContext
	return c
}

// String returns the address without the key.
func (c *Client) String() string { return c.addr }

// Events connects and yields each message as an event, in the order received.
// It yields text and binary messages alike, and empty ones too: it does not look
// into the bytes. An event's Raw is valid until the next iteration.
//
// After a loss the client connects again, as often as Options say. It waits 0.5 s
// before the first attempt, doubling to 30 s, each time plus or minus a quarter,
// and begins again with 0.5 s after a connection of a minute or more. It looks up
// the name at each attempt. A close by the server is a loss, whatever its code.
//
// The last pair has an error and no event. The error is that of ctx if ctx has
// ended, otherwise an [*Error]. If ctx ends during an attempt to connect, it is an
// *Error that wraps the error of ctx and says how far the attempt came. A key that
// the server rejects always ends the events. When the attempts after a loss run
// out, the Error has the kind Lost and wraps the error of the last attempt.
// Breaking out of the loop closes the connection.
func (c *Client) Events(ctx context.Context) iter.Seq2[event.Event, error] {
	return func(yield func(event.Event, error) bool) {
		if err := c.run(ctx, yield); err != nil {
			yield(event.Event{}, err)
		}
	}
}

// run returns nil if yield returned false.
func (c *Client) run(ctx context.Context, yield func(event.Event, error) bool) error {
	delays := &backoff.ExponentialBackOff{InitialInterval: minDelay, Multiplier: 2, MaxInterval: maxDelay, RandomizationFactor: 0.25}
	var since time.Time // zero before the first connection
	gotEvent := false
	attempt := 0
	for {
		c.opts.OnState(State{Status: Connecting, Attempt: attempt, Since: since})
		c.opts.OnWait()
		l, err := c.connect(ctx)
		if err != nil && ctx.Err() != nil {
			return err
		}
		if err == nil {
			up := time.Now()
			c.opts.OnState(State{Status: Connected, Attempt: attempt, Since: since, Until: up})
			if err = l.deliver(ctx, yield); err == nil {
				return nil
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			attempt, since = 0, l.conn.lastRead
			if gotEvent = gotEvent || l.gotEvent; !gotEvent {
				err = asUnauthorized(err)
			}
			if time.Since(up) >= stableAfter {
				delays.Reset()
			}
			c.opts.OnState(State{Status: Disconnected, Err: err, Since: since})
		}
		if final := c.final(err, attempt, !since.IsZero()); final != nil {
			return final
		}
		attempt++
		delay := min(delays.NextBackOff(), maxDelay)
		c.opts.OnState(State{Status: Waiting, Err: err, Delay: delay, Attempt: attempt, Since: since})
		c.opts.OnWait()
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// final returns the error to end with after err, nil to try again. attempt is the
// number of attempts before, connected is whether there ever was a connection.
func (c *Client) final(err error, attempt int, connected bool) error {
	e, _ := errors.AsType[*Error](err)
	limit := c.opts.Retries
	switch {
	case e.Kind == Unauthorized, !connected && !c.opts.RetryFirst, connected && limit < 0:
		return e
	case limit <= 0 || attempt < limit:
		return nil
	case connected:
		return &Error{Kind: Lost, Addr: c.addr, Status: e.Status, Detail: fmt.Sprintf("lost, and not back after %d attempts: %s", attempt, e.Detail), Err: e}
	}
	return e
}
