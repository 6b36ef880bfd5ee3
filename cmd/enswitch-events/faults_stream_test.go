//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/internal/natstest"
	"github.com/enswitch-events/enswitch-events/pkg/stream"
)

// streamFaults are those of reading a stream of JetStream. They need a nats-server.
func streamFaults() []fault {
	return []fault{
		{
			"stream-server-killed", "kill -9 of the nats-server, three times, while tail reads a stream",
			"connects again, every event once and in order, no gap", streamServerKilled,
		},
		{
			"stream-worker-killed", "two workers share a stream in a group; one is killed with -9",
			"every event is written; at most the 500 that the dead one held come again", streamWorkerKilled,
		},
		{
			"stream-worker-blocked", "a worker of a group whose stdout is not read, then SIGTERM",
			"it holds at most 500 events, the other one gets the rest, and what was not written comes to it after the end", streamWorkerBlocked,
		},
		{
			"stream-count", "-n 5 in a group, again and again, and kill -9 in between",
			"five events each, none twice, none left out", streamCount,
		},
		{
			"stream-wrong", "no such stream, a wrong password, no JetStream, a stream that is deleted while it is read, no server",
			"each is said, with what to try; exit code 3, 4, 3, 5, 3; no password on stderr", streamWrong,
		},
	}
}

// broker is a nats-server with a stream ENSWITCH of the prefix enswitch.
type broker struct {
	*natstest.Server
	t  *testing.T
	js jetstream.JetStream
}

func newBroker(t *testing.T, config ...string) *broker {
	t.Helper()
	b := &broker{Server: natstest.Start(t, config...), t: t}
	conn, err := nats.Connect(b.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if b.js, err = jetstream.New(conn); err != nil {
		t.Fatal(err)
	}
	if _, err = b.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ENSWITCH", Subjects: []string{"enswitch.>"}}); err != nil {
		t.Fatal(err)
	}
	return b
}

// publish publishes the events from to to-1.
func (b *broker) publish(from, to int) {
	b.t.Helper()
	for i := from; i < to; i++ {
		b.put(fmt.Sprint(i/4), fmt.Sprintf(`{"class":"call","event":"start","timestamp":"1234567890.123456","callid":"%d","n":%d}`, i/4, i), time.Now())
	}
	b.settle()
}

// put publishes an event of a call, received at that time.
func (b *broker) put(callid, event string, at time.Time) {
	b.t.Helper()
	m := nats.NewMsg(stream.Subject("enswitch", "call", "start", callid))
	m.Data = []byte(event)
	m.Header.Set(stream.HeaderReceived, at.UTC().Format(time.RFC3339Nano))
	for {
		_, err := b.js.PublishMsgAsync(m)
		if err == nil {
			return
		}
		if !errors.Is(err, jetstream.ErrTooManyStalledMsgs) {
			b.t.Fatal(err)
		}
	}
}

// settle waits until the server has what was published.
func (b *broker) settle() {
	b.t.Helper()
	select {
	case <-b.js.PublishAsyncComplete():
	case <-time.After(patience):
		b.t.Fatal("events cannot be published")
	}
}

// group returns how a group is: before it is made everything is pending.
func (b *broker) group(name string) *jetstream.ConsumerInfo {
	b.t.Helper()
	c, err := b.js.Consumer(b.t.Context(), "ENSWITCH", name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return &jetstream.ConsumerInfo{NumPending: 1}
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return c.CachedInfo()
}

// address returns the address of the stream.
func (b *broker) address() string { return b.URL() + "/ENSWITCH" }

// numbers returns the numbers from to to-1.
func numbers(from, to int) (all []int) {
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

func streamServerKilled(t *testing.T) {
	b := newBroker(t)
	b.publish(0, 1000)
	p := start(t, "tail", b.address(), "--from", "start")
	p.lines(1000)
	for i := range 3 {
		b.Restart()
		b.publish(1000*(i+1), 1000*(i+2))
		p.lines(1000 * (i + 2))
	}
	p.signal(syscall.SIGTERM)
	l := p.check(want{events: numbers(0, 4000), received: 4000, said: []string{"reconnecting in", "connected again to .* nothing is lost"}})
	if l.Gaps != 0 {
		t.Errorf("%d gaps", l.Gaps)
	}
}

func streamWorkerKilled(t *testing.T) {
	b := newBroker(t)
	args := []string{"tail", b.address(), "--from", "start", "--group", "workers", "--ack-wait", "1s"}
	const events = 20_000
	b.publish(0, events/2)
	first, second := start(t, args...), start(t, args...)
	first.lines(1000)
	first.signal(syscall.SIGKILL)
	first.exit()
	b.publish(events/2, events)
	eventually(t, "all acknowledged", func() bool {
		info := b.group("workers")
		return info.NumPending == 0 && info.NumAckPending == 0
	})
	second.signal(syscall.SIGTERM)
	if code := second.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	all := append(written(t, first), written(t, second)...)
	repeated := len(all)
	slices.Sort(all)
	all = slices.Compact(all)
	if repeated -= len(all); !slices.Equal(all, numbers(0, events)) || repeated > stream.MaxHeld {
		t.Errorf("%d of %d events, %d repeated: %s", len(all), events, repeated, brief(all))
	}
}

// written returns the numbers of the whole lines that a worker has written.
func written(t *testing.T, p *program) []int {
	t.Helper()
	lines := p.out.snapshot()
	if n := len(lines); n > 0 && !json.Valid([]byte(lines[n-1])) {
		lines = lines[:n-1] // a kill may cut the last one
	}
	return events(t, lines)
}

func streamWorkerBlocked(t *testing.T) {
	b := newBroker(t)
	pad := strings.Repeat("x", 1000) // 500 events are more than a pipe holds
	for i := range 2000 {
		b.put("", fmt.Sprintf(`{"class":"call","event":"start","pad":"%s","n":%d}`, pad, i), time.Now())
	}
	b.settle()
	r, w := pipe(t)
	args := []string{"tail", b.address(), "--from", "start", "--group", "workers"}
	blocked := startWith(t, setup{stdout: w}, args...)
	eventually(t, "the worker blocked", func() bool { return b.group("workers").NumAckPending > 300 })
	other := start(t, args...)
	other.lines(1000)
	eventually(t, "the rest acknowledged", func() bool {
		info := b.group("workers")
		if info.NumAckPending > 2*stream.MaxHeld {
			t.Fatalf("%d events are held", info.NumAckPending)
		}
		return info.NumPending == 0 && info.NumAckPending <= stream.MaxHeld
	})
	blocked.signal(syscall.SIGTERM)
	blocked.exit()
	_ = w.Close()
	lines := newText()
	go lines.read(r)
	<-lines.over
	got := lines.snapshot()
	if n := len(got); n > 0 && !json.Valid([]byte(got[n-1])) {
		got = got[:n-1]
	}
	eventually(t, "all acknowledged", func() bool {
		info := b.group("workers")
		return info.NumPending == 0 && info.NumAckPending == 0
	})
	other.signal(syscall.SIGTERM)
	other.exit()
	all := append(events(t, got), written(t, other)...)
	slices.Sort(all)
	if all = slices.Compact(all); !slices.Equal(all, numbers(0, 2000)) {
		t.Errorf("%d of 2000 events: %s", len(all), brief(all))
	}
}

func streamCount(t *testing.T) {
	b := newBroker(t)
	b.publish(0, 2000)
	for i := range 3 {
		p := start(t, "tail", b.address(), "--from", "start", "--group", "five", "-n", "5")
		p.check(want{events: numbers(5*i, 5*i+5), received: -1})
	}
}

func streamWrong(t *testing.T) {
	b := newBroker(t)
	p := start(t, "tail", b.URL()+"/nosuch")
	p.check(want{code: cli.ExitConnect, said: []string{"there is no stream nosuch", "there are ENSWITCH"}})

	secret := natstest.Start(t, "authorization { user: u, password: right }")
	p = start(t, "tail", strings.Replace(secret.URL(), "//", "//u:horsebattery@", 1)+"/x", "--retry", "-v")
	p.check(want{code: cli.ExitKey, said: []string{"refuses the user or the password", "nats-creds"}, unsaid: []string{"horsebattery"}})

	p = start(t, "calls", natstest.StartCore(t).URL()+"/x")
	p.check(want{code: cli.ExitConnect, said: []string{"no JetStream", "-js"}})

	p = start(t, "tail", "nats://127.0.0.1:1/x")
	p.check(want{code: cli.ExitConnect, said: []string{"no server listens there"}})

	for _, flag := range []string{"--no-reconnect", "--retries=1"} {
		b.publish(0, 1)
		p = start(t, "tail", b.address(), flag, "--from", "start")
		p.lines(1)
		if err := b.js.DeleteStream(t.Context(), "ENSWITCH"); err != nil {
			t.Fatal(err)
		}
		p.check(want{code: cli.ExitLost, events: []int{0}, received: 1, said: []string{"the stream ENSWITCH is gone"}})
		if _, err := b.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ENSWITCH", Subjects: []string{"enswitch.>"}}); err != nil {
			t.Fatal(err)
		}
	}
}
