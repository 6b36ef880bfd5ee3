package forward

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/stream"
)

// readBack is the ids that are in the stream since a time. Within its duplicate window the
// server knows them; this is for events that are older. What another forwarder publishes
// after the reading is within the window until the next one.
type readBack struct {
	mu   sync.Mutex
	ids  map[event.ID]int64 // the second in which the event was received
	from time.Time          // the ids of events received after it are there
	to   time.Time          // and before it; zero is no bound
	next uint64             // the sequence from which to read on
	read time.Time          // when the reading began that has reached the end
	info *streamInfo        // as it was found on the connection; after a loss all is read again
	most int                // ids are trimmed when there are more
}

const (
	// minSlack is how much earlier than this machine another one may have received and
	// published the same event, by its clock or the server's.
	minSlack = time.Minute
	// maxIDs bounds the ids in memory, some 40 bytes each, unless more events than that were
	// received within a minute or two.
	maxIDs = 4_000_000
	// pullSize is how many headers are asked for at a time.
	pullSize = 10_000
)

// alreadyThere reports which items are in the stream already, nil if it does not take
// looking because all are younger than half the duplicate window.
func (t *jetStream) alreadyThere(ctx context.Context, info *streamInfo, items []*Item) ([]bool, error) {
	r := &t.known
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	t.pulse.beat(now, t.fresh.limit())
	oldest, newest := now, time.Time{}
	for _, it := range items {
		if at := t.pulse.since(it.Received); now.Sub(at) > info.window/2 {
			if at.Before(oldest) {
				oldest = at
			}
			if it.Received.After(newest) {
				newest = it.Received
			}
		}
	}
	if newest.IsZero() || info.name == "" {
		if now.Sub(r.read) > info.window+minSlack {
			r.reset(time.Time{})
		}
		return nil, nil
	}
	slack := max(minSlack, info.window)
	begin := oldest.Add(-slack)
	if r.ids == nil || r.info != info || begin.Before(r.from) || !r.to.IsZero() && newest.Add(slack).After(r.to) {
		r.reset(begin)
		r.info = info
	}
	if now.Sub(r.read) > info.window/4 {
		if err := t.readOn(ctx, begin, newest.Add(slack)); err != nil {
			return nil, err
		}
	}
	there := make([]bool, len(items))
	for i, it := range items {
		_, there[i] = r.ids[it.ID]
	}
	return there, nil
}

// reset forgets all. Then the ids are read that were published since begin, none if it is zero.
func (r *readBack) reset(begin time.Time) {
	r.ids, r.from, r.to, r.next, r.read, r.info, r.most = nil, begin, time.Time{}, 0, time.Time{}, nil, maxIDs
	if !begin.IsZero() {
		r.ids = map[event.ID]int64{}
	}
}

// readOn reads the ids up to the end of the stream. It needs those of events received from
// begin to end. known.mu is held.
func (t *jetStream) readOn(ctx context.Context, begin, end time.Time) error {
	ctx, w := t.watch(ctx, true)
	defer t.unwatch(w)
	now := time.Now()
	err := t.readIDs(ctx, begin, end)
	if err == nil {
		t.known.read = now
		return nil
	}
	refused, ok := errors.AsType[*jetstream.APIError](err)
	err = streamError(ctx, err)
	if e, denied := errors.AsType[*StreamError](err); ok && refused.Code < 500 || denied && e.Problem == StreamPermission {
		t.notice(&StreamError{Problem: StreamUnread, Stream: t.known.info.name, Detail: err.Error()})
		t.known.read = now
		return nil
	}
	return err
}

// readIDs reads on from where it stopped, to the end of the stream.
func (t *jetStream) readIDs(ctx context.Context, begin, end time.Time) error {
	r := &t.known
	t.mu.Lock()
	js := t.js
	t.mu.Unlock()
	config := jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{t.address.Name + ".>"}, HeadersOnly: true,
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &r.from, InactiveThreshold: time.Minute,
	}
	if r.next > 0 {
		config.DeliverPolicy, config.OptStartTime, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, nil, r.next
	}
	if r.info.other {
		config.FilterSubjects = nil
	}
	request, cancel := context.WithTimeoutCause(ctx, setupTimeout, errSilent)
	defer cancel()
	consumer, err := js.OrderedConsumer(request, r.info.name, config)
	if err != nil || consumer.CachedInfo().NumPending == 0 {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(pullSize))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		r.add(msg.Headers(), meta.Timestamp, begin, end)
		r.next = meta.Sequence.Stream + 1
		if meta.NumPending == 0 {
			return nil
		}
	}
}

// add adds the id of a message. An event without a time counts as received when it was stored.
func (r *readBack) add(h nats.Header, stored, begin, end time.Time) {
	text := h.Get(jetstream.MsgIDHeader)
	var id event.ID
	if len(text) != hex.EncodedLen(len(id)) {
		return // another one's
	}
	if _, err := hex.Decode(id[:], []byte(text)); err != nil {
		return
	}
	at, err := time.Parse(time.RFC3339Nano, h.Get(stream.HeaderReceived))
	if err != nil {
		at = stored
	}
	if !r.to.IsZero() && at.After(r.to) {
		return
	}
	r.ids[id] = at.Unix()
	if len(r.ids) > r.most {
		r.trim(begin, end, maxIDs)
	}
}

// trim forgets the ids of events received before begin, and if more than most/2 are left those
// that were received last, but none of before end.
func (r *readBack) trim(begin, end time.Time, most int) {
	var sum, n int64
	for id, at := range r.ids {
		if at < begin.Unix() {
			delete(r.ids, id)
			continue
		}
		sum += at - begin.Unix()
		n++
	}
	r.from = begin
	if n > int64(most/2) {
		to := max(begin.Unix()+sum/n, end.Unix()+1)
		r.to = time.Unix(to, 0)
		for id, at := range r.ids {
			if at > to {
				delete(r.ids, id)
			}
		}
	}
	r.most = max(most, 2*len(r.ids))
}
