package forward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/enswitch-events/enswitch-events/pkg/stream"
)

// StreamWindow is the duplicate window of a stream that is made.
const StreamWindow = 2 * time.Minute

// streamInfo is what is known of the stream.
type streamInfo struct {
	name   string
	window time.Duration // its duplicate window
	// other says that its messages have other subjects than those that they are published with.
	other bool
}

// StreamProblem is a kind of fault of a stream.
type StreamProblem uint8

// The problems.
const (
	// StreamSubjects: a stream takes some of the subjects, or has the name of the one to be
	// made, and does not take all subjects.
	StreamSubjects StreamProblem = iota + 1
	// StreamNoJetStream: the server, or the account of the user, has no JetStream.
	StreamNoJetStream
	// StreamPermission: the user may not publish, or subscribe, to a subject.
	StreamPermission
	// StreamFull: the stream takes no more events, and is set to refuse new ones then.
	StreamFull
	// StreamNoAck: the stream acknowledges nothing.
	StreamNoAck
	// StreamSmallWindow: its duplicate window is smaller than StreamWindow. Events are
	// delivered.
	StreamSmallWindow
	// StreamUnchecked: the user may not ask about streams. Events are delivered.
	StreamUnchecked
	// StreamForgets: it keeps an event only as long as a consumer waits for it. Events are
	// delivered.
	StreamForgets
	// StreamUnread: events of the stream cannot be read, so that some that are in it may come
	// again. Events are delivered.
	StreamUnread
)

// StreamError says what is wrong with a stream.
type StreamError struct {
	Problem StreamProblem
	// Stream is the name of the stream, empty if it is not known.
	Stream string
	// Subject is the subject that is concerned, and Subjects are those that the stream takes.
	Subject  string
	Subjects []string
	// Subscribe says that the permission is one to subscribe.
	Subscribe bool
	// Account says that the account, not the server, has no JetStream, or that the account or
	// the server, not the stream, is full.
	Account bool
	// Window is the duplicate window of the stream.
	Window time.Duration
	// Detail is what the server said.
	Detail string
}

// Error returns what is wrong.
func (e *StreamError) Error() string {
	switch e.Problem {
	case StreamSubjects:
		return fmt.Sprintf("the stream %s takes %s, and not all of %s", e.Stream, cmp.Or(strings.Join(e.Subjects, ", "), "no subjects"), e.Subject)
	case StreamNoJetStream:
		if e.Account {
			return "the account of this user has no JetStream"
		}
		return "the server has no JetStream"
	case StreamPermission:
		if e.Subscribe {
			return "the user may not subscribe to " + e.Subject
		}
		return "the user may not publish to " + e.Subject
	case StreamFull:
		if e.Account {
			return "the server has no room for more events: " + e.Detail
		}
		return fmt.Sprintf("the stream %s is full: %s", e.Stream, e.Detail)
	case StreamNoAck:
		return fmt.Sprintf("the stream %s acknowledges no events", e.Stream)
	case StreamSmallWindow:
		return fmt.Sprintf("the stream %s has a duplicate window of %v, less than %v", e.Stream, e.Window, StreamWindow)
	case StreamForgets:
		return fmt.Sprintf("the stream %s keeps an event only until its consumers have it, and no event without a consumer", e.Stream)
	case StreamUnchecked:
		return "the stream is not checked: " + e.Detail
	case StreamUnread:
		return "what is in the stream cannot be read, so that old events may come twice: " + e.Detail
	}
	return e.Detail
}

// StreamMade reports that a stream was made, which is no fault.
type StreamMade struct{ Stream, Subject string }

// Error returns that it was made.
func (e *StreamMade) Error() string {
	return fmt.Sprintf("made the stream %s, which takes %s", e.Stream, e.Subject)
}

// lookup finds the stream that takes the subjects. If there is none it makes one, or, without
// create, returns nil.
func (t *jetStream) lookup(ctx context.Context, create bool) (*streamInfo, error) {
	ctx, cancel := t.request(ctx)
	defer cancel()
	t.mu.Lock()
	js := t.js
	t.mu.Unlock()
	if js == nil {
		return nil, errLost
	}
	info, err := t.find(ctx, js)
	if err == nil && info == nil && create {
		info, err = t.create(ctx, js)
	}
	if err == nil {
		return info, nil
	}
	err = streamError(ctx, err)
	if e, ok := errors.AsType[*StreamError](err); ok && e.Problem == StreamPermission && !e.Subscribe {
		t.notice(&StreamError{Problem: StreamUnchecked, Subject: e.Subject, Detail: e.Error()})
		return &streamInfo{window: StreamWindow}, nil
	}
	return nil, err
}

// find returns the stream that takes the subjects, nil if there is none.
func (t *jetStream) find(ctx context.Context, js jetstream.JetStream) (*streamInfo, error) {
	subject := t.address.Name + ".>"
	names := js.StreamNames(ctx, jetstream.WithStreamListSubject(subject))
	var partly error
	for name := range names.Name() {
		s, err := js.Stream(ctx, name)
		if err != nil {
			return nil, err
		}
		c := s.CachedInfo().Config
		if !takes(c.Subjects, t.address.Name) {
			partly = &StreamError{Problem: StreamSubjects, Stream: name, Subjects: c.Subjects, Subject: subject}
			continue
		}
		if c.NoAck {
			return nil, &StreamError{Problem: StreamNoAck, Stream: name}
		}
		if c.Duplicates < StreamWindow {
			t.notice(&StreamError{Problem: StreamSmallWindow, Stream: name, Window: c.Duplicates})
		}
		if c.Retention == jetstream.InterestPolicy {
			t.notice(&StreamError{Problem: StreamForgets, Stream: name})
		}
		return &streamInfo{name: name, window: c.Duplicates, other: c.SubjectTransform != nil}, nil
	}
	if err := cmp.Or(names.Err(), partly); err != nil {
		return nil, err
	}
	s, err := js.Stream(ctx, stream.Name(t.address.Name))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c := s.CachedInfo().Config
	return nil, &StreamError{Problem: StreamSubjects, Stream: c.Name, Subjects: c.Subjects, Subject: subject}
}

// create makes the stream.
func (t *jetStream) create(ctx context.Context, js jetstream.JetStream) (*streamInfo, error) {
	name, subject := stream.Name(t.address.Name), t.address.Name+".>"
	window := StreamWindow
	if t.o.MaxAge > 0 {
		window = min(window, t.o.MaxAge) // the server asks for that
	}
	_, err := js.CreateStream(ctx, jetstream.StreamConfig{
		Name: name, Subjects: []string{subject}, Storage: jetstream.FileStorage, Duplicates: window, MaxAge: t.o.MaxAge,
	})
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another one has just made it
		return t.find(ctx, js)
	}
	if err != nil {
		return nil, err
	}
	t.notice(&StreamMade{name, subject})
	return &streamInfo{name: name, window: window}, nil
}

// takes reports whether subjects take every PREFIX.CLASS.EVENT.pNN.
func takes(subjects []string, prefix string) bool {
	tokens := append(strings.Split(prefix, "."), "*", "*", "*")
	for _, subject := range subjects {
		theirs := strings.Split(subject, ".")
		for i, token := range theirs {
			if token == ">" && i < len(tokens) {
				return true
			}
			if i >= len(tokens) || token != "*" && token != tokens[i] {
				break
			}
			if i == len(theirs)-1 && len(theirs) == len(tokens) {
				return true
			}
		}
	}
	return false
}

// streamError returns why a request about the stream failed.
func streamError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		return &StreamError{Problem: StreamNoJetStream}
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return &StreamError{Problem: StreamNoJetStream, Account: true}
	case errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrDisconnected):
		return errLost
	}
	if e, ok := errors.AsType[*jetstream.APIError](err); ok {
		return errors.New(e.Description)
	}
	return err
}

// Check implements Target. It asks the server for the permissions of the user and for the
// stream, and publishes nothing. If the user may not ask, a missing permission to publish
// shows only at the first delivery.
func (t *jetStream) Check(ctx context.Context) error {
	c := NewJetStream(t.address, &t.o).(*jetStream) //nolint:forcetypeassert // it is one
	defer func() { _ = c.Close() }()
	ctx, w := c.watch(ctx, false)
	defer c.unwatch(w)
	if err := c.connect(ctx); err != nil {
		return err
	}
	if err := c.permitted(ctx); err != nil {
		return err
	}
	_, err := c.lookup(ctx, false) // a stream that is missing is made when events are delivered
	return err
}
