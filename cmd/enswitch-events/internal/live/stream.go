package live

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
	"github.com/enswitch-events/enswitch-events/pkg/stream"
)

// streamFeed is a stream of NATS JetStream as a feed. It can wait, so nothing of it is ever
// dropped: it reads no more than the buffer has room for.
//
// Until the reader has reached the end that the stream had when it connected, the feed is
// behind: its events are old, and time stands still for the sink.
type streamFeed struct {
	connection
	addr    *stream.Address
	options *stream.ReaderOptions
	reader  *stream.Reader
	feed    *engine.Feed
	buffer  *engine.Buffer
	behind  atomic.Bool

	// For the goroutine that receives only.
	ctx   context.Context //nolint:containedctx // of the input: callbacks of the reader have none
	left  int64           // messages of the past that are still to come
	added []uint64        // messages of a group that are in feed and not handed over

	waiting sync.Mutex // guards unacked
	unacked []unacked  // messages of a group that are handed over, in order
}

// unacked is a message that is acknowledged when the events up to its place are written.
type unacked struct {
	place    int64
	sequence uint64
}

// nearEnd is how many messages may still be left when the feed counts as no longer behind: a
// busy stream always has some.
const nearEnd = 256

// streamQuiet is the question to ask when nothing comes from a stream.
const streamQuiet = "does a forward write to the stream?"

// source returns the events of u as a source of the engine.
func (u *streamFeed) source(s *session) engine.Input {
	u.feed, u.buffer = s.buffer.Feed(u.name), s.buffer
	u.feed.Connected(false)
	s.feeds = append(s.feeds, u)
	o := u.options
	o.OnState, o.OnPanic = u.state, u.a.GiveBack
	o.OnWait = func() { _ = u.flush() } // fails only at the end
	o.OnReject = func(ev event.Event, err error) {
		u.feed.Reject()
		s.reject(ev.Source, err, ev.Raw[:min(len(ev.Raw), messaged.MaxExcerpt)], int64(len(ev.Raw)))
	}
	u.behind.Store(o.FromStart || o.FromSequence > 0 || !o.FromTime.IsZero() || o.Group != "")
	u.reader = stream.NewReader(u.addr, o)
	acked := u.acknowledge()
	s.atEnd = append(s.atEnd, func() {
		acked()
		if err := u.reader.Close(); err != nil {
			u.a.Log.Warn(u.reason(err)+": what was written comes again", log.HintKey, readerHint)
		}
	})
	return func(ctx context.Context) error {
		u.ctx = ctx
		for m, err := range u.reader.Events(ctx) {
			if err != nil {
				u.noteAttempt(err)
				return u.exitError("could not read", err)
			}
			if err := u.add(&m); err != nil {
				return nil // the end of the run: the stream keeps what was not handed over
			}
		}
		return nil
	}
}

// add adds an event to the feed.
func (u *streamFeed) add(m *stream.Message) error {
	if u.feed.Full(&m.Event) {
		if err := u.flush(); err != nil {
			return err
		}
	}
	u.feed.Add(m.Event)
	if u.options.Group != "" {
		u.added = append(u.added, m.Sequence)
	}
	if u.behind.Load() {
		if u.left--; m.Pending == 0 || u.left <= 0 && m.Pending <= nearEnd {
			if err := u.flush(); err != nil {
				return err
			}
			u.present()
		}
	}
	return nil
}

// isBehind reports whether the events that come now are older than the connection.
func (u *streamFeed) isBehind() bool { return u.behind.Load() }

// present notes that the feed is no longer behind.
func (u *streamFeed) present() {
	u.behind.Store(false)
	u.buffer.Poke()
}

// flush hands over what was added, when there is room for it.
func (u *streamFeed) flush() error {
	handed, err := u.feed.FlushWait(u.ctx)
	if err != nil || !handed {
		return err
	}
	u.came()
	if len(u.added) == 0 {
		return nil
	}
	from, to := u.feed.Place()
	exact := to-from == int64(len(u.added)) // unless another feed had some of them before
	u.waiting.Lock()
	for i, sequence := range u.added {
		place := to
		if exact {
			place = from + int64(i) + 1
		}
		u.unacked = append(u.unacked, unacked{place, sequence})
	}
	u.waiting.Unlock()
	u.added = u.added[:0]
	if u.buffer.Written() > from { // they may have been written before they were in unacked
		u.ack()
	}
	return nil
}

// acknowledge acknowledges the messages of a group as they are written, until stop is called,
// which acknowledges the last ones.
func (u *streamFeed) acknowledge() (stop func()) {
	if u.options.Group == "" {
		return func() {}
	}
	written, end := u.buffer.OnWritten(), make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		u.a.Guard(func() {
			for {
				select {
				case <-written:
					u.ack()
				case <-end:
					u.ack()
					return
				}
			}
		})
	})
	return func() {
		close(end)
		running.Wait()
	}
}

// ack acknowledges what is written.
func (u *streamFeed) ack() {
	done := u.buffer.Written()
	u.waiting.Lock()
	var sequences []uint64
	for len(u.unacked) > 0 && u.unacked[0].place <= done {
		sequences = append(sequences, u.unacked[0].sequence)
		u.unacked = u.unacked[1:]
	}
	u.waiting.Unlock()
	u.reader.Ack(sequences...)
}

// state logs a change of the connection.
func (u *streamFeed) state(s stream.State) {
	say := u.a.Log.With("address", u.name)
	switch s.Status {
	case stream.Connecting:
		say.Debug("connecting to " + u.name)
	case stream.Connected:
		u.up()
		u.feed.Connected(true)
		u.feed.SetSource(s.Source)
		u.left = int64(s.Pending)
		u.behind.Store(s.Pending > 0)
		u.buffer.Poke()
		u.connectedTo(&s)
	case stream.Disconnected:
		u.mu.Lock()
		u.connected, u.away, u.err = time.Time{}, s.Since, s.Err
		u.mu.Unlock()
		u.feed.Connected(false)
	case stream.Waiting:
		u.waits(s.Delay, s.Err)
		say.Warn(fmt.Sprintf("%s: reconnecting in %v", u.reason(s.Err), cli.RoundDuration(s.Delay)), "delay", s.Delay, "attempt", s.Attempt)
	}
}

// connectedTo logs that the connection is made, and adds the gap that there may be.
func (u *streamFeed) connectedTo(s *stream.State) {
	say := u.a.Log.With("address", u.name, "stream", s.Stream, "pending", s.Pending)
	waits := ""
	if s.Pending > 0 {
		waits = ", " + cli.Plural(int64(s.Pending), "message") + " to read"
	}
	switch {
	case s.Since.IsZero():
		say.Info("connected to " + s.Source + waits)
		u.begins(s)
		return
	case s.Remade:
		say.Warn(fmt.Sprintf("connected again to %s: the group %s was deleted, and is made again: events that its other readers had may come again%s", s.Source, u.options.Group, waits))
	case s.Replaced:
		say.Warn("connected again to " + s.Source + ": the stream was deleted and made again, and is read from its start" + waits)
	case s.Missed > 0:
		say.Warn(fmt.Sprintf("connected again to %s: away from %s to %s, and the stream no longer has up to %s of that time", s.Source,
			cli.TimeOfDay(s.Since), cli.TimeOfDay(s.Until), cli.Plural(int64(s.Missed), "message")), "missed", s.Missed)
	default:
		say.Warn(fmt.Sprintf("connected again to %s: away for %v, and nothing is lost%s", s.Source, cli.RoundDuration(s.Until.Sub(s.Since)), waits),
			"since", s.Since, "until", s.Until)
		return
	}
	u.feed.Gap(engine.Gap{Reason: "reconnect", From: s.Since, To: s.Until})
}

// begins says where reading begins, if it is not where --from says.
func (u *streamFeed) begins(s *stream.State) {
	o, say := u.options, u.a.Log.With("address", u.name, "stream", s.Stream)
	cut := s.First > 1 && s.Messages > 0 // it had messages before the first one
	switch {
	case s.Existed && u.a.Typed("from"):
		say.Warn("--from does not count: the group " + o.Group + " is there already, and goes on where it was")
	case s.Existed:
	case o.FromSequence > s.Last+1:
		say.Info(fmt.Sprintf("--from %d: the newest message has the number %d, and what comes before %d is left out", o.FromSequence, s.Last, o.FromSequence))
	case o.FromSequence > 0 && o.FromSequence < s.First:
		say.Warn(fmt.Sprintf("--from %d: the stream begins with the number %d: what came before is gone", o.FromSequence, s.First))
	case o.FromTime.After(time.Now()):
		say.Info("--from is in the future: what comes before " + dateTime(o.FromTime) + " is left out")
	case !o.FromTime.IsZero() && cut && o.FromTime.Before(s.Oldest):
		say.Info("--from: the stream begins at " + dateTime(s.Oldest) + ": what came before is gone")
	}
}

// noteAttempt keeps the error of an attempt to connect that the end of the run cut off.
func (u *streamFeed) noteAttempt(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, ok := errors.AsType[*stream.Error](err); ok && u.err == nil {
		u.err = err
	}
}

func (u *streamFeed) disconnected() (ever bool, why *cli.Error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case !u.connected.IsZero():
		return true, nil
	case !u.away.IsZero():
		return true, cli.NewError(cli.ExitLost, fmt.Errorf("not connected at the end: away since %s: %s", cli.TimeOfDay(u.away), u.reason(u.err)), "")
	}
	const never = "never connected to"
	if e, ok := errors.AsType[*stream.Error](u.err); ok {
		return false, u.streamError(never, e)
	}
	return false, cli.NewError(cli.ExitConnect, fmt.Errorf("%s %s", never, u.name), "")
}

// reason returns the text of err with the address, which it names once.
func (u *streamFeed) reason(err error) string {
	if e, ok := errors.AsType[*stream.Error](err); ok {
		return u.name + ": " + e.Detail
	}
	return fmt.Sprintf("%s: %v", u.name, err)
}

// exitError returns err, which ended the events, with its exit code and a hint.
func (u *streamFeed) exitError(prefix string, err error) error {
	if e, ok := errors.AsType[*stream.Error](err); ok {
		return u.streamError(prefix, e)
	}
	return cli.Failure(err)
}

// streamError returns the error that a stream cannot be read. prefix begins its message.
func (u *streamFeed) streamError(prefix string, e *stream.Error) *cli.Error {
	text := fmt.Errorf("%s %s: %s", prefix, u.name, e.Detail)
	switch e.Kind {
	case stream.Unauthorized:
		return cli.NewError(cli.ExitKey, text, "give --nats-creds FILE, or the user and the password in the address: nats://USER:PASSWORD@HOST/STREAM")
	case stream.Lost:
		return cli.NewError(cli.ExitLost, fmt.Errorf("lost the connection to %s: %s", u.name, e.Detail), "")
	case stream.NoJetStream:
		return cli.NewError(cli.ExitConnect, text, "nats-server needs -js, or jetstream {} in its configuration")
	case stream.NoStream:
		return cli.NewError(cli.ExitConnect, text, streamsHint(e.Streams))
	case stream.Denied:
		return cli.NewError(cli.ExitKey, text, readerHint)
	case stream.NeedsGroup:
		return cli.NewError(cli.ExitConnect, text, "give --group NAME: an event that a group has read is no longer in the stream")
	case stream.BadGroup:
		return cli.NewError(cli.ExitConnect, text, "choose another name for --group")
	}
	hint := "--retry keeps trying"
	switch {
	case strings.Contains(e.Detail, "client certificate"):
		hint = "--cert FILE and --key FILE name it"
	case strings.Contains(e.Detail, "certificate"):
		hint = "--ca FILE trusts a certificate, --insecure trusts any"
	}
	return cli.NewError(cli.ExitConnect, fmt.Errorf("could not connect to %s: %s", u.name, e.Detail), hint)
}

// readerHint says which permissions a reader needs.
const readerHint = "allow the user to publish to $JS.API.STREAM.>, $JS.API.CONSUMER.> and, for --group, $JS.ACK.>, and to subscribe to _INBOX.>, in the server's configuration"

// streamsHint names the streams that there are.
func streamsHint(names []string) string {
	const most = 20
	switch {
	case len(names) == 0:
		return "there is no stream: 'enswitch-events forward --to nats://HOST/PREFIX' makes one"
	case len(names) > most:
		return "there are " + strings.Join(names[:most], ", ") + " and " + humanize.Comma(int64(len(names)-most)) + " more"
	}
	return "there are " + strings.Join(names, ", ")
}

func dateTime(t time.Time) string { return t.Local().Format(time.DateTime) }
