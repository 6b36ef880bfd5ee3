package oserr_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// A certificate for another host is explained by the hosts that it is for.
func TestCertificateHost(t *testing.T) {
	name := pkix.Name{CommonName: "h"}
	for want, c := range map[string]*x509.Certificate{
		"is for another host: a.test, 10.0.0.1, not h":                                           {Subject: name, DNSNames: []string{"a.test"}, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)}},
		`has "h" as common name only, which does not count: it needs a subject alternative name`: {Subject: name},
		"is for no host: it needs a subject alternative name":                                    {},
	} {
		want = "the certificate " + want
		if got := oserr.Certificate(x509.HostnameError{Certificate: c, Host: "h"}); got != want {
			t.Errorf("%s; want %s", got, want)
		}
	}
}

// A certificate out of its time is explained by its own times alone, so that an error that is
// met again has the same text.
func TestCertificateTime(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	c := &x509.Certificate{Raw: []byte{1}, NotBefore: at, NotAfter: at.Add(time.Hour)}
	roots := x509.NewCertPool()
	for now, want := range map[time.Time]string{
		at.Add(-time.Second):   "the certificate is not yet valid: it is valid from 2026-01-02T02:04:05Z on (or this machine's clock is behind)",
		at.Add(2 * time.Hour):  "the certificate has expired: it was valid until 2026-01-02T03:04:05Z",
		at.Add(20 * time.Hour): "the certificate has expired: it was valid until 2026-01-02T03:04:05Z",
	} {
		_, err := c.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now})
		if got := oserr.Certificate(err); got != want {
			t.Errorf("%v: %q; want %q", err, got, want)
		}
	}
}
