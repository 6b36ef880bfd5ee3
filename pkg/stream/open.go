package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// open connects, finds the stream, and makes or finds the consumer.
func (r *Reader) open(ctx context.Context) (*link, State, error) {
	l := &link{r: r, failed: make(chan error, 1), messages: make(chan *nats.Msg, window+statusRoom)}
	begin, cancel := context.WithCancel(ctx)
	defer cancel()
	o := r.opts.Connect
	o.More = append(slices.Clip(o.More), nats.NoReconnect(),
		nats.ClosedHandler(func(c *nats.Conn) { l.fail(l.closed(c.LastError())) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				l.fail(r.failure(err))
				cancel() // the server does not answer what it does not permit
			}
		}))
	var err error
	if l.conn, err = Connect(ctx, r.addr, &o); err != nil {
		return nil, State{}, r.failure(err)
	}
	r.link = l
	state, err := l.begin(begin)
	if err != nil {
		select { // the server has said why
		case why := <-l.failed:
			err = why
		default:
		}
		r.disconnect()
		return nil, State{}, r.failure(err)
	}
	r.connected(l.conn)
	return l, state, nil
}

// closed returns the error of a connection that was closed by the other side.
func (l *link) closed(err error) error {
	if err == nil {
		return l.lost("the connection was closed")
	}
	return l.lost("the connection is lost: " + strings.TrimPrefix(err.Error(), "nats: "))
}

// fail ends deliver with err.
func (l *link) fail(err error) {
	select {
	case l.failed <- err:
	default:
	}
}

// begin finds the stream and begins to consume it.
func (l *link) begin(ctx context.Context) (State, error) {
	r := l.r
	ctx, cancel := context.WithTimeout(ctx, 2*requestTime)
	defer cancel()
	var err error
	if l.js, err = jetstream.New(l.conn, jetstream.WithDefaultTimeout(requestTime)); err != nil {
		return State{}, err
	}
	info, err := l.find(ctx)
	if err != nil {
		return State{}, err
	}
	state := State{
		Stream: info.Config.Name, Source: r.addr.servers() + "/" + info.Config.Name,
		Messages: info.State.Msgs, Newest: info.State.LastTime,
		First: info.State.FirstSeq, Last: info.State.LastSeq, Oldest: info.State.FirstTime,
	}
	if info.Config.Retention == jetstream.WorkQueuePolicy && r.opts.Group == "" {
		return State{}, &Error{Kind: NeedsGroup, Addr: r.addr.String(), Detail: "the stream is a work queue, which only a group can read"}
	}
	fresh := r.made.IsZero()
	switch {
	case fresh:
		r.begin = r.first(info)
	case !info.Created.Equal(r.made):
		state.Replaced = true
		r.last, r.begin = 0, jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}
		r.mu.Lock()
		r.held = newHeld()
		r.mu.Unlock()
	case r.last > 0 && info.State.FirstSeq > r.last+1 && r.opts.Group == "":
		state.Missed = info.State.FirstSeq - r.last - 1
	}
	r.name, r.made, l.source = info.Config.Name, info.Created, state.Source
	l.filters, l.pick = r.filters(&info.Config)
	existed, err := l.consume(ctx)
	if err != nil {
		return State{}, err
	}
	state.Existed, state.Pending = existed && fresh, l.pending
	state.Remade = r.opts.Group != "" && !existed && !fresh && !state.Replaced
	return state, nil
}

// find returns the stream that the address names: itself, or by the prefix of its subjects.
func (l *link) find(ctx context.Context) (*jetstream.StreamInfo, error) {
	r := l.r
	name := cmp.Or(r.name, r.addr.Name)
	if !strings.Contains(name, ".") {
		s, err := l.js.Stream(ctx, name)
		if err == nil {
			return s.CachedInfo(), nil
		}
		if !errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil, err
		}
	}
	name, err := l.js.StreamNameBySubject(ctx, r.addr.Name+".>")
	if err == nil {
		s, err := l.js.Stream(ctx, name)
		if err != nil {
			return nil, err
		}
		r.byPrefix = true
		return s.CachedInfo(), nil
	}
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, err
	}
	e := &Error{Kind: NoStream, Addr: r.addr.String(), Detail: "there is no stream " + r.addr.Name + ", and none takes " + r.addr.Name + ".>"}
	if !r.made.IsZero() {
		e.Kind, e.Detail = Lost, "the stream "+r.name+" is gone"
	}
	names := l.js.StreamNames(ctx)
	for name := range names.Name() {
		if len(e.Streams) < 256 {
			e.Streams = append(e.Streams, name)
		}
	}
	slices.Sort(e.Streams)
	return nil, e
}

// first returns where to begin to read a stream.
func (r *Reader) first(info *jetstream.StreamInfo) jetstream.ConsumerConfig {
	o := &r.opts
	switch {
	case o.FromStart:
		return jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}
	case o.FromSequence > 0:
		return jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: o.FromSequence}
	case !o.FromTime.IsZero():
		return jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &o.FromTime}
	}
	// By its number, so that it is the same after a loss.
	return jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: info.State.LastSeq + 1}
}

// filters returns the subjects to read of a stream; none is all. pick says that the reader
// has to pick its share by itself: the server cannot, where messages have other subjects than
// those that the stream takes.
func (r *Reader) filters(c *jetstream.StreamConfig) (filters []string, pick bool) {
	all := r.addr.Name + ".>"
	subjects := c.Subjects
	foreign := c.SubjectTransform != nil || c.Mirror != nil || len(c.Sources) > 0
	if r.byPrefix && !foreign {
		if !slices.Equal(subjects, []string{all}) {
			filters = []string{all}
		}
		subjects = []string{all}
	}
	if r.opts.Share.Of <= 1 {
		return filters, false
	}
	var shares []string
	for _, subject := range subjects {
		base, ok := strings.CutSuffix(subject, ".>")
		if base += ".*.*."; !ok {
			base, ok = strings.CutSuffix(subject, "*")
		}
		if !ok || foreign {
			return filters, true
		}
		for n := range Partitions {
			if n%r.opts.Share.Of == r.opts.Share.Number {
				shares = append(shares, string(appendPartition([]byte(base), n)))
			}
		}
	}
	return shares, len(shares) == 0
}

// picks reports whether a message with this subject is of the reader's share.
func (l *link) picks(subject string) bool {
	if !l.pick {
		return true
	}
	n, ok := partitionOf(subject)
	share := &l.r.opts.Share
	return ok && n%share.Of == share.Number
}

// consume creates or finds the consumer, and subscribes again. existed says that the group was
// there before.
func (l *link) consume(ctx context.Context) (existed bool, err error) {
	if l.sub != nil {
		_ = l.sub.Unsubscribe() // the inbox is used no more in any case
	}
	l.messages = make(chan *nats.Msg, window+statusRoom)
	l.inbox = l.conn.NewInbox()
	if l.sub, err = l.conn.ChanSubscribe(l.inbox, l.messages); err != nil {
		return false, err
	}
	l.wanted, l.number = 0, 0
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	var info *jetstream.ConsumerInfo
	if l.r.opts.Group == "" {
		info, err = l.alone(ctx)
	} else {
		info, existed, err = l.join(ctx)
	}
	if err != nil {
		return false, err
	}
	l.consumer, l.pending, l.behind, l.from = info.Name, info.NumPending, info.NumPending, time.Time{}
	if at := info.Config.OptStartTime; at != nil {
		l.from = *at
	}
	l.next = "$JS.API.CONSUMER.MSG.NEXT." + l.r.name + "." + info.Name
	return existed, nil
}

// config returns how a new consumer begins.
func (l *link) config() jetstream.ConsumerConfig {
	c := l.r.begin
	if last := l.r.last; last > 0 {
		l.r.mu.Lock()
		next := l.r.held.lowest(last + 1)
		l.r.mu.Unlock()
		c = jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: next}
	}
	c.FilterSubjects = l.filters
	return c
}

// alone makes a consumer for this reader.
func (l *link) alone(ctx context.Context) (*jetstream.ConsumerInfo, error) {
	c := l.config()
	c.AckPolicy, c.MemoryStorage, c.Replicas, c.InactiveThreshold = jetstream.AckNonePolicy, true, 1, inactive
	made, err := l.js.CreateConsumer(ctx, l.r.name, c)
	if err != nil {
		return nil, err
	}
	return made.CachedInfo(), nil
}

// join finds the consumer of the group, or makes it.
func (l *link) join(ctx context.Context) (info *jetstream.ConsumerInfo, existed bool, err error) {
	r := l.r
	name := r.opts.Group
	if share := r.opts.Share; share.Of > 1 {
		name = fmt.Sprintf("%s-%d-%d", name, share.Number, share.Of)
	}
	there, err := l.js.Consumer(ctx, r.name, name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		c := l.config()
		c.Durable, c.AckPolicy, c.AckWait = name, jetstream.AckExplicitPolicy, cmp.Or(r.opts.AckWait, DefaultAckWait)
		c.MaxAckPending = -1 // each reader holds MaxHeld at most
		there, err = l.js.CreateConsumer(ctx, r.name, c)
		if errors.Is(err, jetstream.ErrConsumerExists) { // another reader was faster
			there, err = l.js.Consumer(ctx, r.name, name)
		}
	} else {
		existed = true
	}
	if err != nil {
		return nil, false, err
	}
	c := there.CachedInfo().Config
	if err := r.checkGroup(&c, l.filters); err != nil {
		return nil, false, err
	}
	if r.opts.AckWait > 0 && c.AckWait != r.opts.AckWait {
		c.AckWait = r.opts.AckWait
		if there, err = l.js.UpdateConsumer(ctx, r.name, c); err != nil {
			return nil, false, err
		}
	}
	r.mu.Lock()
	r.ackWait = c.AckWait
	r.mu.Unlock()
	return there.CachedInfo(), existed, nil
}

// checkGroup returns an error if a consumer cannot belong to the group.
func (r *Reader) checkGroup(c *jetstream.ConsumerConfig, filters []string) error {
	have := c.FilterSubjects
	if c.FilterSubject != "" {
		have = []string{c.FilterSubject}
	}
	var why string
	switch {
	case c.DeliverSubject != "":
		why = "the server pushes its messages"
	case c.AckPolicy != jetstream.AckExplicitPolicy:
		why = "its messages are not acknowledged one by one"
	case !slices.Equal(have, filters):
		why = "it reads other subjects"
	default:
		return nil
	}
	return &Error{Kind: BadGroup, Addr: r.addr.String(), Detail: "the consumer " + c.Durable + " is no group of readers of this stream: " + why}
}

// finishTime bounds each step of the end of a connection.
const finishTime = time.Second

// stop tells the server to send no more, and keeps what has come, to be given back.
func (l *link) stop() {
	l.await()
	if l.sub.Drain() != nil || l.conn.FlushTimeout(finishTime) != nil {
		return // the server is gone: what was not acknowledged comes again, later
	}
	for {
		select {
		case m := <-l.messages:
			l.hold(m)
		default:
			return
		}
	}
}

// quietTime is the time without a message after which the server is assumed to send no more of
// what it was asked for: other readers of the group may have got it.
const quietTime = 250 * time.Millisecond

// await holds what the server is about to send. A message that it has counted out to this
// reader, and that comes when nobody listens, would come to nobody before AckWait is over.
func (l *link) await() {
	quiet := time.NewTimer(quietTime)
	defer quiet.Stop()
	for l.wanted > 0 && l.behind > 0 {
		select {
		case m := <-l.messages:
			l.hold(m)
			quiet.Reset(quietTime)
		case <-quiet.C:
			return
		}
	}
}

// hold holds a message that is not to be yielded.
func (l *link) hold(m *nats.Msg) {
	if m.Reply == "" {
		if m.Header.Get("Status") != "100" {
			l.ended(m)
		}
		return
	}
	if meta, ok := parseReply(m.Reply); ok {
		l.wanted, l.behind = max(l.wanted-1, 0), meta.pending
		l.r.mu.Lock()
		l.r.held.take(meta.sequence, m.Reply)
		l.r.mu.Unlock()
	}
}

// finish waits until the server has what was published, and removes a consumer of this reader
// alone.
func (l *link) finish() {
	if l.conn.IsClosed() {
		return
	}
	_ = l.conn.FlushTimeout(finishTime) // what was not acknowledged comes again
	if l.r.opts.Group == "" && l.consumer != "" {
		ctx, cancel := context.WithTimeout(context.Background(), finishTime)
		defer cancel()
		_ = l.js.DeleteConsumer(ctx, l.r.name, l.consumer) // the server removes it by itself, later
	}
}

// close closes the connection.
func (l *link) close() { l.conn.Close() }
