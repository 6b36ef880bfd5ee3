package forward

import (
	"crypto/x509"
	"errors"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/stream"
)

// attributes returns what a message about an error of a target has besides its text.
func attributes(target string, err error) []any {
	all := []any{"target", target}
	if hint := errorHint(err); hint != "" {
		all = append(all, log.HintKey, hint)
	}
	return all
}

// errorHint returns what to do about an error of a target, empty if that is not known.
func errorHint(err error) string {
	if errors.Is(err, stream.ErrUnauthorized) {
		return "give --nats-creds FILE, or the user and the password in the address: nats://USER:PASSWORD@HOST/PREFIX"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "give the name that the certificate is for\n--target-insecure trusts any"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "--target-ca FILE trusts a certificate, --target-insecure trusts any"
	}
	return streamHint(err)
}
