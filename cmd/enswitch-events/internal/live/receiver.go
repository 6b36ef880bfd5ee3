package live

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
	"github.com/enswitch-events/enswitch-events/pkg/post"
)

// Receiver are the flags of a port that takes POSTs.
type Receiver struct {
	listen          string // the value of --listen; always empty in the command listen
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

	activated net.Listener // the port that systemd has opened, nil if it has not
}

// BindFlags adds the flags to f, all but those for the port itself.
func (o *Receiver) BindFlags(f *pflag.FlagSet) {
	o.maxBody = 1 << 20
	f.StringVar(&o.path, "path", "/", "accept events at this `PATH` only")
	f.BoolVar(&o.noAuth, "no-auth", false, "accept events from anybody who can connect")
	f.Var(flags.NewList(&o.allow), "allow", "accept events from these addresses and networks only: `LIST` with commas")
	f.StringVar(&o.tlsCert, "tls-cert", "", "speak HTTPS with the certificate in this PEM `FILE`")
	f.StringVar(&o.tlsKey, "tls-key", "", "use the private key in this PEM `FILE` for --tls-cert")
	f.BoolVar(&o.tlsSelfSigned, "tls-self-signed", false, "speak HTTPS with a certificate made for this run, and print its fingerprint")
	f.Var(&o.maxBody, "max-body", "refuse longer request bodies")
	f.StringVar(&o.forwardedHeader, "forwarded-header", "", "take the address of the sender from the header `NAME`, such as X-Forwarded-For")
	f.Var(flags.NewList(&o.trustProxy), "trust-proxy", "trust --forwarded-header from these proxies only: `LIST` with commas")
	f.Var(flags.NewList(&o.numberFields), "number-field", "make these fields JSON numbers, as machine is: `LIST` with commas")
}

// prefixes parses the list of addresses and networks in the value of a flag.
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
		return cli.Usage("write it like / or /events", "--path %q is no path", o.path)
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return cli.Usage("or use --tls-self-signed", "--tls-cert and --tls-key must be used together")
	case o.tlsCert != "" && o.tlsSelfSigned:
		return cli.Usage("give one of them", "--tls-cert and --tls-self-signed cannot be used together")
	case (o.forwardedHeader == "") != (len(o.trustProxy) == 0):
		return cli.Usage("the header is trusted from the proxies named by --trust-proxy only", "--forwarded-header and --trust-proxy must be used together")
	case o.maxBody < 1:
		return cli.Usage("the default is 1MiB", "--max-body: must be at least 1 byte")
	}
	return nil
}

// Run receives POSTs, and nothing else, until one of the ends of options, or until ctx
// is done.
func (o *Receiver) Run(ctx context.Context, a *cli.App, cmd *cobra.Command, options *Options, k *flags.Key) error {
	o.takeActivated()
	if err := o.validate(); err != nil {
		return err
	}
	s, err := options.compile(a, cmd)
	if err != nil {
		return err
	}
	source, err := o.openAlone(ctx, s, k)
	if err != nil {
		return err
	}
	return s.run(ctx, source)
}

// openAlone opens the port of a run that receives only POSTs. k finds the key.
func (o *Receiver) openAlone(ctx context.Context, s *session, k *flags.Key) (engine.Input, error) {
	handler, made, err := o.handlerAlone(ctx, s.a, k)
	if err != nil {
		return nil, err
	}
	return o.open(ctx, s, handler, made)
}

// handlerAlone returns the options of the handler of a run that receives only POSTs, and
// whether their key was made for this run.
func (o *Receiver) handlerAlone(ctx context.Context, a *cli.App, k *flags.Key) (p *post.Options, made bool, err error) {
	if o.noAuth && (k.File != "" || k.Key != "") {
		return nil, false, cli.Usage("leave out --no-auth to have the key checked", "--no-auth and a key cannot be used together")
	}
	if p, err = o.handler(); err != nil {
		return nil, false, err
	}
	p.Authkey, made, err = o.authkey(ctx, a, k)
	return p, made, err
}

// openBeside opens the port of a run that also reads a websocket. POSTs need the key of
// the websocket.
func (o *Receiver) openBeside(ctx context.Context, s *session, key string) (engine.Input, error) {
	handler, err := o.handlerBeside(s.a, key)
	if err != nil {
		return nil, err
	}
	return o.open(ctx, s, handler, false)
}

// handlerBeside returns the options of the handler of a run that also reads a websocket
// with the key.
func (o *Receiver) handlerBeside(a *cli.App, key string) (*post.Options, error) {
	p, err := o.handler()
	if err != nil {
		return nil, err
	}
	switch {
	case o.noAuth:
		o.warnOpen(a)
	case key == "" && !cli.IsLoopback(o.Bind) && len(o.allow) == 0:
		return nil, cli.Usage("give the key by --authkey-file or ENSWITCH_AUTHKEY, or --allow, or --no-auth", "--listen %s: off loopback POSTs need a key", o.listen)
	default:
		p.Authkey = key
	}
	return p, nil
}

// handler returns the options of the handler, without a key.
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

// open opens the port and returns its source of events. made says that the key was made
// for this run and is not the user's.
func (o *Receiver) open(ctx context.Context, s *session, p *post.Options, made bool) (engine.Input, error) {
	// net/http leaves some 2 KB of garbage a request, and little else is on the
	// heap, so by default it would be collected dozens of times a second under load.
	// The memory limit of the buffer bounds the garbage.
	debug.SetGCPercent(400)
	feed := s.buffer.Feed("")
	p.OnEvent = feed.Put
	p.OnReject = func(r post.Rejection) { o.rejected(s, feed, r) }
	p.OnNote = func(remote string, n post.Note) {
		kind := n.String() + " in a POSTed event"
		s.warnings.AddKind(kind, remote+": "+kind, 1)
	}
	l, err := o.openPort(ctx, s.a, p, made, nil, func(f post.Fault) { o.fault(s.a, s.warnings, f) })
	if err != nil {
		return nil, err
	}
	s.feeds = append(s.feeds, port(l.listener.Addr().String()))
	return l.serve, nil
}

// authkey returns the key that POSTs need, and whether it was made here because other
// machines can reach the port and nothing else protects it.
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
	if cli.IsLoopback(o.Bind) || len(o.allow) > 0 {
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
	if !cli.IsLoopback(o.Bind) && len(o.allow) == 0 {
		a.Log.Warn("--no-auth: anybody who can connect can send events")
	}
}

// rejected counts a body that is no event, and warns of a request that was refused.
func (o *Receiver) rejected(s *session, feed *engine.Feed, r post.Rejection) {
	if r.Status == http.StatusOK {
		feed.Reject()
		s.reject(r.Remote, errors.New(r.Reason), r.Body, r.Size)
		return
	}
	o.refused(s.warnings, r)
}

// refused warns of a request that was refused.
func (o *Receiver) refused(w *report.Sampler, r post.Rejection) {
	kind := fmt.Sprintf("refused with status %d: %s", r.Status, r.Reason)
	msg := r.Remote + ": " + kind
	if r.Status == http.StatusRequestEntityTooLarge {
		if r.Size > 0 {
			msg += " (" + humanize.IBytes(uint64(r.Size)) + ")"
		}
		msg += "; --max-body takes longer ones"
	}
	w.AddKind(kind, msg, 1)
}

// fault warns once of each kind of fault of a connection.
func (o *Receiver) fault(a *cli.App, w *report.Sampler, f post.Fault) {
	const setting = "'Send events to URL'"
	secure := o.tlsCert != "" || o.tlsSelfSigned
	switch f.Kind {
	case post.TLS:
		if secure {
			return
		}
		msg := f.Remote + " speaks HTTPS, and this port takes HTTP: write http:// in " + setting + ", or give --tls-cert or --tls-self-signed"
		w.Once("connections that speak HTTPS, where this port takes HTTP", msg)
	case post.NotTLS:
		w.Once("connections that speak HTTP, where this port takes HTTPS",
			f.Remote+" speaks HTTP, and this port takes HTTPS: write https:// in "+setting+", or leave out the certificate here")
	case post.CertificateRefused:
		w.Once("connections that refused the certificate",
			fmt.Sprintf("%s refused the certificate (%s): have the Enswitch machines trust it, or give one that they trust by --tls-cert and --tls-key", f.Remote, f.Text))
	case post.TLSVersion:
		w.Once("senders whose TLS is too old ("+f.Text+")",
			f.Remote+"'s TLS is too old ("+f.Text+"): it needs TLS 1.2, or write http:// in "+setting+" and leave out the certificate here")
	case post.HandshakeFailed:
		w.Once("TLS handshakes that failed ("+f.Text+")", f.Remote+": the TLS handshake failed: "+f.Text)
	case post.TooManyConns:
		w.Once("connections closed to make room for new ones",
			"too many connections, or too many open files for this system (ulimit -n): for each new one, the one that was idle longest is closed")
	default:
		a.Log.Debug(strings.TrimSpace(f.Remote + " " + f.Text))
	}
}

// parseListen sets the address and the port from --listen, if it was given, and checks
// the flags that go with it.
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
