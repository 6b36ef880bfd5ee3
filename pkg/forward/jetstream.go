package forward

import (
	"cmp"
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/stream"
)

// JetStreamOptions are the settings of a stream as a target. Zero fields mean the defaults.
type JetStreamOptions struct {
	// Connect has the settings of the connection.
	Connect stream.ConnectOptions
	// MaxAge is how long a stream that is made keeps events. 0 is without a limit.
	MaxAge time.Duration
	// OnNotice is called with what a user should know about the stream although events are
	// delivered: a [*StreamError], or a [*StreamMade]. It may be called by several goroutines.
	OnNotice func(error)
}

const (
	// ackTimeout is how long the server may leave everything that it was sent unacknowledged.
	ackTimeout = 10 * time.Second
	// setupTimeout bounds a request about the stream.
	setupTimeout = 5 * time.Second
	// streamRetry is when events are sent again after the stream did not take them. Within an
	// outage one delivery at a time finds out whether it does.
	streamRetry = 500 * time.Millisecond
	// maxUnsure bounds how many events are remembered that may be in the stream.
	maxUnsure = 4 * maxLoaded
)

// jetStream publishes events to a stream of NATS JetStream.
type jetStream struct {
	address *stream.Address
	o       JetStreamOptions
	life    context.Context //nolint:containedctx // of the connection, which outlives a delivery
	end     context.CancelFunc

	setup   sync.Mutex // held while the target connects and looks at the stream
	known   readBack
	fresh   freshness
	pulse   pulse
	alive   sync.WaitGroup // of pulse
	beating sync.Once

	mu         sync.Mutex
	conn       *nats.Conn // nil before the first connection and after the last
	js         jetstream.JetStream
	inbox      string
	info       *streamInfo // nil if the stream is to be looked at
	flights    map[uint64]*flight
	lastFlight uint64
	watches    map[*watch]bool
	unsure     map[event.ID]bool // sent without an answer
	noticed    map[string]bool
	asked      context.CancelFunc // ends the request for the permissions, nil without one
}

// NewJetStream returns a target that publishes events to the stream of an address, whose name
// is the prefix of the subjects. A nil o means the defaults. It connects at the first
// delivery, makes the stream if no stream takes the subjects, and keeps the connection. It is
// for two deliveries of MaxBatch items at a time.
//
// An event is delivered when the stream has acknowledged it, and known if the stream had it. An
// event that is too large for the server or the stream is refused. Everything else is tried
// again with the same ids: no connection, no stream, a stream that is full. Before events are
// published that are older than half the duplicate window of the stream, the ids that are in
// it since then are read, and what is among them is left out.
func NewJetStream(address *stream.Address, o *JetStreamOptions) Target {
	t := &jetStream{
		address: address, flights: map[uint64]*flight{}, watches: map[*watch]bool{},
		unsure: map[event.ID]bool{}, noticed: map[string]bool{},
	}
	if o != nil {
		t.o = *o
	}
	t.life, t.end = context.WithCancel(context.Background())
	return t
}

// watch is something that waits for answers, until cancel is called.
type watch struct {
	cancel  context.CancelCauseFunc
	request bool // about the stream
}

// watch returns a context that ends with ctx and when the connection is lost. Its cause says
// why.
func (t *jetStream) watch(ctx context.Context, request bool) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{cancel, request}
	t.mu.Lock()
	t.watches[w] = true
	t.mu.Unlock()
	return ctx, w
}

func (t *jetStream) unwatch(w *watch) {
	t.mu.Lock()
	delete(t.watches, w)
	t.mu.Unlock()
	w.cancel(nil)
}

// request returns a context for requests about the stream.
func (t *jetStream) request(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, w := t.watch(ctx, true)
	ctx, cancel := context.WithTimeoutCause(ctx, setupTimeout, errSilent)
	return ctx, func() { cancel(); t.unwatch(w) }
}

// Deliver implements Target.
func (t *jetStream) Deliver(ctx context.Context, items []*Item) []Result {
	ctx, w := t.watch(ctx, false)
	defer t.unwatch(w)
	info, err := t.session(ctx)
	if err != nil {
		return forAll(len(items), unreachable(err))
	}
	there, err := t.alreadyThere(ctx, info, items)
	if err != nil {
		return forAll(len(items), unreachable(err))
	}
	return t.publish(ctx, items, there, time.Now())
}

// unreachable is the Result for an event that the stream did not take.
func unreachable(err error) Result {
	return Result{Verdict: Unreachable, After: streamRetry, Reason: cut(err.Error()), Err: err}
}

// session returns the stream, and connects and looks at it if that has not been done.
func (t *jetStream) session(ctx context.Context) (*streamInfo, error) {
	t.setup.Lock()
	defer t.setup.Unlock()
	t.beating.Do(func() { t.alive.Go(func() { t.pulse.keep(t.life, &t.fresh) }) })
	t.mu.Lock()
	conn, info := t.conn, t.info
	t.mu.Unlock()
	switch {
	case conn == nil:
		if err := t.connect(ctx); err != nil {
			return nil, err
		}
	case !conn.IsConnected():
		return nil, errLost
	case info != nil:
		return info, nil
	}
	if err := t.permitted(ctx); err != nil {
		return nil, err
	}
	info, err := t.lookup(ctx, true)
	if err != nil {
		return nil, err
	}
	t.fresh.window.Store(int64(info.window))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.info = info
	return info, nil
}

// errLost says that the connection is lost. It is being made again.
var errLost = errors.New("the connection is lost")

// errSilent says that a request about the stream was not answered within setupTimeout.
var errSilent = errors.New("the server does not answer within 5 s")

// Prepare connects and looks at the stream, or makes it, before there is an event.
func (t *jetStream) Prepare(ctx context.Context) error {
	ctx, w := t.watch(ctx, false)
	defer t.unwatch(w)
	_, err := t.session(ctx)
	return err
}

// connect connects, and subscribes to the acknowledgements.
func (t *jetStream) connect(ctx context.Context) error {
	life, end := context.WithCancel(t.life)
	defer context.AfterFunc(ctx, end)()
	o := t.o.Connect
	o.Wrap = func(c net.Conn) net.Conn { return newGuard(c, &t.fresh) }
	o.More = append([]nats.Option{
		nats.DisconnectErrHandler(func(*nats.Conn, error) { t.fail(errLost, false) }),
		nats.ClosedHandler(func(*nats.Conn) { t.fail(errLost, true) }),
		nats.ErrorHandler(func(c *nats.Conn, _ *nats.Subscription, err error) { t.fault(c, err) }),
	}, o.More...)
	conn, err := stream.Connect(life, t.address, &o)
	if err != nil {
		return cmp.Or(errors.Unwrap(err), err) // the name of the target has the servers
	}
	inbox := conn.NewInbox()
	sub, err := conn.Subscribe(inbox+".*", t.acknowledged)
	if err == nil {
		err = sub.SetPendingLimits(-1, -1)
	}
	js, err2 := jetstream.New(conn)
	if err = errors.Join(err, err2); err != nil {
		conn.Close()
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conn, t.js, t.inbox, t.info = conn, js, inbox+".", nil
	return nil
}

// fail says to all that wait for the connection that it is lost.
func (t *jetStream) fail(err error, closed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.info = nil; closed {
		t.conn = nil
	}
	for w := range t.watches {
		w.cancel(err)
	}
}

// notice passes each notice on once.
func (t *jetStream) notice(err error) {
	t.mu.Lock()
	known := t.noticed[err.Error()]
	t.noticed[err.Error()] = true
	t.mu.Unlock()
	if !known && t.o.OnNotice != nil {
		t.o.OnNotice(err)
	}
}

// Close implements Target.
func (t *jetStream) Close() error {
	t.end()
	t.alive.Wait()
	t.mu.Lock()
	conn := t.conn
	t.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
	return nil
}
