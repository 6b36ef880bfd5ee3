package forward

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/enswitch-events/enswitch-events/pkg/stream/streamtest"
)

const (
	withStore = `jetstream { store_dir: "$DIR/store" }
`
	asUser = `authorization { users = [ { user: admin, password: p }, { user: u, password: p, permissions: %s } ] }`
)

// streamProblems are streams and servers that take no events, and how each is mended.
func streamProblems() []streamProblem {
	edit := func(t *testing.T, s *streamtest.Server, c jetstream.StreamConfig) {
		t.Helper()
		if c.Duplicates == 0 {
			c.Duplicates = time.Minute
		}
		if _, err := manage(t, s).CreateOrUpdateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	configure := func(config string) func(*testing.T, *streamtest.Server) {
		return func(_ *testing.T, s *streamtest.Server) { s.Configure(config); s.Restart() }
	}
	accounts := "accounts {\n A {\n %s\n users: [ { user: u, password: p } ] }\n B { jetstream: enabled } }"
	return []streamProblem{
		{
			name: "no server", breaks: func(_ *testing.T, s *streamtest.Server) { s.Kill() }, want: "connection refused: no server listens there",
			mends: func(_ *testing.T, s *streamtest.Server) { s.Restart() },
		},
		{
			name: "no JetStream", breaks: configure(""), problem: StreamNoJetStream, want: "the server has no JetStream",
			mends: configure(withStore),
		},
		{
			name: "no JetStream for the account", user: "u:p@", breaks: configure(withStore + fmt.Sprintf(accounts, "")),
			problem: StreamNoJetStream, want: "the account of this user has no JetStream",
			mends: configure(withStore + fmt.Sprintf(accounts, "jetstream: enabled")),
		},
		{
			name: "some subjects", problem: StreamSubjects, want: "the stream mine takes x.call.>, and not all of x.>",
			breaks: func(t *testing.T, s *streamtest.Server) {
				edit(t, s, jetstream.StreamConfig{Name: "mine", Subjects: []string{"x.call.>"}})
			},
			mends: func(t *testing.T, s *streamtest.Server) {
				edit(t, s, jetstream.StreamConfig{Name: "mine", Subjects: []string{"x.>"}})
			},
		},
		{
			name: "another one's name", problem: StreamSubjects, want: "the stream X takes y.>, and not all of x.>",
			breaks: func(t *testing.T, s *streamtest.Server) {
				edit(t, s, jetstream.StreamConfig{Name: "X", Subjects: []string{"y.>"}})
			},
			mends: func(t *testing.T, s *streamtest.Server) {
				edit(t, s, jetstream.StreamConfig{Name: "X", Subjects: []string{"y.>", "x.>"}})
			},
		},
		{
			name: "full", problem: StreamFull, want: "the stream mine is full: maximum messages exceeded",
			breaks: func(t *testing.T, s *streamtest.Server) {
				edit(t, s, jetstream.StreamConfig{Name: "mine", Subjects: []string{"x.>"}, MaxMsgs: 2, Discard: jetstream.DiscardNew})
			},
			mends: func(t *testing.T, s *streamtest.Server) {
				edit(t, s, jetstream.StreamConfig{Name: "mine", Subjects: []string{"x.>"}, Discard: jetstream.DiscardNew})
			},
		},
		{
			name: "no acknowledgements", problem: StreamNoAck, want: "the stream mine acknowledges no events",
			breaks: func(t *testing.T, s *streamtest.Server) {
				edit(t, s, jetstream.StreamConfig{Name: "mine", Subjects: []string{"x.>"}, NoAck: true})
			},
			mends: func(t *testing.T, s *streamtest.Server) {
				edit(t, s, jetstream.StreamConfig{Name: "mine", Subjects: []string{"x.>"}})
			},
		},
		{
			name: "wrong password", user: "u:q@", want: "the server refuses the user or the password",
			breaks: configure(withStore + "authorization { user: u, password: p }"), mends: configure(withStore + "authorization { user: u, password: q }"),
		},
		{
			name: "may not publish", user: "u:p@", problem: StreamPermission, want: "the user may not publish to x.>",
			breaks: configure(withStore + fmt.Sprintf(asUser, `{ publish: { deny: "x.>" } }`)), mends: configure(withStore),
		},
		{
			name: "may not publish a class", user: "u:p@", problem: StreamPermission, want: "the user may not publish to x.>",
			breaks: configure(withStore + fmt.Sprintf(asUser, `{ publish: { deny: "x.call.>" } }`)), mends: configure(withStore),
		},
		{
			name: "may not subscribe", user: "u:p@", problem: StreamPermission, want: "the user may not subscribe to _INBOX.",
			breaks: configure(withStore + fmt.Sprintf(asUser, `{ subscribe: { deny: ">" } }`)), mends: configure(withStore),
		},
	}
}

// streamProblem is one of them.
type streamProblem struct {
	name, user    string
	breaks, mends func(*testing.T, *streamtest.Server)
	problem       StreamProblem // 0 for an error that is no StreamError
	want          string
}

// TestJetStreamProblems: whatever is wrong with a server or a stream is said, by a check and by a
// delivery, and events are delivered once it is right.
func TestJetStreamProblems(t *testing.T) {
	t.Parallel()
	for _, row := range streamProblems() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := streamtest.Start(t)
			row.breaks(t, s)
			target, _ := newJetStream(t, "nats://"+row.user+s.Address()+"/x")
			faults := func(err error) {
				t.Helper()
				e, ok := errors.AsType[*StreamError](err)
				if err == nil || !strings.Contains(err.Error(), row.want) || ok != (row.problem != 0) || ok && e.Problem != row.problem {
					t.Errorf("got %v, want %q", err, row.want)
				}
			}
			items := numbered(5)
			r := target.Deliver(t.Context(), items)[4]
			if faults(r.Err); r.Verdict != Unreachable {
				t.Error(r)
			}
			switch row.name {
			case "full", "may not publish a class": // what shows only with an event, and none is sent
				if err := target.Check(t.Context()); err != nil {
					t.Error(err)
				}
			default:
				faults(target.Check(t.Context()))
			}
			row.mends(t, s)
			for _, r := range deliver(t, target, items...) {
				if r.Verdict != Done && (r.Verdict != Known || row.problem != StreamFull) {
					t.Error(r)
				}
			}
			if err := target.Check(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestJetStreamCheckSendsNothing: who subscribes to the subjects gets nothing of a check.
func TestJetStreamCheckSendsNothing(t *testing.T) {
	t.Parallel()
	s := streamtest.Start(t)
	conn, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sub, err := conn.SubscribeSync("x.>")
	if err = errors.Join(err, conn.Flush()); err != nil {
		t.Fatal(err)
	}
	target, _ := newJetStream(t, s.URL()+"/x")
	err = errors.Join(target.Check(t.Context()), conn.Publish("x.later", nil))
	msg, err2 := sub.NextMsg(10 * time.Second)
	if err = errors.Join(err, err2); err != nil || msg.Subject != "x.later" {
		t.Error(msg, err)
	}
}

// TestJetStreamDeleted: a stream that is deleted is made again.
func TestJetStreamDeleted(t *testing.T) {
	t.Parallel()
	s := streamtest.Start(t)
	target, said := newJetStream(t, s.URL()+"/x")
	items := numbered(5)
	deliver(t, target, items[:3]...)
	if err := manage(t, s).DeleteStream(t.Context(), "X"); err != nil {
		t.Fatal(err)
	}
	if r := target.Deliver(t.Context(), items[3:])[0]; r.Verdict != Unreachable || r.Reason != "no stream has taken the event" {
		t.Error(r)
	}
	deliver(t, target, items[3:]...)
	if got := said.text(); got != "made the stream X, which takes x.>" {
		t.Error(got) // said once
	}
}

// TestJetStreamNotices: what is to be known while events are delivered all the same.
func TestJetStreamNotices(t *testing.T) {
	t.Parallel()
	t.Run("window", func(t *testing.T) {
		t.Parallel()
		s := streamtest.Start(t)
		if _, err := manage(t, s).CreateStream(t.Context(), jetstream.StreamConfig{Name: "mine", Subjects: []string{">"}, NoAck: false, Duplicates: time.Second}); err == nil {
			t.Fatal("a stream that takes its own acknowledgements")
		}
		if _, err := manage(t, s).CreateStream(t.Context(), jetstream.StreamConfig{Name: "mine", Subjects: []string{"x.>"}, Duplicates: time.Second}); err != nil {
			t.Fatal(err)
		}
		target, said := newJetStream(t, s.URL()+"/x")
		deliver(t, target, numbered(2)...)
		if got := said.text(); got != "the stream mine has a duplicate window of 1s, less than 2m0s" {
			t.Error(got)
		}
	})
	t.Run("unchecked", func(t *testing.T) {
		t.Parallel()
		s := streamtest.Start(t, fmt.Sprintf(asUser, `{ publish: "x.>", subscribe: "_INBOX.>" }`))
		admin, _ := newJetStream(t, "nats://admin:p@"+s.Address()+"/x")
		deliver(t, admin, numbered(1)...)
		target, said := newJetStream(t, "nats://u:p@"+s.Address()+"/x")
		items := numbered(3)
		items[0].Received = time.Now().Add(-time.Hour)
		wantVerdicts(t, deliver(t, target, items...), Known, Done, Done)
		if got := said.text(); got != "the stream is not checked: the user may not publish to $JS.API.STREAM.NAMES" {
			t.Error(got)
		}
		if err := target.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
