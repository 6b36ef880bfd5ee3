package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"
	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http/httpproxy"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

// size is a number of bytes, written 64MiB, 1GB or 4096.
type size int64

func (s *size) Set(text string) error {
	n, err := humanize.ParseBytes(text)
	if err != nil || n > 1<<40 {
		return errors.New("a size is written like 64MiB, 500kB or 4096")
	}
	*s = size(n)
	return nil
}

func (s *size) String() string {
	n := int64(*s)
	if n == 0 {
		return "0"
	}
	for _, unit := range []string{"B", "KiB", "MiB"} {
		if n%1024 != 0 {
			return strconv.FormatInt(n, 10) + unit
		}
		n /= 1024
	}
	return strconv.FormatInt(n, 10) + "GiB"
}

func (s *size) Type() string { return "SIZE" }

// filterOptions are the flags that choose events.
type filterOptions struct {
	class, event, where []string
	jq, jqFile          string
	args                []jqArg // of --arg and --argjson, in order
	engine              filter.Engine
}

func (o *filterOptions) bind(f *pflag.FlagSet) {
	f.VarP(patterns{list{&o.class}}, "class", "c", "keep events of these classes: `LIST` with commas, * globs, !x excludes")
	f.VarP(patterns{list{&o.event}}, "event", "e", "keep these events: `LIST` of event or class.event, as -e call.answer,message.*")
	f.StringArrayVarP(&o.where, "where", "w", nil, "keep events whose field holds: `EXPR` is field=value, or with != ~ !~ < <= > >=; repeatable, all must hold")
	f.StringVarP(&o.jq, "jq", "q", "", "keep or change events by a jq `EXPR`: true keeps, false, null and nothing drop, any other value is printed instead")
	f.StringVar(&o.jqFile, "jq-file", "", "read the jq expression from `FILE`")
	f.Var(jqArgs{&o.args, "arg"}, "arg", "in jq expressions, let $NAME be the text VALUE: `NAME VALUE`; repeatable, the first of a name counts")
	f.Var(jqArgs{&o.args, "argjson"}, "argjson", "in jq expressions, let $NAME be the JSON VALUE: `NAME VALUE`; repeatable, the first of a name counts")
	f.TextVar(&o.engine, "jq-engine", filter.EngineAuto, "what runs jq expressions: `ENGINE` is native, gojq, or auto: native where that is exact, or else gojq")
}

// jqArg is what one --arg or --argjson says.
type jqArg struct{ flag, pair string }

// jqArgs is the value of one of the two flags. They share a list, because the
// first of the same name counts, as in jq.
type jqArgs struct {
	all  *[]jqArg
	flag string
}

func (a jqArgs) Set(pair string) error { return a.Append(pair) }
func (a jqArgs) Type() string          { return "list" }

func (a jqArgs) String() string {
	if a.all == nil {
		return ""
	}
	return strings.Join(a.GetSlice(), ",")
}

// Append, Replace and GetSlice are for pflag and for config show.
func (a jqArgs) Append(pair string) error {
	*a.all = append(*a.all, jqArg{a.flag, pair})
	return nil
}

func (a jqArgs) Replace([]string) error { return errors.ErrUnsupported }

func (a jqArgs) GetSlice() (pairs []string) {
	for _, arg := range *a.all {
		if arg.flag == a.flag {
			pairs = append(pairs, arg.pair)
		}
	}
	return pairs
}

// variables returns what --arg and --argjson bind.
func (o *filterOptions) variables() (map[string]any, error) {
	vars := map[string]any{}
	for _, arg := range o.args {
		name, value, ok := strings.Cut(arg.pair, "=")
		if !ok || !identifier.MatchString(name) {
			return nil, usage("write --"+arg.flag+" NAME VALUE, and $NAME in the expression", "--%s %q: no name and value", arg.flag, arg.pair)
		}
		var v any = value
		if arg.flag == "argjson" {
			var err error
			if v, err = filter.ParseJSONArg(name, value); err != nil {
				return nil, usage("the value is JSON: a text needs quotes, or use --arg", "%w", err)
			}
		}
		if _, bound := vars[name]; !bound {
			vars[name] = v
		}
	}
	return vars, nil
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// doubled finds == in a condition, where it means a value that begins with =.
var doubled = regexp.MustCompile(`^([^!=~<>]+[!<>]?)=([=~])`)

// meant is what the beginning of such a condition should have been.
func meant(m []string) string {
	if m[2] == "~" {
		return m[1] + "~"
	}
	return m[1] + "="
}

// compile returns the filter. onError is told of jq errors at run time.
func (o *filterOptions) compile(vars map[string]any, onError func(error)) (*filter.Filter, error) {
	for _, w := range o.where {
		if m := doubled.FindStringSubmatch(w); m != nil {
			return nil, usage("a value that begins with "+m[2]+" is found by a regular expression: "+strings.TrimRight(m[1], "!<>")+"~^"+m[2],
				"--where %s: did you mean %s?", w, meant(m)+w[len(m[0]):])
		}
	}
	expr := o.jq
	if o.jqFile != "" {
		if o.jq != "" {
			return nil, usage("give one of them", "--jq and --jq-file exclude each other")
		}
		text, err := os.ReadFile(o.jqFile)
		if err != nil {
			return nil, usage("", "--jq-file: %w", err)
		}
		expr = string(text)
	}
	f, err := filter.Compile(&filter.Options{
		Class: o.class, Event: o.event, Where: o.where, JQ: expr, Args: vars, Engine: o.engine, OnError: onError,
	})
	if err != nil {
		return nil, usage("", "%w", err)
	}
	return f, nil
}

// tally returns what counts the events that come while the filters keep none.
func (o *filterOptions) tally() *tally.Tally { return tally.New(o.class, o.event, o.where) }

// endOptions are the flags that say how long.
type endOptions struct {
	count         int64
	duration      time.Duration
	idle          time.Duration
	until, failIf string
}

func (o *endOptions) bind(f *pflag.FlagSet) {
	f.Int64VarP(&o.count, "count", "n", 0, "end after `N` kept events")
	f.DurationVar(&o.duration, "for", 0, "end after this `TIME`, as 90s or 5m")
	f.DurationVar(&o.idle, "idle-timeout", 0, "end after this `TIME` without any event")
	f.StringVar(&o.until, "until", "", "end after the first event, kept or not, for which the jq `EXPR` is true, and print it")
	f.StringVar(&o.failIf, "fail-if", "", "end after the first event for which the jq `EXPR` is true, print it, and exit with code 1")
}

func (o *endOptions) validate(changed func(string) bool) error {
	switch {
	case changed("until") && strings.TrimSpace(o.until) == "", changed("fail-if") && strings.TrimSpace(o.failIf) == "":
		return usage("leave it out to go on for ever", "--until, --fail-if: the expression is empty")
	case changed("count") && o.count <= 0:
		return usage("leave it out to go on for ever", "--count %d: at least 1", o.count)
	case changed("for") && o.duration <= 0:
		return usage("it is written like 90s or 5m", "--for %v: more than nothing", o.duration)
	case changed("idle-timeout") && o.idle <= 0:
		return usage("it is written like 90s or 5m", "--idle-timeout %v: more than nothing", o.idle)
	}
	return nil
}

func (o *endOptions) queries(vars map[string]any, engine filter.Engine) (until, failIf *filter.Query, err error) {
	for _, q := range [][2]string{{"until", o.until}, {"fail-if", o.failIf}} {
		if _, err := parseMoment(q[1], time.Now()); err == nil {
			return nil, nil, usage("it takes a jq expression; for a time cat and replay have --until-time, the others --for 10m", "--%s %s: this is a time", q[0], q[1])
		}
	}
	if o.until != "" {
		if until, err = filter.CompileQuery("--until", o.until, vars, engine); err != nil {
			return nil, nil, usage("", "%w", err)
		}
	}
	if o.failIf != "" {
		if failIf, err = filter.CompileQuery("--fail-if", o.failIf, vars, engine); err != nil {
			return nil, nil, usage("", "%w", err)
		}
	}
	return until, failIf, nil
}

// keyOptions are the flags that say where the key is.
type keyOptions struct {
	file, key string
}

func (o *keyOptions) bind(f *pflag.FlagSet) {
	f.StringVar(&o.file, "authkey-file", "", "read the key from `FILE`, - for standard input")
	f.StringVar(&o.key, "authkey", "", "the `KEY`; other users of the machine can see it, so better a file or ENSWITCH_AUTHKEY")
}

// resolve returns the key that counts for an address whose pasted URL has the
// key inURL.
func (o *keyOptions) resolve(found, origin, inURL string, a *app) string {
	for _, k := range []string{found, inURL, o.key} {
		a.talk.Hide(k)
	}
	switch {
	case found != "":
		if o.key != "" {
			a.talk.Warn("--authkey is not used: the key comes from " + origin)
		}
		if inURL != "" && inURL != found {
			a.talk.Warn("the key in the address is not used: the key comes from " + origin)
		}
		return found
	case inURL != "":
		if o.key != "" && inURL != o.key {
			a.talk.Warn("--authkey is not used: the key comes from the address")
		}
		return inURL
	}
	return o.key
}

// find looks for the key in the places that come before the URL.
func (o *keyOptions) find(ctx context.Context, a *app) (key, origin string, err error) {
	k := settings.Keys{File: o.file, LookupEnv: os.LookupEnv, Profile: a.profile, Stdin: a.in}
	if key, origin, err = k.Key(ctx); err != nil {
		return "", "", usage("", "%w", err)
	}
	if key == "" && o.key != "" {
		a.talk.Warn("other users of this machine can see --authkey: use --authkey-file or ENSWITCH_AUTHKEY")
	}
	return key, origin, nil
}

// connectionOptions are the flags of every command with ADDRESS.
type connectionOptions struct {
	insecure       bool
	ca, cert, key  string
	proxy          string
	header         []string
	connectTimeout time.Duration
	pingInterval   time.Duration
	maxSilence     time.Duration
	noReconnect    bool
	retries        int
	retry          bool
	maxMessage     size
}

func (o *connectionOptions) bind(f *pflag.FlagSet) {
	o.maxMessage = 16 << 20
	f.BoolVarP(&o.insecure, "insecure", "k", false, "do not check the server's certificate")
	f.StringVar(&o.ca, "ca", "", "trust the certificates in this PEM `FILE`, and no others")
	f.StringVar(&o.cert, "cert", "", "client certificate, PEM `FILE`")
	f.StringVar(&o.key, "key", "", "private key of the client certificate, PEM `FILE`")
	f.StringVar(&o.proxy, "proxy", "", "proxy `URL`, or none (default: HTTP_PROXY, HTTPS_PROXY, NO_PROXY)")
	f.StringArrayVar(&o.header, "header", nil, "send this header when connecting, `K:V`; repeatable")
	f.DurationVar(&o.connectTimeout, "connect-timeout", 10*time.Second, "give up connecting after this `TIME`")
	f.DurationVar(&o.pingInterval, "ping-interval", 20*time.Second, "ping the server at this `INTERVAL`, 0 never")
	f.DurationVar(&o.maxSilence, "max-silence", 0, "warn when connected but without an event for this `TIME`")
	f.BoolVar(&o.noReconnect, "no-reconnect", false, "end when the connection is lost, with exit code 5")
	f.IntVar(&o.retries, "retries", 0, "end after `N` attempts in a row to connect again (default: for ever)")
	f.BoolVar(&o.retry, "retry", false, "keep trying if the first connection fails, too")
	f.Var(&o.maxMessage, "max-message", "reject longer messages")
}

func (o *connectionOptions) validate(changed func(string) bool) error {
	switch {
	case o.insecure && o.ca != "":
		return usage("leave out --insecure to have --ca checked", "--insecure and --ca exclude each other")
	case (o.cert == "") != (o.key == ""):
		return usage("for the key of messaged use --authkey-file", "--cert and --key go together")
	case changed("retries") && o.noReconnect:
		return usage("give one of them", "--retries and --no-reconnect exclude each other")
	case o.retries < 0:
		return usage("leave it out to try for ever, or use --no-reconnect", "--retries %d: not below 0", o.retries)
	case o.connectTimeout <= 0:
		return usage("it is written like 10s", "--connect-timeout %v: more than nothing", o.connectTimeout)
	case o.pingInterval < 0 || o.maxSilence < 0:
		return usage("it is written like 20s", "--ping-interval and --max-silence: not below 0")
	case o.maxMessage < 1:
		return usage("the default is 16MiB", "--max-message: at least 1 byte")
	}
	if changed("retries") && o.retries == 0 {
		o.noReconnect = true
	}
	return nil
}

// client returns what the flags say as options of the websocket client.
func (o *connectionOptions) client() (*messaged.Options, error) {
	m := &messaged.Options{
		ConnectTimeout: o.connectTimeout,
		PingInterval:   o.pingInterval,
		MaxMessage:     int(o.maxMessage),
		Retries:        o.retries,
		RetryFirst:     o.retry,
		Header:         http.Header{"User-Agent": {"enswitch-events/" + version()}},
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
			return nil, usage("write it as 'Name: value'", "--header: not a header") // the value may be a secret
		}
		m.Header.Add(k, v)
	}
	if o.ca != "" {
		pem, err := os.ReadFile(o.ca)
		if err != nil {
			return nil, usage("", "--ca: %w", err)
		}
		m.TLS.RootCAs = x509.NewCertPool()
		if !m.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usage("it begins with -----BEGIN CERTIFICATE-----", "--ca: no certificate in %s", o.ca)
		}
	}
	if o.cert != "" {
		c, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return nil, usage("", "--cert, --key: %s", strings.TrimPrefix(err.Error(), "tls: "))
		}
		m.TLS.Certificates = []tls.Certificate{c}
	}
	var err error
	if o.proxy == "" {
		m.Proxy = http.ProxyFromEnvironment
	} else if m.Proxy, err = messaged.ParseProxy(o.proxy); err != nil {
		return nil, usage("", "--proxy: %w", err)
	}
	return m, nil
}

// checkProxyEnv refuses a proxy of the environment that cannot be used for addr.
// net/http would leave it out without a word.
func checkProxyEnv(addr messaged.Address) error {
	u := url.URL{Scheme: "http", Host: addr.URL.Host}
	names := []string{"HTTP_PROXY", "http_proxy"}
	if addr.URL.Scheme == "wss" {
		u.Scheme, names = "https", []string{"HTTPS_PROXY", "https_proxy"}
	}
	env := httpproxy.FromEnvironment()
	env.HTTPProxy, env.HTTPSProxy = "http://any", "http://any"
	if wanted, err := env.ProxyFunc()(&u); err != nil || wanted == nil {
		return nil //nolint:nilerr // the connection says that
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
			return usage("correct the variable, or --proxy none connects without a proxy", "%s of the environment: %w", name, err)
		}
		return nil
	}
	return nil
}

// bufferOptions are the flags of what stands between receiving and writing.
type bufferOptions struct {
	buffer     size
	spill      size
	reportGaps bool
	failOnLoss bool
}

func (o *bufferOptions) bind(f *pflag.FlagSet) {
	o.buffer = 64 << 20
	o.spill = 1 << 30
	f.Var(&o.buffer, "buffer", "memory for events that wait to be written")
	f.Var(&o.spill, "spill", "past it, disk for them, in a temporary directory; past both events are dropped and counted; 0 none")
	f.BoolVar(&o.reportGaps, "report-gaps", false, "put a record of class enswitch-events, event gap, where events may be missing")
	f.BoolVar(&o.failOnLoss, "fail-on-loss", false, "exit code 8 if events were lost")
}
