package oserr

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Certificate returns what is wrong with the certificate of a server, in plain words, or ""
// if err is about something else. Names in it are those of the certificate, cut at 100 bytes.
func Certificate(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the certificate is signed by an unknown authority"
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return otherHost(e)
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return outOfTime(e)
		}
		return "the certificate is not valid: " + strings.TrimPrefix(e.Error(), "x509: ")
	}
	return ""
}

// outOfTime returns since when a certificate is no longer valid, or from when on it will be.
// The time of the attempt is left out: the same fault has the same text, whenever it is met.
func outOfTime(e x509.CertificateInvalidError) string {
	if strings.Contains(e.Detail, " is before ") { // crypto/x509 has no other sign of which one it is
		return "the certificate is not yet valid: it is valid from " + e.Cert.NotBefore.UTC().Format(time.RFC3339) + " on (or this machine's clock is behind)"
	}
	return "the certificate has expired: it was valid until " + e.Cert.NotAfter.UTC().Format(time.RFC3339)
}

// otherHost returns which hosts a certificate is for.
func otherHost(e x509.HostnameError) string {
	names := e.Certificate.DNSNames
	for _, ip := range e.Certificate.IPAddresses {
		names = append(names[:len(names):len(names)], ip.String())
	}
	commonName := bounded(e.Certificate.Subject.CommonName)
	switch {
	case len(names) > 0:
		return "the certificate is for another host: " + bounded(strings.Join(names, ", ")) + ", not " + e.Host
	case commonName != "":
		return fmt.Sprintf("the certificate has %q as common name only, which does not count: it needs a subject alternative name", commonName)
	}
	return "the certificate is for no host: it needs a subject alternative name"
}

// IsTLSVersion reports whether two sides have no version of TLS in common. Package tls has
// no type for that error.
func IsTLSVersion(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "unsupported protocol version") || strings.Contains(text, "protocol version not supported")
}

// reasonTLS returns why a TLS connection failed, "" if err is about something else.
func reasonTLS(err error) string {
	if text := Certificate(err); text != "" {
		return text
	}
	if IsTLSVersion(err) {
		return "the server's TLS is too old: TLS 1.2 is needed"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the server does not speak TLS on this port"
	}
	return ""
}

// bounded returns text, cut at maxName bytes.
func bounded(text string) string {
	if len(text) <= maxName {
		return text
	}
	return strings.ToValidUTF8(text[:maxName], "") + "…"
}
