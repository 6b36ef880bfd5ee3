package post

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

const (
	// firstRead is the memory for a body before any of it has come. A larger
	// Content-Length alone allocates nothing.
	firstRead = 4 << 10
	// keptBuffer is the largest buffer that is kept for the next request.
	keptBuffer = 64 << 10
	// maxDrain is the longest body that is read and thrown away after a refusal, so
	// that the connection can be kept.
	maxDrain = 64 << 10
)

// Handler is an http.Handler that receives events by POST. It is safe for concurrent
// use.
type Handler struct {
	o         Options
	keyed     bool
	keySum    [sha256.Size]byte
	number    func(name []byte) bool
	plain     []string // header values, shared by all answers
	zero      []string
	exchanges sync.Pool // of *exchange
	late      late
}

// exchange is a request with its buffers.
type exchange struct {
	remote      string
	received    time.Time
	contentType string
	compressed  compression
	length      int // size of the body as received
	body        []byte
	json        []byte
	index       event.Index
}

// NewHandler returns a Handler. It copies the options; nil means the defaults. The
// error is about an option that has no meaning, or two that exclude each other.
func NewHandler(o *Options) (*Handler, error) {
	h := &Handler{plain: []string{"text/plain; charset=utf-8"}, zero: []string{"0"}}
	h.late.max, h.late.less.L = maxLate, &h.late.mu
	if o != nil {
		h.o = *o
	}
	if h.o.Path == "" {
		h.o.Path = "/"
	}
	if h.o.Path[0] != '/' || strings.ContainsAny(h.o.Path, "?#") {
		return nil, errors.New("post: Path must begin with / and have neither ? nor #")
	}
	switch {
	case h.o.MaxBody < 0:
		return nil, errors.New("post: MaxBody is negative")
	case h.o.MaxBody == 0:
		h.o.MaxBody = DefaultMaxBody
	}
	if (h.o.ForwardedHeader == "") != (len(h.o.TrustProxy) == 0) {
		return nil, errors.New("post: ForwardedHeader and TrustProxy go together")
	}
	if h.o.ForwardedHeader = http.CanonicalHeaderKey(h.o.ForwardedHeader); h.o.ForwardedHeader == "Forwarded" {
		return nil, errors.New("post: ForwardedHeader: Forwarded, of RFC 7239, is not supported: use X-Forwarded-For")
	}
	var err error
	if h.o.Allow, err = unmapped(h.o.Allow); err != nil {
		return nil, err
	}
	if h.o.TrustProxy, err = unmapped(h.o.TrustProxy); err != nil {
		return nil, err
	}
	h.keyed = h.o.Authkey != ""
	h.keySum = sha256.Sum256([]byte(h.o.Authkey))
	if len(h.o.NumberFields) > 0 {
		fields := map[string]bool{"machine": true}
		for _, name := range h.o.NumberFields {
			fields[name] = true
		}
		h.number = func(name []byte) bool { return fields[string(name)] }
	}
	h.exchanges.New = func() any {
		return &exchange{body: make([]byte, 0, firstRead), json: make([]byte, 0, firstRead)}
	}
	return h, nil
}

// ServeHTTP answers the request and hands its event on, in the order that the
// documentation of the package describes.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	remote, allowed := h.client(r)
	status, reason := http.StatusOK, ""
	switch {
	case !allowed:
		status, reason = http.StatusForbidden, "address not allowed"
	case r.URL.Path != h.o.Path:
		status, reason = http.StatusNotFound, "not the path for events"
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		status, reason = http.StatusMethodNotAllowed, "this URL takes Enswitch events, sent by POST"
	case h.keyed:
		if reason = h.wrongKey(r.URL.RawQuery); reason != "" {
			status = http.StatusUnauthorized
		}
	}
	compressed, known := compressionOf(r.Header["Content-Encoding"])
	if status == http.StatusOK {
		switch {
		case !known:
			w.Header().Set("Accept-Encoding", "gzip, deflate, identity")
			status, reason = http.StatusUnsupportedMediaType, unknownEncoding(r.Header["Content-Encoding"])
		case r.ContentLength > h.o.MaxBody:
			status, reason = http.StatusRequestEntityTooLarge, "body too long"
		}
	}
	if status != http.StatusOK {
		if r.ContentLength < 0 || r.ContentLength > maxDrain {
			w.Header().Set("Connection", "close")
		}
		h.refuse(w, Rejection{Remote: remote, Status: status, Reason: reason, Size: r.ContentLength})
		return
	}

	x := h.exchanges.Get().(*exchange)
	if status, reason = x.read(r.Body, h.o.MaxBody); status != http.StatusOK {
		w.Header().Set("Connection", "close")
		h.refuse(w, Rejection{Remote: remote, Status: status, Reason: reason, Body: h.excerpt(x.body), Size: max(int64(len(x.body)), r.ContentLength)})
		h.release(x)
		return
	}
	// net/http would look for the rest of a body that is not closed.
	_ = r.Body.Close()
	x.remote, x.received, x.contentType, x.compressed = remote, time.Now(), r.Header.Get("Content-Type"), compressed
	if h.queue(x) {
		h.ok(w)
		return
	}
	note, err := h.deliver(x)
	h.ok(w)
	h.report(x, note, err)
}

// ok sends the answer 200. It ignores errors: if the sender has gone, its event
// counts all the same.
func (h *Handler) ok(w http.ResponseWriter) {
	header := w.Header()
	header["Content-Type"] = h.plain
	header["Content-Length"] = h.zero
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
}

func (h *Handler) release(x *exchange) {
	if cap(x.body) <= keptBuffer && cap(x.json) <= keptBuffer {
		h.exchanges.Put(x)
	}
}

// refuse answers with the status and the reason of the rejection, then reports it.
func (h *Handler) refuse(w http.ResponseWriter, rejection Rejection) {
	text := rejection.Reason + "\n"
	header := w.Header()
	header["Content-Type"] = h.plain
	header.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(rejection.Status)
	_, _ = io.WriteString(w, text)
	_ = http.NewResponseController(w).Flush()
	h.reject(rejection)
}

func (h *Handler) reject(rejection Rejection) {
	if h.o.OnReject != nil {
		h.o.OnReject(rejection)
	}
}

// excerpt returns the beginning of a body, without the key.
func (h *Handler) excerpt(body []byte) []byte {
	if h.keyed {
		for _, key := range []string{h.o.Authkey, url.QueryEscape(h.o.Authkey)} {
			body = bytes.ReplaceAll(body, []byte(key), []byte("***"))
		}
	}
	return body[:min(len(body), MaxExcerpt)]
}

// wrongKey says what is wrong with the key in the query of a URL, "" if it is right.
// If the parameter is repeated, the first one counts. It compares hashes, so that its
// time tells nothing about the content and the length of the key.
func (h *Handler) wrongKey(query string) string {
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name != "authkey" {
			continue
		}
		// A key with a plus or a percent sign is often pasted without escapes.
		right := h.isKey(value)
		if text, err := url.QueryUnescape(value); err == nil && text != value {
			right |= h.isKey(text)
		}
		if right == 1 {
			return ""
		}
		return "wrong key"
	}
	return "no key"
}

func (h *Handler) isKey(text string) int {
	sum := sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(sum[:], h.keySum[:])
}

// read reads the body, at most limit bytes, into x.body. It returns the status of the
// answer and, unless that is 200, the reason.
func (x *exchange) read(body io.Reader, limit int64) (status int, reason string) {
	x.body = x.body[:0]
	for {
		if len(x.body) == cap(x.body) {
			x.body = append(x.body, 0)[:len(x.body)]
		}
		n, err := body.Read(x.body[len(x.body):cap(x.body)])
		x.body = x.body[:len(x.body)+n]
		switch {
		case int64(len(x.body)) > limit:
			return http.StatusRequestEntityTooLarge, "body too long"
		case err == io.EOF:
			return http.StatusOK, ""
		case errors.Is(err, os.ErrDeadlineExceeded):
			return http.StatusRequestTimeout, "body did not arrive in time"
		case err != nil:
			return http.StatusBadRequest, "body cut short"
		}
	}
}
