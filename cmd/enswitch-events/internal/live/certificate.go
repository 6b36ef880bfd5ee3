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

// certificate returns the one that the flags name, or makes one.
func (o *Receiver) certificate() (tls.Certificate, error) {
	if o.tlsSelfSigned {
		cert, err := enswitchtest.NewCertificate(&enswitchtest.CertificateOptions{
			CommonName: "enswitch-events", Hosts: certificateHosts(strings.Trim(o.Bind, "[]")),
		})
		return cert, cli.Wrap(err)
	}
	cert, err := tls.LoadX509KeyPair(o.tlsCert, o.tlsKey)
	if err != nil {
		return tls.Certificate{}, cli.Usage("", "--tls-cert, --tls-key: %s", strings.TrimPrefix(err.Error(), "tls: "))
	}
	return cert, nil
}

// certificateHosts are the names and addresses under which this machine is reached,
// with bind, a name or an address, or with all addresses if bind stands for all.
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

// sha256Fingerprint writes the digest as openssl and browsers do.
func sha256Fingerprint(der []byte) string {
	return strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(der)), " ", ":")
}
