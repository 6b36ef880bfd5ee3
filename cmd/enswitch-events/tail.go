package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/talk"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
	"github.com/enswitch-events/enswitch-events/pkg/post"
)

// tailOptions are the flags of tail.
type tailOptions struct {
	live       liveOptions
	key        keyOptions
	connection connectionOptions
	demo       bool
	listen     string
}

func newTail(a *app) *cobra.Command {
	o := &tailOptions{}
	cmd := &cobra.Command{
		Use:   "tail [ADDRESS…]",
		Short: "Live events from messaged's websocket",
		Long: `Print the events of an Enswitch cluster as they happen, from the websocket of
its message daemon.

ADDRESS is HOST, HOST:PORT, a ws, wss, http or https URL, or the URL of the
vendor's guide as it stands, key and all; without one, localhost:4875. Several
addresses are merged into one stream, each event once.

The setting "Send events to messaged" must be on, or the socket connects and
stays silent. The key is the setting "Message daemon authentication key".`,
		Example: `  enswitch-events tail --demo
  enswitch-events tail 10.0.0.5 --authkey-file /etc/enswitch-events/key
  enswitch-events tail 'http://10.0.0.5:4875/events/websocket/?authkey=KEY'
  enswitch-events tail -c call -e answer,end -w machine=1
  enswitch-events tail -q 'select(.event == "start") | {callid, machine}' | jq .callid
  enswitch-events tail -n 1 -e call.start --for 60s && echo the first call has come`,
		RunE: func(cmd *cobra.Command, addresses []string) error {
			return o.run(cmd.Context(), a, cmd, addresses)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.live.bind(cmd)
	o.bindConnection(cmd)
	return cmd
}

func (o *tailOptions) bindConnection(cmd *cobra.Command) {
	group(cmd, "Connection", func(f *pflag.FlagSet) {
		o.key.bind(f)
		o.connection.bind(f)
		f.StringVar(&o.listen, "listen", "", "take POSTs on `[BIND:]PORT`, too, each event once; off loopback they need the same key")
		f.BoolVar(&o.demo, "demo", false, "show a made-up cluster instead of a real one")
	})
}

func (o *tailOptions) run(ctx context.Context, a *app, cmd *cobra.Command, addresses []string) error {
	if err := o.connection.validate(cmd.Flags().Changed); err != nil {
		return err
	}
	l, err := o.live.compile(a, cmd)
	if err != nil {
		return err
	}
	receiver, err := o.receiver()
	if err != nil {
		return err
	}
	if o.demo {
		if len(addresses) > 0 {
			return usage("leave out the address", "--demo shows a made-up cluster and takes no address")
		}
		addr, stop := startDemo(ctx, a)
		defer stop()
		addresses = []string{addr}
	} else if len(addresses) == 0 {
		addresses = defaultAddresses(a)
	}
	clients, err := o.clients(ctx, a, addresses)
	if err != nil {
		return err
	}
	var sources []engine.Input
	if receiver != nil {
		key := clients[0].options.Authkey
		if key == "" && !loopback(receiver.bind) {
			return usage("give the key by --authkey-file or ENSWITCH_AUTHKEY", "--listen %s: off loopback POSTs need a key", o.listen)
		}
		source, err := receiver.open(ctx, a, l, &post.Options{Authkey: key}, false)
		if err != nil {
			return err
		}
		sources = append(sources, source)
	}
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	for _, c := range clients {
		sources = append(sources, c.source(l))
		if silence, once := o.silence(a, cmd); silence > 0 {
			watching.Go(func() { c.watch(ctx, silence, once) })
		}
	}
	return l.run(ctx, sources...)
}

// firstSilence is how long a person at a terminal waits for the first event before
// they are asked about the setting that the feed depends on.
const firstSilence = 30 * time.Second

// silence is how long a feed may be quiet, 0 for ever; once says that only the first
// event is waited for.
func (o *tailOptions) silence(a *app, cmd *cobra.Command) (silence time.Duration, once bool) {
	if !cmd.Flags().Changed("max-silence") && terminal(a.err) != nil {
		return firstSilence, true
	}
	return o.connection.maxSilence, false
}

// receiver returns what --listen says, nil if it was not given.
func (o *tailOptions) receiver() (*listenOptions, error) {
	if o.listen == "" {
		return nil, nil
	}
	bind, number := "127.0.0.1", o.listen
	if i := strings.LastIndexByte(o.listen, ':'); i >= 0 {
		bind, number = strings.Trim(o.listen[:i], "[]"), o.listen[i+1:]
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil || bind == "" {
		return nil, usage("write it like 8080 or 10.0.0.9:8080", "--listen %q is no port", o.listen)
	}
	return &listenOptions{bind: bind, port: uint16(n), path: "/", beside: true}, nil
}

// defaultAddresses are those of the environment, of the profile, or this
// machine.
func defaultAddresses(a *app) []string {
	if list := a.addresses(); len(list) > 0 {
		return list
	}
	return []string{"localhost"}
}

// upstream is one messaged and what is known of the connection to it.
type upstream struct {
	a       *app
	addr    messaged.Address
	options *messaged.Options
	keyless bool

	mu        sync.Mutex
	connected time.Time // since when, zero if not
	last      time.Time // when the last event came
	pong      time.Time // when the last ping was answered, zero if none has been
	rtt       time.Duration
	again     time.Time // when the next attempt begins
	away      time.Time // since when the feed is away, zero if it is not or never was there
	err       error     // of the last attempt

	// Of the goroutine that receives.
	heard bool // an event has come
	brief int  // connections in a row that were closed at once, before any event
}

// atOnceWithin is how soon a connection is lost that was closed at once.
const atOnceWithin = 10 * time.Second

// briefly is after how many such connections in a row the key is suspected.
const briefly = 3

func (o *tailOptions) clients(ctx context.Context, a *app, addresses []string) ([]*upstream, error) {
	var key, origin string
	var err error
	if !o.demo { // the demo's key is in its address
		if key, origin, err = o.key.find(ctx, a); err != nil {
			return nil, err
		}
	}
	var all []*upstream
	for _, s := range addresses {
		addr, err := messaged.ParseAddress(s)
		if err != nil {
			return nil, usage("write HOST, HOST:PORT, or the URL ws://HOST:4875/events/websocket/", "%w", err)
		}
		if slices.ContainsFunc(all, func(u *upstream) bool { return u.addr.String() == addr.String() }) {
			return nil, usage("name each address once", "address %s is given twice", addr)
		}
		m, err := o.connection.client()
		if err != nil {
			return nil, err
		}
		if o.connection.proxy == "" {
			if err := checkProxyEnv(addr); err != nil {
				return nil, err
			}
		}
		m.Authkey = o.key.resolve(key, origin, addr.Authkey, a)
		all = append(all, &upstream{a: a, addr: addr, options: m, keyless: m.Authkey == ""})
	}
	return all, nil
}

// source returns the events of u as a source of the engine.
func (u *upstream) source(l *live) engine.Input {
	feed := l.buffer.Feed(u.addr.String())
	l.feeds = append(l.feeds, u)
	u.options.OnWait = func() {
		if feed.Flush() {
			u.mu.Lock()
			u.last = time.Now()
			u.mu.Unlock()
		}
	}
	u.options.OnReject = func(ev event.Event, err error) {
		feed.Reject()
		l.reject(ev.Source, err, ev.Raw, int64(len(ev.Raw)))
	}
	u.options.OnState = func(s messaged.State) { u.state(s, feed) }
	client := messaged.New(u.addr, u.options)
	return func(ctx context.Context) error {
		defer feed.Flush()
		defer func() {
			if !errors.Is(context.Cause(ctx), engine.ErrEnough) {
				u.lastGap(feed)
			}
		}()
		for ev, err := range client.Events(ctx) {
			if err != nil {
				u.unfinished(err)
				return u.explain(err)
			}
			u.heard = true
			feed.Add(ev)
		}
		return nil
	}
}

// unfinished notes how far an attempt to connect came in the middle of which the
// end was reached, unless an attempt before has failed for a reason.
func (u *upstream) unfinished(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, ok := errors.AsType[*messaged.Error](err); ok && u.err == nil {
		u.err = err
	}
}

// lastGap marks that the feed was away until the end. A loss that is itself the
// end is none.
func (u *upstream) lastGap(feed *engine.Feed) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.away.IsZero() && u.options.Retries >= 0 {
		feed.Gap(engine.Gap{Reason: "reconnect", From: u.away, To: time.Now()})
	}
}

func (u *upstream) missing() (ever bool, why *exitError) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case !u.connected.IsZero():
		return true, nil
	case !u.away.IsZero():
		return true, &exitError{exitLost, fmt.Errorf("not connected at the end: away since %s: %s", clock(u.away), reason(u.err, u.addr)), ""}
	}
	const never = "never connected to"
	if e, ok := errors.AsType[*messaged.Error](u.err); ok {
		return false, u.hinted(never, e)
	}
	return false, &exitError{exitConnect, fmt.Errorf("%s %s", never, u.addr), ""}
}

// state says what the connection does, both when it goes and when it is back.
func (u *upstream) state(s messaged.State, feed *engine.Feed) {
	log := u.a.talk.With("address", u.addr.String())
	switch s.Status {
	case messaged.Connecting:
		log.Debug("connecting to " + u.addr.String())
	case messaged.Connected:
		u.mu.Lock()
		u.connected, u.away = time.Now(), time.Time{}
		u.mu.Unlock()
		if s.Since.IsZero() {
			log.Info("connected to " + u.addr.String())
			return
		}
		away := s.Until.Sub(s.Since)
		feed.Gap(engine.Gap{Reason: "reconnect", From: s.Since, To: s.Until})
		log.Warn(fmt.Sprintf("connected again to %s: the feed was away for %v, from %s to %s", u.addr, short(away), clock(s.Since), clock(s.Until)),
			"since", s.Since, "until", s.Until)
	case messaged.Pong:
		u.mu.Lock()
		u.pong, u.rtt = time.Now(), s.RTT
		u.mu.Unlock()
		log.Debug(fmt.Sprintf("%s answered a ping in %v", u.addr, s.RTT.Round(time.Microsecond)), "rtt", s.RTT)
	case messaged.Disconnected:
		u.mu.Lock()
		if !u.heard && time.Since(u.connected) < atOnceWithin {
			u.brief++
		} else {
			u.brief = 0
		}
		u.connected, u.pong, u.away, u.err = time.Time{}, time.Time{}, s.Since, s.Err
		u.mu.Unlock()
	case messaged.Waiting:
		u.mu.Lock()
		u.again, u.err = time.Now().Add(s.Delay), s.Err
		u.mu.Unlock()
		log.Warn(fmt.Sprintf("%s: reconnecting in %v", reason(s.Err, u.addr), short(s.Delay)), "delay", s.Delay, "attempt", s.Attempt)
		if u.brief == briefly && s.Attempt == 1 {
			log.Warn(u.addr.String()+": closed at once again and again, before any event: the key may be wrong", talk.Below, u.keyHint())
		}
	}
}

// reason is the error with the address once.
func reason(err error, addr messaged.Address) string {
	if e, ok := errors.AsType[*messaged.Error](err); ok {
		return addr.String() + ": " + e.Detail
	}
	return fmt.Sprintf("%s: %v", addr, err)
}

// short rounds a duration to what a person reads.
func short(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// watch warns when the feed is connected and no event comes for that long; if once is
// set, that is one warning at most, and none after the first event.
func (u *upstream) watch(ctx context.Context, silence time.Duration, once bool) {
	t := time.NewTicker(min(max(silence/4, time.Millisecond), time.Second))
	defer t.Stop()
	var warned time.Time // the beginning of the silence that was warned of
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			u.mu.Lock()
			since, connected := u.connected, !u.connected.IsZero()
			if once && (!u.last.IsZero() || !warned.IsZero()) {
				u.mu.Unlock()
				return
			}
			if u.last.After(since) {
				since = u.last
			}
			u.mu.Unlock()
			if connected && now.Sub(since) >= silence && !since.Equal(warned) {
				warned = since
				u.a.talk.Warn(fmt.Sprintf("%s: connected, but no event for %v: is 'Send events to messaged' on?", u.addr, short(now.Sub(since))))
			}
		}
	}
}

// explain turns what ended the connection into an exit code and something to
// try.
func (u *upstream) explain(err error) error {
	if e, ok := errors.AsType[*messaged.Error](err); ok {
		return u.hinted("could not connect to", e)
	}
	return failure(err)
}

// hinted says that there is no connection, beginning with the words of connect,
// and what to try.
func (u *upstream) hinted(connect string, e *messaged.Error) *exitError {
	switch e.Kind {
	case messaged.Unauthorized:
		return u.rejected(e)
	case messaged.Lost:
		hint := ""
		if !u.heard {
			hint = "no event had come, so the key may be wrong: " + u.keyHint()
		}
		return &exitError{exitLost, fmt.Errorf("lost the connection to %s: %s", e.Addr, e.Detail), hint}
	}
	return &exitError{exitConnect, fmt.Errorf("%s %s: %s", connect, e.Addr, e.Detail), u.connectHint(e)}
}

// connectHint is what to try where an attempt to connect failed. Settings are called
// what the vendor's guide calls them.
func (u *upstream) connectHint(e *messaged.Error) string {
	switch port := u.addr.URL.Port(); e.Kind {
	case messaged.Refused:
		return "does messaged run there ('Message daemon IP address'), and does the firewall of that machine\nlet TCP port " + port + " through?"
	case messaged.NoAnswer:
		other := "it wants wss://"
		if u.addr.URL.Scheme == "wss" {
			other = "it speaks no TLS: ws://"
		}
		return "something else may listen there, or " + other + ": messaged's port is 4875, its path\n/events/websocket/; --connect-timeout waits longer"
	case messaged.NotWebsocket:
		return "this may be a web server: messaged's port is 4875, its path /events/websocket/"
	case messaged.Unreachable, messaged.Timeout:
		return "is 'Message daemon IP address' right, and does the firewall of that machine let TCP port " + port + "\nthrough? --connect-timeout waits longer"
	case messaged.Resolve:
		return "check the name, or use the address of the setting 'Message daemon IP address'"
	case messaged.NotFound:
		return "the documented path is /events/websocket/ on port 4875"
	case messaged.Redirect:
		return "redirects are not followed, so that the key goes nowhere else; give the final address"
	case messaged.Proxy:
		return "--proxy none connects without a proxy" + proxyHint(e.Status, port)
	case messaged.ProxyAuth:
		return "give the user and the password in the proxy's URL: --proxy http://USER:PASSWORD@HOST:PORT\n--proxy none connects without a proxy"
	case messaged.BadStatus:
		return statusHint(e.Status)
	}
	return u.tlsHint(e)
}

// tlsHint is what to try where TLS failed.
func (u *upstream) tlsHint(e *messaged.Error) string {
	plain := "ws://" + u.addr.URL.Host
	switch e.Kind {
	case messaged.NotTLS, messaged.WantsTLS:
		return "" // the error says it
	case messaged.TLSVersion:
		return "the server, or a proxy in front of it, needs a newer TLS; messaged itself is documented without:\n" + plain
	case messaged.UnknownName:
		return "the server knows no such name: give the name that its certificate is for"
	case messaged.TLSRefused:
		return "it may want a client certificate: --cert FILE --key FILE"
	case messaged.Certificate:
		return certificateHint(e) + "; messaged itself is documented\nwithout TLS: " + plain
	}
	return "messaged itself is documented without TLS: " + plain
}

// certificateHint is what to try after a certificate that was not accepted.
func certificateHint(e *messaged.Error) string {
	if _, ok := errors.AsType[x509.HostnameError](e); ok {
		return "give the name that the certificate is for, or have one made with this name as subject\nalternative name (SAN); --insecure trusts any"
	}
	if _, ok := errors.AsType[x509.CertificateInvalidError](e); ok {
		return "renew the certificate, or look at the clocks of both machines; --insecure trusts any"
	}
	return "--ca FILE trusts a certificate, --insecure trusts any"
}

// proxyHint is what else to try after the HTTP status of a proxy, 0 for none.
func proxyHint(status int, port string) string {
	switch status {
	case http.StatusForbidden, http.StatusMethodNotAllowed:
		return "; the proxy must allow CONNECT to port " + port
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return "; the proxy may not reach messaged: does it run?"
	}
	return ""
}

// statusHint is what to try after an HTTP status that has no kind of its own.
func statusHint(status int) string {
	switch status {
	case http.StatusBadRequest, http.StatusUpgradeRequired:
		return "a proxy in front of messaged must pass on the headers Upgrade and Connection, by HTTP/1.1"
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return "a proxy in front may not reach messaged: does it run? --retry keeps trying"
	}
	return "--retry keeps trying"
}

// rejected is the error of a key that was rejected. It may also be that messaged
// has not seen it: a proxy in front of it has users of its own.
func (u *upstream) rejected(e *messaged.Error) *exitError {
	what, hint := "the key was rejected by", u.keyHint()
	if strings.Contains(e.Server, "WWW-Authenticate") {
		what = "access was refused by"
	}
	if e.Server != "" {
		hint += "\nor the answer is from a proxy (" + e.Server + "), which may want\n--header 'Authorization: …' or another address"
	}
	return &exitError{exitKey, fmt.Errorf("%s %s: %s", what, e.Addr, e.Detail), hint}
}

// keyHint says what to do about the key.
func (u *upstream) keyHint() string {
	if u.keyless {
		return "no key was given: --authkey-file FILE or ENSWITCH_AUTHKEY, with Enswitch's setting\n'Message daemon authentication key'"
	}
	return "compare the key with Enswitch's setting 'Message daemon authentication key'"
}
