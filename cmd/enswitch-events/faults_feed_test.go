//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// secret is the key of the tests. It needs escapes in a URL, so that every form
// of it can be looked for.
const secret = "s3cret/key+with=all&that"

// feedFaults are those of what comes in, of several feeds, and of the key.
func feedFaults() []fault {
	return []fault{
		{
			"hostile-frames", "frames that are no JSON, no object, cut short, nested 5,000 deep, 1 MB long, not UTF-8, with raw control characters, escaped and repeated keys",
			"what is an event is printed on one line of valid JSON, repaired if need be; the rest is rejected and counted; the stream goes on", hostileFrames,
		},
		{"two-addresses-one-dies", "two messaged send the same events, and one dies and comes back", "each event once, none lost: the other has it", oneOfTwoDies},
		{"two-addresses-one-never-there", "one of two messaged is not there at first, with --retry", "the other's events come meanwhile", oneOfTwoLate},
		{"restart-while-posts-arrive", "messaged restarts while the same events are POSTed to --listen", "each event once, none lost", restartWithPosts},
		{"same-event-twice", "one messaged sends the same event twice", "it is two events: of a single source nothing is dropped", sameTwice},
		{"key-in-file", "a server repeats the key in all it answers; the key comes from a file", "the key is not in stderr, not in the JSON log, not in the command line", keyFrom("file")},
		{"key-in-environment", "the same; the key comes from the environment", "the key is not in stderr, not in the JSON log, not in the command line", keyFrom("environment")},
		{"key-in-pasted-url", "the same; the key is in the pasted URL", "the key is not in stderr and not in the JSON log", keyFrom("url")},
	}
}

func hostileFrames(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "--no-reconnect")
	peer := w.join()
	deep := strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000)
	events, rest := []string{
		`{"n":1}`, ` {"n":2} `, "{\n\"n\":3\n}", `{"n":4,"n":"4"}`, `{"\u006e":5}`, "{\"n\":6,\"name\":\"M\xe9lanie\"}", "{\"n\":7,\"t\":\"a\tb\x00\"}",
		`{"n":8,"x":` + deep + `}`, `{"n":9,"x":"` + strings.Repeat("x", 1<<20) + `"}`, `{"n":10,"t":"\u001b]0;pwned\u0007"}`, `{"n":11,"x":1e999999}`,
		"{\"n\":12,\"t\":\"\xed\xa0\x80\xf4\x90\x80\x80\"}", `{"n":13,"t":"\ud800"}`, "\ufeff{\"n\":14}",
	}, []string{
		"", "not json", "[1]", `"text"`, "42", "null", "{", `{"n":1`, `{"n":1}{"n":2}`, `{"n":01}`, "\x00", "\ufeff", `{"n":1,}`, `{n:1}`, strings.Repeat("[", 100_000),
	}
	var block []byte
	for i := range max(len(events), len(rest)) {
		for _, list := range [][]string{rest, events} {
			if i < len(list) {
				block = enswitchtest.AppendFrame(block, true, 1, []byte(list[i]))
			}
		}
	}
	peer.write(block)
	peer.Close()
	l := p.check(want{code: cli.ExitLost, events: seq(1, len(events)), received: int64(len(events) + len(rest)), said: []string{"rejected, no event"}})
	if l.Rejected != int64(len(rest)) || l.Repaired != 4 {
		t.Errorf("%+v", l)
	}
	for _, line := range p.out.snapshot() {
		if !json.Valid([]byte(line)) || strings.ToValidUTF8(line, "") != line || strings.ContainsAny(line, "\x00\x07\x1b") {
			t.Errorf("not a line of valid JSON: %.100q", line)
		}
	}
}

// waitClients waits for clients of a server.
func waitClients(t *testing.T, s *enswitchtest.Server, n int) {
	t.Helper()
	if err := s.WaitClients(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

// serverAt serves messaged's websocket at addr, or at a free port if that is
// "".
func serverAt(t *testing.T, addr string) *enswitchtest.Server {
	t.Helper()
	if addr == "" {
		addr = closedPort(t)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s := enswitchtest.NewServer(&enswitchtest.ServerOptions{Listener: l})
	t.Cleanup(s.Close)
	return s
}

func oneOfTwoDies(t *testing.T) {
	first, second := serverAt(t, ""), serverAt(t, "")
	p := start(t, "tail", first.Addr(), second.Addr())
	waitClients(t, first, 1)
	waitClients(t, second, 1)
	for n := 1; n <= 300; n++ {
		first.Send(testEvent(n))
		second.Send(testEvent(n))
		switch n {
		case 100:
			first.Drop()
		case 200:
			waitClients(t, first, 1)
		}
	}
	p.lines(300)
	first.CloseClients(1000, "") // after all that was sent
	p.says("code 1000.*reconnecting", 1)
	second.CloseClients(1000, "")
	p.says("code 1000.*reconnecting", 2)
	p.signal(os.Interrupt)
	l := p.check(want{events: seq(1, 300), received: -1, said: []string{"connection reset.*reconnecting", "connected again"}})
	if l.Received < 400 || l.Filtered != l.Duplicates || l.Duplicates != l.Received-300 {
		t.Errorf("%+v", l)
	}
}

func oneOfTwoLate(t *testing.T) {
	first, late := serverAt(t, ""), closedPort(t)
	p := start(t, "tail", first.Addr(), late, "--retry", "-n", "20")
	waitClients(t, first, 1)
	first.Send(testEvent(1))
	p.lines(1)
	p.says("connection refused: reconnecting in", 1)
	second := serverAt(t, late)
	waitClients(t, second, 1)
	for n := 2; n <= 20; n++ {
		second.Send(testEvent(n))
	}
	p.check(want{events: seq(1, 20), received: 20})
}

func restartWithPosts(t *testing.T) {
	server := serverAt(t, closedPort(t))
	p := start(t, "tail", server.Addr(), "--listen", "0")
	poster := &enswitchtest.Poster{URL: p.url()}
	waitClients(t, server, 1)
	const total = 600
	for n := 1; n <= total; n++ {
		server.Send(testEvent(n))
		if err := poster.Post(t.Context(), testEvent(n)); err != nil {
			t.Fatal(err)
		}
		switch n {
		case total / 3:
			server.Drop()
			server.Close()
			p.says("reconnecting in", 1)
		case total / 2:
			server = serverAt(t, server.Addr())
		case total * 2 / 3:
			waitClients(t, server, 1)
		}
	}
	p.lines(total)
	server.CloseClients(1000, "")
	p.says("code 1000.*reconnecting", 1)
	p.signal(os.Interrupt)
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	// Two feeds have no common order.
	got := events(t, p.out.snapshot())
	slices.Sort(got)
	if !slices.Equal(got, seq(1, total)) {
		t.Errorf("%s", brief(got))
	}
	if l := p.final(); l.Kept != total || l.Duplicates != l.Filtered || l.Received != total+l.Duplicates || l.Gaps != 2 { // the restart, and the end
		t.Errorf("%+v", l)
	}
	p.clean()
}

func sameTwice(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "-n", "3")
	peer := w.join()
	peer.send(1, 1)
	peer.send(1, 1)
	peer.send(2, 2)
	p.check(want{events: []int{1, 1, 2}, received: 3})
}

// keyFrom is a row in which the key comes from there, and the server says it
// wherever it can: in statuses, headers, redirects, bodies, close reasons.
func keyFrom(where string) func(*testing.T) {
	return func(t *testing.T) {
		w := newWire(t)
		s, args := setup{}, []string{"tail", w.addr, "-v", "--retry", "-n", "1"}
		switch where {
		case "file":
			file := t.TempDir() + "/key"
			if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, "--authkey-file", file)
		case "environment":
			s.env = []string{"ENSWITCH_AUTHKEY=" + secret}
		case "url":
			args[1] = "http://" + w.addr + "/events/websocket/?authkey=" + url.QueryEscape(secret)
		}
		p := startWith(t, s, args...)
		escaped := url.QueryEscape(secret)
		w.accept().answer(302, "Location: http://other.example/?authkey="+escaped+"\r\n", secret)
		w.accept().answer(500, "X-Key: "+secret+"\r\n", "no such key: "+secret+", "+escaped+", authkey="+secret)
		peer := w.accept()
		if key := peer.upgrade().URL.Query().Get("authkey"); key != secret {
			t.Errorf("the server got the key %q", key)
		}
		if where != "url" {
			// Where there is no such file, nobody can read it either.
			line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.cmd.Process.Pid))
			if bytes.Contains(line, []byte("s3cret")) {
				t.Errorf("the command line has the key: %q", line)
			}
		}
		peer.write(enswitchtest.AppendFrame(nil, true, 1, []byte("no event: "+secret+" "+escaped)))
		peer.closeFrame(append(closeCode(1011), "key "+secret+" "+escaped...))
		w.accept().answer(401, "WWW-Authenticate: "+secret+"\r\n", "wrong key "+secret)
		p.check(want{code: cli.ExitKey, received: 1, unsaid: []string{regexp.QuoteMeta(secret), regexp.QuoteMeta(escaped), "s3cret"}})
	}
}
