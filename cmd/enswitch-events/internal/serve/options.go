// Package serve has what simulate and replay share: the flags of a cluster, its port,
// its POSTs, and the playback of captures.
package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// StallAfter is how long a client of simulate and replay may read nothing before it is
// disconnected.
const StallAfter = 5 * time.Second

// Options are the flags of a cluster.
type Options struct {
	key      flags.Key
	port     uint16
	bindAddr string
	Post     string
}

// Bind adds the flags to f.
func (o *Options) Bind(f *pflag.FlagSet) {
	f.Uint16VarP(&o.port, "port", "p", 4875, "TCP `PORT` of the websocket; 0 picks a free one")
	f.StringVar(&o.bindAddr, "bind", "127.0.0.1", "listen on this `ADDRESS`")
	o.key.Bind(f)
	f.StringVar(&o.Post, "post", "", "POST each event to this `URL` as well")
}

// Validate checks the values.
func (o *Options) Validate() error {
	if o.Post == "" {
		return nil
	}
	if u, err := url.Parse(o.Post); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return cli.Usage("write it like http://127.0.0.1:8080/", "--post wants an http or https URL")
	}
	return nil
}

// Open opens the port of the websocket, logs its URL, and returns the options of the
// server.
func (o *Options) Open(ctx context.Context, a *cli.App) (*enswitchtest.ServerOptions, error) {
	found, origin, err := o.key.Find(ctx, a)
	if err != nil {
		return nil, err
	}
	key := o.key.Resolve(found, origin, "", a)
	listener, err := cli.ListenTCP(ctx, &net.ListenConfig{}, o.bindAddr, o.port, "--port 0", "--bind")
	if err != nil {
		return nil, err
	}
	shown := ""
	if key != "" {
		shown = "?authkey=" + log.Redacted
	}
	for _, host := range cli.ReachableAddresses(o.bindAddr, listener.Addr()) {
		u := "http://" + host + enswitchtest.DefaultPath + shown
		a.Log.Info("messaged's websocket: "+u, "url", u)
	}
	return &enswitchtest.ServerOptions{
		Authkey: key, Listener: listener, SlowAfter: StallAfter, StallAfter: StallAfter,
		OnClient: func(remote string, connected bool, err error) {
			switch {
			case connected:
				a.Log.Info("client " + remote + " connected")
			case errors.Is(err, enswitchtest.ErrKey):
				a.Log.Warn("client " + remote + " refused: " + err.Error())
			case errors.Is(err, enswitchtest.ErrSlow):
				a.Log.Warn(fmt.Sprintf("client %s disconnected: it read nothing for %v", remote, StallAfter))
			case err != nil:
				a.Log.Info("client " + remote + " disconnected: " + err.Error())
			default:
				a.Log.Info("client " + remote + " disconnected")
			}
		},
	}, nil
}

// NewPosts returns the Posts to the URL of --post, or nil without it.
func (o *Options) NewPosts(a *cli.App) *Posts {
	if o.Post == "" {
		return nil
	}
	return &Posts{url: o.Post, failures: &report.Sampler{Log: a.Log.Warn}}
}
