package forward

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/stream"
	"github.com/enswitch-events/enswitch-events/pkg/stream/streamtest"
)

// notices collects what a target says.
type notices struct {
	mu   sync.Mutex
	list []error
}

func (n *notices) add(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, err)
}

// text returns all notices, one a line.
func (n *notices) text() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return fmt.Sprint(errors.Join(n.list...))
}

func newJetStream(t *testing.T, address string) (Target, *notices) {
	t.Helper()
	a, err := stream.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	n := &notices{}
	target := NewJetStream(a, &JetStreamOptions{MaxAge: time.Hour, OnNotice: n.add})
	t.Cleanup(func() { _ = target.Close() })
	return target, n
}

// manage returns the streams of a server.
func manage(t *testing.T, s *streamtest.Server) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(s.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// deliver delivers items until all are taken or refused.
func deliver(t *testing.T, target Target, items ...*Item) []Result {
	t.Helper()
	results := make([]Result, len(items))
	var wait []int
	for i := range items {
		wait = append(wait, i)
	}
	for len(wait) > 0 {
		var these []*Item
		for _, i := range wait {
			these = append(these, items[i])
		}
		var rest []int
		for n, r := range target.Deliver(t.Context(), these) {
			if results[wait[n]] = r; r.Verdict == Again || r.Verdict == Unreachable {
				rest = append(rest, wait[n])
			}
		}
		if wait = rest; t.Context().Err() != nil {
			t.Fatal(results)
		}
	}
	return results
}

// wantVerdicts compares the verdicts of results.
func wantVerdicts(t *testing.T, results []Result, want ...Verdict) {
	t.Helper()
	for i, r := range results {
		if r.Verdict != want[i] {
			t.Errorf("%d: got %v, want %v", i, r, want[i])
		}
	}
}

// numbered returns n items of different calls.
func numbered(n int) (items []*Item) {
	for i := range n {
		items = append(items, &Item{
			Payload: fmt.Appendf(nil, `{"n":%d}`, i), ID: event.ID{1, byte(i), byte(i >> 8), byte(i >> 16)}, Class: "call", Event: "start",
			Key: fmt.Sprint(i), Received: time.Now(),
		})
	}
	return items
}

// TestJetStreamMessages: the stream is made as it is promised, and messages have the subject, the
// headers and the bytes of their event, whatever a caller chose. Once more they are known.
func TestJetStreamMessages(t *testing.T) {
	t.Parallel()
	s := streamtest.Start(t)
	target, said := newJetStream(t, s.URL()+"/a.b")
	var items []*Item
	for _, text := range hostile() {
		items = append(items, makeItem(t, text, text+"!", text, ""))
	}
	for _, r := range deliver(t, target, items...) {
		if r.Verdict != Done {
			t.Error(r)
		}
	}
	js := manage(t, s)
	made, err := js.Stream(t.Context(), "A_B")
	if err != nil {
		t.Fatal(err)
	}
	if c := made.CachedInfo().Config; c.Duplicates != 2*time.Minute || c.MaxAge != time.Hour || c.Storage != jetstream.FileStorage || fmt.Sprint(c.Subjects) != "[a.b.>]" {
		t.Errorf("%+v", c)
	}
	for i, it := range items {
		m, err := made.GetMsg(t.Context(), uint64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		if want := stream.Subject("a.b", it.Class, it.Event, it.Key); m.Subject != want || string(m.Data) != string(it.Payload) {
			t.Errorf("%s %q, want %s", m.Subject, m.Data, want)
		}
		for name, want := range map[string]string{
			"Nats-Msg-Id": it.ID.String(), "Enswitch-Received": it.Received.UTC().Format(time.RFC3339Nano),
			"Enswitch-Class": string(stream.AppendHeader(nil, it.Class)), "Enswitch-Event": string(stream.AppendHeader(nil, it.Event)),
		} {
			if got := m.Header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if len(m.Header) != 4 {
			t.Error(m.Header)
		}
	}
	for _, r := range deliver(t, target, items...) {
		if r.Verdict != Known {
			t.Error(r)
		}
	}
	if got := said.text(); got != "made the stream A_B, which takes a.b.>" {
		t.Error(got)
	}
}

// TestJetStreamTooLarge: an event that the server or the stream never takes is refused, and
// those beside it are delivered.
func TestJetStreamTooLarge(t *testing.T) {
	t.Parallel()
	s := streamtest.Start(t, "max_payload: 64KB")
	js := manage(t, s)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "mine", Subjects: []string{"x.*.*.*"}, MaxMsgSize: 32 << 10, Duplicates: 2 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	target, said := newJetStream(t, s.URL()+"/x")
	items := numbered(5)
	items[1].Payload = []byte(`"` + strings.Repeat("x", 64<<10) + `"`)
	items[3].Payload = []byte(`"` + strings.Repeat("x", 40<<10) + `"`)
	results := deliver(t, target, items...)
	wantVerdicts(t, results, Done, Dead, Done, Dead, Done)
	if got := results[1].Reason; !strings.Contains(got, "and the server takes 65536") {
		t.Error(got)
	}
	if got := results[3].Reason; !strings.Contains(got, "the stream refuses it") {
		t.Error(got)
	}
	if got := said.text(); got != "%!v(<nil>)" && got != "<nil>" {
		t.Error(got)
	}
}
