package live

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// certificate returns the one that the flags name, or makes one.
func (o *Receiver) certificate() (tls.Certificate, error) {
	if o.tlsSelfSigned {
		cert, err := selfSigned(strings.Trim(o.Bind, "[]"))
		return cert, cli.Wrap(err)
	}
	cert, err := tls.LoadX509KeyPair(o.tlsCert, o.tlsKey)
	if err != nil {
		return tls.Certificate{}, cli.Usage("", "--tls-cert, --tls-key: %s", strings.TrimPrefix(err.Error(), "tls: "))
	}
	return cert, nil
}

// selfSigned makes a certificate for the name or address bind, or for all of
// this machine's. It is valid for a year, and its key is only in memory.
func selfSigned(bind string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	t := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "enswitch-events"},
		NotBefore:    now.Add(-time.Hour), // the clocks of a cluster differ
		NotAfter:     now.AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if name, err := os.Hostname(); err == nil {
		t.DNSNames = append(t.DNSNames, name)
	}
	if ip := net.ParseIP(bind); ip == nil {
		t.DNSNames = append(t.DNSNames, bind)
	} else if !ip.IsUnspecified() {
		t.IPAddresses = append(t.IPAddresses, ip)
	} else if addrs, err := net.InterfaceAddrs(); err == nil {
		for _, addr := range addrs {
			if ip, _, err := net.ParseCIDR(addr.String()); err == nil {
				t.IPAddresses = append(t.IPAddresses, ip)
			}
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// sha256Fingerprint writes the digest as openssl and browsers do.
func sha256Fingerprint(der []byte) string {
	return strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(der)), " ", ":")
}
