package stream

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Defaults and limits of [ReaderOptions].
const (
	DefaultAckWait    = 30 * time.Second
	DefaultMaxMessage = 16 << 20

	// MaxHeld is how many messages a reader of a group holds at most: those that it has
	// asked the server for, and those that are not acknowledged.
	MaxHeld = 500

	minDelay    = time.Second / 2 // before the first retry; doubles from there
	maxDelay    = 30 * time.Second
	stableAfter = time.Minute // a connection that lasted this long resets the delay
)

// ReaderOptions are the settings of a [Reader]. The zero value of each field is its default.
//
// The callbacks run in the goroutine that ranges over Events. While one runs, nothing is read.
type ReaderOptions struct {
	Connect ConnectOptions

	// FromStart, FromSequence and FromTime say where to begin: at the first message, at the
	// one with that number, or at the first one that the server stored at that time or later.
	// At most one is set. The default is what comes from now on.
	FromStart    bool
	FromSequence uint64
	FromTime     time.Time

	// Group is the name of a durable consumer; "" for none. All readers of a group share the
	// messages: each message goes to one of them, until it is acknowledged. The server
	// keeps where the group is, so that From… counts only when the group is made.
	Group string
	// AckWait is after how long without a sign of life of a reader its messages go to another
	// one of the group. 0 means what the group has, or DefaultAckWait for a new one.
	AckWait time.Duration
	// Share is the share Number of Of, from 0: the partitions whose number modulo Of is
	// Number, so that all events of a call come to one reader. Of is at most Partitions; 0
	// means all. Each share of a group is a durable consumer of its own, GROUP-NUMBER-OF.
	Share struct{ Number, Of int }

	// MaxMessage is the size of the longest message in bytes. A longer one goes to OnReject,
	// is acknowledged, and the events go on. 0 means DefaultMaxMessage.
	MaxMessage int
	// Retries is how many attempts in a row may fail after a loss. 0 means no limit;
	// negative means that a loss ends the events.
	Retries int
	// RetryFirst repeats the very first attempt, too. Otherwise its failure ends the events.
	RetryFirst bool

	// OnState gets every change of the connection.
	OnState func(State)
	// OnReject gets a message that is longer than MaxMessage, and ErrTooLong.
	OnReject func(event.Event, error)
	// OnWait is called before the reader waits: for messages, for a connection, for the next
	// attempt. A caller that gathers events should hand them on then.
	OnWait func()
	// OnPanic is called by a goroutine of the Reader that panics, before that ends the process: a
	// program that has changed the terminal gives it back there. It may be nil.
	OnPanic func()
}

// ErrTooLong is the error that ReaderOptions.OnReject gets.
var ErrTooLong = errors.New("message too long")

// Status is what a connection is doing.
type Status uint8

// The states of a connection, in the order in which they occur.
const (
	// Connecting: an attempt begins.
	Connecting Status = iota
	// Connected: the stream is found, messages may come.
	Connected
	// Disconnected: an established connection has ended, or the stream is gone.
	Disconnected
	// Waiting: the next attempt begins after State.Delay.
	Waiting
)

// State is a change of a connection.
type State struct {
	Status Status
	// Err is the reason: of Disconnected the loss, of Waiting the loss or the failed
	// attempt before. It is an *Error.
	Err error
	// Delay is how long the reader waits (Waiting).
	Delay time.Duration
	// Attempt counts the attempts since the connection was lost, from 1. While Waiting it is
	// the number of the next one. The very first attempt is 0.
	Attempt int
	// Since is when the connection was lost, Until when it was back (Connected). Since is zero
	// before the first connection.
	Since, Until time.Time

	// Of Connected:

	// Stream is the name of the stream, and Source the address with it.
	Stream, Source string
	// Messages is how many messages the stream has, Oldest and Newest are when the first
	// and the last were stored, First and Last are their numbers: of a stream without
	// messages First is that of the next one.
	Messages       uint64
	Oldest, Newest time.Time
	First, Last    uint64
	// Pending is how many messages wait to be read.
	Pending uint64
	// Existed says that the group existed before, so that From… does not count.
	Existed bool
	// Missed is how many messages the stream no longer had when the connection was back,
	// because it keeps them for a limited time: at most that many, as some may be of other
	// readers' partitions.
	Missed uint64
	// Remade says that the group was deleted while the connection was away, and made again. What
	// other readers hold may come again.
	Remade bool
	// Replaced says that the stream was deleted and made again while the connection was away.
	// It is read from its start.
	Replaced bool
}

// Message is an event of a stream.
type Message struct {
	// Event has the payload in Raw, which is the caller's. Received is when the event was
	// received from Enswitch, or when the server stored it if that is not known; Source is
	// State.Source.
	event.Event
	// Sequence is the number of the message in the stream.
	Sequence uint64
	// Stored is when the server stored it.
	Stored time.Time
	// Pending is how many messages followed it when it was sent.
	Pending uint64
}

// Reader reads the events of a stream. It connects again when the connection is lost, and
// goes on where it was: nothing is lost as long as the stream keeps it.
//
// Without a group each event comes once. With a group each comes at least once to one of its
// readers: what is not acknowledged comes again.
//
// Ack is safe for concurrent use with everything; of the rest one goroutine at a time may use
// a Reader.
type Reader struct {
	addr     *Address
	opts     ReaderOptions            // with defaults
	link     *link                    // nil without a connection
	last     uint64                   // sequence of the last message, 0 for none
	begin    jetstream.ConsumerConfig // where to begin without one
	made     time.Time                // when the stream was made, zero before it was found
	name     string                   // of the stream, once it is known
	byPrefix bool                     // it was found by its subjects
	freed    chan struct{}            // holds a value when a message was acknowledged

	mu      sync.Mutex
	held    held
	conn    *nats.Conn    // for acknowledgements; nil without a connection
	ackWait time.Duration // of the group

	denied  *Error             // what the user may not do, of a connection that has ended
	keeping context.CancelFunc // ends keepAlive, nil if it does not run
	kept    sync.WaitGroup
}

// NewReader returns a reader of the stream at addr: addr.Name is the name of a stream, or
// a prefix of subjects that a stream takes. It connects when Events is ranged over. o may be nil
// and is copied.
func NewReader(addr *Address, o *ReaderOptions) *Reader {
	r := &Reader{addr: addr, freed: make(chan struct{}, 1), held: newHeld()}
	if o != nil {
		r.opts = *o
	}
	o = &r.opts
	if o.MaxMessage <= 0 {
		o.MaxMessage = DefaultMaxMessage
	}
	if o.OnState == nil {
		o.OnState = func(State) {}
	}
	if o.OnReject == nil {
		o.OnReject = func(event.Event, error) {}
	}
	if o.OnWait == nil {
		o.OnWait = func() {}
	}
	return r
}

// Events connects and yields each message, in the order of the stream, until ctx is done, the
// loop is left, or an error ends them: the last pair has the error and no message. It is that
// of ctx if ctx has ended, else an [*Error].
//
// After a loss the reader connects again, as often as the options say: after 0.5 s, doubling
// to 30 s, each time plus or minus a quarter, and from the start again after a connection of
// a minute. A stream that is deleted is a loss.
//
// The connection stays open for Ack until Close is called. In a group, the reader waits when
// it holds MaxHeld messages, until one is acknowledged.
func (r *Reader) Events(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		if err := r.run(ctx, yield); err != nil {
			yield(Message{}, err)
		}
	}
}

// run returns nil if yield returned false.
func (r *Reader) run(ctx context.Context, yield func(Message, error) bool) error {
	if s := r.opts.Share; s.Of < 0 || s.Of > Partitions || s.Number < 0 || s.Number >= max(s.Of, 1) {
		return &Error{Kind: Failed, Addr: r.addr.String(), Detail: fmt.Sprintf("there is no share %d of %d: shares are counted from 0, and there are at most %d", s.Number, s.Of, Partitions)}
	}
	delays := &backoff.ExponentialBackOff{InitialInterval: minDelay, Multiplier: 2, MaxInterval: maxDelay, RandomizationFactor: 0.25}
	var since time.Time // zero before the first connection
	attempt := 0
	for {
		l, err := r.link, error(nil) // that of an earlier range is still there
		if l == nil {
			l, err = r.reconnect(ctx, attempt, since)
		}
		if err != nil && ctx.Err() != nil {
			return err
		}
		if err == nil {
			up := time.Now()
			if err = l.deliver(ctx, yield); err == nil || ctx.Err() != nil {
				return err // the connection stays open for acknowledgements
			}
			r.disconnect()
			attempt, since = 0, time.Now()
			if time.Since(up) >= stableAfter {
				delays.Reset()
			}
			r.opts.OnState(State{Status: Disconnected, Err: err, Since: since})
		}
		if final := r.final(err, attempt, !since.IsZero()); final != nil {
			return final
		}
		attempt++
		delay := min(delays.NextBackOff(), maxDelay)
		r.opts.OnState(State{Status: Waiting, Err: err, Delay: delay, Attempt: attempt, Since: since})
		r.opts.OnWait()
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// reconnect makes one attempt to connect.
func (r *Reader) reconnect(ctx context.Context, attempt int, since time.Time) (*link, error) {
	r.opts.OnState(State{Status: Connecting, Attempt: attempt, Since: since})
	r.opts.OnWait()
	l, state, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	state.Status, state.Attempt, state.Since, state.Until = Connected, attempt, since, time.Now()
	r.opts.OnState(state)
	return l, nil
}

// final returns the error to end with after err, nil to try again. attempt is the number of
// attempts before, connected is whether there ever was a connection.
func (r *Reader) final(err error, attempt int, connected bool) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	limit := r.opts.Retries
	switch {
	case e.Kind == Unauthorized, e.Kind == Denied, !connected && !r.opts.RetryFirst, connected && limit < 0:
		return e
	case limit <= 0 || attempt < limit:
		return nil
	case connected:
		return &Error{Kind: Lost, Addr: e.Addr, Detail: fmt.Sprintf("lost, and not back after %d attempts: %s", attempt, e.Detail), Err: e}
	}
	return e
}

// Close gives the messages that are not acknowledged back to the group, at once, and closes the
// connection. It takes 3 s at most. The Reader cannot be used any more. The error is an *Error of
// the kind Denied if the user may not acknowledge.
func (r *Reader) Close() error {
	if r.keeping != nil {
		r.keeping()
		r.kept.Wait()
	}
	if r.link != nil && r.opts.Group != "" {
		r.link.stop()
	}
	r.mu.Lock()
	if r.conn != nil {
		r.held.giveBack(r.conn)
	}
	r.mu.Unlock()
	if r.link != nil {
		r.link.finish()
	}
	r.disconnect()
	if r.denied != nil {
		return r.denied
	}
	return nil
}

// disconnect closes the connection, if there is one.
func (r *Reader) disconnect() {
	r.mu.Lock()
	r.conn = nil
	r.mu.Unlock()
	if r.link != nil {
		if err := r.link.conn.LastError(); r.opts.Group != "" && errors.Is(err, nats.ErrPermissionViolation) {
			r.denied = r.failure(err)
		}
		r.link.close()
		r.link = nil
	}
}
