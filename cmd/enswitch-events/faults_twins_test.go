//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// twinFaults are those of forward to a stream of JetStream. They need a nats-server.
func twinFaults() []fault {
	return []fault{
		{
			"twins-killed", "two forwarders are fed alike and write to one stream; kill -9 of either and of the nats-server, eight times at random",
			"each event is in the stream once, and both say what became of all", twinsKilled,
		},
		{
			"twin-away", "a forwarder was cut off for longer than the duplicate window of the stream, and delivers what its twin has delivered",
			"it leaves out what is there, counts it as already there, and delivers what is not", twinAway,
		},
		{
			"forward-stream-full", "a stream is full and refuses new events, and has room later; one is deleted; one takes other subjects",
			"each is said once, with the command that mends it; events wait, and all are delivered", forwardStreamFull,
		},
	}
}

// inStream returns the events of a stream, as lines, with how often each is there.
func (b *broker) inStream() map[string]int {
	b.t.Helper()
	all := map[string]int{}
	c, err := b.js.OrderedConsumer(b.t.Context(), "ENSWITCH", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"enswitch.>"}})
	if err != nil {
		b.t.Fatal(err)
	}
	messages, err := c.Messages()
	if err != nil {
		b.t.Fatal(err)
	}
	defer messages.Stop()
	for pending := c.CachedInfo().NumPending; pending > 0; {
		m, err := messages.Next(jetstream.NextMaxWait(patience))
		if err != nil {
			b.t.Fatal(err)
		}
		meta, err := m.Metadata()
		if err != nil {
			b.t.Fatal(err)
		}
		all[string(m.Data())]++
		pending = meta.NumPending
	}
	return all
}

// once checks that the stream has want events, each once.
func (b *broker) once(want int) {
	b.t.Helper()
	all := b.inStream()
	for event, n := range all {
		if n != 1 {
			b.t.Errorf("%d times in the stream: %s", n, event)
		}
	}
	if len(all) != want {
		b.t.Errorf("%d events in the stream, want %d", len(all), want)
	}
}

// messages returns how many messages the stream has, 0 while the server is away.
func (b *broker) messages() int {
	s, err := b.js.Stream(b.t.Context(), "ENSWITCH")
	if err != nil {
		return 0
	}
	return int(s.CachedInfo().State.Msgs)
}

// forget waits until the server does not know the ids any more of what it has now.
func (b *broker) forget() {
	b.t.Helper()
	publish := func() bool {
		ack, err := b.js.Publish(b.t.Context(), "other", nil, jetstream.WithMsgID("other"))
		if err != nil {
			b.t.Fatal(err)
		}
		return !ack.Duplicate
	}
	publish()
	eventually(b.t, "the server forgets the ids", publish)
}

// edit replaces the configuration of the stream.
func (b *broker) edit(c jetstream.StreamConfig) {
	b.t.Helper()
	c.Name = "ENSWITCH"
	if _, err := b.js.CreateOrUpdateStream(b.t.Context(), c); err != nil {
		b.t.Fatal(err)
	}
}

func twinsKilled(t *testing.T) {
	const calls, n, kills = 200, 50, 8
	b := newBroker(t)
	capture, to := writeCalls(t, calls, n), b.URL()+"/enswitch"
	queues := [2]string{t.TempDir(), t.TempDir()}
	var twins [2]*program
	for i := range twins {
		queueUp(t, capture, queues[i], to)
		twins[i] = start(t, "forward", "drain", "--queue", queues[i], "--to", to)
	}
	for range kills {
		eventually(t, "events are delivered", func() bool { return b.messages() > 0 })
		before := b.messages()
		more := rand.IntN(calls * n / kills)
		eventually(t, "more are", func() bool { now := b.messages(); return now >= min(before+more, calls*n) })
		switch victim := rand.IntN(3); victim {
		case 2:
			b.Kill()
			b.Restart()
		default:
			_ = twins[victim].cmd.Process.Kill() // it may have ended
			twins[victim].exit()
			twins[victim] = start(t, "forward", "drain", "--queue", queues[victim], "--to", to)
		}
	}
	for i, p := range twins {
		if code := p.exit(); code != cli.ExitOK {
			t.Errorf("exit code %d: %s", code, p.said.tail())
		}
		// What the last process says of itself is exact, whatever was killed before.
		var ended struct {
			Delivered, Dead, Dropped, Waiting int64
			AlreadyThere                      int64 `json:"already_there"`
		}
		var found struct{ Waiting int64 }
		var err error
		lines := p.said.snapshot()
		for _, line := range lines {
			if strings.Contains(line, "in the queue from before") {
				err = json.Unmarshal([]byte(line), &found)
			}
		}
		if err := errors.Join(err, json.Unmarshal([]byte(lines[len(lines)-1]), &ended)); err != nil {
			t.Fatal(err, p.said.tail())
		}
		if ended.Delivered+ended.AlreadyThere != found.Waiting || ended.Dead+ended.Dropped+ended.Waiting != 0 {
			t.Error(p.said.tail())
		}
		if s := queueStatus(t, queues[i]); s.Waiting != 0 || s.Dead != 0 || s.Delivered+s.AlreadyThere < found.Waiting {
			t.Errorf("%+v", s)
		}
	}
	b.once(calls * n)
}

func twinAway(t *testing.T) {
	const calls, n = 100, 50
	b := newBroker(t)
	b.edit(jetstream.StreamConfig{Subjects: []string{"enswitch.>", "other"}, Duplicates: 300 * time.Millisecond})
	to := b.URL() + "/enswitch"
	queue, twin := t.TempDir(), t.TempDir()
	b.Kill()
	queueUp(t, writeCalls(t, calls, n), queue, to)  // all events
	queueUp(t, writeCalls(t, calls, n/2), twin, to) // the first half of each call
	b.Restart()
	if p := start(t, "forward", "drain", "--queue", twin, "--to", to); p.exit() != cli.ExitOK {
		t.Error(p.said.tail())
	}
	b.forget()
	p := start(t, "forward", "drain", "--queue", queue, "--to", to)
	if p.exit() != cli.ExitOK || !strings.Contains(p.said.tail(), "2,500 delivered, 2,500 already there") {
		t.Error(p.said.tail())
	}
	if s := queueStatus(t, queue); s.Delivered != calls*n/2 || s.AlreadyThere != calls*n/2 || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
	b.once(calls * n)
}

func forwardStreamFull(t *testing.T) {
	const calls, n = 10, 10
	b := newBroker(t)
	to, queue := b.URL()+"/enswitch", t.TempDir()
	b.edit(jetstream.StreamConfig{Subjects: []string{"enswitch.>"}, MaxMsgs: 20, Discard: jetstream.DiscardNew})
	p := start(t, "forward", "--read", writeCalls(t, calls, n), "--queue", queue, "--to", to)
	says := func(text, hint string) {
		t.Helper()
		eventually(t, text, func() bool { return strings.Contains(p.said.tail(), hint) })
		if k := strings.Count(p.said.tail(), text); k != 1 {
			t.Errorf("said %d times: %s", k, p.said.tail())
		}
	}
	says("the stream ENSWITCH is full: maximum messages exceeded: events wait in the queue", "'nats stream edit ENSWITCH --discard=old'")
	eventually(t, "it is full", func() bool { return b.messages() == 20 })
	b.edit(jetstream.StreamConfig{Subjects: []string{"enswitch.>"}, Discard: jetstream.DiscardNew})
	if code := p.exit(); code != cli.ExitOK {
		t.Error(code, p.said.tail())
	}
	b.once(calls * n)

	// A stream that is deleted is made again.
	if err := b.js.DeleteStream(t.Context(), "ENSWITCH"); err != nil {
		t.Fatal(err)
	}
	p = start(t, "forward", "--read", writeCalls(t, calls, n), "--queue", queue, "--to", to)
	says("made the stream ENSWITCH, which takes enswitch.>", "made the stream")
	if code := p.exit(); code != cli.ExitOK {
		t.Error(code, p.said.tail())
	}
	b.once(calls * n)

	// One that takes other subjects: by a check, and while events come.
	b.edit(jetstream.StreamConfig{Subjects: []string{"enswitch.call.>", "other"}, Duplicates: 2 * time.Minute})
	const partly, command = "the stream ENSWITCH takes enswitch.call.>, other, and not all of enswitch.>", "'nats stream edit ENSWITCH --subjects=other,enswitch.>'"
	p = start(t, "forward", "--queue", queue, "--to", to, "--dry-run")
	if code := p.exit(); code != cli.ExitFailure {
		t.Errorf("exit code %d", code)
	}
	says(partly, command)
	p = start(t, "forward", "--read", writeCalls(t, calls, n), "--queue", queue, "--to", to)
	says(partly+": events wait in the queue", command)
	b.edit(jetstream.StreamConfig{Subjects: []string{"enswitch.>"}})
	if code := p.exit(); code != cli.ExitOK || !strings.Contains(p.said.tail(), fmt.Sprintf("0 delivered, %d already there", calls*n)) {
		t.Error(code, p.said.tail())
	}
}
