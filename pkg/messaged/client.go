// Package messaged receives events from Enswitch's message daemon over its
// websocket.
//
//	addr, err := messaged.ParseAddress("10.0.0.5")
//	...
//	for ev, err := range messaged.New(addr, nil).Events(ctx) {
//
// A [Client] connects, reads, and connects again when the connection is lost.
// There is no replay: what happens while nobody is connected is not sent
// later, so [State] says from when to when the feed was away.
//
// Whether messaged answers pings, sends its own, or splits messages into
// frames is not documented; the client works with either.
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

// Defaults of [Options], and limits.
const (
	DefaultConnectTimeout = 10 * time.Second
	DefaultPingInterval   = 20 * time.Second
	DefaultMaxMessage     = 16 << 20

	// RejectExcerpt is how much of a message that is too long is kept to show
	// to Options.OnReject, in bytes.
	RejectExcerpt = 4096

	mostMessage = 1 << 30         // above it, arithmetic on sizes is no longer safe everywhere
	firstDelay  = time.Second / 2 // before the first retry; doubles from there
	mostDelay   = 30 * time.Second
	goodTime    = time.Minute // a connection that lasted so long resets the delay
)

// ErrTooLong is what Options.OnReject is given for a message longer than
// Options.MaxMessage.
var ErrTooLong = errors.New("message too long")

// Options are how a Client connects. The zero value of each field is its
// default.
//
// The functions are called by the goroutine that ranges over Events, never two
// at once for one range; they should return soon.
type Options struct {
	// Authkey is the key; "" means the one in the Address. It goes into the
	// query of the URL, as the vendor documents.
	Authkey string
	// Header is sent with the handshake. Headers that the handshake sets
	// itself (Upgrade, Connection, Sec-Websocket-…) are left out.
	Header http.Header
	// TLS is the configuration for wss; nil means the system's roots. Below
	// TLS 1.2 nothing is accepted.
	TLS *tls.Config
	// Proxy returns the proxy for a request to the address, whose scheme is
	// http for ws and https for wss and whose query is left out; nil means no
	// proxy. http.ProxyFromEnvironment fits, as does what ParseProxy returns.
	Proxy func(*http.Request) (*url.URL, error)

	// ConnectTimeout bounds one attempt, from looking up the name to the end
	// of the websocket handshake. 0 means DefaultConnectTimeout.
	ConnectTimeout time.Duration
	// PingInterval is how often a ping is sent. A server that has answered a
	// ping once and from which then nothing comes for two intervals, no pong
	// and no event, is given up. One that never answered is not. 0 means
	// DefaultPingInterval, negative no pings.
	PingInterval time.Duration
	// MaxMessage is the longest message that is taken, in bytes; a longer one
	// goes to OnReject and the stream goes on. 0 means DefaultMaxMessage; more
	// than 1 GiB counts as 1 GiB.
	MaxMessage int
	// Retries is how many attempts in a row may fail after a connection was
	// lost. 0 means no limit; negative means that a loss ends the events.
	Retries int
	// RetryFirst keeps trying when the very first attempt fails, as after a
	// loss (for ever if Retries is negative). Otherwise that ends the events.
	RetryFirst bool

	// OnState is told of every change of the connection, and of every answered
	// ping.
	OnState func(State)
	// OnReject gets the first RejectExcerpt bytes of a message that is longer
	// than MaxMessage, and ErrTooLong, as soon as that is known. The rest is
	// skipped. Raw is valid during the call.
	OnReject func(event.Event, error)
	// OnWait is called whenever the client is about to wait: for bytes, for a
	// connection, for the next attempt. It is the moment to write out what was
	// gathered from the events so far; between two calls events come without
	// waiting.
	OnWait func()
}

// Status says what a connection is doing.
type Status uint8

// The states of a connection, in the order in which they occur.
const (
	// Connecting: an attempt begins.
	Connecting Status = iota
	// Connected: the handshake is done, events may come.
	Connected
	// Answered: the server answered a ping. The connection stays as it was.
	Answered
	// Disconnected: a connection that stood has ended.
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
	case Answered:
		return "answered"
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
	// Err is why: the loss (Disconnected), or the loss or the failed attempt
	// after which the client waits (Waiting). It is an *Error.
	Err error
	// Delay is how long the client waits (Waiting).
	Delay time.Duration
	// Attempt counts the attempts since the connection was lost, from 1 on
	// (Waiting: the one to come). It is 0 for the very first attempt.
	Attempt int
	// Since is when the last byte came before the feed went away, Until when it
	// was back (Connected). Since is zero as long as there was no connection.
	Since, Until time.Time
	// RTT is the time from sending a ping to reading its answer (Answered).
	// It includes the time that the reader of the events took meanwhile.
	RTT time.Duration
}

// Client receives the events of one messaged. It is safe for concurrent use;
// each range over Events is a connection of its own.
type Client struct {
	opts    Options // defaults filled in
	url     string  // with the key
	shown   string  // without it
	secrets secrets
	request *http.Request // for Options.Proxy
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
}

// New returns a client for addr. It connects when Events is ranged over.
// o may be nil and is copied.
func New(addr Address, o *Options) *Client {
	c := &Client{shown: addr.String()}
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
	o.MaxMessage = min(o.MaxMessage, mostMessage)
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
	// The name is looked up at each attempt. Keepalive finds a peer that is
	// gone where it never answered a ping.
	c.dial = (&net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 20 * time.Second, Interval: 10 * time.Second, Count: 4},
		Control:         setUserTimeout,
	}).DialContext
	return c
}

// String returns the address without the key.
func (c *Client) String() string { return c.shown }

// Events connects and yields each message as an event, in the order received,
// text and binary alike, empty ones too: whether the bytes are an event is for
// the reader to find out. An event's Raw is valid until the next iteration.
//
// A lost connection is made anew as Options say, after 0.5 s, doubling to 30 s,
// plus or minus a quarter, from the start again after a good minute. A close by
// the server is a loss whatever its code.
//
// The last pair has no event but the error that ends the events: an [*Error], or
// that of ctx once it has ended. Where ctx ends in the middle of an attempt to
// connect it is an [*Error] that wraps ctx's and says how far the attempt came.
// A key that the server rejects always ends them. When attempts after a loss run out, the Error is of kind Lost and wraps
// that of the last attempt. Breaking out of the loop closes the connection.
func (c *Client) Events(ctx context.Context) iter.Seq2[event.Event, error] {
	return func(yield func(event.Event, error) bool) {
		if err := c.run(ctx, yield); err != nil {
			yield(event.Event{}, err)
		}
	}
}

// run returns nil when the consumer has had enough.
func (c *Client) run(ctx context.Context, yield func(event.Event, error) bool) error {
	delays := &backoff.ExponentialBackOff{InitialInterval: firstDelay, Multiplier: 2, MaxInterval: mostDelay, RandomizationFactor: 0.25}
	var since time.Time // zero until there was a connection
	heard := false      // an event has come
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
			attempt, since = 0, l.conn.at
			if heard = heard || l.heard; !heard {
				err = asRejection(err)
			}
			if time.Since(up) >= goodTime {
				delays.Reset()
			}
			c.opts.OnState(State{Status: Disconnected, Err: err, Since: since})
		}
		if final := c.final(err, attempt, !since.IsZero()); final != nil {
			return final
		}
		attempt++
		delay := min(delays.NextBackOff(), mostDelay)
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

// final returns the error to end with after err, nil to try again. attempt is
// how many attempts came before, connected whether there ever was a connection.
func (c *Client) final(err error, attempt int, connected bool) error {
	e, _ := errors.AsType[*Error](err)
	limit := c.opts.Retries
	switch {
	case e.Kind == Unauthorized, !connected && !c.opts.RetryFirst, connected && limit < 0:
		return e
	case limit <= 0 || attempt < limit:
		return nil
	case connected:
		return &Error{Kind: Lost, Addr: c.shown, Status: e.Status, Detail: fmt.Sprintf("lost, and not back after %d attempts: %s", attempt, e.Detail), Err: e}
	}
	return e
}
