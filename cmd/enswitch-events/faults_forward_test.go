//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// forwardFaults are those of the targets of forward.
func forwardFaults() []fault {
	return append(forwardDamageFaults(), []fault{
		{
			"forward-killed", "kill -9 while a target that fails at random gets 6,000 events of 100 calls, five times",
			"every event arrives, at most 1,000 a kill twice, and those of a call in order", forwardKilled,
		},
		{
			"forward-stuck", "one call gets 503 and Retry-After: 3600, SIGTERM and kill -9",
			"all other events arrive, more than 1,000; its own wait; after the kill at most 1,000 come again", forwardStuck,
		},
		{
			"forward-down", "the target refuses connections, and is there later",
			"POSTs are answered, events wait; forward status says how many; all arrive", forwardDown,
		},
		{
			"forward-retry-dead", "forward retry-dead while forward runs, with a target that refuses what it took before",
			"dead letters are delivered again; exit code 1 as long as some stay", forwardRetryDead,
		},
		{
			"forward-odd-answers", "a server that closes each connection when the second request comes; answers 304 with a body",
			"every event is delivered, and nothing is said of the connection; what net/http prints is no line of the log", forwardOddAnswers,
		},
		{
			"forward-queue-removed", "the queue is removed while events wait in it",
			"that is said; at the end the events are dropped and counted; exit code 8 with --fail-on-loss", forwardQueueRemoved,
		},
		{"forward-watched", "systemd watches (Type=notify, WatchdogSec), Prometheus asks", "ready, alive again and again, stopping; /readyz, /healthz and the counts", forwardWatched},
	}...)
}

// sink is a target of forward. answer says with which status a request is answered.
type sink struct {
	*httptest.Server
	answer func(w http.ResponseWriter, callid string) int

	mu  sync.Mutex
	got []sunk
}

// sunk is an event that a sink took.
type sunk struct {
	CallID string `json:"callid"`
	N      int    `json:"n"`
}

func newSink(t *testing.T, answer func(w http.ResponseWriter, callid string) int) *sink {
	s := &sink{answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var e sunk
		if err := json.Unmarshal(body, &e); err != nil {
			t.Errorf("%q: %v", body, err)
		}
		status := s.answer(w, e.CallID)
		if status == http.StatusOK {
			s.mu.Lock()
			s.got = append(s.got, e)
			s.mu.Unlock()
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s
}

// taken returns the events so far.
func (s *sink) taken() []sunk {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]sunk(nil), s.got...)
}

// await waits until n events are there.
func (s *sink) await(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d events at the target", n), func() bool { return len(s.taken()) >= n })
}

// eventually waits until done reports true.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

// writeCalls writes a capture with n events of each call, in turn.
func writeCalls(t *testing.T, calls, n int) string {
	t.Helper()
	var text strings.Builder
	for i := range n {
		for call := range calls {
			fmt.Fprintf(&text, `{"class":"call","event":"start","timestamp":"1234567890.123456","callid":"c%d","n":%d}`+"\n", call, i)
		}
	}
	name := filepath.Join(t.TempDir(), "calls.ndjson")
	if err := os.WriteFile(name, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// complete checks that every event arrived, in the order of its call, and returns how many
// came again.
func complete(t *testing.T, got []sunk, calls, n int) (repeated int) {
	t.Helper()
	next := map[string]int{}
	for _, e := range got {
		switch {
		case e.N < next[e.CallID]:
			repeated++
		case e.N > next[e.CallID]:
			t.Errorf("%s: event %d came before %d", e.CallID, e.N, next[e.CallID])
			next[e.CallID] = e.N + 1
		default:
			next[e.CallID]++
		}
	}
	if len(next) != calls {
		t.Errorf("events of %d calls arrived, want %d", len(next), calls)
	}
	for call, k := range next {
		if k != n {
			t.Errorf("%s: %d events arrived, want %d", call, k, n)
		}
	}
	return repeated
}

// queueUp puts the events of a capture into the queue of a target that is not delivered to.
func queueUp(t *testing.T, capture, queue, to string) {
	t.Helper()
	p := start(t, "forward", "--read", capture, "--queue", queue, "--to", to, "--drain-timeout", "0s")
	if code := p.exit(); code != cli.ExitOK {
		t.Fatalf("exit code %d", code)
	}
}

func forwardKilled(t *testing.T) {
	const calls, n, kills = 100, 60, 5
	s := newSink(t, func(http.ResponseWriter, string) int {
		if rand.IntN(50) == 0 {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	queue := t.TempDir()
	to := s.URL + "/events"
	p := start(t, "forward", "--read", writeCalls(t, calls, n), "--queue", queue, "--to", to)
	eventually(t, "the capture is read", func() bool { return strings.Contains(p.said.tail(), "events received") })
	for range kills {
		s.await(t, len(s.taken())+rand.IntN(calls*n/kills/2))
		p.signal(syscall.SIGKILL)
		p.exit()
		p = start(t, "forward", "drain", "--queue", queue, "--to", to)
	}
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
	repeated := complete(t, s.taken(), calls, n)
	t.Logf("%d repeated in %d kills", repeated, kills)
	if repeated > 1000*kills {
		t.Errorf("%d events came again", repeated)
	}
}

func forwardStuck(t *testing.T) {
	const calls, n = 50, 60
	var freed atomic.Bool
	s := newSink(t, func(w http.ResponseWriter, callid string) int {
		if callid == "c0" && !freed.Load() {
			w.Header().Set("Retry-After", "3600")
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	queue := t.TempDir()
	const others = (calls - 1) * n
	p := start(t, "forward", "--read", writeCalls(t, calls, n), "--queue", queue, "--to", s.URL)
	s.await(t, others)
	p.signal(syscall.SIGKILL)
	p.exit()
	p = start(t, "forward", "drain", "--queue", queue, "--to", s.URL, "--drain-timeout", "1ms")
	p.signal(syscall.SIGTERM)
	p.exit()
	before := len(s.taken())
	if before > others+1000 {
		t.Errorf("%d events came again after the kill", before-others)
	}
	freed.Store(true)
	p = start(t, "forward", "drain", "--queue", queue, "--to", s.URL)
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
	complete(t, s.taken(), calls, n)
}

// queueStatus returns what forward status says of the only queue.
func queueStatus(t *testing.T, queue string) (s struct{ Waiting, Delivered, Dead, Dropped, AlreadyThere int64 }) {
	t.Helper()
	p := start(t, "forward", "status", "--queue", queue, "-o", "json")
	if code := p.exit(); code != cli.ExitOK {
		t.Fatalf("exit code %d", code)
	}
	<-p.out.over
	all := []struct {
		Waiting, Delivered, Dead, Dropped int64
		AlreadyThere                      int64 `json:"already_there"`
	}{}
	if err := json.Unmarshal([]byte(p.out.tail()), &all); err != nil || len(all) != 1 {
		t.Fatalf("%v: %s", err, p.out.tail())
	}
	return struct{ Waiting, Delivered, Dead, Dropped, AlreadyThere int64 }(all[0])
}

func forwardDown(t *testing.T) {
	const n = 40
	address, queue := closedPort(t), t.TempDir()
	p := start(t, "forward", "--listen", "0", "--queue", queue, "--to", "http://"+address)
	url := p.url()
	for i := range n {
		r, err := http.Post(url, "application/json", strings.NewReader(fmt.Sprintf(`{"class":"call","event":"start","callid":"c%d","n":%d}`, i%4, i/4)))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
	}
	eventually(t, "the events wait", func() bool { return queueStatus(t, queue).Waiting == n })
	again := newSink(t, func(http.ResponseWriter, string) int { return http.StatusOK })
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: again.Config.Handler}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	again.await(t, n)
	eventually(t, "nothing waits", func() bool { st := queueStatus(t, queue); return st.Waiting == 0 && st.Delivered == n })
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
	complete(t, again.taken(), 4, n/4)
}

func forwardRetryDead(t *testing.T) {
	const calls, n = 10, 5
	var refuse, kind atomic.Bool
	refuse.Store(true)
	s := newSink(t, func(_ http.ResponseWriter, callid string) int {
		if refuse.Load() && (!kind.Load() || callid == "c0") {
			return http.StatusNotFound
		}
		return http.StatusOK
	})
	queue := t.TempDir()
	queueUp(t, writeCalls(t, calls, n), queue, s.URL)
	p := start(t, "forward", "--listen", "0", "--queue", queue, "--to", s.URL)
	eventually(t, "all are dead", func() bool { return queueStatus(t, queue).Dead == calls*n })
	kind.Store(true)
	retry := start(t, "forward", "retry-dead", "--queue", queue, "--to", s.URL)
	if code := retry.exit(); code != cli.ExitFailure {
		t.Errorf("exit code %d", code)
	}
	if dead := queueStatus(t, queue).Dead; dead != n {
		t.Errorf("%d dead letters, want %d", dead, n)
	}
	refuse.Store(false)
	retry = start(t, "forward", "retry-dead", "--queue", queue, "--to", s.URL)
	if code := retry.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
	if st := queueStatus(t, queue); st.Dead != 0 || st.Delivered != calls*n {
		t.Errorf("got %+v", st)
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
	complete(t, s.taken(), calls, n)
}

func forwardWatched(t *testing.T) {
	dir, err := os.MkdirTemp("", "n") // the name of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	name := filepath.Join(dir, "s")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = systemd.Close() })
	told := func(want string) {
		t.Helper()
		_ = systemd.SetReadDeadline(time.Now().Add(patience))
		for text := make([]byte, 100); ; {
			n, err := systemd.Read(text)
			if err != nil {
				t.Fatalf("%s was not said: %v", want, err)
			}
			if string(text[:n]) == want {
				return
			}
		}
	}
	s := newSink(t, func(http.ResponseWriter, string) int { return http.StatusOK })
	p := startWith(t, setup{env: []string{"NOTIFY_SOCKET=" + name, "WATCHDOG_USEC=30000"}},
		"forward", "--listen", "0", "--metrics", "0", "--queue", t.TempDir(), "--to", s.URL)
	told("READY=1")
	told("WATCHDOG=1")
	told("WATCHDOG=1")
	r, err := http.Post(p.url(), "application/json", strings.NewReader(`{"class":"call","event":"start","callid":"c0","n":0,"machine":7}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	s.await(t, 1)
	metrics := ""
	p.said.await(t, "the URL of the metrics", func(lines []string) bool {
		for _, line := range lines {
			if i := strings.Index(line, "metrics on http"); i >= 0 {
				metrics, _, _ = strings.Cut(line[i+len("metrics on "):], "/metrics")
			}
		}
		return metrics != ""
	})
	get := func(path string) string {
		r, err := http.Get(metrics + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, _ := io.ReadAll(r.Body)
		return fmt.Sprint(r.StatusCode) + " " + string(body)
	}
	for _, path := range []string{"/readyz", "/healthz"} {
		if got := get(path); !strings.HasPrefix(got, "200 ") {
			t.Errorf("%s: %s", path, got)
		}
	}
	eventually(t, "the counts are there", func() bool {
		got := get("/metrics")
		for _, line := range []string{
			`enswitch_events_received_total{source="127.0.0.1"} 1`, "enswitch_events_kept_total 1",
			`enswitch_events_forwarded_total{target="` + s.URL + `"} 1`, `enswitch_events_queue_events{target="` + s.URL + `"} 0`,
		} {
			if !strings.Contains(got, line) {
				return false
			}
		}
		return true
	})
	p.signal(syscall.SIGTERM)
	told("STOPPING=1")
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
}
