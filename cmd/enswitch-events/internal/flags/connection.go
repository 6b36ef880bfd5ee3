package flags

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http/httpproxy"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

// Connection are the flags of the connection to a websocket.
type Connection struct {
	insecure       bool
	ca, cert, key  string
	Proxy          string
	header         []string
	connectTimeout time.Duration
	pingInterval   time.Duration
	MaxSilence     time.Duration
	noReconnect    bool
	retries        int
	retry          bool
	MaxMessage     Size
}

// Bind adds the flags to f.
func (o *Connection) Bind(f *pflag.FlagSet) {
	o.MaxMessage = 16 << 20
	f.BoolVarP(&o.insecure, "insecure", "k", false, "do not check the server's certificate")
	f.StringVar(&o.ca, "ca", "", "trust the certificates in this PEM `FILE`, and no others")
	f.StringVar(&o.cert, "cert", "", "use the client certificate in this PEM `FILE`")
	f.StringVar(&o.key, "key", "", "use the private key in this PEM `FILE` for --cert")
	f.StringVar(&o.Proxy, "proxy", "", "connect through the proxy at `URL`, or none (default: HTTP_PROXY, HTTPS_PROXY, NO_PROXY)")
	f.StringArrayVar(&o.header, "header", nil, "send this header when connecting: `K:V`; repeatable")
	DurationVar(f, &o.connectTimeout, "connect-timeout", 10*time.Second, "give up connecting after this `TIME`")
	DurationVar(f, &o.pingInterval, "ping-interval", 20*time.Second, "ping the server at this `INTERVAL`; 0 for never")
	DurationVar(f, &o.MaxSilence, "max-silence", 0, "warn when connected, but without an event for this `TIME`")
	f.BoolVar(&o.noReconnect, "no-reconnect", false, "exit with code 5 when the connection is lost")
	f.IntVar(&o.retries, "retries", 0, "end after `N` failed attempts in a row to reconnect (default: no limit)")
	f.BoolVar(&o.retry, "retry", false, "keep trying also when the first connection fails")
	f.Var(&o.MaxMessage, "max-message", "reject longer messages")
}

// Validate checks the values. changed reports whether a flag was given.
func (o *Connection) Validate(changed func(string) bool) error {
	switch {
	case o.insecure && o.ca != "":
		return cli.Usage("leave out --insecure to have --ca checked", "--insecure and --ca cannot be used together")
	case (o.cert == "") != (o.key == ""):
		return cli.Usage("for the key of messaged use --authkey-file", "--cert and --key must be used together")
	case changed("retries") && o.noReconnect:
		return cli.Usage("give one of them", "--retries and --no-reconnect cannot be used together")
	case o.retries < 0:
		return cli.Usage("leave it out to try for ever, or use --no-reconnect", "--retries %d: must not be negative", o.retries)
	case o.connectTimeout <= 0:
		return cli.Usage("write it like 10s", "--connect-timeout %v: must be more than 0", o.connectTimeout)
	case o.pingInterval < 0:
		return cli.Usage("write it like 20s, or 0 for never", "--ping-interval %v: must not be negative", o.pingInterval)
	case o.MaxSilence < 0:
		return cli.Usage("write it like 2m", "--max-silence %v: must not be negative", o.MaxSilence)
	case o.MaxMessage < 1:
		return cli.Usage("the default is 16MiB", "--max-message: must be at least 1 byte")
	}
	if changed("retries") && o.retries == 0 {
		o.noReconnect = true
	}
	return nil
}

// ClientOptions returns the options of the websocket client, without the key. It reads
// the certificate files.
func (o *Connection) ClientOptions() (*messaged.Options, error) {
	m := &messaged.Options{
		ConnectTimeout: o.connectTimeout,
		PingInterval:   o.pingInterval,
		MaxMessage:     int(o.MaxMessage),
		Retries:        o.retries,
		RetryFirst:     o.retry,
		Header:         http.Header{"User-Agent": {"enswitch-events/" + cli.Version()}},
		TLS:            &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.insecure}, //nolint:gosec // the user's flag
	}
	if o.pingInterval == 0 {
		m.PingInterval = -1
	}
	if o.noReconnect {
		m.Retries = -1
	}
	for _, h := range o.header {
		k, v, ok := strings.Cut(h, ":")
		k, v = strings.TrimSpace(k), strings.TrimSpace(v)
		if !ok || !httpguts.ValidHeaderFieldName(k) || !httpguts.ValidHeaderFieldValue(v) {
			return nil, cli.Usage("write it as 'Name: value'", "--header: not a header") // the value may be a secret
		}
		m.Header.Add(k, v)
	}
	if o.ca != "" {
		pem, err := os.ReadFile(o.ca)
		if err != nil {
			return nil, cli.FileError("ca", err)
		}
		m.TLS.RootCAs = x509.NewCertPool()
		if !m.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return nil, cli.NoCertificate("ca", o.ca)
		}
	}
	if o.cert != "" {
		c, err := cli.KeyPair("cert", o.cert, "key", o.key)
		if err != nil {
			return nil, err
		}
		m.TLS.Certificates = []tls.Certificate{c}
	}
	var err error
	if o.Proxy == "" {
		m.Proxy = http.ProxyFromEnvironment
	} else if m.Proxy, err = messaged.ParseProxy(o.Proxy); err != nil {
		return nil, cli.Usage("write it like http://HOST:3128, or none", "--proxy: %w", err)
	}
	return m, nil
}

// CheckProxyEnv returns an error if the environment names a proxy for addr that cannot
// be used. net/http would silently connect without it.
func CheckProxyEnv(addr messaged.Address) error {
	u := url.URL{Scheme: "http", Host: addr.URL.Host}
	names := []string{"HTTP_PROXY", "http_proxy"}
	if addr.URL.Scheme == "wss" {
		u.Scheme, names = "https", []string{"HTTPS_PROXY", "https_proxy"}
	}
	env := httpproxy.FromEnvironment()
	env.HTTPProxy, env.HTTPSProxy = "http://any", "http://any"
	if wanted, err := env.ProxyFunc()(&u); err != nil || wanted == nil {
		return nil //nolint:nilerr // connecting fails with the same error
	}
	for _, name := range names {
		value := os.Getenv(name)
		if value == "" {
			continue
		}
		if !strings.Contains(value, "://") {
			value = "http://" + value // as net/http takes it
		}
		if _, err := messaged.ParseProxy(value); err != nil {
			return cli.Usage("correct the variable, or --proxy none connects without a proxy", "%s of the environment: %w", name, err)
		}
		return nil
	}
	return nil
}
