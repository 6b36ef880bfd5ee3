package live

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/post"
)

// bound is an open port that takes POSTs, with its server.
type bound struct {
	server   *http.Server
	handler  *post.Handler
	listener net.Listener
	urls     []string // to paste into Enswitch's setting, without the key
	onFault  func(post.Fault)
}

// openPort opens the port and logs its URL. around wraps the handler of the POSTs; it may be
// nil.
func (o *Receiver) openPort(ctx context.Context, a *cli.App, p *post.Options, made bool, around func(http.Handler) http.Handler, onFault func(post.Fault)) (*bound, error) {
	l := &bound{onFault: onFault}
	p.OnPanic = a.GiveBack
	var err error
	if l.handler, err = post.NewHandler(p); err != nil {
		return nil, cli.Usage("", "%w", err)
	}
	var handler http.Handler = l.handler
	if around != nil {
		handler = around(handler)
	}
	l.server = post.NewServer(handler, onFault)
	scheme, fingerprint := "http", ""
	if o.tlsCert != "" || o.tlsSelfSigned {
		scheme = "https"
		cert, err := o.certificate()
		if err != nil {
			return nil, err
		}
		l.server.TLSConfig.Certificates = []tls.Certificate{cert}
		if o.tlsSelfSigned {
			fingerprint = sha256Fingerprint(cert.Certificate[0])
		}
	}
	free, bind := "--port 0", "--bind"
	if o.listen != "" {
		free, bind = "--listen 0", "--listen BIND:PORT"
	}
	// Without keep-alive probes: setting them up costs four system calls for each POST
	// on a connection of its own, and the server closes a silent connection before the
	// first probe.
	config := &net.ListenConfig{KeepAlive: -1}
	if l.listener = o.activated; l.listener == nil {
		if l.listener, err = cli.ListenTCP(ctx, config, o.Bind, o.Port, free, bind); err != nil {
			return nil, err
		}
	}
	for _, host := range cli.ReachableAddresses(o.Bind, l.listener.Addr()) {
		l.urls = append(l.urls, scheme+"://"+host+(&url.URL{Path: o.path}).EscapedPath())
	}
	o.announce(a, l.urls, p.Authkey, made, fingerprint)
	return l, nil
}

// serve takes POSTs until ctx is done.
func (l *bound) serve(ctx context.Context) error {
	defer l.handler.Wait()
	return serve(ctx, l.server, post.LimitListener(l.listener, post.MaxConns, l.onFault))
}

// port is an open port as a feed, always connected.
type port string

func (p port) health(time.Time) (state, address string, connected bool) {
	return "listening on", string(p), true
}

func (p port) disconnected() (ever bool, why *cli.Error) { return true, nil }

func (p port) reconnects() int64 { return 0 }

// announce logs the URL to paste. A key that was made here is shown this once, because
// nobody else knows it.
func (o *Receiver) announce(a *cli.App, urls []string, key string, made bool, fingerprint string) {
	shown := ""
	switch {
	case made:
		shown = "?authkey=" + url.QueryEscape(key)
	case key != "":
		shown = "?authkey=" + log.Redacted
	}
	for _, u := range urls {
		u += shown
		a.Log.Info("listening: paste into 'Send events to URL': "+u, "url", u)
	}
	if key != "" && !made {
		a.Log.Info("write your key instead of ***, escaped as in every URL")
	}
	if fingerprint != "" {
		a.Log.Info("certificate SHA-256 "+fingerprint, "sha256", fingerprint)
	}
	if made {
		a.Log.HideKey(key)
	}
}

// serve serves until ctx is done, and then until the open requests have their answers,
// for 2 s at most.
func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() {
		if len(server.TLSConfig.Certificates) > 0 {
			failed <- server.ServeTLS(listener, "", "")
			return
		}
		failed <- server.Serve(listener)
	}()
	select {
	case err := <-failed:
		return cli.NewError(cli.ExitConnect, fmt.Errorf("could not go on listening: %w", err), "")
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if server.Shutdown(end) != nil {
		_ = server.Close()
	}
	<-failed //nolint:errcheck // always http.ErrServerClosed
	return nil
}
