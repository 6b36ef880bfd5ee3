package live

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/post"
)

// Receiver is the flags of a port that takes POSTs.
type Receiver struct {
	listen          string // the value of --listen, empty in the command listen
	Port            uint16
	Bind            string
	path            string
	noAuth          bool
	allow           []string
	trustProxy      []string
	forwardedHeader string
	tlsCert, tlsKey string
	tlsSelfSigned   bool
	maxBody         flags.Size
	numberFields    []string
}

// BindFlags binds the flags that do not say where the port is.
func (o *Receiver) BindFlags(f *pflag.FlagSet) {
	o.maxBody = 1 << 20
	f.StringVar(&o.path, "path", "/", "take events at this `PATH`, and nothing elsewhere")
	f.BoolVar(&o.noAuth, "no-auth", false, "take events from anybody who can connect")
	f.Var(flags.ListOf(&o.allow), "allow", "take events only from these addresses and networks: `LIST` with commas")
	f.StringVar(&o.tlsCert, "tls-cert", "", "speak HTTPS with the certificate in this PEM `FILE`")
	f.StringVar(&o.tlsKey, "tls-key", "", "private key of the certificate, PEM `FILE`")
	f.BoolVar(&o.tlsSelfSigned, "tls-self-signed", false, "speak HTTPS with a certificate made for this run; its fingerprint is printed")
	f.Var(&o.maxBody, "max-body", "refuse longer requests")
	f.StringVar(&o.forwardedHeader, "forwarded-header", "", "take the sender's address from this header, as X-Forwarded-For: `NAME`")
	f.Var(flags.ListOf(&o.trustProxy), "trust-proxy", "believe that header from these proxies only: `LIST` with commas")
	f.Var(flags.ListOf(&o.numberFields), "number-field", "make this field a JSON number where it holds one, as machine: `LIST` with commas")
}

// prefixes parses addresses and networks.
func prefixes(flag string, list []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, s := range list {
		s = strings.TrimSpace(s)
		p, err := netip.ParsePrefix(s)
		if err != nil {
			addr, err := netip.ParseAddr(s)
			if err != nil {
				return nil, cli.Usage("write 10.0.0.5, 10.0.0.0/24 or 2001:db8::/32", "--%s %q is no address and no network", flag, s)
			}
			p = netip.PrefixFrom(addr.WithZone(""), addr.BitLen())
		}
		all = append(all, p)
	}
	return all, nil
}

func (o *Receiver) validate() error {
	switch {
	case !strings.HasPrefix(o.path, "/") || strings.ContainsAny(o.path, "?# "):
		return cli.Usage("it is written like / or /events", "--path %q is no path", o.path)
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return cli.Usage("or use --tls-self-signed", "--tls-cert and --tls-key go together")
	case o.tlsCert != "" && o.tlsSelfSigned:
		return cli.Usage("give one of them", "--tls-cert and --tls-self-signed exclude each other")
	case (o.forwardedHeader == "") != (len(o.trustProxy) == 0):
		return cli.Usage("the header is believed of named proxies only", "--forwarded-header and --trust-proxy go together")
	case o.maxBody < 1:
		return cli.Usage("the default is 1MiB", "--max-body: at least 1 byte")
	}
	return nil
}

// Run takes POSTs and nothing else, as options say, to one of the ends.
func (o *Receiver) Run(ctx context.Context, a *cli.App, cmd *cobra.Command, options *Options, k *flags.Key) error {
	if err := o.validate(); err != nil {
		return err
	}
	l, err := options.compile(a, cmd)
	if err != nil {
		return err
	}
	source, err := o.openAlone(ctx, l, k)
	if err != nil {
		return err
	}
	return l.run(ctx, source)
}

// openAlone opens the port where nothing but POSTs is received. The key is the one
// that k finds.
func (o *Receiver) openAlone(ctx context.Context, l *session, k *flags.Key) (engine.Input, error) {
	if o.noAuth && (k.File != "" || k.Key != "") {
		return nil, cli.Usage("leave out --no-auth to have the key checked", "--no-auth and a key exclude each other")
	}
	handler, err := o.handler()
	if err != nil {
		return nil, err
	}
	key, made, err := o.authkey(ctx, l.a, k)
	if err != nil {
		return nil, err
	}
	handler.Authkey = key
	return o.open(ctx, l, handler, made)
}

// openBeside opens the port where a websocket is received, too. POSTs need the
// websocket's key.
func (o *Receiver) openBeside(ctx context.Context, l *session, key string) (engine.Input, error) {
	handler, err := o.handler()
	if err != nil {
		return nil, err
	}
	switch {
	case o.noAuth:
		o.warnOpen(l.a)
	case key == "" && !cli.Loopback(o.Bind) && len(o.allow) == 0:
		return nil, cli.Usage("give the key by --authkey-file or ENSWITCH_AUTHKEY, or --allow, or --no-auth", "--listen %s: off loopback POSTs need a key", o.listen)
	default:
		handler.Authkey = key
	}
	return o.open(ctx, l, handler, false)
}

// handler returns what the flags say as options of the handler, without a key.
func (o *Receiver) handler() (*post.Options, error) {
	allow, err := prefixes("allow", o.allow)
	if err != nil {
		return nil, err
	}
	proxies, err := prefixes("trust-proxy", o.trustProxy)
	if err != nil {
		return nil, err
	}
	return &post.Options{
		Path: o.path, Allow: allow, ForwardedHeader: o.forwardedHeader, TrustProxy: proxies,
		MaxBody: int64(o.maxBody), NumberFields: o.numberFields,
	}, nil
}

// open opens the port and returns what comes in there as a source of l. made
// says that the key is not the user's but was made for this run.
func (o *Receiver) open(ctx context.Context, l *session, p *post.Options, made bool) (engine.Input, error) {
	// net/http leaves some 2 KB of garbage a request, and little else is on the
	// heap, so by default it would be collected dozens of times a second under
	// load. What may lie around is bounded by the memory limit that l has set.
	debug.SetGCPercent(400)
	feed := l.buffer.Feed("")
	p.OnEvent = feed.Put
	p.OnReject = func(r post.Rejection) { o.rejected(l, feed, r) }
	p.OnNote = func(remote string, n post.Note) {
		kind := n.String() + " in a POSTed event"
		l.faults.AddKind(kind, remote+": "+kind, 1)
	}
	handler, err := post.NewHandler(p)
	if err != nil {
		return nil, cli.Usage("", "%w", err)
	}
	onFault := func(f post.Fault) { o.fault(l, f) }
	server := post.NewServer(handler, onFault)
	scheme, fingerprint := "http", ""
	if o.tlsCert != "" || o.tlsSelfSigned {
		scheme = "https"
		cert, err := o.certificate()
		if err != nil {
			return nil, err
		}
		server.TLSConfig.Certificates = []tls.Certificate{cert}
		if o.tlsSelfSigned {
			fingerprint = sha256Fingerprint(cert.Certificate[0])
		}
	}
	free, bind := "--port 0", "--bind"
	if o.listen != "" {
		free, bind = "--listen 0", "--listen BIND:PORT"
	}
	// A silent connection is closed by the server before it would be probed, so
	// that setting up the probes, four system calls for each POST that comes on a
	// connection of its own, is left out.
	config := &net.ListenConfig{KeepAlive: -1}
	listener, err := cli.ListenTCP(ctx, config, o.Bind, o.Port, free, bind)
	if err != nil {
		return nil, err
	}
	o.announce(l.a, scheme, listener.Addr(), p.Authkey, made, fingerprint)
	l.feeds = append(l.feeds, port(listener.Addr().String()))
	return func(ctx context.Context) error {
		defer handler.Wait()
		return serve(ctx, server, post.LimitListener(listener, post.MaxConns, onFault))
	}, nil
}

// port is an open port as a feed. It is always there; who POSTs is not known.
type port string

func (p port) health(time.Time) (string, bool) { return "listening on " + string(p), true }

func (p port) missing() (ever bool, why *cli.Error) { return true, nil }

// authkey returns the key that POSTs need, and whether it was made here because
// the port is open to others and nothing protects it.
func (o *Receiver) authkey(ctx context.Context, a *cli.App, k *flags.Key) (key string, made bool, err error) {
	if o.noAuth {
		o.warnOpen(a)
		return "", false, nil
	}
	found, origin, err := k.Find(ctx, a)
	if err != nil {
		return "", false, err
	}
	if key = k.Resolve(found, origin, "", a); key != "" {
		return key, false, nil
	}
	if cli.Loopback(o.Bind) || len(o.allow) > 0 {
		return "", false, nil
	}
	if a.Global.Quiet {
		return "", false, cli.Usage("give a key by --authkey-file or ENSWITCH_AUTHKEY, or --allow, or --no-auth",
			"--quiet would hide the key that would be made here")
	}
	return rand.Text(), true, nil
}

// warnOpen warns of a port that anybody can use.
func (o *Receiver) warnOpen(a *cli.App) {
	if !cli.Loopback(o.Bind) && len(o.allow) == 0 {
		a.Log.Warn("--no-auth: anybody who can connect can send events")
	}
}

// announce prints the URL to paste. A key that was made here is shown this
// once, since nobody else knows it.
func (o *Receiver) announce(a *cli.App, scheme string, at net.Addr, key string, made bool, fingerprint string) {
	shown := ""
	switch {
	case made:
		shown = "?authkey=" + url.QueryEscape(key)
	case key != "":
		shown = "?authkey=" + log.Redacted
	}
	var urls []string
	for _, host := range cli.Hosts(o.Bind, at) {
		urls = append(urls, scheme+"://"+host+(&url.URL{Path: o.path}).EscapedPath()+shown)
	}
	for _, u := range urls {
		a.Log.Info("listening: paste into 'Send events to URL': "+u, "url", u)
	}
	if key != "" && !made {
		a.Log.Info("*** stands for the key that you gave, escaped as in every URL")
	}
	if fingerprint != "" {
		a.Log.Info("certificate SHA-256 "+fingerprint, "sha256", fingerprint)
	}
	if made {
		a.Log.Hide(key)
	}
}

// rejected counts what was taken but is no event, and tells of what was turned
// away.
func (o *Receiver) rejected(l *session, feed *engine.Feed, r post.Rejection) {
	if r.Status == http.StatusOK {
		feed.Reject()
		l.reject(r.Remote, errors.New(r.Reason), r.Body, r.Size)
		return
	}
	kind := fmt.Sprintf("refused with status %d: %s", r.Status, r.Reason)
	msg := r.Remote + ": " + kind
	if r.Status == http.StatusRequestEntityTooLarge {
		if r.Size > 0 {
			msg += " (" + humanize.IBytes(uint64(r.Size)) + ")"
		}
		msg += "; --max-body takes longer ones"
	}
	l.faults.AddKind(kind, msg, 1)
}

// fault says once of each kind what is wrong with connections and what to change.
func (o *Receiver) fault(l *session, f post.Fault) {
	const setting = "'Send events to URL'"
	secure := o.tlsCert != "" || o.tlsSelfSigned
	switch f.Kind {
	case post.TLS:
		if secure {
			return
		}
		msg := f.Remote + " speaks HTTPS, and this port takes HTTP: write http:// in " + setting + ", or give --tls-cert or --tls-self-signed"
		l.faults.Once("connections that speak HTTPS, where this port takes HTTP", msg)
	case post.NotTLS:
		l.faults.Once("connections that speak HTTP, where this port takes HTTPS",
			f.Remote+" speaks HTTP, and this port takes HTTPS: write https:// in "+setting+", or leave out the certificate here")
	case post.CertificateRefused:
		l.faults.Once("connections that refused the certificate",
			fmt.Sprintf("%s refused the certificate (%s): have the Enswitch machines trust it, or give one that they trust by --tls-cert and --tls-key", f.Remote, f.Text))
	case post.TLSVersion:
		l.faults.Once("senders whose TLS is too old ("+f.Text+")",
			f.Remote+"'s TLS is too old ("+f.Text+"): it needs TLS 1.2, or write http:// in "+setting+" and leave out the certificate here")
	case post.HandshakeFailed:
		l.faults.Once("TLS handshakes that failed ("+f.Text+")", f.Remote+": the TLS handshake failed: "+f.Text)
	case post.TooManyConns:
		l.faults.Once("connections closed to make room for new ones",
			"there are as many connections as are kept, or as this system allows open files (ulimit -n): for each new one the one that was silent longest is closed")
	default:
		l.a.Log.Debug(strings.TrimSpace(f.Remote + " " + f.Text))
	}
}

// serve serves until ctx is done and what was being answered has been.
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
	<-failed //nolint:errcheck // it says that it was shut down
	return nil
}

// parseListen takes the port out of --listen, if it was given, and checks the flags that
// go with it.
func (o *Receiver) parseListen() error {
	if o.listen == "" {
		return nil
	}
	number := o.listen
	o.Bind = "127.0.0.1"
	if i := strings.LastIndexByte(o.listen, ':'); i >= 0 {
		o.Bind, number = strings.Trim(o.listen[:i], "[]"), o.listen[i+1:]
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil || o.Bind == "" {
		return cli.Usage("write it like 8080 or 10.0.0.9:8080", "--listen %q is no port", o.listen)
	}
	o.Port = uint16(n)
	return o.validate()
}
