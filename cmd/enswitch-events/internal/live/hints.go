package live

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// reason returns the text of err with the address, which it names once.
func reason(err error, addr messaged.Address) string {
	if e, ok := errors.AsType[*messaged.Error](err); ok {
		return addr.String() + ": " + e.Detail
	}
	return fmt.Sprintf("%s: %v", addr, err)
}

// exitError returns err, which ended the connection, with its exit code and a hint.
func (u *upstream) exitError(err error) error {
	if e, ok := errors.AsType[*messaged.Error](err); ok {
		return u.connectError("could not connect to", e)
	}
	return cli.Failure(err)
}

// connectError returns the error that there is no connection. prefix begins its message.
func (u *upstream) connectError(prefix string, e *messaged.Error) *cli.Error {
	switch e.Kind {
	case messaged.Unauthorized:
		return u.keyError(e)
	case messaged.Lost:
		hint := ""
		if !u.heard {
			hint = "no event had come, so the key may be wrong: " + u.keyHint()
		}
		return cli.NewError(cli.ExitLost, fmt.Errorf("lost the connection to %s: %s", e.Addr, e.Detail), hint)
	}
	return cli.NewError(cli.ExitConnect, fmt.Errorf("%s %s: %s", prefix, e.Addr, e.Detail), u.connectHint(e))
}

// connectHint returns what to try after an attempt to connect has failed. It uses the
// vendor's names of settings.
func (u *upstream) connectHint(e *messaged.Error) string {
	switch port := u.addr.URL.Port(); e.Kind {
	case messaged.Refused:
		return "does messaged run there ('Message daemon IP address'), and does the firewall of that machine let TCP port " + port + " through?"
	case messaged.NoAnswer:
		other := "it wants wss://"
		if u.addr.URL.Scheme == "wss" {
			other = "it speaks no TLS: ws://"
		}
		hint := "something else may listen there, or " + other + ": messaged's port is 4875, its path /events/websocket/"
		if errors.Is(e, io.EOF) || oserr.IsReset(e) {
			return hint
		}
		return hint + "\n--connect-timeout waits longer"
	case messaged.NotWebsocket:
		return "another server may listen there: messaged's port is 4875, its path /events/websocket/"
	case messaged.Unreachable, messaged.Timeout:
		return "is 'Message daemon IP address' right, and does the firewall of that machine let TCP port " + port + " through?\n--connect-timeout waits longer"
	case messaged.Resolve:
		hint := "check the name, or use the address of the setting 'Message daemon IP address'"
		if st, err := os.Stat(u.addr.URL.Hostname()); err == nil && st.Mode().IsRegular() {
			hint += "\nthere is a file of that name: 'enswitch-events cat " + u.addr.URL.Hostname() + "' reads it"
		}
		return hint
	case messaged.NotFound:
		return "the documented path is /events/websocket/ on port 4875"
	case messaged.Redirect:
		return "redirects are not followed, so that the key goes nowhere else: give the final address"
	case messaged.Proxy:
		return "--proxy none connects without a proxy" + proxyHint(e.Status, port)
	case messaged.ProxyAuth:
		return "give the user and the password in the proxy's URL, as http://USER:PASSWORD@HOST:PORT\n--proxy none connects without a proxy"
	case messaged.BadStatus:
		return statusHint(e.Status)
	}
	return u.tlsHint(e)
}

// tlsHint returns what to try after TLS has failed.
func (u *upstream) tlsHint(e *messaged.Error) string {
	plain := "ws://" + u.addr.URL.Host
	switch e.Kind {
	case messaged.NotTLS, messaged.WantsTLS:
		return "" // the message says it
	case messaged.TLSVersion:
		return "the server, or a proxy in front of it, needs a newer TLS; messaged itself is documented without: " + plain
	case messaged.UnknownName:
		return "the server knows no such name: give the name that its certificate is for"
	case messaged.TLSRefused:
		return "it may want a client certificate: --cert FILE --key FILE"
	case messaged.Certificate:
		return certificateHint(e) + "\nmessaged itself is documented without TLS: " + plain
	}
	return "messaged itself is documented without TLS: " + plain
}

// certificateHint returns what to try after a certificate was not accepted.
func certificateHint(e *messaged.Error) string {
	if _, ok := errors.AsType[x509.HostnameError](e); ok {
		return "give the name that the certificate is for, or have one made with this name as subject alternative name (SAN)\n--insecure trusts any"
	}
	if _, ok := errors.AsType[x509.CertificateInvalidError](e); ok {
		return "renew the certificate, or look at the clocks of both machines\n--insecure trusts any"
	}
	return "--ca FILE trusts a certificate, --insecure trusts any"
}

// proxyHint returns what else to try after the HTTP status of a proxy, which may be 0.
func proxyHint(status int, port string) string {
	switch status {
	case http.StatusForbidden, http.StatusMethodNotAllowed:
		return "\nthe proxy must allow CONNECT to port " + port
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return "\nthe proxy may not reach messaged: does it run?"
	}
	return ""
}

// statusHint returns what to try after an HTTP status that has no kind of its own.
func statusHint(status int) string {
	switch status {
	case http.StatusBadRequest, http.StatusUpgradeRequired:
		return "a proxy in front of messaged must pass on the headers Upgrade and Connection, by HTTP/1.1"
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return "a proxy in front may not reach messaged: does it run?\n--retry keeps trying"
	}
	return "another server may listen there: messaged's port is 4875, its path /events/websocket/\n--retry keeps trying"
}

// keyError returns the error of a key that was rejected. It may also be that messaged
// has never seen the key, because a proxy in front of it has users of its own.
func (u *upstream) keyError(e *messaged.Error) *cli.Error {
	what, hint := "the key was rejected by", u.keyHint()
	if e.Challenge != "" {
		what = "access was refused by"
	}
	if e.Server != "" {
		hint += "\nor the answer is from a proxy (" + e.Server + "), which may want --header 'Authorization: …' or another address"
	}
	return cli.NewError(cli.ExitKey, fmt.Errorf("%s %s: %s", what, e.Addr, e.Detail), hint)
}

// keyHint returns what to try if the key may be wrong.
func (u *upstream) keyHint() string {
	if u.keyless {
		return "no key was given: --authkey-file FILE or ENSWITCH_AUTHKEY, with Enswitch's setting 'Message daemon authentication key'"
	}
	return "compare the key with Enswitch's setting 'Message daemon authentication key'"
}
