package post

import (
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Limits of a server, against senders that are slow, silent or many.
const (
	// HeaderTimeout is how long the header of a request may take to arrive, and
	// how long a TLS handshake may take.
	HeaderTimeout = 5 * time.Second
	// RequestTimeout is how long a whole request may take to arrive.
	RequestTimeout = 10 * time.Second
	// AnswerTimeout is how long the answer may take, from the end of the header.
	AnswerTimeout = 20 * time.Second
	// IdleTimeout is how long a connection without a request is kept. It is long:
	// a connection that is closed just when a request is sent loses an event.
	IdleTimeout = 2 * time.Minute
	// MaxHeader is the size of the largest header of a request, in bytes.
	MaxHeader = 16 << 10
	// MaxConns is the number of connections that suits LimitListener.
	MaxConns = 1024
)

// NewServer returns a server for h, usually a [Handler], with the limits above. It
// speaks HTTP/1 only, and TLS 1.2 or later. Serve it on a [LimitListener], which
// also makes the time limits cheap. The caller sets the certificates in TLSConfig.
//
// onFault gets the faults of connections; it may be nil. It is called from many
// goroutines and must return soon.
func NewServer(h http.Handler, onFault func(Fault)) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            HeaderTimeout,
		ReadTimeout:                  RequestTimeout,
		WriteTimeout:                 AnswerTimeout,
		IdleTimeout:                  IdleTimeout,
		MaxHeaderBytes:               MaxHeader,
		Protocols:                    &protocols,
		TLSConfig:                    &tls.Config{MinVersion: tls.VersionTLS12},
		DisableGeneralOptionsHandler: true, // every request is counted, OPTIONS * too
		ErrorLog:                     log.New(faultWriter(onFault), "", 0),
	}
}

// faultWriter makes a Fault of each line that net/http logs: it has no other way
// to learn of them.
type faultWriter func(Fault)

func (f faultWriter) Write(p []byte) (int, error) {
	if f == nil {
		return len(p), nil
	}
	fault := Fault{Text: strings.TrimSuffix(string(p), "\n")}
	if rest, ok := strings.CutPrefix(fault.Text, "http: TLS handshake error from "); ok {
		addr, reason, _ := strings.Cut(rest, ": ")
		fault.Remote = host(addr)
		fault.Kind, fault.Text = handshakeFault(reason)
	}
	f(fault)
	return len(p), nil
}

// handshakeFault returns the kind and the text of a failed TLS handshake, from the
// text of crypto/tls, which has no types for them.
func handshakeFault(reason string) (FaultKind, string) {
	alert, isAlert := strings.CutPrefix(reason, "remote error: tls: ")
	_, offered, isVersion := strings.Cut(reason, "client offered only unsupported versions: ")
	switch {
	case strings.Contains(reason, "HTTP request to an HTTPS server"):
		return NotTLS, reason
	case isVersion:
		return TLSVersion, "it offers " + versions(offered)
	case strings.Contains(reason, "unsupported SSLv2 handshake"):
		return TLSVersion, "it offers SSL 2"
	case alert == "protocol version not supported":
		return TLSVersion, "it refuses the server's versions"
	case isAlert && strings.Contains(alert, "certificate"):
		return CertificateRefused, alert
	case strings.HasSuffix(reason, "tls: bad record MAC"):
		// OpenSSL, and so Perl and curl, sends the alert in clear where TLS 1.3
		// expects it encrypted.
		return CertificateRefused, "bad record MAC, which is how OpenSSL refuses one"
	case isAlert:
		return HandshakeFailed, "it sent the alert: " + alert
	case strings.Contains(reason, "first record does not look like a TLS handshake"):
		return HandshakeFailed, "it does not speak TLS"
	case strings.Contains(reason, "no cipher suite supported"):
		return HandshakeFailed, "it has no cipher in common with the server"
	case strings.Contains(reason, "tls: "):
		return HandshakeFailed, strings.TrimPrefix(reason, "tls: ")
	}
	return OtherFault, reason
}

// versions names the newest version of a list like "[302 301]", the sender's own
// numbers. So there are few texts, whatever senders offer.
func versions(list string) string {
	newest := uint64(0)
	for hex := range strings.FieldsSeq(strings.Trim(list, "[]")) {
		if n, err := strconv.ParseUint(hex, 16, 16); err == nil && n <= tls.VersionTLS11 {
			newest = max(newest, n)
		}
	}
	if newest < tls.VersionSSL30 { //nolint:staticcheck // only its name is used
		return "no version of TLS that is known"
	}
	return tls.VersionName(uint16(newest)) + " at most"
}

// host is an address without its port.
func host(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}

// Fault is what is wrong with a connection, as opposed to a request.
type Fault struct {
	Kind FaultKind
	// Remote is the address of the sender, without port. It is "" for a fault that
	// is not about one sender.
	Remote string
	// Text says what happened, in one line. It holds no URL, so no key. For one
	// kind there are few different texts.
	Text string
}

// FaultKind is the kind of a [Fault].
type FaultKind int

// The kinds of faults.
const (
	OtherFault         FaultKind = iota
	TLS                          // the sender speaks TLS: a fault if the server speaks plain HTTP
	NotTLS                       // the sender speaks plain HTTP, and the server speaks TLS
	CertificateRefused           // the sender does not accept the server's certificate
	TLSVersion                   // the sender has no version of TLS that is new enough
	HandshakeFailed              // the TLS handshake failed in another way
	TooManyConns                 // a connection was closed to make room for a new one
)
