//go:build unix

package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// orderFaults are what could mix up the events of a sender that waits for each
// answer before it sends the next event, on another connection.
func orderFaults() []fault {
	const inOrder = "the events of each sender come out in the order in which it sent them"
	return []fault{
		{"post-order", "senders that open a connection for each POST", inOrder, postOrder(400, nil)},
		{"post-order-tls", "the same over TLS", inOrder, postOrder(800, nil, "--tls-self-signed")},
		{"post-order-proxy", "the same with nginx in front", inOrder, postOrder(400, nginx)},
		{"post-order-lwp", "senders that are LWP::UserAgent", inOrder, lwpOrder},
		{"post-order-tail", "POSTs to tail --listen, a connection for each", inOrder, tailOrder},
		{"post-order-wait", "the steps of a sequence are POSTed one after the other, a connection for each", "wait --sequence finds them", waitOrder},
		{"post-order-large", "large and compressed bodies, forms of all kinds, between small ones", inOrder + ", on stdout and in the recording", largeOrder},
		{"post-many-sources", "POSTs from more addresses than are remembered", "none has the source of another; those past the bound are called other", manySources},
	}
}

// numbersOf adds what tells the senders apart: each has numbers of its own.
const numbersOf = 10_000

// sendInOrder POSTs events of each sender to addr, a connection for each. The next
// connection is made before the answer comes, so that the next event follows the
// answer at once: what takes its place late is overtaken more often.
func sendInOrder(t *testing.T, to string, senders, events int) {
	config := anyCertificate()
	config.ClientSessionCache = tls.NewLRUClientSessionCache(0) // a handshake is most of the work
	config.CurvePreferences = []tls.CurveID{tls.X25519}
	var sending sync.WaitGroup
	for s := range senders {
		sending.Go(func() {
			next, err := connect(t.Context(), to, config)
			for n := range events {
				conn := next
				if err == nil && n+1 < events {
					next, err = connect(t.Context(), to, config)
				}
				if err == nil {
					form := fmt.Sprintf("class=call&event=start&timestamp=1234567890.123456&n=%d", s*numbersOf+n)
					err = postOn(conn, to, "application/x-www-form-urlencoded", "", []byte(form))
				}
				if err != nil {
					t.Errorf("sender %d, event %d: %v", s, n, err)
					return
				}
			}
		})
	}
	sending.Wait()
}

// postAlone POSTs a body on a connection of its own, as LWP::UserAgent does.
func postAlone(ctx context.Context, to, contentType, encoding string, body []byte) error {
	conn, err := connect(ctx, to, anyCertificate())
	if err != nil {
		return err
	}
	return postOn(conn, to, contentType, encoding, body)
}

// anyCertificate is for TLS to any server.
func anyCertificate() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// connect opens a connection to the host of a URL, over TLS if it is an https one.
func connect(ctx context.Context, to string, config *tls.Config) (net.Conn, error) {
	u, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "https" {
		return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", u.Host)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
}

// postOn POSTs a body on conn, as the last one, and closes conn.
func postOn(conn net.Conn, to, contentType, encoding string, body []byte) error {
	defer conn.Close()
	u, err := url.Parse(to)
	if err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nTE: deflate,gzip;q=0.3\r\nConnection: TE, close\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n", u.RequestURI(), u.Host, contentType, len(body))
	if encoding != "" {
		head += "Content-Encoding: " + encoding + "\r\n"
	}
	if _, err := conn.Write(slices.Concat([]byte(head+"\r\n"), body)); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d, %w", resp.StatusCode, err)
	}
	return nil
}

// wantInOrder checks that all events came, those of each sender in order.
func wantInOrder(t *testing.T, lines []string, senders, each int) {
	t.Helper()
	next := make([]int, senders)
	for _, n := range events(t, lines) {
		s := n / numbersOf
		if n%numbersOf != next[s] {
			t.Fatalf("event %d of sender %d where %d should be", n%numbersOf, s, next[s])
		}
		next[s]++
	}
	for s, n := range next {
		if n != each {
			t.Errorf("%d events of sender %d, want %d", n, s, each)
		}
	}
}

// postOrder POSTs the number of events in each, from each sender, to listen; through a proxy if
// there is one.
func postOrder(each int, proxy func(t *testing.T, to string) string, args ...string) func(*testing.T) {
	const senders = 3
	return func(t *testing.T) {
		p := start(t, append([]string{"listen", "--port", "0", "-n", strconv.Itoa(senders * each)}, args...)...)
		to := p.url()
		if proxy != nil {
			to = proxy(t, to)
		}
		sendInOrder(t, to, senders, each)
		if code := p.exit(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		wantInOrder(t, p.out.snapshot(), senders, each)
	}
}

// nginx runs one that passes everything on, and returns its URL.
func nginx(t *testing.T, to string) string {
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program = "/usr/sbin/nginx"; exec.Command(program, "-v").Run() != nil {
			t.Skip("no nginx here")
		}
	}
	dir := t.TempDir()
	_, port, _ := net.SplitHostPort(closedPort(t))
	config := fmt.Sprintf(`daemon off; pid %[1]s/pid; error_log stderr; worker_processes 2;
events { worker_connections 100; }
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	server { listen 127.0.0.1:%[2]s; location / { proxy_pass %[3]s; } }
}
`, dir, port, to)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-e", "stderr", "-p", dir, "-c", file)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("nginx: %s", said.String())
		}
	})
	awaitPort(t, "127.0.0.1:"+port)
	return "http://127.0.0.1:" + port + "/"
}

// awaitPort waits until somebody listens there.
func awaitPort(t *testing.T, addr string) {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// lwpOrder has Perl's usual client send, if it is installed.
func lwpOrder(t *testing.T) {
	if out, err := exec.Command("perl", "-MLWP::UserAgent", "-e1").CombinedOutput(); err != nil {
		t.Skipf("no LWP::UserAgent here: %v, %.100s", err, out)
	}
	const script = `my ($url, $first, $events) = @ARGV;
my $ua = LWP::UserAgent->new;
for my $n ($first .. $first + $events - 1) {
	my $answer = $ua->post($url, [class => 'call', event => 'start', timestamp => '1234567890.123456', name => "Zo\xeb; 50% & co", n => $n]);
	$answer->is_success or die $answer->status_line;
}`
	const senders, each = 3, 200
	p := start(t, "listen", "--port", "0", "-n", strconv.Itoa(senders*each))
	to := p.url()
	var sending sync.WaitGroup
	for s := range senders {
		sending.Go(func() {
			cmd := exec.CommandContext(t.Context(), "perl", "-MLWP::UserAgent", "-e", script, to, strconv.Itoa(s*numbersOf), strconv.Itoa(each))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	sending.Wait()
	p.exit()
	wantInOrder(t, p.out.snapshot(), senders, each)
}

// tailOrder has a messaged beside the senders, whose events are in order, too.
func tailOrder(t *testing.T) {
	const senders, each = 3, 500
	w := newWire(t)
	p := start(t, "tail", w.addr, "--listen", "0", "-n", strconv.Itoa((senders+1)*each))
	messaged := w.join()
	var sending sync.WaitGroup
	sending.Go(func() { messaged.send(senders*numbersOf, senders*numbersOf+each-1) })
	sendInOrder(t, p.url(), senders, each)
	sending.Wait()
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	wantInOrder(t, p.out.snapshot(), senders+1, each)
}

// waitOrder makes the first step of a sequence a large event: the others come
// while it is parsed.
func waitOrder(t *testing.T) {
	w := newWire(t)
	p := start(t, "wait", w.addr, "--listen", "0", "--sequence", "call.start > call.route > call.end", "--same", "callid", "--timeout", "1m")
	w.join()
	to := p.url()
	for _, step := range []string{"start&pad=" + strings.Repeat("%20", 300_000), "route", "end"} {
		form := "class=call&n=1&callid=1.2&timestamp=1234567890.123456&event=" + step
		if err := postAlone(t.Context(), to, "application/x-www-form-urlencoded", "", []byte(form)); err != nil {
			t.Fatal(err)
		}
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := events(t, p.out.snapshot()); !slices.Equal(got, []int{1, 1, 1}) {
		t.Errorf("events %v", got)
	}
}

// largeOrder sends bodies of every kind and size in turn.
func largeOrder(t *testing.T) {
	const each = 300
	record := filepath.Join(t.TempDir(), "recorded.ndjson")
	p := start(t, "listen", "--port", "0", "-n", strconv.Itoa(2*each), "--record", record)
	to := p.url()
	var sending sync.WaitGroup
	sending.Go(func() {
		var body []byte
		for n := range each {
			var contentType, encoding string
			contentType, encoding, body = bodyOfKind(t, body[:0], n)
			if err := postAlone(t.Context(), to, contentType, encoding, body); err != nil {
				t.Errorf("event %d: %v", n, err)
				return
			}
		}
	})
	sending.Go(func() {
		for n := range each {
			if err := postAlone(t.Context(), to, "application/json", "", testEvent(numbersOf+n)); err != nil {
				t.Errorf("event %d: %v", n, err)
				return
			}
		}
	})
	sending.Wait()
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	wantInOrder(t, p.out.snapshot(), 2, each)
	recorded, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	wantInOrder(t, strings.Split(strings.TrimSpace(string(recorded)), "\n"), 2, each)
}

// bodyOfKind appends the event n in one of the forms that are taken, the second of
// which takes far longer than those after it.
func bodyOfKind(t *testing.T, dst []byte, n int) (contentType, encoding string, body []byte) {
	const form = "application/x-www-form-urlencoded"
	fields := fmt.Sprintf("class=call&event=start&n=%d", n)
	b := bytes.NewBuffer(dst)
	switch n % 5 {
	case 0:
		b.WriteString(fields)
		return form, "", b.Bytes()
	case 1:
		b.WriteString(fields + "&pad=")
		for range 300_000 {
			b.WriteString("%20")
		}
		return form, "", b.Bytes()
	case 2:
		b.Write(testEvent(n))
		return "application/json", "", b.Bytes()
	case 3:
		w, _ := gzip.NewWriterLevel(b, gzip.BestSpeed)
		_, _ = io.WriteString(w, fields+"&pad="+strings.Repeat("x", 500_000))
		w.Close()
		return form, "gzip", b.Bytes()
	}
	w := multipart.NewWriter(b)
	for field := range strings.SplitSeq(fields+"&pad="+strings.Repeat("x", 20_000), "&") {
		name, value, _ := strings.Cut(field, "=")
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	return w.FormDataContentType(), "", b.Bytes()
}

// manySources has a trusted proxy name an address of its own for each POST.
func manySources(t *testing.T) {
	const addresses, remembered = 4200, 4000
	p := start(t, "listen", "--port", "0", "-n", strconv.Itoa(addresses), "--meta", "--forwarded-header", "X-Forwarded-For", "--trust-proxy", "127.0.0.1")
	conn := dial(t, p.url())
	answers := bufio.NewReader(conn)
	for n := range addresses {
		body := fmt.Sprintf("class=call&n=%d", n)
		request := fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.1.%d.%d\r\nContent-Length: %d\r\n\r\n%s", n>>8, n&255, len(body), body)
		_ = conn.SetDeadline(time.Now().Add(patience)) // for each: on a busy machine all take minutes
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		if resp, err := http.ReadResponse(answers, nil); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for n, line := range p.out.snapshot() {
		var e struct{ Source string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if right := fmt.Sprintf("10.1.%d.%d", n>>8, n&255); e.Source != right && (n < remembered || e.Source != "other") {
			t.Errorf("event %d has the source %q, want %s", n, e.Source, right)
		}
	}
}
