package oserr_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"testing"

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
