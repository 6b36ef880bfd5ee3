package forward

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/stream/streamtest"
)

// awaitForgotten waits until a stream does not know the ids any more that it has now. It puts
// messages of an id of their own into it, with a subject that is none of an event.
func awaitForgotten(t *testing.T, js jetstream.JetStream, subject string) {
	t.Helper()
	for first := true; ; first = false {
		ack, err := js.Publish(t.Context(), subject, nil, jetstream.WithMsgID(subject))
		if err != nil {
			t.Fatal(err)
		}
		if !first && !ack.Duplicate {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestJetStreamTwins: two targets put the same events into one stream, the second one hours
// later, when the server has forgotten the ids: each event is there once. What the second one
// alone has is delivered.
func TestJetStreamTwins(t *testing.T) {
	t.Parallel()
	s := streamtest.Start(t)
	js := manage(t, s)
	c := jetstream.StreamConfig{Name: "mine", Subjects: []string{"x.>", "other.>"}, Duplicates: 100 * time.Millisecond}
	if _, err := js.CreateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	items := numbered(1000)
	for _, it := range items {
		it.Received = time.Now().Add(-time.Hour)
	}
	first, _ := newJetStream(t, s.URL()+"/x")
	deliver(t, first, items[:400]...)
	awaitForgotten(t, js, "other.1")
	second, said := newJetStream(t, s.URL()+"/x")
	count := func(results []Result) (n map[Verdict]int) {
		n = map[Verdict]int{}
		for _, r := range results {
			n[r.Verdict]++
		}
		return n
	}
	// In an own order, in batches that have some of each.
	mixed := make([]*Item, 0, len(items))
	for _, i := range rand.Perm(600) {
		mixed = append(mixed, items[i])
	}
	if got := count(deliver(t, second, mixed...)); got[Known] != 400 || got[Done] != 200 {
		t.Error(got)
	}
	// The first one goes on, and finds what the second one has delivered since it looked.
	awaitForgotten(t, js, "other.2")
	if got := count(deliver(t, first, items[400:]...)); got[Known] != 200 || got[Done] != 400 {
		t.Error(got)
	}
	checkOnce(t, s, "mine", len(items), said)
}

// TestJetStreamStale: an event is not sent when it was looked for too long ago, as by a process
// that was stopped meanwhile: it is looked for again.
func TestJetStreamStale(t *testing.T) {
	t.Parallel()
	s := streamtest.Start(t)
	target, _ := newJetStream(t, s.URL()+"/x")
	j := target.(*jetStream) //nolint:forcetypeassert // it is one
	items := numbered(3)
	deliver(t, target, items[:1]...)
	long := time.Now().Add(-StreamWindow / 2)
	ctx, w := j.watch(t.Context(), false)
	defer j.unwatch(w)
	wantVerdicts(t, j.publish(ctx, items[1:], nil, long), Unreachable, Unreachable)
	if ids := readIDs(t, s, "X"); len(ids) != 1 {
		t.Errorf("%d events in the stream, want 1", len(ids))
	}
	wantVerdicts(t, deliver(t, target, items...), Known, Done, Done)
}

// TestJetStreamLate: what was received after the process was stopped may have waited for as long,
// so it is looked for though it looks new.
func TestJetStreamLate(t *testing.T) {
	t.Parallel()
	s := streamtest.Start(t)
	js := manage(t, s)
	c := jetstream.StreamConfig{Name: "mine", Subjects: []string{"x.>", "other"}, Duplicates: time.Second}
	if _, err := js.CreateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	items := numbered(3)
	first, _ := newJetStream(t, s.URL()+"/x")
	deliver(t, first, items[:2]...)
	awaitForgotten(t, js, "other")
	second, _ := newJetStream(t, s.URL()+"/x")
	j := second.(*jetStream) //nolint:forcetypeassert // it is one
	if err := j.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	j.pulse.beat(time.Now().Add(-time.Hour), time.Minute)
	for _, it := range items {
		it.Received = time.Now()
	}
	wantVerdicts(t, deliver(t, second, items...), Known, Known, Done)
}

// TestPulse: an event may have waited since the last beat before the process was stopped.
func TestPulse(t *testing.T) {
	t.Parallel()
	begin := time.Unix(1_000_000, 0)
	at := func(s int) time.Time { return begin.Add(time.Duration(s) * time.Second) }
	p := &pulse{}
	for _, s := range []int{0, 1, 2, 102, 103, 110, 160, 161} {
		p.beat(at(s), 10*time.Second)
		if s == 103 {
			for received, want := range map[int]int{1: 1, 2: 2, 101: 2, 102: 2, 131: 2, 132: 132} {
				if got := p.since(at(received)); !got.Equal(at(want)) {
					t.Errorf("received at %d: may have waited since %v, want %d", received, got.Sub(begin), want)
				}
			}
		}
	}
	if got := p.since(at(162)); !got.Equal(at(110)) {
		t.Errorf("stopped again: since %v", got.Sub(begin))
	}
}

// TestJetStreamOwn: events that were sent, but whose acknowledgement was lost, count as
// delivered, not as those of another forwarder.
func TestJetStreamOwn(t *testing.T) {
	t.Parallel()
	s := streamtest.Start(t)
	target, _ := newJetStream(t, s.URL()+"/x")
	j := target.(*jetStream) //nolint:forcetypeassert // it is one
	items := numbered(10)
	deliver(t, target, items...)
	for _, it := range items[:4] {
		j.unsure[it.ID] = true
	}
	wantVerdicts(t, deliver(t, target, items...), Done, Done, Done, Done, Known, Known, Known, Known, Known, Known)
	if len(j.unsure) != 0 {
		t.Error(j.unsure)
	}
}

// TestJetStreamRestarts: the server is killed while events are on their way, ten times: each is
// in the stream once, and those of a call that was not disturbed in order.
func TestJetStreamRestarts(t *testing.T) {
	t.Parallel()
	s := streamtest.Start(t)
	target, said := newJetStream(t, s.URL()+"/x")
	f, err := Open(t.TempDir(), &Options{Target: target, Batch: MaxBatch, Concurrency: 2, Sync: -1})
	if err != nil {
		t.Fatal(err)
	}
	const rounds, each = 6, 1500
	sent := 0
	for range rounds {
		for range each {
			f.Add(makeRecord(sent%500, sent/500))
			sent++
		}
		for f.Counts().Delivered+f.Counts().AlreadyThere < int64(sent-each+rand.IntN(each)) && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		s.Kill()
		s.Restart()
	}
	if left := f.Drain(t.Context()); left != 0 {
		t.Errorf("%d left", left)
	}
	if c := f.Counts(); c.Delivered != int64(sent) || c.AlreadyThere != 0 {
		t.Errorf("%+v", c)
	}
	if err := f.Close(t.Context()); err != nil {
		t.Error(err)
	}
	checkOnce(t, s, "X", sent, said)
}

// checkOnce checks that a stream has the wanted number of events, each once.
func checkOnce(t *testing.T, s *streamtest.Server, name string, want int, said *notices) {
	t.Helper()
	ids := readIDs(t, s, name)
	for id, n := range ids {
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
	if len(ids) != want {
		t.Errorf("%d events, want %d; it said: %s", len(ids), want, said.text())
	}
}

// readIDs returns how often each id is in a stream, among the messages below x.
func readIDs(t *testing.T, s *streamtest.Server, name string) map[string]int {
	t.Helper()
	js := manage(t, s)
	c, err := js.OrderedConsumer(t.Context(), name, jetstream.OrderedConsumerConfig{FilterSubjects: []string{"x.>"}, HeadersOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int{}
	if c.CachedInfo().NumPending == 0 {
		return all
	}
	messages, err := c.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	for {
		m, err := messages.Next()
		if err != nil {
			t.Fatal(err)
		}
		all[m.Headers().Get(jetstream.MsgIDHeader)]++
		if meta, _ := m.Metadata(); meta.NumPending == 0 {
			return all
		}
	}
}

// TestReadBackTrim: the ids in memory are bounded, and what is forgotten is read again before it
// is needed.
func TestReadBackTrim(t *testing.T) {
	t.Parallel()
	begin := time.Unix(1_000_000, 0)
	r := &readBack{}
	r.reset(begin)
	for i := range 100 {
		r.ids[event.ID{byte(i)}] = begin.Unix() - 50 + int64(i)
	}
	r.trim(begin, begin.Add(time.Second), 10)
	if len(r.ids) != 25 && len(r.ids) != 26 || r.from != begin || r.to.Sub(begin) < 20*time.Second || r.to.Sub(begin) > 30*time.Second {
		t.Errorf("%d ids from %v to %v", len(r.ids), r.from, r.to)
	}
	r.trim(begin, begin.Add(time.Hour), 10)
	if len(r.ids) != 25 && len(r.ids) != 26 {
		t.Errorf("%d ids, after a trim that must keep all", len(r.ids))
	}
}
