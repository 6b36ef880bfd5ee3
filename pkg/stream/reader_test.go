package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/stream/streamtest"
)

// peer is a server with a stream EVENTS that takes enswitch.>.
type peer struct {
	*streamtest.Server
	t  *testing.T
	js jetstream.JetStream
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	p := &peer{Server: streamtest.Start(t), t: t}
	p.connect()
	p.stream("EVENTS", "enswitch.>")
	return p
}

// connect makes a connection for the test.
func (p *peer) connect() {
	p.t.Helper()
	conn, err := nats.Connect(p.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(conn.Close)
	if p.js, err = jetstream.New(conn); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) stream(name string, subjects ...string) {
	p.t.Helper()
	p.make(jetstream.StreamConfig{Name: name, Subjects: subjects})
}

// make makes streams.
func (p *peer) make(configs ...jetstream.StreamConfig) {
	p.t.Helper()
	for i := range configs {
		if _, err := p.js.CreateStream(p.t.Context(), configs[i]); err != nil {
			p.t.Fatal(err)
		}
	}
}

// publish publishes the events from to to-1, each of a call of its own.
func (p *peer) publish(from, to int) {
	p.t.Helper()
	for i := from; i < to; i++ {
		callid := fmt.Sprint(i)
		m := &nats.Msg{Subject: Subject("enswitch", "call", "start", callid), Data: fmt.Appendf(nil, `{"n":%d}`, i)}
		m.Header = nats.Header{HeaderReceived: {time.Unix(int64(i), 5).UTC().Format(time.RFC3339Nano)}}
		if _, err := p.js.PublishMsgAsync(m); err != nil {
			p.t.Fatal(err)
		}
	}
	<-p.js.PublishAsyncComplete()
}

// reader returns a reader of a stream or prefix, closed at the end of the test.
func (p *peer) reader(name string, o ReaderOptions) *Reader {
	p.t.Helper()
	addr, err := ParseAddress(p.URL() + "/" + name)
	if err != nil {
		p.t.Fatal(err)
	}
	r := NewReader(addr, &o)
	p.t.Cleanup(func() { _ = r.Close() })
	return r
}

// take returns the sequences of the next n messages of r.
func take(t *testing.T, r *Reader, n int, each func(Message)) (sequences []int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for m, err := range r.Events(ctx) {
		if err != nil {
			t.Fatalf("after %d of %d: %v", len(sequences), n, err)
		}
		if each != nil {
			each(m)
		}
		if sequences = append(sequences, int(m.Sequence)); len(sequences) == n {
			return sequences
		}
	}
	return sequences
}

// from returns the numbers from to to.
func from(from, to int) (all []int) {
	for i := from; i <= to; i++ {
		all = append(all, i)
	}
	return all
}

func TestReadFrom(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.publish(1, 11)
	stored := time.Time{}
	take(t, p.reader("EVENTS", ReaderOptions{FromSequence: 6}), 1, func(m Message) {
		stored = m.Stored
		if want := time.Unix(6, 5).UTC(); !m.Received.Equal(want) || string(m.Raw) != `{"n":6}` || m.Pending != 4 {
			t.Errorf("message 6 is %+v", m)
		}
		if want := p.URL() + "/EVENTS"; m.Source != want {
			t.Errorf("source %s, want %s", m.Source, want)
		}
	})
	for _, row := range []struct {
		name string
		o    ReaderOptions
		want []int
	}{
		{"EVENTS", ReaderOptions{FromStart: true}, from(1, 10)},
		{"enswitch", ReaderOptions{FromStart: true}, from(1, 10)},
		{"enswitch.call", ReaderOptions{FromStart: true}, from(1, 10)},
		{"EVENTS", ReaderOptions{FromSequence: 9}, from(9, 10)},
		{"EVENTS", ReaderOptions{FromTime: stored}, from(6, 10)},
		{"EVENTS", ReaderOptions{FromTime: stored, Group: "g"}, from(6, 10)},
	} {
		if got := take(t, p.reader(row.name, row.o), len(row.want), nil); !slices.Equal(got, row.want) {
			t.Errorf("%s %+v: %v, want %v", row.name, row.o, got, row.want)
		}
	}
	o := ReaderOptions{}
	o.OnState = func(s State) {
		if s.Status == Connected {
			p.publish(11, 13)
		}
	}
	if got := take(t, p.reader("EVENTS", o), 2, nil); !slices.Equal(got, from(11, 12)) {
		t.Errorf("from now: %v", got)
	}
}

// TestShares: the shares of a stream are all of it, and a call is in one of them.
func TestShares(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	mirror := jetstream.StreamConfig{Name: "MIRROR", Mirror: &jetstream.StreamSource{Name: "EVENTS"}}
	source := jetstream.StreamConfig{Name: "SOURCE", Subjects: []string{"other.>"}, Sources: []*jetstream.StreamSource{{
		Name: "EVENTS", SubjectTransforms: []jetstream.SubjectTransformConfig{{Source: "enswitch.>", Destination: "moved.>"}},
	}}}
	p.make(mirror, source)
	p.publish(1, 101)
	for _, row := range []struct{ name, group string }{{"EVENTS", ""}, {"EVENTS", "g"}, {"enswitch", ""}, {"MIRROR", ""}, {"SOURCE", "g"}} {
		var all []int
		for n := range 3 {
			o := ReaderOptions{FromStart: true, Group: row.group}
			o.Share.Number, o.Share.Of = n, 3
			want := 0
			for i := 1; i <= 100; i++ {
				if Partition(fmt.Sprint(i))%3 == n {
					want++
				}
			}
			all = append(all, take(t, p.reader(row.name, o), want, func(m Message) {
				if got := Partition(strings.Trim(string(m.Raw), `{}"n:`)) % 3; got != n {
					t.Errorf("share %d has %s of share %d", n, m.Raw, got)
				}
			})...)
		}
		slices.Sort(all)
		if !slices.Equal(all, from(1, 100)) {
			t.Errorf("%v: the shares have %v", row, all)
		}
	}
}

// TestGoesOn: after every kind of loss a reader goes on where it was.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		lose func(p *peer)
	}{
		{"server killed", func(p *peer) { p.Restart() }},
		{"consumer deleted", func(p *peer) {
			for name := range p.consumers() {
				if err := p.js.DeleteConsumer(p.t.Context(), "EVENTS", name); err != nil {
					p.t.Fatal(err)
				}
			}
		}},
	} {
		for _, group := range []string{"", "g"} {
			t.Run(row.name+group, func(t *testing.T) {
				t.Parallel()
				p := newPeer(t)
				p.publish(1, 11)
				r := p.reader("EVENTS", ReaderOptions{FromStart: true, Group: group})
				got := take(t, r, 20, func(m Message) {
					r.Ack(m.Sequence)
					if m.Sequence == 10 {
						row.lose(p)
						p.publish(11, 21)
					}
				})
				if !slices.Equal(got, from(1, 20)) {
					t.Errorf("%v", got)
				}
			})
		}
	}
}

// consumers returns the consumers of the stream.
func (p *peer) consumers() map[string]*jetstream.ConsumerInfo {
	p.t.Helper()
	s, err := p.js.Stream(p.t.Context(), "EVENTS")
	if err != nil {
		p.t.Fatal(err)
	}
	all := map[string]*jetstream.ConsumerInfo{}
	for info := range s.ListConsumers(p.t.Context()).Info() {
		all[info.Name] = info
	}
	return all
}

// TestGroup: readers of a group share the messages; what one has not acknowledged when it
// closes comes to another, and one that acknowledges nothing holds no more than MaxHeld.
func TestGroup(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.publish(1, 1001)
	first := p.reader("EVENTS", ReaderOptions{FromStart: true, Group: "g"})
	var acked []int
	got := take(t, first, 100, func(m Message) {
		if m.Sequence <= 50 {
			first.Ack(m.Sequence)
			acked = append(acked, int(m.Sequence))
		}
	})
	if !slices.Equal(got, from(1, 100)) {
		t.Errorf("the first reader: %v", got)
	}
	if n := p.consumers()["g"].NumAckPending; n > MaxHeld {
		t.Errorf("%d messages are with a reader that is blocked", n)
	}
	second := p.reader("EVENTS", ReaderOptions{Group: "g"})
	others := take(t, second, 1, func(m Message) { second.Ack(m.Sequence) })
	if others[0] <= 500 {
		t.Errorf("the second reader has message %d of the first one", others[0])
	}
	_ = first.Close()
	others = append(others, take(t, second, 949, func(m Message) { second.Ack(m.Sequence) })...)
	all := append(acked, others...)
	slices.Sort(all)
	if !slices.Equal(all, from(1, 1000)) {
		t.Errorf("%d messages acknowledged: %v", len(all), all)
	}
	_ = second.Close()
	// The server has the acknowledgements, and takes them one after the other.
	for began := time.Now(); ; {
		info := p.consumers()["g"]
		if info.NumAckPending == 0 && info.AckFloor.Stream == 1000 {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("at the end %d are not acknowledged, and all up to %d are", info.NumAckPending, info.AckFloor.Stream)
		}
	}
}

// TestCloseLeavesNothing: the consumer of a reader without a group is removed.
func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.publish(1, 3)
	r := p.reader("EVENTS", ReaderOptions{FromStart: true})
	take(t, r, 2, nil)
	if n := len(p.consumers()); n != 1 {
		t.Errorf("%d consumers while reading", n)
	}
	_ = r.Close()
	if n := len(p.consumers()); n != 0 {
		t.Errorf("%d consumers at the end", n)
	}
}

// TestStreamReplaced: a stream that is deleted is a loss, and one of its name that is made
// later is read from its start.
func TestStreamReplaced(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.publish(1, 4)
	var said []string
	o := ReaderOptions{FromStart: true}
	o.OnState = func(s State) {
		switch s.Status {
		case Waiting:
			said = append(said, s.Err.Error())
			if len(said) == 2 {
				p.stream("EVENTS", "enswitch.>")
				p.publish(1, 3)
			}
		case Connected:
			if !s.Since.IsZero() && !s.Replaced {
				t.Errorf("%+v, want Replaced", s)
			}
		}
	}
	got := take(t, p.reader("EVENTS", o), 5, func(m Message) {
		if m.Sequence == 3 && len(said) == 0 {
			if err := p.js.DeleteStream(t.Context(), "EVENTS"); err != nil {
				t.Fatal(err)
			}
		}
	})
	if !slices.Equal(got, []int{1, 2, 3, 1, 2}) {
		t.Errorf("%v", got)
	}
	if !strings.Contains(strings.Join(said, "\n"), "the stream EVENTS is gone") {
		t.Errorf("said %q", said)
	}
}

// TestMissed: what a stream no longer has when the connection is back is said.
func TestMissed(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.publish(1, 4)
	missed := uint64(0)
	o := ReaderOptions{FromStart: true}
	o.OnState = func(s State) {
		switch s.Status {
		case Waiting:
			if s.Attempt == 1 {
				p.Restart()
				p.publish(4, 11)
				stream, err := p.js.Stream(t.Context(), "EVENTS")
				if err == nil {
					err = stream.Purge(t.Context(), jetstream.WithPurgeSequence(9))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		case Connected:
			missed += s.Missed
		}
	}
	got := take(t, p.reader("EVENTS", o), 5, func(m Message) {
		if m.Sequence == 3 {
			p.Kill()
		}
	})
	if !slices.Equal(got, []int{1, 2, 3, 9, 10}) || missed != 5 {
		t.Errorf("%v, %d missed", got, missed)
	}
}

func TestTooLong(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.publish(9, 12)
	rejected := ""
	o := ReaderOptions{FromStart: true, MaxMessage: 7}
	o.OnReject = func(ev event.Event, err error) { rejected += string(ev.Raw) + err.Error() }
	if got := take(t, p.reader("EVENTS", o), 1, nil); !slices.Equal(got, []int{1}) {
		t.Errorf("%v", got)
	}
	o.MaxMessage, o.Group = 0, "g"
	o.FromSequence, o.FromStart = 2, false
	if got := take(t, p.reader("EVENTS", o), 2, nil); !slices.Equal(got, from(2, 3)) {
		t.Errorf("%v", got)
	}
}

// TestReadErrors: what is wrong is said, by kind.
func TestReadErrors(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.stream("OTHER", "other.>")
	if _, err := p.js.CreateConsumer(t.Context(), "EVENTS", jetstream.ConsumerConfig{Durable: "none", AckPolicy: jetstream.AckNonePolicy}); err != nil {
		t.Fatal(err)
	}
	p.make(jetstream.StreamConfig{Name: "WORK", Subjects: []string{"w.>"}, Retention: jetstream.WorkQueuePolicy},
		jetstream.StreamConfig{Name: "ONE", Subjects: []string{"o.>"}, MaxConsumers: 1})
	if _, err := p.js.CreateConsumer(t.Context(), "ONE", jetstream.ConsumerConfig{Durable: "first"}); err != nil {
		t.Fatal(err)
	}
	core := streamtest.StartCore(t)
	secret := streamtest.Start(t, `authorization { users: [ { user: u, password: right }
		{ user: none, password: p, permissions: { publish: x } }, { user: deaf, password: p, permissions: { subscribe: x } } ] }`)
	as := func(user string) string { return strings.Replace(secret.URL(), "//", "//"+user+"@", 1) + "/EVENTS" }
	for _, row := range []struct {
		address string
		o       ReaderOptions
		kind    Kind
		want    string
	}{
		{p.URL() + "/NOSUCH", ReaderOptions{}, NoStream, "there is no stream NOSUCH"},
		{p.URL() + "/no.such", ReaderOptions{}, NoStream, "none takes no.such.>"},
		{p.URL() + "/EVENTS", ReaderOptions{Group: "none"}, BadGroup, "not acknowledged one by one"},
		{core.URL() + "/EVENTS", ReaderOptions{}, NoJetStream, "has no JetStream"},
		{as("u:wrong"), ReaderOptions{RetryFirst: true}, Unauthorized, "refuses the user or the password"},
		{as("none:p"), ReaderOptions{RetryFirst: true}, Denied, "the user may not publish to $JS.API.STREAM.INFO.EVENTS"},
		{as("deaf:p"), ReaderOptions{RetryFirst: true}, Denied, "the user may not subscribe to _INBOX."},
		{p.URL() + "/WORK", ReaderOptions{}, NeedsGroup, "a work queue"},
		{p.URL() + "/ONE", ReaderOptions{Group: "second"}, Failed, "as many readers as it may have"},
		{"nats://127.0.0.1:1/EVENTS", ReaderOptions{}, Failed, "refused"},
	} {
		addr, err := ParseAddress(row.address)
		if err != nil {
			t.Fatal(err)
		}
		r := NewReader(addr, &row.o)
		for _, got := range r.Events(t.Context()) {
			e, ok := errors.AsType[*Error](got)
			if !ok || e.Kind != row.kind || !strings.Contains(e.Detail, row.want) || strings.Contains(got.Error(), "wrong") {
				t.Errorf("%s: %v, want kind %d, %s", row.address, got, row.kind, row.want)
			}
			if row.kind == NoStream && !slices.Equal(e.Streams, []string{"EVENTS", "ONE", "OTHER", "WORK"}) {
				t.Errorf("%s: the streams are %v", row.address, e.Streams)
			}
		}
		_ = r.Close()
	}
}

func TestParseReply(t *testing.T) {
	t.Parallel()
	at := time.Unix(0, 1795745662000000123)
	want := metadata{12, 7, 300, at}
	for reply, ok := range map[string]bool{
		"$JS.ACK.EVENTS.g.1.12.7.1795745662000000123.300":               true,
		"$JS.ACK._.abcdef.EVENTS.g.1.12.7.1795745662000000123.300":      true,
		"$JS.ACK.hub.abcdef.EVENTS.g.1.12.7.1795745662000000123.300.xy": true,
		"$JS.ACK.EVENTS.g.1.12.7.1795745662000000123":                   false,
		"$JS.ACK.EVENTS.g.1.12.x.1795745662000000123.300":               false,
		"$JS.ACK.":    false,
		"_INBOX.abcd": false,
		"":            false,
	} {
		if got, is := parseReply(reply); is != ok || ok && got != want {
			t.Errorf("%s: %+v %v", reply, got, is)
		}
	}
}
