// Package post receives the events that Enswitch machines send as HTTP POST requests,
// one request for each event.
//
// # The place of an event, and the answer
//
// Routing of a call waits until the URL has answered. A sender that waits for the
// answer sends its events in order, whatever connections it uses. So [Handler] reads
// the body, whose size is bounded, gives the event its place among the others, and
// then sends the answer: 200, text/plain, without content. A short body is parsed
// and handed on before the answer, which takes microseconds. A long body is put into
// a queue and parsed after the answer; the requests after it are put after it in the
// queue and answered at once, too. Options.OnEvent gets the events in the order of
// their places.
//
// A body that is not an event gets 200 as well, since the sender ignores the answer;
// Options.OnReject gets it.
//
// Over HTTP/1 the answer is complete when it is flushed. Over HTTP/2 net/http ends a
// response only when its handler returns, so [NewServer] speaks HTTP/1 only.
//
// # What is refused
//
// Before the body is read, in this order: an address that is not allowed (403),
// another path (404), another method than POST (405), no key or a wrong key (401), a
// Content-Encoding other than gzip and deflate (415), a Content-Length above MaxBody
// (413). While the body is read: more than MaxBody (413), a body that does not arrive
// in time (408), a body that is cut short or badly chunked (400). If the body is long
// or of unknown length, the connection is closed after a refusal. Requests that are
// not HTTP, or whose headers are above the server's limits, are answered by net/http
// and do not reach the Handler.
//
// # What is an event
//
// The vendor does not document the encoding of the body. Three are read:
//
//   - application/x-www-form-urlencoded becomes one JSON object, see [AppendJSON];
//   - multipart/form-data becomes one in the same way: parts in the order received,
//     the content of a file as the value;
//   - application/json, text/json and any type that ends in +json must be one JSON
//     object with at least one field. The event is the bytes of the body.
//
// A body without Content-Type, or with any other type, is JSON if it begins with a
// brace after white space, multipart if it begins with a boundary, a form if it has
// an equals sign, and rejected otherwise. A body declared as a form that is JSON is
// read as JSON: curl sends that when it gets JSON and no type, and no encoder of
// forms writes a bare brace. A byte order mark of UTF-8 is skipped. A body in UTF-16
// is rejected.
//
// A body may be compressed with gzip or deflate, according to Content-Encoding, or
// with gzip according to its first bytes. Decompressed, it must be within MaxBody,
// too.
//
// A form in ISO-8859-1 is converted to UTF-8 if the charset parameter of its
// Content-Type, or of the part's, says so. All other text is passed on unchanged:
// bytes that are not UTF-8 stay in the JSON, and package event repairs the event and
// counts it as repaired. JSON has no charset parameter, so it is ignored there.
//
// Damage that leaves fields readable is accepted: a percent sign or a semicolon that
// is not escaped is text, and the end of a multipart body may be missing. A body
// without class is an event, with a [Note]. A body without any field, with more than
// [MaxFields], or whose JSON is not an object is rejected.
package post

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Limits of a request.
const (
	// DefaultMaxBody is the default of Options.MaxBody, in bytes.
	DefaultMaxBody = 1 << 20
	// MaxFields is the largest number of fields of a form, repeated ones included.
	MaxFields = 1000
	// MaxExcerpt is the largest size of Rejection.Body, in bytes.
	MaxExcerpt = 256
)

// Options are the settings of a Handler. The zero value of each field is its default.
type Options struct {
	// Path is the only path that takes events. Default: "/".
	Path string
	// Authkey is the key that the URL parameter authkey must have, escaped as in a
	// URL or not. Empty: no key is needed.
	Authkey string
	// Allow lists the addresses that may send. Empty: all. An IPv4 address mapped
	// into IPv6 counts as the IPv4 address, in the list and as the sender's address.
	// Zones are ignored.
	Allow []netip.Prefix
	// ForwardedHeader is the name of a header such as X-Forwarded-For, to which each
	// proxy appends the address of its client: addresses with or without a port,
	// separated by commas. It counts only if the peer is in TrustProxy. Then the
	// client is the last address that is not in TrustProxy itself. Set both or
	// neither.
	ForwardedHeader string
	TrustProxy      []netip.Prefix
	// MaxBody is the largest size of a body, in bytes. Default: DefaultMaxBody.
	MaxBody int64
	// NumberFields are names of form fields that become JSON numbers where their
	// text is one. The field machine is always one of them: it is the only one that
	// the vendor shows as a number.
	NumberFields []string

	// OnEvent gets each event. If one event was answered before another was sent, it
	// comes first. Raw is valid until OnEvent returns. It is the whole event, but is
	// as unchecked as any event's. Source is the client's address without port,
	// Received the time at which the body had been read.
	//
	// The callbacks are called from many goroutines and must return soon: an answer
	// may wait for OnEvent, and the next request of a connection for the others.
	OnEvent func(event.Event)
	// OnReject gets every request that is not an event, after its answer. Each
	// request leads to one call of either OnEvent or OnReject.
	OnReject func(Rejection)
	// OnNote gets what is odd about an event, after OnEvent got the event. remote is
	// the client's address, without port.
	OnNote func(remote string, note Note)
	// OnPanic is called by a goroutine of the Handler that panics, before that ends the process: a
	// program that has changed the terminal gives it back there. It may be nil.
	OnPanic func()
}

// Rejection is a request that is not an event.
type Rejection struct {
	// Remote is the client's address, without port.
	Remote string
	// Status is the status of the answer. It is 200 if the body was read and is not
	// an event.
	Status int
	// Reason says what is wrong, in lower case. It never holds the key.
	Reason string
	// Body is the beginning of the body, at most MaxExcerpt bytes, nil if it was not
	// read. It is decompressed if possible, and the key in it is replaced by ***. It
	// is valid until OnReject returns.
	Body []byte
	// Size is the size of the whole body in bytes, as far as it was read or
	// announced; -1 if it is unknown.
	Size int64
}

// Note says what is unusual about a request that is accepted as an event. The zero Note is for
// nothing.
type Note struct {
	NoClass  bool   // there is no field class
	Repeated bool   // a form has a field more than once; the first counts
	Charset  string // of a form, neither UTF-8 nor ISO-8859-1; its bytes are unchanged
}

// String returns the note in words, "" for the zero Note.
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
