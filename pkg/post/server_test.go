package post

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener without sockets, so that its server can run in a bubble
// where time passes at once.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func listenPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// TestSlowSenders runs the limits of time at their documented values.
func TestSlowSenders(t *testing.T) {
	trickle := func(conn net.Conn, text string) {
		for _, c := range []byte(text) {
			if _, err := conn.Write([]byte{c}); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}
	const post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
	for _, c := range []struct {
		name   string
		send   func(net.Conn)
		after  time.Duration
		answer string
		reject string
	}{
		{name: "silent from the start", send: func(net.Conn) {}, after: HeaderTimeout},
		{name: "slow header", send: func(conn net.Conn) { trickle(conn, post) }, after: HeaderTimeout, answer: "HTTP/1.1 400"},
		{
			name: "slow body", after: RequestTimeout, answer: "HTTP/1.1 408", reject: "body did not arrive in time",
			send: func(conn net.Conn) {
				_, _ = io.WriteString(conn, post)
				trickle(conn, strings.Repeat("x", 100))
			},
		},
		{
			name: "idle", after: IdleTimeout, answer: "HTTP/1.1 200",
			send: func(conn net.Conn) {
				_, _ = io.WriteString(conn, strings.Replace(post, "100", "7", 1)+"class=a")
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var reject string
				h, err := NewHandler(&Options{OnReject: func(no Rejection) { reject = no.Reason }})
				if err != nil {
					t.Fatal(err)
				}
				l := listenPipes()
				server := NewServer(h, nil)
				ended := make(chan struct{})
				go func() { defer close(ended); _ = server.Serve(LimitListener(l, MaxConns, nil)) }()
				conn := l.dial()
				start := time.Now()
				sent := make(chan struct{})
				go func() { defer close(sent); c.send(conn) }()
				answer, _ := io.ReadAll(conn)
				after := time.Since(start)
				_ = conn.Close()
				<-sent
				_ = server.Close()
				<-ended
				synctest.Wait()
				if after < c.after || after > c.after+time.Second {
					t.Errorf("cut after %v, want %v", after, c.after)
				}
				if !strings.HasPrefix(string(answer), c.answer) || c.answer == "" && len(answer) > 0 {
					t.Errorf("answer %q", answer)
				}
				if reject != c.reject {
					t.Errorf("rejected: %q", reject)
				}
			})
		})
	}
}

// TestLimitListener fills a listener with silent connections: the one that was silent
// longest is closed, and a sender is served at once.
func TestLimitListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := NewHandler(nil)
		if err != nil {
			t.Fatal(err)
		}
		l := listenPipes()
		server := NewServer(h, nil)
		ended := make(chan struct{})
		go func() { defer close(ended); _ = server.Serve(LimitListener(l, 3, nil)) }()
		exchange := func(conn net.Conn) {
			t.Helper()
			_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nclass=a")
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || resp.StatusCode != 200 {
				t.Fatalf("%v, %v", resp, err)
			}
			time.Sleep(time.Millisecond)
		}
		kept := l.dial()
		exchange(kept)
		idle := l.dial()
		exchange(idle)
		exchange(kept)
		conns := []net.Conn{kept, idle}
		for range 10 { // each one more than the limit, but for the first
			conn := l.dial()
			conns = append(conns, conn)
			exchange(conn)
			exchange(kept)
		}
		if _, err := idle.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the idle connection: %v", err)
		}
		for _, conn := range conns {
			_ = conn.Close()
		}
		_ = server.Close()
		<-ended
	})
}

// TestTLS: the answer is out first only over HTTP/1, so that is what is
// spoken, even with a client that would rather speak HTTP/2.
func TestTLS(t *testing.T) {
	h, err := NewHandler(nil)
	if err != nil {
		t.Fatal(err)
	}
	donor := httptest.NewUnstartedServer(h) // of a certificate
	donor.StartTLS()
	defer donor.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(h, nil)
	server.TLSConfig.Certificates = donor.TLS.Certificates
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.ServeTLS(LimitListener(l, MaxConns, nil), "", "") }()
	defer func() {
		_ = server.Shutdown(context.WithoutCancel(t.Context()))
		<-ended
	}()
	transport := donor.Client().Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = true
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(request(t, "POST", "https://"+l.Addr().String(), "", "class=a"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 200 || resp.ProtoMajor != 1 {
		t.Errorf("%s %s", resp.Proto, resp.Status)
	}
	if conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		_ = conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
}

// TestFaults: the log lines of net/http become faults.
func TestFaults(t *testing.T) {
	var faults []Fault
	server := NewServer(nil, func(f Fault) { faults = append(faults, f) })
	for _, reason := range []string{
		"client sent an HTTP request to an HTTPS server", "remote error: tls: unknown certificate authority",
		"local error: tls: bad record MAC",
		"tls: client offered only unsupported versions: [301 302]", "tls: client offered only unsupported versions: [7f1c]",
		"remote error: tls: protocol version not supported", "tls: unsupported SSLv2 handshake received",
		"tls: no cipher suite supported by both client and server; client offered: [35]",
		"tls: first record does not look like a TLS handshake", "remote error: tls: handshake failure", "tls: unexpected message", "EOF",
	} {
		server.ErrorLog.Print("http: TLS handshake error from [::1]:4000: " + reason)
	}
	server.ErrorLog.Print("something else")
	want := []Fault{
		{NotTLS, "::1", "client sent an HTTP request to an HTTPS server"},
		{CertificateRefused, "::1", "unknown certificate authority"},
		{CertificateRefused, "::1", "bad record MAC, which is how OpenSSL refuses one"},
		{TLSVersion, "::1", "it offers TLS 1.1 at most"},
		{TLSVersion, "::1", "it offers no version of TLS that is known"},
		{TLSVersion, "::1", "it refuses the server's versions"},
		{TLSVersion, "::1", "it offers SSL 2"},
		{HandshakeFailed, "::1", "it has no cipher in common with the server"},
		{HandshakeFailed, "::1", "it does not speak TLS"},
		{HandshakeFailed, "::1", "it sent the alert: handshake failure"},
		{HandshakeFailed, "::1", "unexpected message"},
		{OtherFault, "::1", "EOF"},
		{OtherFault, "", "something else"},
	}
	if !slices.Equal(faults, want) {
		t.Errorf("%v", faults)
	}
	NewServer(nil, nil).ErrorLog.Print("nowhere")
}

// BenchmarkHandler POSTs the sample over a kept connection, and compares with a handler
// that only answers, in a server without limits.
func BenchmarkHandler(b *testing.B) {
	h, err := NewHandler(nil)
	if err != nil {
		b.Fatal(err)
	}
	full, err := NewHandler(&Options{Authkey: "0123456789abcdef", Allow: prefixes("127.0.0.0/8 ::1/128")})
	if err != nil {
		b.Fatal(err)
	}
	text := "POST /?authkey=0123456789abcdef HTTP/1.1\r\nHost: localhost\r\n" +
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " + strconv.Itoa(len(sample)) + "\r\n\r\n" + sample
	for _, c := range []struct {
		name    string
		handler http.Handler
	}{
		{"bare", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })},
		{"post", h},
		{"post, key and allow list", full},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			addr := l.Addr().String()
			server := &http.Server{Handler: c.handler}
			if c.name != "bare" {
				server, l = NewServer(c.handler, nil), LimitListener(l, MaxConns, nil)
			}
			ended := make(chan struct{})
			go func() { defer close(ended); _ = server.Serve(l) }()
			defer func() { _ = server.Close(); <-ended }()
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			request, answer := []byte(text), make([]byte, 4096)
			for b.Loop() {
				if _, err := conn.Write(request); err != nil {
					b.Fatal(err)
				}
				n, err := conn.Read(answer) // an answer is one write
				if err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 200") {
					b.Fatalf("%q, %v", answer[:n], err)
				}
			}
		})
	}
}
