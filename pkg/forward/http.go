package forward

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

const (
	// maxRetryAfter bounds what a Retry-After may ask for.
	maxRetryAfter = 24 * time.Hour
	// maxAnswer bounds the bytes of an answer that are read so that its connection can be used
	// again, and answerTime the time for it.
	maxAnswer  = 64 << 10
	answerTime = time.Second
	// maxHeader bounds the header of an answer.
	maxHeader = 64 << 10

	defaultTimeout = 10 * time.Second
)

// HTTPOptions are the settings of an HTTP target. Zero fields mean the defaults.
type HTTPOptions struct {
	// Format is how events are written. The default is JSON.
	Format Format
	// Batch says that several events share a request. Form does not go with it.
	Batch bool
	// Timeout bounds a request with its answer. The default is 10 s.
	Timeout time.Duration
	// Header is added to each request.
	Header http.Header
	// Key, if there is one, signs each request: the header Enswitch-Signature is
	// "t=UNIX,v1=HEX", where HEX is the HMAC-SHA256 of UNIX, a dot and the body.
	Key []byte
	// TLS is for https. The default checks certificates by those of the system.
	TLS *tls.Config
	// Connections is the number of connections that are kept open. The default is 16.
	Connections int
}

// httpTarget POSTs events.
type httpTarget struct {
	o         HTTPOptions
	url       *url.URL
	transport *http.Transport
	plain     *plainClient // nil if all requests go by transport
	base      http.Header  // of all requests
}

// NewHTTP returns a target that POSTs events to a URL, http or https, which may have a user
// and a password. A nil o means the defaults.
//
// An answer 2xx means that the events are delivered. After 408, 425, 429, 5xx and errors of
// the network they are sent again; a Retry-After is obeyed up to a day. Every other answer
// refuses them, also a redirect, which is not followed. Of an answer 64 KiB are read, for a
// second at most.
func NewHTTP(address string, o *HTTPOptions) (Target, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("forward: %w", errors.Unwrap(err)) // without the URL, which may have a password
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("forward: the URL has no http:// or https:// and host")
	}
	t := &httpTarget{url: u, base: http.Header{}}
	if o != nil {
		t.o = *o
	}
	if t.o.Format == "" {
		t.o.Format = JSON
	}
	if t.o.Format == Form && t.o.Batch {
		return nil, errors.New("forward: a form holds one event")
	}
	if t.o.Timeout <= 0 {
		t.o.Timeout = defaultTimeout
	}
	if t.o.Connections <= 0 {
		t.o.Connections = 16
	}
	t.base.Set("Content-Type", t.o.Format.mediaType(t.o.Batch))
	t.base.Set("User-Agent", "enswitch-events")
	for name, values := range t.o.Header {
		t.base[http.CanonicalHeaderKey(name)] = values
	}
	if u.User != nil && t.base.Get("Authorization") == "" {
		password, _ := u.User.Password()
		r := http.Request{Header: t.base}
		r.SetBasicAuth(u.User.Username(), password)
	}
	t.transport = &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: t.o.Timeout}).DialContext,
		TLSClientConfig:        t.o.TLS,
		TLSHandshakeTimeout:    t.o.Timeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           t.o.Connections,
		MaxIdleConnsPerHost:    t.o.Connections,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // an answer of 1 GB can be small on the wire
		// Otherwise requests would use a dead connection for a quarter of an hour.
		HTTP2: &http.HTTP2Config{SendPingTimeout: t.o.Timeout, PingTimeout: t.o.Timeout},
	}
	t.plain = newPlainClient(t)
	return t, nil
}

// Deliver implements Target.
func (t *httpTarget) Deliver(ctx context.Context, items []*Item) []Result {
	batch := t.o.Batch || t.o.Format == NDJSON
	if !batch && len(items) > 1 {
		all := make([]Result, 0, len(items))
		for i := range items {
			all = append(all, t.post(ctx, items[i:i+1]))
		}
		return all
	}
	r := t.post(ctx, items)
	if r.Verdict == Dead && len(items) > 1 {
		r.Verdict = Split
	}
	return forAll(len(items), r)
}

// post sends one request.
func (t *httpTarget) post(ctx context.Context, items []*Item) Result {
	const beside = 256 // what a format adds to an event
	size := 0
	for _, it := range items {
		size += len(it.Payload) + beside
	}
	body, err := t.o.Format.appendBody(make([]byte, 0, size), items, t.o.Batch)
	if err != nil {
		return Result{Verdict: Dead, Reason: err.Error()}
	}
	answer, excerpt, err := t.exchange(ctx, t.fields(items, body), body) //nolint:bodyclose // exchange is done with it
	if err != nil {
		err = &unanswered{t.reason(err), err}
		return Result{Verdict: Unreachable, Reason: err.Error(), Err: err}
	}
	r := Result{Status: answer.StatusCode}
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		r.Verdict = Done
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		r.Verdict = Again
		r.After = retryAfter(answer.Header, time.Now())
	default:
		r.Verdict = Dead
	}
	if r.Verdict != Done {
		r.Reason = answer.Status
		if to, err := answer.Location(); err == nil && answer.StatusCode < 400 {
			to.User, to.RawQuery, to.Fragment = nil, "", "" // they may be those of this target
			r.Reason += " to " + to.String() + ", which is not followed"
		}
		if excerpt = strings.TrimSpace(excerpt); excerpt != "" {
			r.Reason += ": " + excerpt
		}
		r.Reason = cut(r.Reason)
	}
	return r
}

// exchange sends a request, and returns the answer and the beginning of its body.
func (t *httpTarget) exchange(ctx context.Context, fields []field, body []byte) (answer *http.Response, excerpt string, err error) {
	if t.plain != nil && len(body) <= maxPlain {
		answer, conn, err := t.plain.post(ctx, fields, body)
		if err != nil {
			return nil, "", err
		}
		whole := true
		if answer.ContentLength != 0 {
			excerpt, whole = readAnswer(answer.Body, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
		}
		t.plain.done(conn, answer, whole)
		return answer, excerpt, nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.o.Timeout)
	defer cancel()
	h := make(http.Header, len(t.base)+len(fields)+1)
	maps.Copy(h, t.base)
	for _, f := range fields {
		h[f.name] = []string{f.value}
	}
	// This is not sent. It lets net/http send a request again at once, on another connection, if
	// the server has closed the idle one.
	h["Idempotency-Key"] = []string{}
	request := (&http.Request{
		Method: http.MethodPost, URL: t.url, Host: t.url.Host, Header: h,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	}).WithContext(ctx)
	// An http.Client follows redirects and keeps cookies, for which it works longer.
	if answer, err = t.transport.RoundTrip(request); err != nil {
		return nil, "", err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.ContentLength != 0 {
		excerpt, _ = readAnswer(answer.Body, cancel)
	}
	return answer, excerpt, nil
}

// field is a field of the header of one request.
type field struct{ name, value string }

// fields returns the fields of the header that are not those of all requests.
func (t *httpTarget) fields(items []*Item, body []byte) (all []field) {
	if !t.o.Batch && len(items) == 1 && (t.o.Format == JSON || t.o.Format == Form) {
		all = append(all, field{"Enswitch-Event-Id", items[0].ID.String()})
	}
	if len(t.o.Key) > 0 {
		all = append(all, field{"Enswitch-Signature", sign(t.o.Key, time.Now(), body)})
	}
	return all
}

// sign returns the signature of a body.
func sign(key []byte, at time.Time, body []byte) string {
	unix := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	_, _ = io.WriteString(mac, unix+".")
	_, _ = mac.Write(body)
	return "t=" + unix + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// readAnswer returns the beginning of the body of an answer, and whether it has been read to
// its end. One that goes on after maxAnswer or answerTime is broken off by stop, which costs
// its connection.
func readAnswer(body io.Reader, stop func()) (excerpt string, whole bool) {
	t := time.AfterFunc(answerTime, stop)
	defer t.Stop()
	text, err := io.ReadAll(io.LimitReader(body, MaxReason))
	if whole = err == nil; whole && len(text) == MaxReason {
		_, err = io.CopyN(io.Discard, body, maxAnswer)
		whole = errors.Is(err, io.EOF)
	}
	return string(text), whole
}

// retryAfter returns what the Retry-After of an answer asks for, 0 if that is nothing. A time
// is by the clock of the server, which the Date of the answer has.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if text == "" {
		return 0
	}
	var wait time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			now = date
		}
		wait = at.Sub(now)
	} else {
		return 0
	}
	return min(max(wait, minBackoff), maxRetryAfter)
}

// unanswered is the error for a request without an answer.
type unanswered struct {
	text string // in plain words, without secrets of the URL
	err  error
}

func (e *unanswered) Error() string { return e.text }
func (e *unanswered) Unwrap() error { return e.err }

// reason returns why there is no answer, in plain words.
func (t *httpTarget) reason(err error) string {
	text := err.Error()
	switch e, ok := errors.AsType[net.Error](err); {
	case ok && e.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %v", t.o.Timeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), oserr.IsReset(err), oserr.IsClosedPipe(err):
		return "the server hung up without an answer"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "the server speaks plain HTTP on this port: use http://"
	case strings.Contains(text, `malformed HTTP response "\x15\x03`): // a TLS alert
		return "the server speaks TLS on this port: use https://"
	case strings.Contains(text, "malformed "): // net/http has no types for these
		return "what answered does not speak HTTP"
	case strings.Contains(text, "response headers exceeded"), strings.Contains(text, "response header list larger"):
		return fmt.Sprintf("the header of the answer is longer than %d KiB", maxHeader>>10)
	case strings.HasPrefix(text, "stream error: "), strings.HasPrefix(text, "http2: "):
		return "the server broke the request off"
	}
	text = oserr.Reason(err)
	for _, prefix := range []string{"net/http: ", "HTTP/1.x transport connection broken: ", "http: ", "tls: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return cut(text)
}

// cut returns at most MaxReason bytes of text.
func cut(text string) string { return text[:min(len(text), MaxReason)] }

// Check implements Target: it connects, and sends no request.
func (t *httpTarget) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, t.o.Timeout)
	defer cancel()
	var conn net.Conn
	var err error
	if t.url.Scheme == "https" {
		conn, err = (&tls.Dialer{Config: t.o.TLS}).DialContext(ctx, "tcp", hostPort(t.url))
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", hostPort(t.url))
	}
	if err != nil {
		return &unanswered{t.reason(err), err}
	}
	return conn.Close()
}

// Close implements Target.
func (t *httpTarget) Close() error {
	t.transport.CloseIdleConnections()
	if t.plain != nil {
		t.plain.close()
	}
	return nil
}
