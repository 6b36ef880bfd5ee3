//go:build unix

package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// streamChangeFaults are those of streams that others change, and of users that may not do
// everything. They need a nats-server.
func streamChangeFaults() []fault {
	return []fault{
		{
			"stream-changed", "the consumer of a group is deleted while it is read, then the stream, which is made again with another name",
			"each is said, the group goes on where it was, and the new stream is read from its start", streamChanged,
		},
		{
			"stream-foreign", "messages in the stream that are no events: hostile bytes, 200 KB, none, and headers as the server's own",
			"rejected and counted, and what comes after them is read; in a group they do not come again", streamForeign,
		},
		{
			"stream-denied", "users who may not publish events, not ask JetStream, not acknowledge, and --from beyond the end",
			"forward says it at its start, without an event; tail at once, with what to allow; exit code 4", streamDenied,
		},
	}
}

func streamChanged(t *testing.T) {
	b := newBroker(t)
	b.publish(0, 10)
	p := start(t, "tail", b.URL()+"/enswitch", "--group", "g", "--from", "start")
	p.lines(10)
	eventually(t, "all acknowledged", func() bool { return b.group("g").NumAckPending == 0 })
	if err := b.js.DeleteConsumer(t.Context(), "ENSWITCH", "g"); err != nil {
		t.Fatal(err)
	}
	p.says("the group g was deleted, and is made again", 1)
	b.publish(10, 20)
	p.lines(20)
	if err := b.js.DeleteStream(t.Context(), "ENSWITCH"); err != nil {
		t.Fatal(err)
	}
	p.says("the stream ENSWITCH is gone", 1)
	if _, err := b.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"enswitch.>"}}); err != nil {
		t.Fatal(err)
	}
	b.publish(20, 30)
	p.lines(30)
	p.signal(syscall.SIGTERM)
	p.check(want{events: numbers(0, 30), received: 30, said: []string{"the consumer of the group g was deleted", "connected again to .*/OTHER: the stream was deleted and made again"}})
}

func streamForeign(t *testing.T) {
	b := newBroker(t)
	for _, m := range []*nats.Msg{
		{Data: []byte("\x00\xff\r\n")},
		{Data: []byte(strings.Repeat("[", 200_000))},
		{Header: nats.Header{"Status": {"409"}, "Description": {"Consumer Deleted"}}},
		{Header: nats.Header{"Status": {"503"}, "Enswitch-Received": {"yesterday"}}},
	} {
		m.Subject = "enswitch.any"
		if _, err := b.js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	b.publish(0, 3)
	for _, args := range [][]string{nil, {"--group", "g"}} {
		p := start(t, append([]string{"tail", b.address(), "--from", "start"}, args...)...)
		p.lines(3)
		p.signal(syscall.SIGTERM)
		if l := p.check(want{events: numbers(0, 3), received: 7}); l.Rejected != 4 {
			t.Errorf("%v: %d rejected, want 4", args, l.Rejected)
		}
	}
	eventually(t, "no message comes again", func() bool {
		info := b.group("g")
		return info.NumAckPending == 0 && info.NumPending == 0
	})
}

func streamDenied(t *testing.T) {
	b := newBrokerWith(t, `authorization { users: [ { user: admin, password: p },
		{ user: mute, password: p, permissions: { publish: { deny: "enswitch.>" } } },
		{ user: part, password: p, permissions: { publish: { deny: "enswitch.message.>" } } },
		{ user: none, password: p, permissions: { publish: x } },
		{ user: noack, password: p, permissions: { publish: { deny: "$JS.ACK.>" } } } ] }`, nats.UserInfo("admin", "p"))
	as := func(user, name string) string { return strings.Replace(b.URL(), "//", "//"+user+":p@", 1) + "/" + name }
	for user, said := range map[string]string{"mute": "may not publish to enswitch.>: events wait", "part": "may not publish to enswitch.message.>"} {
		p := start(t, "forward", "--listen", "0", "--to", as(user, "enswitch"), "--queue", t.TempDir())
		p.says(said, 1)
		p.signal(syscall.SIGTERM)
		p.check(want{received: 0})
	}
	b.publish(0, 3)
	p := start(t, "tail", as("none", "ENSWITCH"))
	p.check(want{code: cli.ExitKey, said: []string{`may not publish to \$JS.API.STREAM.INFO.ENSWITCH`, `allow the user to publish to \$JS.API`}})
	p = start(t, "tail", as("noack", "ENSWITCH"), "--group", "g", "--from", "start", "-n", "3")
	p.check(want{events: numbers(0, 3), received: 3, said: []string{`may not publish to \$JS.ACK.*what was written comes again`}})

	p = start(t, "tail", as("admin", "ENSWITCH"), "--from", "5", "-n", "1")
	p.says("the newest message has the number 3", 1)
	b.publish(3, 5)
	p.check(want{events: []int{4}, received: 1})
	s, err := b.js.Stream(t.Context(), "ENSWITCH")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context(), jetstream.WithPurgeSequence(4)); err != nil {
		t.Fatal(err)
	}
	p = start(t, "tail", as("admin", "ENSWITCH"), "--from", "1", "-n", "2")
	p.check(want{events: []int{3, 4}, received: 2, said: []string{"begins with the number 4: what came before is gone"}})
}
