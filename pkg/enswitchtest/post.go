package enswitchtest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// PostTimeout bounds one POST, from the lookup of the name to the answer. How long
// a real cluster waits is not documented.
const PostTimeout = 5 * time.Second

// Form returns the body with which an Enswitch machine would POST an event in
// JSON: application/x-www-form-urlencoded, with the fields in the order of the
// event, repeated ones too. All values are text; arrays and objects are their
// JSON. It returns an [*event.Error] if raw is not an event. The body belongs to
// the caller.
func Form(raw []byte) (body []byte, err error) {
	var x event.Index
	if err := x.Scan(raw); err != nil {
		return nil, err
	}
	for i := range x.Len() {
		if i > 0 {
			body = append(body, '&')
		}
		body = append(body, url.QueryEscape(string(x.Key(i).Text()))...)
		body = append(body, '=')
		body = append(body, url.QueryEscape(string(x.Value(i).Text()))...)
	}
	return body, nil
}

// Poster POSTs events as the machines of a cluster do, one request for each event.
// It is safe for concurrent use.
type Poster struct {
	// URL is the URL to POST to. No error shows its query, which may hold a key.
	URL string
	// Client sends the requests, http.DefaultClient if nil. It does not follow
	// redirects, whatever its settings, so that the key stays with its host.
	Client *http.Client
	// Slow is the time between the header of a request and its body. PostTimeout
	// is counted after it.
	Slow time.Duration
}

// PostError is the reason why a POST failed. It never holds the key.
type PostError struct {
	// Host is the host, and the port if there is one, of the URL.
	Host string
	// Status is the status of the answer, 0 without an answer.
	Status int
	// Reason says what happened, in lower case and in one line.
	Reason string
	// Err is the cause, nil if there was an answer.
	Err error
}

func (e *PostError) Error() string { return "POST to " + e.Host + ": " + e.Reason }

// Unwrap returns the cause.
func (e *PostError) Unwrap() error { return e.Err }

// Post sends one event and waits for the answer, at most PostTimeout, as the
// routing of a call does. It ignores the body of the answer. A status other than
// 2xx is an error, so that a test sees it; an Enswitch machine would ignore it. An
// error is a [*PostError], or wraps an [*event.Error] if raw is not an event.
func (p *Poster) Post(ctx context.Context, raw []byte) error {
	body, err := Form(raw)
	if err != nil {
		return fmt.Errorf("not an event: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, PostTimeout+p.Slow)
	defer cancel()
	var reader io.Reader = bytes.NewReader(body)
	if p.Slow > 0 {
		reader = &lateReader{ctx, p.Slow, reader}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, reader)
	if err != nil {
		return &PostError{Host: "?", Reason: "the URL is not valid"} // the cause quotes it, with the key
	}
	req.ContentLength = int64(len(body))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := *cmp.Or(p.Client, http.DefaultClient)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the URL
		}
		return &PostError{Host: req.URL.Host, Reason: postReason(err), Err: err}
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // the connection is kept only if the body was read
	if code := resp.StatusCode; code/100 != 2 {
		reason := fmt.Sprintf("it answered HTTP %d %s", code, strings.ToLower(http.StatusText(code)))
		return &PostError{Host: req.URL.Host, Status: code, Reason: strings.TrimSpace(reason)}
	}
	return nil
}

// postReason says why there was no answer to a POST.
func postReason(err error) string {
	var timeout net.Error
	certificate, refused := errors.AsType[*tls.CertificateVerificationError](err)
	_, notTLS := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("no answer within %v", PostTimeout)
	case errors.Is(err, http.ErrSchemeMismatch):
		return "the server speaks plain HTTP on this port: use http://"
	case notTLS:
		return "the server does not speak TLS on this port: use http://"
	case refused:
		return "the certificate is not accepted: " + strings.TrimPrefix(certificate.Err.Error(), "x509: ")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the server hung up without an answer"
	case strings.Contains(err.Error(), "malformed HTTP"):
		return "what answered does not speak HTTP"
	}
	return oserr.Reason(err)
}

// lateReader waits before its first byte.
type lateReader struct {
	ctx  context.Context //nolint:containedctx // of the request that it is the body of
	wait time.Duration
	r    io.Reader
}

func (l *lateReader) Read(p []byte) (int, error) {
	if l.wait > 0 {
		t := time.NewTimer(l.wait)
		defer t.Stop()
		select {
		case <-t.C:
			l.wait = 0
		case <-l.ctx.Done():
			return 0, l.ctx.Err()
		}
	}
	return l.r.Read(p)
}
