package stream

import (
	"context"
	"errors"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrUnauthorized is wrapped by the errors of Connect that are about the user, the password or
// the credentials.
var ErrUnauthorized = errors.New("the server refuses access")

// refusal is an ErrUnauthorized with a text of its own.
type refusal string

func (r refusal) Error() string { return string(r) }

// Is reports whether target is ErrUnauthorized.
func (refusal) Is(target error) bool { return target == ErrUnauthorized }

// Kind is the way in which reading failed. It lets a program choose what to suggest and how to
// exit.
type Kind uint8

// The kinds of failure.
const (
	// Failed: there is no connection, or no other kind is for what happened.
	Failed Kind = iota
	// Unauthorized: the server refuses the user, the password or the credentials. It
	// always ends the events.
	Unauthorized
	// Denied: the user lacks a permission, which Detail names. It always ends the events.
	Denied
	// NoJetStream: the server, or the account, has no JetStream.
	NoJetStream
	// NoStream: there is no such stream.
	NoStream
	// NeedsGroup: the stream is a work queue, which groups alone can read.
	NeedsGroup
	// BadGroup: there is a consumer with the name of the group that cannot be one.
	BadGroup
	// Lost: an established connection has ended, or the stream is gone.
	Lost
)

// Error is the reason why nothing can be read, or no longer.
type Error struct {
	Kind Kind
	// Addr is the address without user and password.
	Addr string
	// Detail says what happened: in lower case, in one line.
	Detail string
	// Streams are the streams that there are, of NoStream. At most 256 are named.
	Streams []string
	// Err is the cause. It is nil if Detail says everything.
	Err error
}

func (e *Error) Error() string { return e.Addr + ": " + e.Detail }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// failure returns err, of a request to the server, as an *Error.
func (r *Reader) failure(err error) *Error {
	e := &Error{Addr: r.addr.String(), Detail: strings.TrimPrefix(err.Error(), r.addr.servers()+": "), Err: err}
	if old, ok := errors.AsType[*Error](err); ok {
		return old
	}
	refused, _ := errors.AsType[*jetstream.APIError](err)
	switch {
	case errors.Is(err, ErrUnauthorized):
		e.Kind = Unauthorized
	case errors.Is(err, nats.ErrPermissionViolation):
		subject, subscribe := Violation(err)
		e.Kind, e.Detail = Denied, "the user may not publish to "+subject
		if subscribe {
			e.Detail = "the user may not subscribe to " + subject
		}
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		e.Kind, e.Detail = NoJetStream, "the server has no JetStream, or it is not ready"
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		e.Kind, e.Detail = NoJetStream, "the account has no JetStream"
	case refused != nil && refused.ErrorCode == jetstream.JSErrCodeMaximumConsumersLimit:
		e.Detail = "the stream, or the account, has as many readers as it may have: " + refused.Description
	case refused != nil:
		e.Detail = "the server refuses a reader: " + refused.Description
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		e.Detail = "JetStream does not answer"
	}
	return e
}

// Violation returns the subject of an error that is [nats.ErrPermissionViolation], and whether
// the user may not subscribe to it, or else not publish.
func Violation(err error) (subject string, subscribe bool) {
	text := err.Error()
	_, subject, _ = strings.Cut(text, `"`)
	subject, _, _ = strings.Cut(subject, `"`)
	return subject, strings.Contains(strings.ToLower(text), "subscription")
}

// lost returns the error of a connection that has ended.
func (l *link) lost(detail string) *Error {
	return &Error{Kind: Lost, Addr: l.r.addr.String(), Detail: detail}
}
