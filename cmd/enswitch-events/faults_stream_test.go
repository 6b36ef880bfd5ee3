//go:build unix

package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
	"github.com/enswitch-events/enswitch-events/pkg/stream"
	"github.com/enswitch-events/enswitch-events/pkg/stream/streamtest"
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
			"stream-past", "calls, stats and trace read a stream from two hours ago, and a call of the past goes on now",
			"records as of a capture of the same events, an interval for each time, and the call that goes on ends once", streamPast,
		},
		{
			"stream-secure", "a server with TLS, also one that begins with it; a certificate that is not trusted; the first of two servers down; the second killed",
			"read over tls:// and nats:// with --ca; exit code 3; the server that is there is used", streamSecure,
		},
		{
			"stream-cluster", "a stream on three servers; two of them are killed with -9 and started again, one after the other, while it is read",
			"every event once and in order, with and without a group", streamCluster,
		},
		{
			"stream-wrong", "no such stream, a wrong password, no JetStream, a stream that is deleted while it is read, no server",
			"each is said, with what to try; exit code 3, 4, 3, 5, 3; no password on stderr", streamWrong,
		},
	}
}

// broker is a nats-server with a stream ENSWITCH of the prefix enswitch.
type broker struct {
	*streamtest.Server
	t  *testing.T
	js jetstream.JetStream
}

func newBroker(t *testing.T) *broker { return newBrokerWith(t, "") }

// newBrokerWith adds config to the server's configuration, and connects with options.
func newBrokerWith(t *testing.T, config string, options ...nats.Option) *broker {
	t.Helper()
	b := &broker{Server: streamtest.Start(t, config), t: t}
	conn, err := nats.Connect(b.URL(), append(options, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))...)
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
	first := start(t, args...)
	first.lines(1000) // before another one may have taken them all
	second := start(t, args...)
	eventually(t, "the second worker is connected", func() bool { return strings.Contains(second.said.tail(), "connected to") })
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
	eventually(t, "the worker blocked", func() bool {
		// The few that this worker acknowledges do not have it ask for more.
		held := b.group("workers").NumAckPending
		if held > stream.MaxHeld {
			t.Fatalf("%d events are held", held)
		}
		return held > 300
	})
	other := start(t, args...)
	other.lines(1000)
	eventually(t, "the rest acknowledged", func() bool {
		info := b.group("workers")
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

// call publishes some events of a call, which began at that time: one each 10 s, as many as
// there are names.
func (b *broker) call(id string, began time.Time, names ...string) {
	b.t.Helper()
	for i, name := range names {
		at := began.Add(time.Duration(i) * 10 * time.Second)
		b.put(id, fmt.Sprintf(`{"class":"call","event":"%s","timestamp":"%d.%06d","callid":"%s","uniqueid":"%s","machine":1}`,
			name, at.Unix(), at.Nanosecond()/1000, id, id), at)
	}
}

func streamPast(t *testing.T) {
	b := newBroker(t)
	const calls = 360 // one each 20 s, until two minutes ago
	now := time.Now()
	for i := range calls {
		b.call(fmt.Sprintf("c%d", i), now.Add(time.Duration(i-calls-6)*20*time.Second), "start", "answer", "end")
	}
	b.call("open", now.Add(-30*time.Second), "start", "answer")
	b.settle()
	capture := filepath.Join(t.TempDir(), "capture")
	copied := start(t, "tail", b.address(), "--from", "start", "-n", fmt.Sprint(3*calls+2), "--record", capture)
	copied.exit()

	args := []string{b.address(), "--from", "3h", "-o", "ndjson"}
	follow := start(t, append([]string{"calls", "-n", fmt.Sprint(calls + 1)}, args...)...)
	count := start(t, append([]string{"stats", "--every", "10m"}, args...)...)
	follow.lines(calls - 1) // the last one ends when the live clock says so, or the next event
	count.lines(10)
	b.call("open", time.Now(), "end")
	b.settle()
	if code := follow.exit(); code != 0 {
		t.Errorf("calls: exit code %d", code)
	}
	live := follow.out.snapshot()
	r := runProgram(t, t.TempDir(), nil, "calls", "--read", capture, "-o", "ndjson")
	of := strings.Split(strings.TrimSpace(r.stdout), "\n")
	slices.Sort(live)
	slices.Sort(of)
	if len(live) != calls+1 || !slices.Equal(live[:calls], of[:calls]) {
		t.Errorf("%d records live, %d of the capture", len(live), len(of))
	}
	if last := live[calls]; !strings.Contains(last, `"callid":"open"`) || !strings.Contains(last, `"state":"ended"`) || !strings.Contains(last, `"events":3`) {
		t.Errorf("the call that goes on: %s", last)
	}

	count.says("connected to", 1)
	count.received(3*calls + 3)
	count.signal(syscall.SIGTERM)
	if code := count.exit(); code != 0 {
		t.Errorf("stats: exit code %d", code)
	}
	sum, attempts, full := 0, 0, 0
	for _, line := range count.out.snapshot() {
		var block struct{ Events, Attempts int }
		if err := json.Unmarshal([]byte(line), &block); err != nil {
			t.Fatal(err)
		}
		sum, attempts = sum+block.Events, attempts+block.Attempts
		if block.Events == 90 && block.Attempts == 30 {
			full++
		}
	}
	if sum != 3*calls+3 || attempts != calls+1 || full < 8 {
		t.Errorf("stats: %d events, %d attempts, %d whole intervals", sum, attempts, full)
	}
	count.matches(nil, []string{"came after the block"})

	p := start(t, "trace", "callid=c7", b.address(), "--from", "3h", "-o", "ndjson")
	if code := p.exit(); code != 0 || len(p.out.snapshot()) != 3 {
		t.Errorf("trace: exit code %d, %q", code, p.out.snapshot())
	}
}

func streamSecure(t *testing.T) {
	made, err := enswitchtest.NewCertificate(&enswitchtest.CertificateOptions{Hosts: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ca, key := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{ca: {Type: "CERTIFICATE", Bytes: made.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b := newBrokerWith(t, fmt.Sprintf("tls { cert_file: %q, key_file: %q }", ca, key), nats.RootCAs(ca))
	b.publish(0, 3)
	first := newBrokerWith(t, fmt.Sprintf("tls { cert_file: %q, key_file: %q, handshake_first: true }", ca, key), nats.RootCAs(ca), nats.TLSHandshakeFirst())
	first.publish(0, 3)
	for _, address := range []string{
		b.address(), strings.Replace(b.address(), "nats:", "tls:", 1), strings.Replace(b.address(), "//", "//127.0.0.1:1,", 1),
		strings.Replace(first.address(), "nats:", "tls:", 1),
	} {
		p := start(t, "tail", address, "--ca", ca, "--from", "start", "-n", "3")
		p.check(want{events: numbers(0, 3), received: 3})
	}
	p := start(t, "tail", b.address())
	p.check(want{code: cli.ExitConnect, said: []string{"certificate cannot be trusted", "--ca FILE"}})

	one, two := newBroker(t), newBroker(t)
	one.publish(0, 10)
	two.Kill()
	p = start(t, "tail", strings.Replace(two.address(), "//", "//"+one.Address()+",", 1), "--from", "start")
	p.lines(10)
	two.Restart()
	one.Kill()
	p.says("connected again", 1)
	p.signal(syscall.SIGTERM)
	p.exit()
}

func streamWrong(t *testing.T) {
	b := newBroker(t)
	p := start(t, "tail", b.URL()+"/nosuch")
	p.check(want{code: cli.ExitConnect, said: []string{"there is no stream nosuch", "there are ENSWITCH"}})

	secret := streamtest.Start(t, "authorization { user: u, password: right }")
	p = start(t, "tail", strings.Replace(secret.URL(), "//", "//u:horsebattery@", 1)+"/x", "--retry", "-v")
	p.check(want{code: cli.ExitKey, said: []string{"refuses the user or the password", "nats-creds"}, unsaid: []string{"horsebattery"}})

	p = start(t, "calls", streamtest.StartCore(t).URL()+"/x")
	p.check(want{code: cli.ExitConnect, said: []string{"no JetStream", "-js"}})

	r := runProgram(t, t.TempDir(), nil, "doctor", b.URL()+"/nosuch")
	if r.code != cli.ExitConnect || !strings.Contains(r.stdout, "FAIL  stream") || !strings.Contains(r.stdout, "there are ENSWITCH") {
		t.Errorf("doctor: %+v", r)
	}

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
	d := start(t, "doctor", b.address(), "--wait", "1m")
	d.lines(1)
	b.publish(0, 1)
	if code := d.exit(); code != 0 || !strings.Contains(strings.Join(d.out.snapshot(), "\n"), "call.start") {
		t.Errorf("doctor: exit code %d: %q", code, d.out.snapshot())
	}
}
