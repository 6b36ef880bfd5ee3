package main

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
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/talk"
	"github.com/enswitch-events/enswitch-events/pkg/oserr"
	"github.com/enswitch-events/enswitch-events/pkg/post"
)

// listenOptions are the flags of listen.
type listenOptions struct {
	live            liveOptions
	key             keyOptions
	port            uint16
	bind            string
	path            string
	noAuth          bool
	allow           []string
	trustProxy      []string
	forwardedHeader string
	tlsCert, tlsKey string
	tlsSelfSigned   bool
	maxBody         size
	numberFields    []string
	beside          bool // these are not listen's flags, but --listen of another command
}

func newListen(a *app) *cobra.Command {
	o := &listenOptions{maxBody: 1 << 20}
	cmd := &cobra.Command{
		Use:   "listen",
		Short: "Live events POSTed by the Enswitch machines",
		Long: `Take the events that the Enswitch machines POST, and print them.

Paste the URL that is printed into the setting "Send events to URL" (System »
Configuration in 3.14 and 3.15; Global » Settings » Configuration from 4.1 on;
for one customer: Settings » Customer). Every machine of the cluster sends
directly, so every one must reach the URL.

The answer goes out as soon as the event has its place in the stream, and waits
for nothing else: routing of calls waits for it. So the events of a sender that
waits for its answers come out in order. The fields of a POSTed form become the JSON that the websocket would send:
in the order received, as strings, machine as a number (--number-field for
others). Of a repeated field the first counts; a field without value is "".`,
		Example: `  enswitch-events listen --port 8080
  enswitch-events listen --bind 0.0.0.0 --port 8080 --allow 10.0.0.0/24
  enswitch-events listen --bind 0.0.0.0 --port 8443 --tls-self-signed --authkey-file key
  curl -d class=call -d event=start -d timestamp=1234567890.123456 http://127.0.0.1:8080/`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), a, cmd) },
	}
	o.live.bind(cmd)
	group(cmd, "Listening", func(f *pflag.FlagSet) {
		f.Uint16VarP(&o.port, "port", "p", 8080, "TCP `PORT`; 0 picks a free one")
		f.StringVar(&o.bind, "bind", "127.0.0.1", "listen on this `ADDRESS`; 0.0.0.0 or :: for all of the machine's")
		f.StringVar(&o.path, "path", "/", "take events at this `PATH`, and nothing elsewhere")
		o.key.bind(f)
		f.BoolVar(&o.noAuth, "no-auth", false, "take events from anybody who can connect")
		f.Var(list{&o.allow}, "allow", "take events only from these addresses and networks: `LIST` with commas")
		f.StringVar(&o.tlsCert, "tls-cert", "", "speak HTTPS with the certificate in this PEM `FILE`")
		f.StringVar(&o.tlsKey, "tls-key", "", "private key of the certificate, PEM `FILE`")
		f.BoolVar(&o.tlsSelfSigned, "tls-self-signed", false, "speak HTTPS with a certificate made for this run; its fingerprint is printed")
		f.Var(&o.maxBody, "max-body", "refuse longer requests")
		f.StringVar(&o.forwardedHeader, "forwarded-header", "", "take the sender's address from this header, as X-Forwarded-For: `NAME`")
		f.Var(list{&o.trustProxy}, "trust-proxy", "believe that header from these proxies only: `LIST` with commas")
		f.Var(list{&o.numberFields}, "number-field", "make this field a JSON number where it holds one, as machine: `LIST` with commas")
	})
	return cmd
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
				return nil, usage("write 10.0.0.5, 10.0.0.0/24 or 2001:db8::/32", "--%s %q is no address and no network", flag, s)
			}
			p = netip.PrefixFrom(addr.WithZone(""), addr.BitLen())
		}
		all = append(all, p)
	}
	return all, nil
}

func (o *listenOptions) validate() error {
	switch {
	case !strings.HasPrefix(o.path, "/") || strings.ContainsAny(o.path, "?# "):
		return usage("it is written like / or /events", "--path %q is no path", o.path)
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return usage("or use --tls-self-signed", "--tls-cert and --tls-key go together")
	case o.tlsCert != "" && o.tlsSelfSigned:
		return usage("give one of them", "--tls-cert and --tls-self-signed exclude each other")
	case (o.forwardedHeader == "") != (len(o.trustProxy) == 0):
		return usage("the header is believed of named proxies only", "--forwarded-header and --trust-proxy go together")
	case o.noAuth && (o.key.file != "" || o.key.key != ""):
		return usage("leave out --no-auth to have the key checked", "--no-auth and a key exclude each other")
	case o.maxBody < 1:
		return usage("the default is 1MiB", "--max-body: at least 1 byte")
	}
	return nil
}

func (o *listenOptions) run(ctx context.Context, a *app, cmd *cobra.Command) error {
	if err := o.validate(); err != nil {
		return err
	}
	l, err := o.live.compile(a, cmd)
	if err != nil {
		return err
	}
	allow, err := prefixes("allow", o.allow)
	if err != nil {
		return err
	}
	proxies, err := prefixes("trust-proxy", o.trustProxy)
	if err != nil {
		return err
	}
	key, made, err := o.authkey(ctx, a, len(allow) > 0)
	if err != nil {
		return err
	}
	source, err := o.open(ctx, a, l, &post.Options{
		Path: o.path, Authkey: key, Allow: allow, ForwardedHeader: o.forwardedHeader, TrustProxy: proxies,
		MaxBody: int64(o.maxBody), NumberFields: o.numberFields,
	}, made)
	if err != nil {
		return err
	}
	return l.run(ctx, source)
}

// open opens the port and returns what comes in there as a source of l. made
// says that the key is not the user's but was made for this run.
func (o *listenOptions) open(ctx context.Context, a *app, l *live, p *post.Options, made bool) (engine.Input, error) {
	// net/http leaves some 2 KB of garbage a request, and little else is on the
	// heap, so by default it would be collected dozens of times a second under
	// load. What may lie around is bounded by the memory limit that l has set.
	debug.SetGCPercent(400)
	feed := l.buffer.Feed("")
	p.OnEvent = feed.Put
	p.OnReject = func(r post.Rejection) { o.rejected(l, feed, r) }
	p.OnNote = func(remote string, n post.Note) {
		kind := n.String() + " in a POSTed event"
		l.faults.addKind(kind, remote+": "+kind, 1)
	}
	handler, err := post.NewHandler(p)
	if err != nil {
		return nil, usage("", "%w", err)
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
	if o.beside {
		free, bind = "--listen 0", "--listen BIND:PORT"
	}
	// A silent connection is closed by the server before it would be probed, so
	// that setting up the probes, four system calls for each POST that comes on a
	// connection of its own, is left out.
	config := &net.ListenConfig{KeepAlive: -1}
	listener, err := listenTCP(ctx, config, o.bind, o.port, free, bind)
	if err != nil {
		return nil, err
	}
	o.announce(a, scheme, listener.Addr(), p.Authkey, made, fingerprint)
	l.feeds = append(l.feeds, port(listener.Addr().String()))
	return func(ctx context.Context) error {
		defer handler.Wait()
		return serve(ctx, server, post.LimitListener(listener, post.MaxConns, onFault))
	}, nil
}

// port is an open port as a feed. It is always there; who POSTs is not known.
type port string

func (p port) health(time.Time) (string, bool) { return "listening on " + string(p), true }

func (p port) missing() (ever bool, why *exitError) { return true, nil }

// listenTCP opens a port. Free and flag are what the command line has for a free
// port and for the address.
func listenTCP(ctx context.Context, config *net.ListenConfig, bind string, port uint16, free, flag string) (net.Listener, error) {
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(strings.Trim(bind, "[]"), strconv.Itoa(int(port))))
	if err != nil {
		hint := free + " picks a free port"
		switch _, noName := errors.AsType[*net.DNSError](err); {
		case errors.Is(err, os.ErrPermission):
			hint = "ports below 1024 are for root: take a higher one"
		case noName, oserr.IsAddrNotAvailable(err):
			hint = flag + " wants an address of this machine, or 0.0.0.0 for all"
		}
		return nil, &exitError{exitConnect, fmt.Errorf("could not open the port: %w", err), hint}
	}
	return listener, nil
}

// authkey returns the key to ask for, and whether it was made here because
// the port is open to others and nothing protects it.
func (o *listenOptions) authkey(ctx context.Context, a *app, allowed bool) (key string, made bool, err error) {
	if o.noAuth {
		if !loopback(o.bind) && !allowed {
			a.talk.Warn("--no-auth: anybody who can connect can send events")
		}
		return "", false, nil
	}
	found, origin, err := o.key.find(ctx, a)
	if err != nil {
		return "", false, err
	}
	if key = o.key.resolve(found, origin, "", a); key != "" {
		return key, false, nil
	}
	if loopback(o.bind) || allowed {
		return "", false, nil
	}
	if a.global.quiet {
		return "", false, usage("give a key by --authkey-file or ENSWITCH_AUTHKEY, or --allow, or --no-auth",
			"--quiet would hide the key that would be made here")
	}
	return rand.Text(), true, nil
}

func loopback(bind string) bool {
	if bind == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(bind, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}

// announce prints the URL to paste. A key that was made here is shown this
// once, since nobody else knows it.
func (o *listenOptions) announce(a *app, scheme string, at net.Addr, key string, made bool, fingerprint string) {
	shown := ""
	switch {
	case made:
		shown = "?authkey=" + url.QueryEscape(key)
	case key != "":
		shown = "?authkey=" + talk.Redacted
	}
	var urls []string
	for _, host := range hosts(o.bind, at) {
		urls = append(urls, scheme+"://"+host+(&url.URL{Path: o.path}).EscapedPath()+shown)
	}
	for _, u := range urls {
		a.talk.Info("listening: paste into 'Send events to URL': "+u, "url", u)
	}
	if key != "" && !made {
		a.talk.Info("*** stands for the key that you gave, escaped as in every URL")
	}
	if fingerprint != "" {
		a.talk.Info("certificate SHA-256 "+fingerprint, "sha256", fingerprint)
	}
	if made {
		a.talk.Hide(key)
	}
}

// hosts are the addresses under which others reach the port at, which was
// opened on bind.
func hosts(bind string, at net.Addr) []string {
	tcp, ok := at.(*net.TCPAddr)
	if !ok {
		return []string{at.String()}
	}
	port := strconv.Itoa(tcp.Port)
	if !tcp.IP.IsUnspecified() {
		host := strings.Trim(bind, "[]")
		return []string{net.JoinHostPort(host, port)}
	}
	var all []string
	addrs, _ := net.InterfaceAddrs()
	for _, addr := range addrs {
		ip, _, err := net.ParseCIDR(addr.String())
		if err == nil && ip.IsGlobalUnicast() && (ip.To4() != nil || bind != "0.0.0.0") {
			all = append(all, net.JoinHostPort(ip.String(), port))
		}
	}
	if len(all) == 0 {
		all = []string{net.JoinHostPort("127.0.0.1", port)}
	}
	return all
}

// rejected counts what was taken but is no event, and tells of what was turned
// away.
func (o *listenOptions) rejected(l *live, feed *engine.Feed, r post.Rejection) {
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
		if !o.beside {
			msg += "; --max-body takes longer ones"
		}
	}
	l.faults.addKind(kind, msg, 1)
}

// fault says once of each kind what is wrong with connections and what to change.
func (o *listenOptions) fault(l *live, f post.Fault) {
	const setting = "'Send events to URL'"
	secure := o.tlsCert != "" || o.tlsSelfSigned
	switch f.Kind {
	case post.TLS:
		if secure {
			return
		}
		msg := f.Remote + " speaks HTTPS, and this port takes HTTP: write http:// in " + setting
		if !o.beside {
			msg += ", or give --tls-cert or --tls-self-signed"
		}
		l.faults.once("connections that speak HTTPS, where this port takes HTTP", msg)
	case post.NotTLS:
		l.faults.once("connections that speak HTTP, where this port takes HTTPS",
			f.Remote+" speaks HTTP, and this port takes HTTPS: write https:// in "+setting+", or leave out the certificate here")
	case post.CertificateRefused:
		l.faults.once("connections that refused the certificate",
			fmt.Sprintf("%s refused the certificate (%s): have the Enswitch machines trust it, or give one that they trust by --tls-cert and --tls-key", f.Remote, f.Text))
	case post.HandshakeFailed:
		l.faults.once("TLS handshakes that failed", f.Remote+": the TLS handshake failed: "+f.Text)
	case post.TooManyConns:
		l.faults.once("connections closed to make room for new ones",
			"there are as many connections as are kept, or as this system allows open files (ulimit -n): for each new one the one that was silent longest is closed")
	default:
		l.a.talk.Debug(strings.TrimSpace(f.Remote + " " + f.Text))
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
		return &exitError{exitConnect, fmt.Errorf("could not go on listening: %w", err), ""}
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
