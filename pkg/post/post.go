// Package post receives the events that Enswitch machines send as HTTP POST
// requests, one request for each event.
//
// # A place, then the answer
//
// Routing of a call waits until the URL has answered, and a sender that waits
// for the answer sends its events in order, whatever connections it uses. So
// [Handler] reads the body, which is bounded, gives the event its place among
// the others, and then puts the answer on the wire (200, text/plain, no
// content). A short body is parsed and handed on before the answer, which takes
// microseconds. A long one gets its place in a queue and is parsed after the
// answer; what comes meanwhile queues behind it and is answered at once, too.
// Options.OnEvent gets the events in the order of their places.
//
// A body that turns out to be no event gets its 200 all the same, since the
// sender ignores the answer; it is handed to Options.OnReject.
//
// Over HTTP/1 the answer is complete when it is flushed. Over HTTP/2 net/http
// ends a response when its handler returns, so [NewServer] speaks HTTP/1 only.
//
// # What is refused
//
// Before the body is read, in this order: an address that is not allowed
// (403), another path (404), another method than POST (405), no key or a wrong
// one (401), a Content-Encoding that is neither gzip nor deflate (415), a
// Content-Length over MaxBody (413).
// While it is read: more than MaxBody (413), a body that does not arrive in
// time (408), one that is cut short or badly chunked (400). The connection is
// closed after a refusal when the body is long or of unstated length. What is
// not HTTP, or has headers over the server's limits, is answered by net/http
// and does not reach the Handler.
//
// # What becomes an event
//
// The vendor does not document the encoding of the body, so three are taken:
//
//   - application/x-www-form-urlencoded becomes one JSON object, see
//     [AppendJSON];
//   - multipart/form-data becomes one in the same way: parts in the order
//     received, the content of a file as the value;
//   - application/json, text/json and any type that ends in +json must be one
//     JSON object with at least one field. Its very bytes are the event.
//
// A body without Content-Type, or with any other, is JSON if its first byte
// that is not white space is a brace, multipart if it begins with a boundary, a
// form if it holds an equals sign, and rejected otherwise. A body declared as a
// form that is JSON is taken as JSON: that is what curl sends when it is given
// JSON and no type, and no encoder of forms writes a bare brace. A byte order
// mark of UTF-8 is skipped; a body in UTF-16 is rejected.
//
// A body may be compressed with gzip or deflate, as Content-Encoding says, or
// gzip as its first bytes say. Decompressed, it must be within MaxBody, too.
//
// A form in ISO-8859-1 that says so, in the charset parameter of its
// Content-Type or of the part's, is converted to UTF-8. All other text is
// passed on as it is: bytes that are not UTF-8 stay in the JSON, so that
// package event repairs the event and counts it as repaired. JSON has no
// charset parameter; one is ignored there.
//
// What of a damaged body can be read as fields is an event: a percent sign or a
// semicolon that is not escaped is text, a multipart body may lack its end. A
// body without class is an event, with a [Note]. A body without any field, with
// more than [MaxFields], or that is no JSON object is rejected.
package post

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Limits.
const (
	// DefaultMaxBody is the most bytes of a body unless Options says
	// otherwise.
	DefaultMaxBody = 1 << 20
	// MaxFields is the most fields of a form, repeated ones counted each time.
	MaxFields = 1000
	// MaxExcerpt is the most bytes of a body in a Rejection.
	MaxExcerpt = 256

	// firstRead is how much memory a body gets before any of it has come, so
	// that a Content-Length alone costs a sender's victim nothing.
	firstRead = 4 << 10
	// keptBuffer is the largest buffer that is kept for the next request.
	keptBuffer = 64 << 10
	// drained is the longest body that is read for nothing after a refusal, to
	// keep the connection. A longer one costs its sender the connection.
	drained = 64 << 10
)

// Options says what a Handler takes and to whom it hands it. Nil or zero
// fields mean the default.
type Options struct {
	// Path is the one path that takes events. Default "/".
	Path string
	// Authkey is the key that the URL parameter authkey must hold, either
	// escaped as URLs are or bare. Empty: no key is asked for.
	Authkey string
	// Allow lists the addresses that may send. Empty: all. An IPv4 address
	// mapped into IPv6 is the IPv4 address, here and in what it is compared
	// with; a zone is ignored.
	Allow []netip.Prefix
	// ForwardedHeader names a header in which proxies note their client's
	// address, as X-Forwarded-For does: addresses, with or without a port,
	// separated by commas, each proxy adding to the right. It is believed
	// only of peers in TrustProxy; then the client is the rightmost address
	// that is not itself in TrustProxy. The two go together.
	ForwardedHeader string
	TrustProxy      []netip.Prefix
	// MaxBody is the most bytes of a body. Default DefaultMaxBody.
	MaxBody int64
	// NumberFields names fields of forms that are JSON numbers beside
	// machine, the one documented as such.
	NumberFields []string

	// OnEvent gets each event. Of two events of which one was answered before
	// the other was sent, it gets that one first. Raw is valid until OnEvent
	// returns; it is whole, but as unchecked as any event's. Source is the
	// client's address without port, Received the time when the body had been
	// read.
	//
	// The callbacks must be safe for concurrent use, and quick: the answer may
	// wait for OnEvent, and the connection's next request for the others.
	OnEvent func(event.Event)
	// OnReject gets every request that is no event, refused or not, after the
	// answer. Each request leads to one call of either OnEvent or OnReject.
	OnReject func(Rejection)
	// OnNote gets what was odd about an event, after OnEvent got the event.
	OnNote func(remote string, note Note)
}

// Rejection is a request that is no event.
type Rejection struct {
	// Remote is the client's address, without port.
	Remote string
	// Status is what was answered: 200 if the body was read and is no event.
	Status int
	// Reason says in lower case what is wrong. It never holds the key.
	Reason string
	// Body is the beginning of the body, at most MaxExcerpt bytes, nil if it
	// was not read. It is as the sender wrote it, decompressed if that could be
	// done, the key cut out, and is valid until OnReject returns.
	Body []byte
	// Size is the length of the body, of which Body is the beginning, as far as
	// it was read or said; -1 if nobody knows.
	Size int64
}

// Note says what is odd about an event and does not keep it from being one. The
// zero Note says that nothing is.
type Note struct {
	NoClass  bool   // there is no field class
	Repeated bool   // a form has a field more than once; the first counts
	Charset  string // of a form, neither UTF-8 nor ISO-8859-1; its bytes are as received
}

func (n Note) String() string {
	var all []string
	if n.NoClass {
		all = append(all, "no class")
	}
	if n.Repeated {
		all = append(all, "repeated field")
	}
	if n.Charset != "" {
		all = append(all, fmt.Sprintf("charset %q, which is neither UTF-8 nor ISO-8859-1", n.Charset))
	}
	return strings.Join(all, ", ")
}

// Handler takes events by POST. It is safe for concurrent use.
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

// exchange is one request and its memory.
type exchange struct {
	remote      string
	received    time.Time
	contentType string
	compressed  compression
	length      int // of the body as received
	body        []byte
	json        []byte
	index       event.Index
}

// NewHandler returns a Handler for a copy of the options; nil is all defaults.
// It fails on options that contradict themselves.
func NewHandler(o *Options) (*Handler, error) {
	h := &Handler{plain: []string{"text/plain; charset=utf-8"}, zero: []string{"0"}}
	h.late.most, h.late.less.L = mostLate, &h.late.mu
	if o != nil {
		h.o = *o
	}
	if h.o.Path == "" {
		h.o.Path = "/"
	}
	if h.o.Path[0] != '/' || strings.ContainsAny(h.o.Path, "?#") {
		return nil, errors.New("post: the path must begin with / and hold neither ? nor #")
	}
	switch {
	case h.o.MaxBody < 0:
		return nil, errors.New("post: negative body limit")
	case h.o.MaxBody == 0:
		h.o.MaxBody = DefaultMaxBody
	}
	if (h.o.ForwardedHeader == "") != (len(h.o.TrustProxy) == 0) {
		return nil, errors.New("post: a forwarded header and trusted proxies go together")
	}
	if h.o.ForwardedHeader = http.CanonicalHeaderKey(h.o.ForwardedHeader); h.o.ForwardedHeader == "Forwarded" {
		return nil, errors.New("post: the Forwarded header of RFC 7239 is not understood: use X-Forwarded-For")
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

// ServeHTTP answers the request, then hands its event on. See the package
// documentation.
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
		if r.ContentLength < 0 || r.ContentLength > drained {
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
	note, err := h.handOn(x)
	h.ok(w)
	h.tell(x, note, err)
}

// ok answers that the body has been taken. An error means that the sender has
// gone. Its event is here all the same.
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

// refuse answers with the rejection's status and reason, then reports it.
func (h *Handler) refuse(w http.ResponseWriter, no Rejection) {
	text := no.Reason + "\n"
	header := w.Header()
	header["Content-Type"] = h.plain
	header.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(no.Status)
	_, _ = io.WriteString(w, text)
	_ = http.NewResponseController(w).Flush()
	h.reject(no)
}

func (h *Handler) reject(no Rejection) {
	if h.o.OnReject != nil {
		h.o.OnReject(no)
	}
}

// excerpt is the beginning of a body that may be shown.
func (h *Handler) excerpt(body []byte) []byte {
	if h.keyed {
		for _, key := range []string{h.o.Authkey, url.QueryEscape(h.o.Authkey)} {
			body = bytes.ReplaceAll(body, []byte(key), []byte("***"))
		}
	}
	return body[:min(len(body), MaxExcerpt)]
}

// wrongKey says what is wrong with the key in a URL's query; nothing if it is
// right. Of a repeated parameter the first counts. Sums are compared, so that
// neither the content nor the length of the key shows in the time it takes.
func (h *Handler) wrongKey(query string) string {
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name != "authkey" {
			continue
		}
		// A key with a plus or a percent sign is often pasted as it is.
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

// read reads the body into x.body, at most limit bytes, and returns the status
// to answer with and, unless that is 200, the reason.
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
