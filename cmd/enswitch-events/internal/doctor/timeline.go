package doctor

import (
	"crypto/tls"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/live"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

// The names of the checks of a websocket, in their order. The proxy is left out where there
// is none.
const (
	checkName    = "name"
	checkTCP     = "TCP"
	checkProxy   = "proxy"
	checkTLS     = "TLS"
	checkUpgrade = "upgrade"
	checkPath    = "path"
	checkKey     = "key"
	checkPong    = "pong"
	checkEvent   = "first event"
	checkClock   = "clock offset"
)

// timeline is when an attempt to connect reached each stage. The client calls its hooks
// from several goroutines.
type timeline struct {
	mu        sync.Mutex
	begun     time.Time
	looked    time.Time // the name was looked up
	addresses []string
	dialed    time.Time // TCP was connected
	address   string
	tunneled  time.Time // the proxy, if any, had connected
	securing  bool      // the TLS handshake has begun
	secured   time.Time // the TLS handshake was done
	tls       *tls.ConnectionState
	answered  time.Time // the first byte of the answer came
}

func (t *timeline) at(to *time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*to = time.Now()
}

// trace returns the hooks.
func (t *timeline) trace() *httptrace.ClientTrace {
	t.begun = time.Now()
	return &httptrace.ClientTrace{
		DNSDone: func(i httptrace.DNSDoneInfo) {
			t.at(&t.looked)
			t.mu.Lock()
			defer t.mu.Unlock()
			t.addresses = nil
			for _, a := range i.Addrs {
				t.addresses = append(t.addresses, a.String())
			}
		},
		ConnectDone: func(_, addr string, err error) {
			t.mu.Lock()
			defer t.mu.Unlock()
			if err == nil && t.dialed.IsZero() {
				t.dialed, t.address = time.Now(), addr
			}
		},
		GotConn: func(httptrace.GotConnInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			if t.tunneled.IsZero() { // it comes again after TLS
				t.tunneled = time.Now()
			}
		},
		TLSHandshakeStart: func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.securing = true
		},
		TLSHandshakeDone: func(s tls.ConnectionState, err error) {
			t.mu.Lock()
			defer t.mu.Unlock()
			if err == nil {
				t.secured, t.tls = time.Now(), &s
			}
		},
		GotFirstResponseByte: func() { t.at(&t.answered) },
	}
}

// stage says what an attempt is doing.
func (t *timeline) stage() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.securing && t.secured.IsZero():
		return "waiting for the TLS handshake"
	case !t.dialed.IsZero():
		return "connected, waiting for the answer"
	case !t.looked.IsZero():
		return "connecting"
	}
	return "looking up the name and connecting"
}

// failedCheck returns the name of the check that err is the failure of.
func (t *timeline) failedCheck(err *messaged.Error) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch err.Kind {
	case messaged.Resolve:
		return checkName
	case messaged.Unreachable, messaged.Refused, messaged.Timeout:
		return checkTCP
	case messaged.Proxy, messaged.ProxyAuth:
		return checkProxy
	case messaged.NotTLS, messaged.WantsTLS, messaged.TLSVersion, messaged.Certificate, messaged.UnknownName, messaged.TLSRefused, messaged.TLS:
		return checkTLS
	case messaged.NotFound:
		return checkPath
	case messaged.Unauthorized, messaged.Lost:
		return checkKey
	case messaged.NoAnswer:
		if t.securing && t.secured.IsZero() {
			return checkTLS
		}
	}
	return checkUpgrade
}

// stages returns the checks of connecting before the one called until, all of them passed,
// and when the last one was done. websocket says that the server has accepted.
func (t *timeline) stages(p *live.Peer, until string, websocket bool) (passed []check, done time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	done = t.begun
	host, to := p.Addr.URL.Hostname(), ""
	proxy := p.Proxy()
	if proxy != nil {
		host, to = proxy.Hostname(), "the proxy at "
		if until == checkProxy && t.dialed.IsZero() {
			return nil, done // it is the proxy that could not be found or reached
		}
	}
	add := func(name string, at time.Time, detail string) {
		c := check{Name: name, Status: ok, Detail: detail}
		if at.After(done) {
			c.Took, done = at.Sub(done), at
		}
		passed = append(passed, c)
	}
	if t.looked.IsZero() {
		add(checkName, t.begun, host+" is an address, not a name")
	} else {
		add(checkName, t.looked, host+" is "+strings.Join(t.addresses, ", "))
	}
	add(checkTCP, t.dialed, "connected to "+to+t.address)
	if proxy != nil {
		add(checkProxy, t.tunneled, "it has connected: "+named(proxy, p))
	}
	if t.tls == nil {
		add(checkTLS, t.begun, "not used: the address is ws://")
	} else {
		add(checkTLS, t.secured, "")
		t.certificate(&passed[len(passed)-1], p)
	}
	path := p.Addr.URL.EscapedPath()
	if websocket {
		add(checkUpgrade, t.answered, "the server speaks websocket")
		add(checkPath, t.answered, path)
	} else {
		add(checkUpgrade, t.answered, "an HTTP server has answered")
		add(checkPath, t.answered, path+" was not refused")
	}
	if until == "" {
		return passed, done
	}
	before := checks(p, until)
	before = before[:slices.Index(before, until)]
	passed = slices.DeleteFunc(passed, func(c check) bool { return !slices.Contains(before, c.Name) })
	done = t.begun
	for _, c := range passed {
		done = done.Add(c.Took)
	}
	return passed, done
}

// checks returns the names of the checks in their order. If there is no proxy of ours,
// the one called failed may be that of a proxy on the way, which is found by its answer.
func checks(p *live.Peer, failed string) []string {
	first := []string{checkName, checkTCP, checkProxy, checkTLS}
	if p.Proxy() == nil {
		first = []string{checkName, checkTCP, checkTLS}
		if failed == checkProxy {
			first = append(first, checkProxy)
		}
	}
	return append(first, checkUpgrade, checkPath, checkKey, checkPong, checkEvent, checkClock)
}

// certificate says how c, the check of TLS, found the certificate of the server.
func (t *timeline) certificate(c *check, p *live.Peer) {
	c.Detail = tls.VersionName(t.tls.Version)
	if p.Options.TLS.InsecureSkipVerify {
		c.Detail += ", with a certificate that is not checked (--insecure)"
		return
	}
	end := t.tls.PeerCertificates[0].NotAfter
	c.Detail += ", with a certificate that is valid until " + end.Local().Format(time.DateOnly)
	if time.Until(end) < expirySoon {
		c.Status, c.Fix = warn, "renew it before"
	}
}

// named returns the address of a proxy without its password, and where it comes from.
func named(proxy *url.URL, p *live.Peer) string {
	text := proxy.Scheme + "://" + proxy.Host
	if !p.FromEnvironment {
		return text + ", from --proxy"
	}
	name := "HTTP_PROXY"
	if p.Addr.URL.Scheme == "wss" {
		name = "HTTPS_PROXY"
	}
	return text + ", from " + name + " in the environment"
}

// expirySoon is how long before it expires a certificate causes a warning.
const expirySoon = 14 * 24 * time.Hour
