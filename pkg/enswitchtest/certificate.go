package enswitchtest

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"time"
)

// CertificateOptions are the settings of a certificate. Nil and zero fields mean
// the defaults that are named here.
type CertificateOptions struct {
	// Hosts are the names and the IP addresses of the server. Nil: localhost and
	// the loopback addresses. Empty but not nil: none, as in a certificate that
	// has only a common name.
	Hosts []string
	// CommonName is the common name of the subject, "enswitchtest" if empty.
	// Clients show it and do not compare it.
	CommonName string
	// NotBefore and NotAfter are the bounds of its validity. Zero: an hour ago, as
	// clocks differ, and a year from now.
	NotBefore, NotAfter time.Time
}

var loopback = [...]string{"localhost", "127.0.0.1", "::1"}

// NewCertificate makes a certificate for a TLS server, signed by its own key. A
// client trusts it if its Leaf is in the client's pool of roots. The key is in
// memory only, and new each time.
func NewCertificate(o *CertificateOptions) (tls.Certificate, error) {
	if o == nil {
		o = &CertificateOptions{}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: cmp.Or(o.CommonName, "enswitchtest")},
		NotBefore:    cmp.Or(o.NotBefore, now.Add(-time.Hour)),
		NotAfter:     cmp.Or(o.NotAfter, now.AddDate(1, 0, 0)),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	hosts := o.Hosts
	if hosts == nil {
		hosts = loopback[:]
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}
