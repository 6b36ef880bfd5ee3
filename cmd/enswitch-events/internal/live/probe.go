package live

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
	"github.com/enswitch-events/enswitch-events/pkg/post"
	"github.com/enswitch-events/enswitch-events/pkg/stream"
)

// Probe is the feeds of a command that looks at each of them itself, without the engine.
type Probe struct {
	Peers   []*Peer
	Streams []*StreamPeer
	Listen  bool // POSTs are taken: see OpenPort

	feeds *Feeds
	a     *cli.App
	stop  func()
}

// Peer is a messaged to connect to.
type Peer struct {
	Addr    messaged.Address
	Options *messaged.Options // as the flags say, without callbacks
	Keyless bool              // there is no key
	// FromEnvironment says that the proxy comes from the environment.
	FromEnvironment bool
	upstream        *upstream
}

// Probe returns the feeds that the flags name; addresses are those of the command line.
// The caller must call Stop.
func (o *Feeds) Probe(ctx context.Context, a *cli.App, cmd *cobra.Command, addresses []string) (*Probe, error) {
	if err := o.connection.Validate(cmd.Flags().Changed); err != nil {
		return nil, err
	}
	if err := o.receiver.parseListen(); err != nil {
		return nil, err
	}
	if a.IneffectiveFlag != nil {
		return nil, a.IneffectiveFlag
	}
	p := &Probe{Listen: o.receiver.listen != "", feeds: o, a: a, stop: func() {}}
	if addresses = o.addresses(a, addresses); len(addresses) == 0 && !o.demo {
		return p, nil
	}
	streams, addresses, err := o.streams(a, cmd, addresses)
	if err != nil {
		return nil, err
	}
	for _, u := range streams {
		p.Streams = append(p.Streams, &StreamPeer{u})
	}
	clients, stop, err := o.clients(ctx, a, addresses)
	if err != nil {
		return nil, err
	}
	p.stop = stop
	for _, u := range clients {
		p.Peers = append(p.Peers, &Peer{
			Addr: u.addr, Options: u.options, Keyless: u.keyless, FromEnvironment: o.connection.Proxy == "", upstream: u,
		})
	}
	return p, nil
}

// StreamPeer is a stream to read.
type StreamPeer struct{ feed *streamFeed }

// String returns the address, without user and password.
func (p *StreamPeer) String() string { return p.feed.name }

// NewReader returns a reader of what comes from now on, which connects once. onState is its
// callback.
func (p *StreamPeer) NewReader(onState func(stream.State)) *stream.Reader {
	o := *p.feed.options
	o.Retries, o.RetryFirst, o.OnState = -1, false, onState
	return stream.NewReader(p.feed.addr, &o)
}

// Error returns the error with which a run ends when the reader ends with err.
func (p *StreamPeer) Error(err error) *cli.Error {
	failure, ok := errors.AsType[*cli.Error](p.feed.exitError("could not read", err))
	if !ok {
		return cli.NewError(cli.ExitFailure, err, "")
	}
	return failure
}

// Stop ends what Probe has started.
func (p *Probe) Stop() { p.stop() }

// Proxy returns the proxy of the connection, or nil.
func (p *Peer) Proxy() *url.URL {
	if p.Options.Proxy == nil {
		return nil
	}
	scheme := "http"
	if p.Addr.URL.Scheme == "wss" {
		scheme = "https"
	}
	u, _ := p.Options.Proxy(&http.Request{ // an error of it is one of the connection, too
		Method: http.MethodGet, Host: p.Addr.URL.Host, Header: http.Header{},
		URL: &url.URL{Scheme: scheme, Host: p.Addr.URL.Host, Path: p.Addr.URL.Path},
	})
	return u
}

// Error returns the error with which a run ends when the events of the peer end with err.
// heard says that an event had come.
func (p *Peer) Error(err error, heard bool) *cli.Error {
	u := &upstream{connection: connection{a: p.upstream.a, name: p.Addr.String()}, addr: p.Addr, keyless: p.Keyless, heard: heard}
	if errors.Is(err, context.Canceled) {
		u.err = err
		if _, why := u.disconnected(); why != nil {
			return why
		}
	}
	failure, ok := errors.AsType[*cli.Error](u.exitError(err))
	if !ok {
		return cli.NewError(cli.ExitFailure, err, "")
	}
	return failure
}

// KeyHint returns what to try if the key may be wrong.
func (p *Peer) KeyHint() string { return p.upstream.keyHint() }

// Port is an open port that takes POSTs.
type Port struct {
	// URLs are those to paste into Enswitch's setting, without the key.
	URLs []string
	// Loopback says that only this machine reaches the port.
	Loopback bool
	Authkey  string // the key that POSTs need, "" for none

	bound *bound
}

// PortOptions are the callbacks of OpenPort. They are called from many goroutines.
type PortOptions struct {
	Post post.Options // OnEvent, and OnReject for bodies that are no events
	// OnRefused gets what is wrong with a request or a connection, and what to try. What
	// repeats is left out.
	OnRefused func(text string, args ...any)
	// Around wraps the handler of the POSTs.
	Around func(http.Handler) http.Handler
}

// OpenPort opens the port of the flags and logs its URL.
func (p *Probe) OpenPort(ctx context.Context, o *PortOptions) (*Port, error) {
	r := &p.feeds.receiver
	var options *post.Options
	var made bool
	var err error
	if len(p.Peers) > 0 {
		options, err = r.handlerBeside(p.a, p.Peers[0].Options.Authkey)
	} else {
		options, made, err = r.handlerAlone(ctx, p.a, &p.feeds.key)
	}
	if err != nil {
		return nil, err
	}
	refused := &report.Sampler{Log: o.OnRefused}
	options.OnEvent = o.Post.OnEvent
	options.OnReject = func(rejection post.Rejection) {
		if rejection.Status == http.StatusOK {
			o.Post.OnReject(rejection)
			return
		}
		r.refused(refused, rejection)
	}
	l, err := r.openPort(ctx, p.a, options, made, o.Around, func(f post.Fault) { r.fault(p.a, refused, f) })
	if err != nil {
		return nil, err
	}
	return &Port{URLs: l.urls, Loopback: cli.IsLoopback(r.Bind), Authkey: options.Authkey, bound: l}, nil
}

// Serve takes POSTs until ctx is done.
func (p *Port) Serve(ctx context.Context) error { return p.bound.serve(ctx) }
