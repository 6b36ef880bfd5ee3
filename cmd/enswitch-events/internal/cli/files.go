package cli

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// FileError returns the usage error for a file that a flag names, without its dashes, and
// that cannot be read.
func FileError(flag string, err error) error {
	return Usage(FileHint(err), "--%s: %w", flag, oserr.File(err))
}

// CheckNames returns a usage error if the name of a file is empty, as where a script's variable
// is not set.
func CheckNames(names []string) error {
	if slices.Contains(names, "") {
		return Usage("leave it out, or name a file", "the name of a file is empty: \"\"")
	}
	return nil
}

// FileHint returns what to try after a file could not be read, or "".
func FileHint(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "check the name: a relative one begins in the current directory"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not read it: see its permissions"
	case errors.Is(err, syscall.EISDIR):
		return "name a file in it"
	}
	return ""
}

// KeyPair reads a certificate and its private key from the PEM files that two flags name.
func KeyPair(certFlag, certFile, keyFlag, keyFile string) (tls.Certificate, error) {
	cert, err := os.ReadFile(certFile)
	if err != nil {
		return tls.Certificate{}, FileError(certFlag, err)
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return tls.Certificate{}, FileError(keyFlag, err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err == nil {
		return pair, nil
	}
	switch why := err.Error(); {
	case strings.Contains(why, "certificate input"):
		return pair, NoCertificate(certFlag, certFile)
	case strings.Contains(why, "key input"), strings.Contains(why, "parse private key"), strings.Contains(why, "rather than a key"):
		return pair, Usage("it begins with a line like -----BEGIN PRIVATE KEY-----, and has no password", "--%s: no private key in %s", keyFlag, keyFile)
	case strings.Contains(why, "does not match"):
		return pair, Usage("give the two files that were made together", "--%s %s is not the key of --%s %s", keyFlag, keyFile, certFlag, certFile)
	default:
		return pair, Usage("", "--%s, --%s: %s", certFlag, keyFlag, strings.TrimPrefix(strings.TrimPrefix(why, "tls: "), "x509: "))
	}
}

// NoCertificate returns the usage error for a PEM file without a certificate.
func NoCertificate(flag, file string) error {
	return Usage("it begins with -----BEGIN CERTIFICATE-----", "--%s: no certificate in %s", flag, file)
}
