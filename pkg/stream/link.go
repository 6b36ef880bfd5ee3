package stream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// A reader pulls: it asks the consumer for a number of messages. They come to its inbox, and
// so do the server's answers to the request, which have a header Status. See ADR-13 of NATS.
// The iterators of package jetstream do this, too, but set a timer for each message, and hold
// messages that a reader of a group could not keep alive.

const (
	window      = 4096 // messages that a reader asks for, without a group
	pullBytes   = 8 << 20
	pullExpires = 30 * time.Second
	heartbeat   = 2 * time.Second // from the server while there is nothing to send
	statusRoom  = 256             // for messages of the server besides those asked for
	// inactive is how long the server keeps a consumer without a group that asks for nothing.
	inactive = 5 * time.Minute
	// requestTime bounds a request to the server.
	requestTime = 5 * time.Second
)

// link is an established connection to a consumer of a stream.
type link struct {
	r        *Reader
	conn     *nats.Conn
	js       jetstream.JetStream
	consumer string
	next     string // the subject of requests for messages
	inbox    string
	sub      *nats.Subscription
	messages chan *nats.Msg
	failed   chan error // of the connection: it is closed, or something is not permitted
	wanted   int        // messages asked for that have not come
	heard    time.Time
	number   uint64 // of the last message by the consumer's count, without a group
	pending  uint64 // messages that waited when the consumer was made or found
	behind   uint64 // messages that wait now, as far as is known
	filters  []string
	pick     bool      // messages of other shares come, too
	from     time.Time // messages stored before it come, too, if it was in the future
	source   string
}

// deliver yields messages until one is refused or there is an error.
func (l *link) deliver(ctx context.Context, yield func(Message, error) bool) error {
	t := time.NewTicker(heartbeat)
	defer t.Stop()
	l.heard = time.Now()
	for {
		if err := l.pull(); err != nil {
			return err
		}
		var m *nats.Msg
		select {
		case m = <-l.messages:
		default:
			l.r.opts.OnWait()
			select {
			case m = <-l.messages:
			case <-l.r.freed:
				continue
			case err := <-l.failed:
				return err
			case now := <-t.C:
				if l.wanted > 0 && now.Sub(l.heard) > 3*heartbeat {
					return l.lost(fmt.Sprintf("the server has said nothing of the stream for %v", 3*heartbeat))
				}
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		l.heard = time.Now()
		if m.Reply == "" { // or else it is a message of the stream, whatever its headers say
			if err := l.status(ctx, m.Header.Get("Status"), m); err != nil {
				return err
			}
			continue
		}
		if goOn, err := l.message(ctx, m, yield); err != nil || !goOn {
			return err
		}
	}
}

// pull asks for more messages if there is room for a good part of the window.
func (l *link) pull() error {
	room := window - l.wanted
	if l.r.opts.Group != "" {
		l.r.mu.Lock()
		room = MaxHeld - l.wanted - len(l.r.held.open)
		l.r.mu.Unlock()
		if room < MaxHeld/4 && (l.wanted > 0 || room <= 0) {
			return nil
		}
	} else if room < window/2 {
		return nil
	}
	body := fmt.Appendf(nil, `{"batch":%d,"max_bytes":%d,"expires":%d,"idle_heartbeat":%d}`,
		room, max(pullBytes, 2*l.conn.MaxPayload()), pullExpires, heartbeat)
	if err := l.conn.PublishRequest(l.next, l.inbox, body); err != nil {
		return l.lost(err.Error())
	}
	l.wanted += room
	l.heard = time.Now()
	return nil
}

// status takes what the server says of a request.
func (l *link) status(ctx context.Context, code string, m *nats.Msg) error {
	description := m.Header.Get("Description")
	switch code {
	case "100": // a heartbeat
		return nil
	case "404", "408":
		l.ended(m)
		return nil
	case "503": // the consumer is gone
		return l.again(ctx)
	case "409":
		switch lower := strings.ToLower(description); {
		case strings.Contains(lower, "consumer deleted"):
			return l.again(ctx)
		case strings.Contains(lower, "leadership change"), strings.Contains(lower, "server shutdown"):
			return l.lost("the server hands the stream over to another one")
		case strings.Contains(lower, "exceeds maxbytes"), strings.Contains(lower, "batch completed"):
			l.ended(m)
			return nil
		}
	}
	return l.lost("the server refuses to send: " + code + " " + description)
}

// again replaces a consumer that is gone, and goes on after the last message. If it was the
// consumer of a group, that is a loss: all readers of the group must find out where it goes on.
func (l *link) again(ctx context.Context) error {
	var err error
	if l.r.opts.Group == "" {
		_, err = l.consume(ctx)
	} else if _, err = l.js.Stream(ctx, l.r.name); err == nil {
		return l.lost("the consumer of the group " + l.r.opts.Group + " was deleted")
	}
	if err != nil {
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return l.lost("the stream " + l.r.name + " is gone")
		}
		if e := l.r.failure(err); e.Kind != Failed {
			return e
		}
		return l.lost("the consumer is gone: " + err.Error())
	}
	return nil
}

// ended notes that a request is over before all its messages have come.
func (l *link) ended(m *nats.Msg) {
	n, err := strconv.Atoi(m.Header.Get("Nats-Pending-Messages"))
	if err != nil {
		n = l.wanted
	}
	l.wanted = max(l.wanted-n, 0)
}

// message yields a message, unless it is too long or came before. It reports whether to go on.
func (l *link) message(ctx context.Context, m *nats.Msg, yield func(Message, error) bool) (bool, error) {
	l.wanted = max(l.wanted-1, 0)
	meta, ok := parseReply(m.Reply)
	if !ok {
		return true, nil // no message of a consumer
	}
	r := l.r
	l.behind = meta.pending
	if r.opts.Group != "" {
		r.mu.Lock()
		fresh, again := r.held.take(meta.sequence, m.Reply)
		r.mu.Unlock()
		if again {
			_ = l.conn.Publish(m.Reply, []byte(ackDone))
		}
		if !fresh {
			return true, nil
		}
	} else if meta.number != l.number+1 {
		// The library has dropped messages that came faster than they were read.
		return true, l.again(ctx)
	}
	l.number = meta.number
	if meta.stored.Before(l.from) || !l.picks(m.Subject) {
		r.Ack(meta.sequence)
		return true, nil
	}
	r.last = max(r.last, meta.sequence)
	msg := Message{
		Event:    event.Event{Raw: m.Data, Received: meta.stored, Source: l.source},
		Sequence: meta.sequence, Stored: meta.stored, Pending: meta.pending,
	}
	if v := m.Header[HeaderReceived]; len(v) > 0 {
		if at, err := time.Parse(time.RFC3339Nano, v[0]); err == nil {
			msg.Received = at
		}
	}
	if len(m.Data) > r.opts.MaxMessage {
		r.opts.OnReject(msg.Event, ErrTooLong)
		r.Ack(meta.sequence)
		return true, nil
	}
	return yield(msg, nil), nil
}

// metadata is what the reply subject says of a message.
type metadata struct {
	sequence, number, pending uint64
	stored                    time.Time
}

// parseReply parses
//
//	$JS.ACK.STREAM.CONSUMER.DELIVERED.SEQUENCE.NUMBER.TIME.PENDING
//	$JS.ACK.DOMAIN.ACCOUNT.STREAM.CONSUMER.DELIVERED.SEQUENCE.NUMBER.TIME.PENDING[.…]
func parseReply(reply string) (m metadata, ok bool) {
	rest, ok := strings.CutPrefix(reply, "$JS.ACK.")
	if !ok {
		return m, false
	}
	skip := 3
	if strings.Count(rest, ".") > 6 {
		skip = 5
	}
	var numbers [4]uint64
	for i := range skip + len(numbers) {
		token, after, more := strings.Cut(rest, ".")
		if !more && i < skip+len(numbers)-1 {
			return m, false
		}
		rest = after
		if i < skip {
			continue
		}
		n, err := strconv.ParseUint(token, 10, 64)
		if err != nil {
			return m, false
		}
		numbers[i-skip] = n
	}
	return metadata{numbers[0], numbers[1], numbers[3], time.Unix(0, int64(numbers[2]))}, true
}
