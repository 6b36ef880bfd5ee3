package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/talk"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// stallAfter is how long a client of simulate and replay may leave what was
// sent to it unread.
const stallAfter = 5 * time.Second

// serveOptions are the flags of commands that play a cluster.
type serveOptions struct {
	key    keyOptions
	port   uint16
	bindTo string
	post   string
}

func (o *serveOptions) bind(f *pflag.FlagSet) {
	f.Uint16VarP(&o.port, "port", "p", 4875, "TCP `PORT` of the websocket; 0 picks a free one")
	f.StringVar(&o.bindTo, "bind", "127.0.0.1", "listen on this `ADDRESS`")
	o.key.bind(f)
	f.StringVar(&o.post, "post", "", "POST each event to this `URL`, too")
}

func (o *serveOptions) validate() error {
	if o.post == "" {
		return nil
	}
	if u, err := url.Parse(o.post); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return usage("it is written like http://127.0.0.1:8080/", "--post wants an http or https URL")
	}
	return nil
}

// open opens the port of the websocket and says where it is.
func (o *serveOptions) open(ctx context.Context, a *app) (*enswitchtest.ServerOptions, error) {
	found, origin, err := o.key.find(ctx, a)
	if err != nil {
		return nil, err
	}
	key := o.key.resolve(found, origin, "", a)
	listener, err := listenTCP(ctx, &net.ListenConfig{}, o.bindTo, o.port, "--port 0", "--bind")
	if err != nil {
		return nil, err
	}
	shown := ""
	if key != "" {
		shown = "?authkey=" + talk.Redacted
	}
	for _, host := range hosts(o.bindTo, listener.Addr()) {
		u := "http://" + host + enswitchtest.DefaultPath + shown
		a.talk.Info("messaged's websocket: "+u, "url", u)
	}
	return &enswitchtest.ServerOptions{
		Authkey: key, Listener: listener, SlowAfter: stallAfter, StallAfter: stallAfter,
		OnClient: func(remote string, connected bool, err error) {
			switch {
			case connected:
				a.talk.Info("client " + remote + " connected")
			case errors.Is(err, enswitchtest.ErrKey):
				a.talk.Warn("client " + remote + " refused: " + err.Error())
			case errors.Is(err, enswitchtest.ErrSlow):
				a.talk.Warn(fmt.Sprintf("client %s cut: it did not read for %v", remote, stallAfter))
			case err != nil:
				a.talk.Info("client " + remote + " gone: " + err.Error())
			default:
				a.talk.Info("client " + remote + " gone")
			}
		},
	}, nil
}

// posts is the account of what is POSTed. Without a URL it is nil.
type posts struct {
	senders *enswitchtest.Senders // of replay
	faults  *faults
	queued  int64

	mu           sync.Mutex
	done, failed int64
}

func (o *serveOptions) newPosts(a *app) *posts {
	if o.post == "" {
		return nil
	}
	return &posts{faults: &faults{say: a.talk.Warn}}
}

// told is told of each POST.
func (p *posts) told(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if err != nil {
		p.failed++
		p.faults.add(err.Error())
	}
}

func (p *posts) send(ctx context.Context, raw []byte) {
	if p != nil && p.senders.Send(ctx, raw) == nil { // else everything ends
		p.queued++
	}
}

// close waits for what is to be sent until ctx ends. Where time has run out,
// which is what over says, it does not wait longer than for one POST.
func (p *posts) close(ctx context.Context, over bool) {
	if p == nil {
		return
	}
	if over {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, enswitchtest.PostTimeout)
		defer cancel()
	}
	p.senders.Close(ctx)
}

// summary is what to add to the count of events, once all has ended.
func (p *posts) summary() string {
	if p == nil {
		return ""
	}
	p.faults.sum()
	msg := fmt.Sprintf(", %s failed", plural(p.failed, "POST"))
	if left := p.queued - p.done; left > 0 {
		msg += fmt.Sprintf(", %s not sent any more", humanize.Comma(left))
	}
	return msg
}

func (p *posts) attrs() []any {
	if p == nil {
		return nil
	}
	return []any{"failed_posts", p.failed, "unsent_posts", p.queued - p.done}
}

func (p *posts) failure() error {
	if p == nil || p.failed == 0 {
		return nil
	}
	return &exitError{exitFailure, fmt.Errorf("%s failed", plural(p.failed, "POST")), "is the URL right, and is something listening there?"}
}
