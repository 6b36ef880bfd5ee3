package forward

import (
	"crypto/x509"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/stream"
)

func TestErrorHint(t *testing.T) {
	for _, row := range []struct {
		err  error
		want string
	}{
		{stream.ErrUnauthorized, "--nats-creds"},
		{x509.UnknownAuthorityError{}, "--target-ca"},
		{x509.HostnameError{}, "the name that the certificate is for"},
		{io.EOF, ""},
	} {
		got := errorHint(fmt.Errorf("wrapped: %w", row.err))
		if !strings.Contains(got, row.want) || (got == "") != (row.want == "") {
			t.Errorf("%v: got %q", row.err, got)
		}
	}
}
