package forward

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/net/http/httpguts"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/pkg/forward"
)

// targetSettings are the flags of one target. A target may have its own.
type targetSettings struct {
	format      string
	batch       int
	batchWait   time.Duration
	concurrency int
	httpTimeout time.Duration
	httpHeader  []string
	signKeyFile string
	ca          string
	cert, key   string
	insecure    bool
	execTimeout time.Duration
	natsCreds   string
	maxAge      time.Duration
	queueSize   flags.Size
	queueAge    time.Duration

	given  string // the settings that were given, as own takes them, without secrets
	secret bool   // there are others, which hold secrets
}

// bind adds the flags to f.
func (s *targetSettings) bind(f *pflag.FlagSet) {
	f.StringVar(&s.format, "format", "json", "write events in requests as `FORMAT`: "+strings.Join(formats(), ", "))
	f.IntVar(&s.batch, "batch", 1, "deliver up to `N` events at once (for file: targets the default is 500)")
	flags.DurationVar(f, &s.batchWait, "batch-wait", 50*time.Millisecond, "deliver a batch that is not full after this `TIME`")
	f.IntVar(&s.concurrency, "concurrency", 16, "have up to `N` deliveries under way at a time, those of a call one after the other (for exec: targets the default is 1)")
	flags.DurationVar(f, &s.httpTimeout, "http-timeout", 10*time.Second, "give a request up after this `TIME`, and send it again")
	f.StringArrayVar(&s.httpHeader, "http-header", nil, "add the header `'NAME: VALUE'` to requests; repeatable")
	f.StringVar(&s.signKeyFile, "sign-key-file", "", "sign requests in Enswitch-Signature with the key in `FILE`, without its last newline")
	f.StringVar(&s.ca, "target-ca", "", "trust the certificates in `FILE` for targets, instead of the system's")
	f.StringVar(&s.cert, "target-cert", "", "show targets the client certificate in `FILE`")
	f.StringVar(&s.key, "target-key", "", "the private key of --target-cert is in `FILE`")
	f.BoolVar(&s.insecure, "target-insecure", false, "do not check the certificates of targets")
	f.StringVar(&s.natsCreds, "nats-creds", "", "log in to nats:// and tls:// targets with the credentials in `FILE`")
	flags.DurationVar(f, &s.maxAge, "max-age", 7*24*time.Hour, "keep events for this `TIME` in a stream that is made; 0 for no limit")
	flags.DurationVar(f, &s.execTimeout, "exec-timeout", 30*time.Second, "kill the command of an exec: target after this `TIME`, with the processes that it has started")
}

// bindQueue adds the flags of the size and the age of a queue to f.
func (s *targetSettings) bindQueue(f *pflag.FlagSet) {
	s.queueSize = 1 << 30
	f.Var(&s.queueSize, "queue-size", "disk space for the events that wait for one target; when it is full the oldest are dropped")
	flags.DurationVar(f, &s.queueAge, "queue-age", 7*24*time.Hour, "drop events that have waited for this `TIME`; 0 for no limit")
}

func formats() (names []string) {
	for _, f := range forward.Formats() {
		names = append(names, string(f))
	}
	return names
}

// kinds returns the kinds of targets that a setting has an effect on.
func kinds(setting string) []string {
	switch setting {
	case "format", "http-timeout", "http-header", "sign-key-file":
		return []string{"http"}
	case "target-ca", "target-cert", "target-key", "target-insecure":
		return []string{"http", "nats"}
	case "nats-creds", "max-age":
		return []string{"nats"}
	case "exec-timeout":
		return []string{"exec"}
	case "concurrency":
		return []string{"http", "exec"}
	case "batch", "batch-wait":
		return []string{"http", "file", "exec"}
	}
	return []string{"http", "file", "exec", "nats"}
}

// own returns the settings of a target of that kind: http, file, exec or nats. Those in text,
// such as "format=form&batch=100", override those of the command line, which are in set. given
// reports whether a setting was given in either.
func own(set *pflag.FlagSet, kind, text string) (s *targetSettings, given func(string) bool, err error) {
	s = &targetSettings{}
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	s.bind(f)
	s.bindQueue(f)
	f.VisitAll(func(mine *pflag.Flag) {
		from := set.Lookup(mine.Name)
		if from == nil || !from.Changed {
			return
		}
		if list, ok := from.Value.(pflag.SliceValue); ok {
			_ = mine.Value.(pflag.SliceValue).Replace(list.GetSlice())
			mine.Changed = true
			return
		}
		_ = f.Set(mine.Name, from.Value.String()) // it is valid there
	})
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		value, err := url.PathUnescape(value)
		if err != nil || f.Lookup(name) == nil {
			return nil, nil, cli.Usage("the settings of a target are flags without the dashes, as in #format=form&batch=100", "--to: %q is no setting of a target", name)
		}
		if !slices.Contains(kinds(name), kind) {
			return nil, nil, cli.Usage("leave it out", "--to: the setting %s has no effect on a target of the kind %s:", name, kind)
		}
		if f.Lookup(name).NoOptDefVal != "" && value == "" {
			value = "true"
		}
		if err := f.Set(name, value); err != nil {
			return nil, nil, cli.Usage("", "--to: the setting %s %q: %s", name, value, reason(err))
		}
	}
	s.note(f, kind)
	return s, f.Changed, s.check()
}

// note notes which settings were given that have an effect.
func (s *targetSettings) note(f *pflag.FlagSet, kind string) {
	var given []string
	f.Visit(func(one *pflag.Flag) {
		if !slices.Contains(kinds(one.Name), kind) {
			return
		}
		value := one.Value.String()
		switch one.Name {
		case "http-header":
			s.secret = true
			return
		case "sign-key-file", "target-ca", "target-cert", "target-key", "nats-creds":
			if path, err := filepath.Abs(value); err == nil {
				value = path
			}
		}
		given = append(given, one.Name+"="+strings.ReplaceAll(url.PathEscape(value), "&", "%26"))
	})
	s.given = strings.Join(given, "&")
}

// spec returns the text from which parseTarget makes the same target; whole is the target
// without settings. It returns "" if a setting that is needed holds a secret.
func (s *targetSettings) spec(whole string) string {
	switch {
	case s.secret:
		return ""
	case s.given == "":
		return whole
	}
	return whole + "#" + s.given
}

// reason returns why a flag does not take a value.
func reason(err error) string {
	text := err.Error()
	return text[strings.LastIndex(text, ": ")+1:]
}

// check checks the values of single flags.
func (s *targetSettings) check() error {
	if err := flags.OneOf("format", s.format, formats()); err != nil {
		return err
	}
	switch {
	case s.batch < 1 || s.batch > forward.MaxBatch:
		return cli.Usage("the default is 1", "--batch %d: must be from 1 to %d", s.batch, forward.MaxBatch)
	case s.concurrency < 1 || s.concurrency > 256:
		return cli.Usage("the default is 16", "--concurrency %d: must be from 1 to 256", s.concurrency)
	case s.httpTimeout <= 0:
		return cli.Usage("write it like 500ms, 10s or 1m", "--http-timeout %v: must be more than 0", s.httpTimeout)
	case s.execTimeout <= 0:
		return cli.Usage("write it like 500ms, 10s or 1m", "--exec-timeout %v: must be more than 0", s.execTimeout)
	case s.batchWait < 0:
		return cli.Usage("0 sends at once what is there", "--batch-wait %v: must not be negative", s.batchWait)
	case s.maxAge < 0:
		return cli.Usage("0 is no limit", "--max-age %v: must not be negative", s.maxAge)
	case s.maxAge > 0 && s.maxAge < 100*time.Millisecond:
		return cli.Usage("0 is no limit", "--max-age %v: must be at least 100ms", s.maxAge)
	case s.queueAge < 0:
		return cli.Usage("0 is no limit", "--queue-age %v: must not be negative", s.queueAge)
	case s.queueSize < 64<<10:
		return cli.Usage("the default is 1GiB", "--queue-size %s: must be at least 64KiB", s.queueSize.String())
	}
	return nil
}

// header returns the headers of --http-header.
func (s *targetSettings) header() (http.Header, error) {
	h := http.Header{}
	for _, line := range s.httpHeader {
		k, v, ok := strings.Cut(line, ":")
		k, v = strings.TrimSpace(k), strings.TrimSpace(v)
		if !ok || !httpguts.ValidHeaderFieldName(k) || !httpguts.ValidHeaderFieldValue(v) {
			return nil, cli.Usage("write it as 'Name: value'", "--http-header: not a header") // the value may be a secret
		}
		if slices.Contains([]string{"Content-Length", "Transfer-Encoding", "Host"}, http.CanonicalHeaderKey(k)) {
			return nil, cli.Usage("leave it out", "--http-header: %s is made from the request", k)
		}
		h.Add(k, v)
	}
	return h, nil
}

// signKey returns the key of --sign-key-file, nil without it.
func (s *targetSettings) signKey() ([]byte, error) {
	if s.signKeyFile == "" {
		return nil, nil
	}
	key, err := os.ReadFile(s.signKeyFile)
	if err != nil {
		return nil, cli.FileError("sign-key-file", err)
	}
	if text, ok := strings.CutSuffix(string(key), "\n"); ok {
		key = []byte(strings.TrimSuffix(text, "\r"))
	}
	if len(key) == 0 {
		return nil, cli.Usage("openssl rand -hex 32 > FILE makes one", "--sign-key-file: %s is empty", s.signKeyFile)
	}
	return key, nil
}

// tls returns how the target's certificate is checked.
func (s *targetSettings) tls() (*tls.Config, error) {
	c := &tls.Config{InsecureSkipVerify: s.insecure} //nolint:gosec // that is what the flag says
	if s.ca != "" {
		pem, err := os.ReadFile(s.ca)
		if err != nil {
			return nil, cli.FileError("target-ca", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, cli.NoCertificate("target-ca", s.ca)
		}
	}
	switch {
	case s.insecure && s.ca != "":
		return nil, cli.Usage("give one of them", "--target-insecure and --target-ca cannot be used together")
	case (s.cert == "") != (s.key == ""):
		return nil, cli.Usage("give both", "--target-cert and --target-key go together")
	case s.cert != "":
		pair, err := cli.KeyPair("target-cert", s.cert, "target-key", s.key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
