package live

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// certificate loads the certificate that the flags name, or makes a self-signed one.
func (o *Receiver) certificate() (tls.Certificate, error) {
	if o.tlsSelfSigned {
		cert, err := enswitchtest.NewCertificate(&enswitchtest.CertificateOptions{
			CommonName: "enswitch-events", Hosts: certificateHosts(strings.Trim(o.Bind, "[]")),
		})
		return cert, cli.Failure(err)
	}
	return cli.KeyPair("tls-cert", o.tlsCert, "tls-key", o.tlsKey)
}

// certificateHosts returns the names and addresses for a self-signed certificate: those
// of this machine and bind, which is a name or an address. If bind is unspecified
// (0.0.0.0 or ::), they include all addresses of the machine.
func certificateHosts(bind string) []string {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	if ip := net.ParseIP(bind); ip == nil || !ip.IsUnspecified() {
		return append(hosts, bind)
	}
	if addrs, err := net.InterfaceAddrs(); err == nil {
		for _, addr := range addrs {
			if ip, _, err := net.ParseCIDR(addr.String()); err == nil {
				hosts = append(hosts, ip.String())
			}
		}
	}
	return hosts
}

// sha256Fingerprint returns the digest as openssl and browsers print it.
func sha256Fingerprint(der []byte) string {
	return strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(der)), " ", ":")
}
