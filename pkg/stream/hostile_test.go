package stream

import (
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestHostileMessages: what others have put into a stream is yielded as it is, and what looks like
// a word of the server is none.
func TestHostileMessages(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	for i, h := range []nats.Header{
		{"Status": {"409"}, "Description": {"Consumer Deleted"}},
		{"Status": {"503"}},
		{"Status": {"100"}, "Nats-Pending-Messages": {"9"}},
		{HeaderReceived: {"yesterday"}, HeaderClass: {"\xff"}},
		nil,
	} {
		m := &nats.Msg{Subject: "enswitch.x", Header: h}
		if i == 4 {
			m.Subject, m.Data = "enswitch.call.start.p99", []byte("\x00\xff\r\n")
		}
		if _, err := p.js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for _, group := range []string{"", "g"} {
		got := take(t, p.reader("EVENTS", ReaderOptions{FromStart: true, Group: group}), 5, func(m Message) {
			if m.Received.IsZero() {
				t.Errorf("message %d has no time", m.Sequence)
			}
		})
		if !slices.Equal(got, from(1, 5)) {
			t.Errorf("group %q: %v", group, got)
		}
	}
}

// TestFuture: what is stored before a time in the future is left out.
func TestFuture(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	for _, group := range []string{"", "g"} {
		begin := time.Now().Add(700 * time.Millisecond)
		later := time.AfterFunc(time.Second, func() { p.publish(2, 3) })
		defer later.Stop()
		o := ReaderOptions{FromTime: begin, Group: group, OnState: func(s State) {
			if s.Status == Connected {
				p.publish(1, 2)
			}
		}}
		take(t, p.reader("EVENTS", o), 1, func(m Message) {
			if m.Stored.Before(begin) {
				t.Errorf("group %q: stored at %v, before %v", group, m.Stored, begin)
			}
		})
	}
}
