package post

import (
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"strings"
	"time"
)

// Limits of a server, against senders that are slow, silent or many.
const (
	// HeaderTimeout is how long a request's header may take to arrive, and a
	// TLS handshake.
	HeaderTimeout = 5 * time.Second
	// RequestTimeout is how long a whole request may take to arrive.
	RequestTimeout = 10 * time.Second
	// AnswerTimeout is how long after the header an answer may still be
	// written.
	AnswerTimeout = 20 * time.Second
	// IdleTimeout is how long a connection is kept without a request. It is
	// long, as a connection cut just when a request is sent loses the event.
	IdleTimeout = 2 * time.Minute
	// MaxHeader is the most bytes of a request's header.
	MaxHeader = 16 << 10
	// MaxConns is how many connections LimitListener should be given to keep.
	MaxConns = 1024
)

// NewServer returns a server for h, as a rule a [Handler], with the limits
// above, HTTP/1 only, TLS 1.2 or later. Serve it on a [LimitListener], which
// also makes the limits of time cheap. Of its TLSConfig the certificates are
// left to the caller.
//
// Faults of connections go to onFault, or nowhere if that is nil. It is called
// concurrently and must be quick.
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

// faultWriter makes a Fault of each line that net/http logs.
type faultWriter func(Fault)

func (f faultWriter) Write(p []byte) (int, error) {
	if f == nil {
		return len(p), nil
	}
	fault := Fault{Text: strings.TrimSuffix(string(p), "\n")}
	if rest, ok := strings.CutPrefix(fault.Text, "http: TLS handshake error from "); ok {
		addr, reason, _ := strings.Cut(rest, ": ")
		fault.Remote, fault.Text = host(addr), reason
		switch {
		case strings.Contains(reason, "HTTP request to an HTTPS server"):
			fault.Kind = NotTLS
		case strings.HasPrefix(reason, "remote error: tls: ") && strings.Contains(reason, "certificate"):
			fault.Kind, fault.Text = CertificateRefused, strings.TrimPrefix(reason, "remote error: tls: ")
		case strings.HasSuffix(reason, "tls: bad record MAC"):
			// OpenSSL, and so Perl and curl, says it in clear where TLS 1.3
			// expects it encrypted.
			fault.Kind, fault.Text = CertificateRefused, "bad record MAC, which is how OpenSSL refuses one"
		case strings.Contains(reason, "tls: "):
			fault.Kind = HandshakeFailed
		}
	}
	f(fault)
	return len(p), nil
}

// host is an address without its port.
func host(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}

// Fault is what went wrong with a connection where there was no request.
type Fault struct {
	Kind FaultKind
	// Remote is the sender's address, without port, if the fault is one of its.
	Remote string
	// Text says what happened, in one line. It names no URL, so no key.
	Text string
}

// FaultKind is the kind of a Fault.
type FaultKind int

// The kinds of faults.
const (
	OtherFault         FaultKind = iota
	TLS                          // a sender speaks TLS; of matter where HTTP is spoken
	NotTLS                       // a sender speaks HTTP where TLS is spoken
	CertificateRefused           // a sender refused the certificate
	HandshakeFailed              // sender and server have no version of TLS or cipher in common, or the like
	TooManyConns                 // connections were closed to make room for new ones
)
