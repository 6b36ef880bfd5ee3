package messaged

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

const testKey = `s3cret&"k=y`

// noKey fails if err shows the key.
func noKey(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, form := range newSecrets(testKey) {
			if s := fmt.Sprintf("%v %+v", e, e); strings.Contains(s, form) {
				t.Errorf("the key shows: %s", s)
			}
		}
	}
}

// secure is a TLS server with a certificate that no client trusts.
func secure(t *testing.T) string {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestHandshakeFails(t *testing.T) {
	status := func(code int) func(*testing.T) string {
		return func(t *testing.T) string {
			return pages(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "http://elsewhere.example/?"+r.URL.RawQuery)
				if code == 200 {
					w.Header().Set("Content-Type", "text/html")
				} else {
					w.Header().Set("Content-Type", "text/plain")
				}
				w.WriteHeader(code)
				fmt.Fprintf(w, "<p>\x1b[31myou said %s, %s\r\n", r.URL.RawQuery, r.URL.Query().Get("authkey"))
			})
		}
	}
	says := func(answer string) func(*testing.T) string {
		return func(t *testing.T) string {
			return listen(t, func(_ int, nc net.Conn) {
				if _, err := http.ReadRequest(bufio.NewReader(nc)); err == nil {
					_, _ = io.WriteString(nc, answer)
				}
			})
		}
	}
	for _, tt := range []struct {
		name   string
		server func(*testing.T) string
		scheme string
		kind   Kind
		status int
		say    string
	}{
		{"401", status(401), "ws", Unauthorized, 401, "http 401 unauthorized"},
		{"403", status(403), "ws", Unauthorized, 403, "you said"},
		{"404", status(404), "ws", NotFound, 404, "not found"},
		{"400", status(400), "ws", BadStatus, 400, "bad request"},
		{"426", status(426), "ws", BadStatus, 426, "upgrade"},
		{"500", status(500), "ws", BadStatus, 500, "internal server error"},
		{"503", status(503), "ws", BadStatus, 503, "service unavailable"},
		{"599", status(599), "ws", BadStatus, 599, "http 599"},
		{"301", status(301), "ws", Redirect, 301, "not followed: to http://elsewhere.example"},
		{"307", status(307), "ws", Redirect, 307, "not followed"},
		{"200", status(200), "ws", NotWebsocket, 200, "a web page answered, not a websocket (HTTP 200 ok)"},
		{"101 without accept", says("HTTP/1.1 101 Ok\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"), "ws", NotWebsocket, 101, "broken websocket handshake"},
		{"hangs up", says(""), "ws", NoAnswer, 0, "without an answer"},
		{"half a header", says("HTTP/1.1 101 Swi"), "ws", NotWebsocket, 0, "middle of the answer"},
		{"half a version", says("HTTP/1"), "ws", NotWebsocket, 0, "middle of the answer"},
		{"half a header's name", says("HTTP/1.1 101 Ok\r\nUpgr"), "ws", NotWebsocket, 0, "middle of the answer"},
		{"rubbish", says("220 mail.example ESMTP\r\n"), "ws", NotWebsocket, 0, "neither HTTP nor"},
		{"endless header", says("HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Filler: "+strings.Repeat("x", 990)+"\r\n", 2000)), "ws", NotWebsocket, 0, "too long"},
		{"unknown authority", secure, "wss", Certificate, 0, "unknown authority"},
		{"plain to TLS", secure, "ws", WantsTLS, 400, "use wss://"},
		{"plain to an alert", says("\x15\x03\x01\x00\x02\x02\x46"), "ws", WantsTLS, 0, "use wss://"},
		{"TLS to plain", status(200), "wss", NotTLS, 0, "use ws://"},
		{"TLS to silence", func(t *testing.T) string {
			return listen(t, func(_ int, nc net.Conn) { _, _ = nc.Read(make([]byte, 4096)) })
		}, "wss", TLS, 0, "hung up during the TLS handshake"},
		// No server gets so low a port.
		{"refused", func(*testing.T) string { return "127.0.0.1:1" }, "ws", Refused, 0, "connection refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := New(address(t, tt.scheme+"://"+tt.server(t)), &Options{Authkey: testKey})
			got, err := gather(t, c)
			e, ok := errors.AsType[*Error](err)
			if !ok || len(got) > 0 || e.Kind != tt.kind || e.Status != tt.status || !strings.Contains(strings.ToLower(e.Detail), strings.ToLower(tt.say)) {
				t.Fatalf("got %q and %#v; want %s, status %d, %q", got, err, tt.kind, tt.status, tt.say)
			}
			if strings.ContainsAny(e.Error(), "\x1b\r\n") || len(e.Detail) > 400 {
				t.Errorf("not fit to print: %q", e.Error())
			}
			noKey(t, err)
		})
	}
}

func TestCertificates(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	for _, tt := range []struct {
		name   string
		config *tls.Config
		kind   Kind
		say    string
	}{
		{"good", &tls.Config{RootCAs: roots}, NotFound, ""},
		{"insecure", &tls.Config{InsecureSkipVerify: true}, NotFound, ""},
		{"other host", &tls.Config{RootCAs: roots, ServerName: "other.test"}, Certificate, "for another host: example.com"},
		{"expired", &tls.Config{RootCAs: roots, Time: func() time.Time { return time.Unix(1<<33, 0) }}, Certificate, "expired"},
	} {
		_, err := gather(t, New(address(t, s.URL), &Options{TLS: tt.config}))
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != tt.kind || !strings.Contains(e.Detail, tt.say) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	s2 := httptest.NewUnstartedServer(http.NotFoundHandler())
	s2.Config.ErrorLog = quiet()
	s2.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s2.StartTLS()
	defer s2.Close()
	_, err := gather(t, New(address(t, s2.URL), &Options{TLS: &tls.Config{InsecureSkipVerify: true}}))
	if e, ok := errors.AsType[*Error](err); !ok || e.Kind != TLSRefused || !strings.Contains(e.Detail, "certificate required") {
		t.Errorf("no client certificate: %v", err)
	}
}

func TestDialFails(t *testing.T) {
	op := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	for _, tt := range []struct {
		err  error
		kind Kind
		say  string
	}{
		{op(syscall.ECONNREFUSED), Refused, "connection refused"},
		{op(syscall.EHOSTUNREACH), Unreachable, "no route"},
		{op(syscall.ENETUNREACH), Unreachable, "network is unreachable"},
		{op(syscall.EACCES), Unreachable, "permission denied"},
		{op(syscall.ETIMEDOUT), Timeout, "no connection within 10s"},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, Timeout, "no connection within 10s"},
		{&net.DNSError{Name: "nowhere", Err: "no such host", IsNotFound: true}, Resolve, `no such host: "nowhere"`},
		{&net.DNSError{Name: "nowhere", IsTimeout: true}, Resolve, "in time"},
		{&net.DNSError{Name: "nowhere", Err: "server misbehaving"}, Resolve, "misbehaving"},
		{&url.Error{Op: "parse", URL: "ws://h?authkey=" + testKey, Err: errors.New("bad authkey=" + testKey)}, Unreachable, "authkey=***"},
	} {
		c := New(address(t, "h"), &Options{Authkey: testKey})
		c.dial = func(context.Context, string, string) (net.Conn, error) { return nil, tt.err }
		_, err := gather(t, c)
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != tt.kind || !strings.Contains(e.Detail, tt.say) {
			t.Errorf("%v: got %v; want %s, %q", tt.err, err, tt.kind, tt.say)
		}
		noKey(t, err)
	}
}

func TestNoAnswerInTime(t *testing.T) {
	server := listen(t, func(_ int, nc net.Conn) { _, _ = io.Copy(io.Discard, nc) })
	for _, scheme := range []string{"ws://", "wss://"} {
		_, err := gather(t, New(address(t, scheme+server), &Options{ConnectTimeout: 500 * time.Millisecond}))
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != NoAnswer || !strings.Contains(e.Detail, "no answer within 500ms") {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

func TestLost(t *testing.T) {
	type row struct {
		name string
		wire []byte
		say  string
	}
	rows := []row{
		{"close without a code", frame(final|opClose, nil), "closed by the server"},
		{"end between frames", nil, "without a websocket close"},
		{"half a frame", text("123456789")[:5], "without a websocket close"},
		{"half a header", []byte{final | opText, 127, 0}, "without a websocket close"},
		{"RSV1", frame(final|opText|0x40, []byte("x")), "RSV1"},
		{"RSV2", frame(final|opText|0x20, []byte("x")), "RSV2"},
		{"bad opcode", frame(final|0x3, []byte("x")), "bad opcode 3"},
		{"masked", []byte{final | opText, 0x81, 1, 2, 3, 4, 5}, "bad MASK"},
		{"long ping", frame(final|opPing, make([]byte, 200)), "len > 125"},
		{"ping in fragments", frame(opPing, nil), "FIN not set"},
		{"continuation of nothing", frame(final|opContinue, nil), "continuation after FIN"},
		{"text inside a message", append(frame(opText, []byte("a")), text("b")...), "data before FIN"},
		{"length above 2^63", append([]byte{final | opText, 127}, bytes.Repeat([]byte{0xff}, 8)...), "out of range"},
		{"2^62 bytes announced", binary.BigEndian.AppendUint64([]byte{final | opText, 127}, 1<<62), "without a websocket close"},
		{"reason not UTF-8", closing(1000, "\xff"), "invalid utf8"},
		{"reason with the key", closing(1008, "no \x1b[1m"+testKey+" authkey="+url.QueryEscape(testKey)), "code 1008: no [1m*** authkey=***"},
		{"HTTP in the stream", []byte("HTTP/1.1 502 Bad Gateway\r\n\r\n"), "broken websocket protocol"},
	}
	for code := uint16(1000); code <= 1015; code++ {
		say := fmt.Sprintf("code %d: bye", code)
		switch code {
		case 1004, 1005, 1006, 1014, 1015: // not to be sent, or not known to gorilla
			say = fmt.Sprintf("bad close code %d", code)
		}
		rows = append(rows, row{fmt.Sprint("close ", code), closing(code, "bye"), say})
	}
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			server := listen(t, func(_ int, nc net.Conn) {
				if _, br, err := upgrade(nc); err == nil {
					_, _ = nc.Write(append(text("{}"), tt.wire...))
					_ = nc.(*net.TCPConn).CloseWrite()
					_, _ = br.WriteTo(io.Discard)
				}
			})
			var lost []State
			c := New(address(t, server), &Options{Authkey: testKey, Retries: -1, OnState: func(s State) {
				if s.Status == Disconnected {
					lost = append(lost, s)
				}
			}})
			got, err := gather(t, c)
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Kind != Lost || !strings.Contains(e.Detail, tt.say) {
				t.Errorf("%v; want %q", err, tt.say)
			}
			if len(got) != 1 || got[0] != "{}" {
				t.Errorf("events %q", got)
			}
			if len(lost) != 1 || lost[0].Err == nil || lost[0].Since.IsZero() {
				t.Errorf("states %v", lost)
			}
			noKey(t, err)
		})
	}
}

// A close frame for a reason of access before any event means that the key was rejected:
// another attempt would fail, too. After an event it is a loss.
func TestRejectedByClose(t *testing.T) {
	for _, tt := range []struct {
		before string
		code   uint16
		reason string
		kind   Kind
	}{
		{"", 1008, "", Unauthorized},
		{"", 1008, "policy violation", Unauthorized},
		{"go away", 1008, "", Unauthorized}, // no event
		{"", 3000, "", Unauthorized},
		{"", 3003, "", Unauthorized},
		{"", 4401, "", Unauthorized},
		{"", 1000, "Unauthorized", Unauthorized},
		{"", 1011, "Authentication failed", Unauthorized},
		{"", 1000, "", Lost},
		{"", 1001, "going down", Lost},
		{"", 1011, "internal error", Lost},
		{`{"class":"call"}`, 1008, "", Lost},
		{`{"class":"call"}`, 1000, "Unauthorized", Lost},
	} {
		server := listen(t, func(_ int, nc net.Conn) {
			if _, br, err := upgrade(nc); err == nil {
				if tt.before != "" {
					_, _ = nc.Write(text(tt.before))
				}
				_, _ = nc.Write(closing(tt.code, tt.reason))
				_, _ = br.WriteTo(io.Discard)
			}
		})
		o := &Options{RetryFirst: true, Retries: -1}
		if tt.kind == Unauthorized {
			o.Retries = 0 // it ends all the same
		}
		_, err := gather(t, New(address(t, server), o))
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != tt.kind || !strings.Contains(e.Detail, fmt.Sprint("code ", tt.code)) {
			t.Errorf("%q, then %d %q: %v, want %s", tt.before, tt.code, tt.reason, err, tt.kind)
		}
	}
}

func TestReset(t *testing.T) {
	server := listen(t, func(_ int, nc net.Conn) {
		if _, _, err := upgrade(nc); err == nil {
			_, _ = nc.Write(text("first"))
			_, _ = nc.Read(make([]byte, 1)) // the consumer has the event, and answers
			_ = nc.(*net.TCPConn).SetLinger(0)
		}
	})
	c := New(address(t, server), &Options{Retries: -1, PingInterval: time.Millisecond})
	_, err := gather(t, c)
	if e, ok := errors.AsType[*Error](err); !ok || e.Kind != Lost || !strings.Contains(e.Detail, "connection") {
		t.Error(err)
	}
}

// The headers of an answer in an Error are bounded, and show no key.
func TestServerOfAnAnswer(t *testing.T) {
	server := listen(t, func(_ int, nc net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(nc))
		_, _ = io.WriteString(nc, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nServer: nginx "+testKey+
			"\r\nVia: "+strings.Repeat("x", 5000)+"\r\nWWW-Authenticate: Basic realm=\"authkey="+url.QueryEscape(testKey)+"\"\r\n\r\n")
	})
	_, err := gather(t, New(address(t, server), &Options{Authkey: testKey}))
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != Unauthorized || !strings.HasPrefix(e.Server, "nginx ***, Via: xx") || !strings.Contains(e.Server, "WWW-Authenticate: Basic") || len(e.Server) > 400 {
		t.Errorf("%v: %q", err, e.Server)
	}
	if e.Challenge != `Basic realm="authkey=***"` {
		t.Errorf("challenge %s", e.Challenge)
	}
	noKey(t, err)
	if text := e.Server + e.Challenge; strings.Contains(text, testKey) || strings.Contains(text, url.QueryEscape(testKey)) {
		t.Errorf("the key is shown: %s", text)
	}
}
