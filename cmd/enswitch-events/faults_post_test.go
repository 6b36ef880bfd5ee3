//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/post"
)

// postFaults are those of listen, whose answer routing of calls waits for.
func postFaults() []fault {
	return append(append(orderFaults(), senderFaults()...), []fault{
		{"idle-connections", "2,000 connections that say nothing", "the number of connections stays bounded, and a POST still gets its answer at once", idleConnections},
		{"slow-header", "a sender that never ends its header", "it is cut; POSTs of others are answered meanwhile", slowHeader},
		{"slow-body", "a sender that never ends its body", "it is answered 408 and cut; POSTs of others are answered meanwhile; it is no event", slowBody},
		{"long-header", "a header without end", "it is answered 431 and cut", longHeader},
		{"post-stdout-blocked", "a flood of POSTs while stdout is blocked", "every POST is answered as fast as otherwise (measured, not compared); then every event comes", postBlocked},
		{"post-stderr-blocked", "a flood of wrong POSTs while nobody reads stderr", "every POST is answered", postStderrBlocked},
		{"post-sigterm", "SIGTERM while POSTs come", "every POST that was answered is written; exit code 0", postTerm},
		{"post-cut-short", "a sender dies in the middle of the body", "it is no event; POSTs of others go on", postCut},
		{"post-wrong-key", "POSTs with a wrong key, with none, from an address that is not allowed, to another path, by GET", "each is refused with its status, none is an event, the key is nowhere in what is said", wrongKey},
		{"post-hostile-bodies", "bodies that are no event: empty, binary, half a gzip, JSON that is no object, UTF-16, too many fields", "200 all the same, as the sender ignores it; each is rejected and counted", hostileBodies},
		{"post-too-long", "a body over --max-body, with and without its length said before", "413; it is no event", postTooLong},
		{"port-in-use", "the port is in use already", "exit code 3, and --port 0 is named", portInUse},
	}...)
}

// postForm POSTs the event of that number and returns the status.
func postForm(t *testing.T, client *http.Client, to string, n int) int {
	t.Helper()
	status, err := tryPost(t.Context(), client, to, n)
	if err != nil {
		t.Fatalf("POST %d: %v", n, err)
	}
	return status
}

func tryPost(ctx context.Context, client *http.Client, to string, n int) (int, error) {
	form := url.Values{"class": {"call"}, "event": {"start"}, "timestamp": {"1234567890.123456"}, "n": {strconv.Itoa(n)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// newClient returns a client with connections of its own.
func newClient(t *testing.T) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

func dial(t *testing.T, to string) net.Conn {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	})
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

func idleConnections(t *testing.T) {
	const conns = 2000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < conns+1000 {
		t.Skipf("%d open files allowed here, %d needed: %v", limit.Cur, conns+1000, err)
	}
	p := start(t, "listen", "--port", "0", "-n", "1")
	to := p.url()
	for range conns {
		dial(t, to)
	}
	if status := postForm(t, newClient(t), to, 1); status != 200 {
		t.Errorf("status %d", status)
	}
	// Where there is no /proc the number is not known.
	if files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid)); err == nil && len(files) > post.MaxConns+50 {
		t.Errorf("%d files are open", len(files))
	}
	p.check(want{events: seq(1, 1), received: 1})
}

func slowHeader(t *testing.T) {
	p := start(t, "listen", "--port", "0", "-n", "2")
	to := p.url()
	slow := dial(t, to)
	if _, err := io.WriteString(slow, "POST / HTTP/1.1\r\nHost: x\r\nX-"); err != nil {
		t.Fatal(err)
	}
	client := newClient(t)
	postForm(t, client, to, 1)
	p.lines(1)
	if _, err := io.Copy(io.Discard, slow); err != nil {
		t.Errorf("the slow sender was not cut: %v", err)
	}
	postForm(t, client, to, 2)
	p.check(want{events: seq(1, 2), received: 2})
}

func slowBody(t *testing.T) {
	p := start(t, "listen", "--port", "0", "-n", "2")
	to := p.url()
	slow := dial(t, to)
	if _, err := io.WriteString(slow, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nclass=call&n=99"); err != nil {
		t.Fatal(err)
	}
	client := newClient(t)
	postForm(t, client, to, 1)
	p.lines(1)
	answer, err := io.ReadAll(slow)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 408 ")) {
		t.Errorf("the slow sender got %q, %v", answer, err)
	}
	postForm(t, client, to, 2)
	p.check(want{events: seq(1, 2), received: 2, said: []string{"did not arrive in time"}})
}

func longHeader(t *testing.T) {
	p := start(t, "listen", "--port", "0", "-n", "1")
	to := p.url()
	conn := dial(t, to)
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n")
	for err := error(nil); err == nil; {
		_, err = io.WriteString(conn, "X-Filler: "+strings.Repeat("x", 1000)+"\r\n")
	}
	postForm(t, newClient(t), to, 1)
	p.check(want{events: seq(1, 1), received: 1})
}

// rush POSTs events from first to last over some connections and returns how
// long the answers took, sorted.
func rush(t *testing.T, client *http.Client, to string, first, last int) []time.Duration {
	t.Helper()
	const senders = 4
	took := make([]time.Duration, last-first+1)
	var sending sync.WaitGroup
	for s := range senders {
		sending.Go(func() {
			for n := first + s; n <= last; n += senders {
				began := time.Now()
				if status, err := tryPost(t.Context(), client, to, n); err != nil || status != 200 {
					t.Errorf("POST %d: %d, %v", n, status, err)
					return
				}
				took[n-first] = time.Since(began)
			}
		})
	}
	sending.Wait()
	slices.Sort(took)
	return took
}

func postBlocked(t *testing.T) {
	p, stdout := blocked(t, setup{}, "listen", "--port", "0", "--buffer", "256KiB")
	to, client := p.url(), newClient(t)
	const part = 1200
	free := newText()
	taken, w := io.Pipe()
	go free.read(taken)
	// Not blocked to begin with: what comes is read up to the last event.
	read := make(chan error, 1)
	resume := make(chan struct{})
	go func() {
		_, err := io.Copy(w, untilLines(stdout, part))
		read <- err
		<-resume
		_, _ = io.Copy(w, stdout)
		w.Close()
	}()
	open := rush(t, client, to, 1, part)
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	shut := rush(t, client, to, part+1, 4*part)
	l := p.received(4 * part)
	if l.Waiting == 0 {
		t.Errorf("stdout is not blocked: %+v", l)
	}
	p99 := func(took []time.Duration) time.Duration { return took[len(took)*99/100] }
	t.Logf("answers at stdout free: median %v, p99 %v; at stdout blocked: median %v, p99 %v",
		open[len(open)/2], p99(open), shut[len(shut)/2], p99(shut))
	close(resume)
	p.out = free
	p.lines(4 * part)
	p.signal(os.Interrupt)
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	got := events(t, p.out.snapshot())
	slices.Sort(got) // four senders at once
	if l := p.final(); !slices.Equal(got, seq(1, 4*part)) || l.Received != 4*part || l.Kept != 4*part {
		t.Errorf("%s, %+v", brief(got), l)
	}
	p.clean()
}

// lineReader ends after the given number of lines.
type lineReader struct {
	r    io.Reader
	left int
}

func untilLines(r io.Reader, n int) io.Reader { return &lineReader{r, n} }

func (l *lineReader) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, io.EOF
	}
	n, err := l.r.Read(b)
	l.left -= bytes.Count(b[:n], []byte("\n"))
	return n, err
}

func postStderrBlocked(t *testing.T) {
	// The URL is on stderr, so that the port must be known before.
	_, port, _ := net.SplitHostPort(closedPort(t))
	r, stderr := pipe(t)
	fill(t, stderr)
	p := startWith(t, setup{stderr: stderr}, "listen", "--port", port, "-v")
	stderr.Close()
	to, client := "http://127.0.0.1:"+port+"/", newClient(t)
	for deadline := time.Now().Add(patience); ; {
		if _, err := tryPost(t.Context(), client, to, 1); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond) // it has just been started
	}
	for n := 2; n <= 1000; n++ {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to+"?n="+strconv.Itoa(n), strings.NewReader("no event "+strconv.Itoa(n)))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
		resp.Body.Close()
		postForm(t, client, to, n)
	}
	p.lines(1000)
	p.said = newText()
	go p.said.read(r)
	p.signal(os.Interrupt)
	if l := p.check(want{events: seq(1, 1000), received: 1999}); l.Rejected != 999 {
		t.Errorf("%+v", l)
	}
}

func postTerm(t *testing.T) {
	p := start(t, "listen", "--port", "0")
	to, client := p.url(), newClient(t)
	const senders = 4
	var mu sync.Mutex
	var answered []int
	var sending sync.WaitGroup
	for s := range senders {
		sending.Go(func() {
			for n := s + 1; ; n += senders {
				status, err := tryPost(t.Context(), client, to, n)
				if err != nil {
					return
				}
				if status != 200 {
					t.Errorf("status %d", status)
				}
				mu.Lock()
				answered = append(answered, n)
				mu.Unlock()
			}
		})
	}
	p.lines(1000)
	p.signal(syscall.SIGTERM)
	sending.Wait()
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	got := events(t, p.out.snapshot())
	if l := p.final(); l.Kept != int64(len(got)) || l.Received != l.Kept {
		t.Errorf("%d lines, %+v", len(got), l)
	}
	written := map[int]bool{}
	for _, n := range got {
		if written[n] {
			t.Errorf("%d was written twice", n)
		}
		written[n] = true
	}
	for _, n := range answered {
		if !written[n] {
			t.Errorf("%d was answered and not written", n)
		}
	}
}

func postCut(t *testing.T) {
	p := start(t, "listen", "--port", "0", "-n", "1")
	to := p.url()
	conn := dial(t, to)
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nclass=call&n=99"); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	p.says("body cut short", 1)
	postForm(t, newClient(t), to, 1)
	p.check(want{events: seq(1, 1), received: 1})
}

func wrongKey(t *testing.T) {
	p := startWith(t, setup{env: []string{"ENSWITCH_AUTHKEY=" + secret}},
		"listen", "--port", "0", "--path", "/events", "-n", "1", "-v", "--forwarded-header", "X-Forwarded-For", "--trust-proxy", "127.0.0.1", "--allow", "10.0.0.0/8")
	to, client := strings.TrimSuffix(p.url(), "?authkey=***"), newClient(t)
	right := to + "?authkey=" + url.QueryEscape(secret)
	for _, row := range []struct {
		method, to, from string
		status           int
	}{
		{http.MethodPost, to, "10.0.0.1", 401},
		{http.MethodPost, to + "?authkey=", "10.0.0.1", 401},
		{http.MethodPost, to + "?authkey=wrong", "10.0.0.1", 401},
		{http.MethodPost, to + "?authkey=wrong&authkey=" + url.QueryEscape(secret), "10.0.0.1", 401},
		{http.MethodPost, strings.Replace(right, "/events", "/", 1), "10.0.0.1", 404},
		{http.MethodGet, right, "10.0.0.1", 405},
		{http.MethodPost, right, "192.0.2.1", 403},
		{http.MethodPost, right, "10.0.0.1, 192.0.2.1", 403},
		{http.MethodPost, right, "::ffff:192.0.2.1", 403},
		{http.MethodPost, right, "", 403},
		{http.MethodPost, right, "::ffff:10.0.0.1", 200},
	} {
		req, err := http.NewRequestWithContext(t.Context(), row.method, row.to, strings.NewReader("class=call&n=1"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if row.from != "" {
			req.Header.Set("X-Forwarded-For", row.from)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != row.status {
			t.Errorf("%s from %q: status %d, want %d", row.method, row.from, resp.StatusCode, row.status)
		}
	}
	p.check(want{events: seq(1, 1), received: 1, said: []string{"status 401: wrong key", "status 403"}, unsaid: []string{"s3cret"}})
}

func hostileBodies(t *testing.T) {
	p := start(t, "listen", "--port", "0", "-n", "1")
	to, client := p.url(), newClient(t)
	bodies := []string{
		"", "&", "nothing", "\x00\x01\x02", "[1]", "null", `{"n":1`, "{}", "{", "{}{}", "\xff\xfe{\x00}\x00", "\x1f\x8b", strings.Repeat("a=1&", post.MaxFields+1),
	}
	for _, body := range bodies {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatalf("%.20q: %v", body, err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("%.20q: status %d", body, resp.StatusCode)
		}
	}
	p.received(int64(len(bodies)))
	postForm(t, client, to, 1)
	if l := p.check(want{events: seq(1, 1), received: int64(len(bodies)) + 1}); l.Rejected != int64(len(bodies)) {
		t.Errorf("%+v", l)
	}
}

func postTooLong(t *testing.T) {
	p := start(t, "listen", "--port", "0", "-n", "1", "--max-body", "1KiB")
	to, client := p.url(), newClient(t)
	long := "class=call&n=" + strings.Repeat("1", 4096)
	for _, body := range []io.Reader{strings.NewReader(long), io.MultiReader(strings.NewReader(long))} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to, body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d", resp.StatusCode)
		}
	}
	postForm(t, client, to, 1)
	p.check(want{events: seq(1, 1), received: 1, said: []string{"413"}})
}

func portInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	p := start(t, "listen", "--port", port)
	if code := p.exit(); code != cli.ExitConnect {
		t.Errorf("exit code %d", code)
	}
	p.matches([]string{"could not open the port", "--port 0 picks a free port"}, nil)
}
