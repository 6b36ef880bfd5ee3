package forward

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// rawServer hands each connection to serve, and closes it after that.
func rawServer(t *testing.T, serve func(c net.Conn, in *bufio.Reader)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				serve(c, bufio.NewReader(c))
			}()
		}
	}()
	return l.Addr().String()
}

// readRequest reads a request with its body, whose bytes it returns.
func readRequest(in *bufio.Reader) (*http.Request, string, error) {
	r, err := http.ReadRequest(in)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(r.Body)
	return r, string(body), err
}

// TestPlainLikeTransport: plainClient sends what net/http sends, and takes answers like it.
func TestPlainLikeTransport(t *testing.T) {
	t.Parallel()
	const none = "\r\nContent-Length: 0\r\n\r\n"
	answers := []string{
		"HTTP/1.1 200 OK" + none,
		"HTTP/1.1 200 OK\r\n\r\nto the end",
		"HTTP/1.0 200 OK\r\n\r\nto the end",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Wait\r\nA: b\r\n\r\nHTTP/1.1 202 OK" + none,
		"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
		"HTTP/1.1 301 Moved\r\nLocation: /x?secret\r\nContent-Length: 3\r\n\r\nwhy",
		"HTTP/1.1 304 Not Modified\r\n\r\n",
		"HTTP/1.1 429 Wait\r\nRetry-After: 7\r\n\r\n" + strings.Repeat("long ", 2000),
		"HTTP/1.1 503 Busy\r\nContent-Length: 100000\r\n\r\nhalf",
		"HTTP/1.1 999 X" + none,
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore",
		"",
		"HTTP/1.1 200 OK\r\nContent-Le",
		"HTTP/1.1 200 OK\r\nno field\r\n\r\n",
		"HTTP/1.1 20 OK" + none,
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"SSH-2.0-server\r\n",
		"\x15\x03\x01\x00\x02\x02\x46\n",
		"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 2*maxHeader) + none,
	}
	type request struct {
		header                 http.Header
		host, uri, proto, body string
	}
	var answer string
	requests := make(chan request, 1)
	address := rawServer(t, func(c net.Conn, in *bufio.Reader) {
		r, body, err := readRequest(in)
		if err != nil {
			return
		}
		requests <- request{r.Header, r.Host, r.RequestURI, r.Proto, body}
		_, _ = io.WriteString(c, answer)
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, in)
	})
	items := []*Item{makeItem(t, "call", "start", "1", "1")}
	for _, answer = range answers {
		var results [2]Result
		var got [2]request
		for i := range results {
			target := newHTTP(t, "http://u:p@"+address+"/a%20b/ä?c=d%20e", &HTTPOptions{Header: http.Header{"x-own": {"1", "2"}}}).(*httpTarget)
			if i > 0 {
				target.plain = nil
			}
			results[i] = target.Deliver(t.Context(), items)[0]
			results[i].Err = nil
			got[i] = <-requests
		}
		if results[0] != results[1] {
			t.Errorf("%.60q:\n%v %d %.200s\n%v %d %.200s", answer, results[0].Verdict, results[0].Status, results[0].Reason, results[1].Verdict, results[1].Status, results[1].Reason)
		}
		if !reflect.DeepEqual(got[0], got[1]) {
			t.Errorf("requests:\n%q\n%q", got[0], got[1])
		}
	}
}

// TestPlainReuse: a connection is used again; when the server has closed it, or said something
// that nobody asked for, another one is.
func TestPlainReuse(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name        string
		answered    int           // requests of a connection that are answered
		late        string        // sent after each answer
		idle        time.Duration // how long the connection seems to have been idle
		connections int64         // for 3 requests
	}{
		{"kept", 3, "", 0, 1},
		{"kept for long", 3, "", maxIdle / 2, 1},
		{"idle for too long", 3, "", 2 * maxIdle, 3},
		{"closed when a request has come", 1, "", 0, 3},
		{"late answer", 3, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", quickIdle, 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var connections atomic.Int64
			done := make(chan bool)
			address := rawServer(t, func(c net.Conn, in *bufio.Reader) {
				connections.Add(1)
				for n := 0; ; n++ {
					if _, _, err := readRequest(in); err != nil || n == row.answered {
						return
					}
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
					<-done
					_, _ = io.WriteString(c, row.late)
					done <- true
				}
			})
			target := newHTTP(t, "http://"+address, nil).(*httpTarget)
			for range 3 {
				if r := target.Deliver(t.Context(), []*Item{makeItem(t, "call", "start", "1", "1")}); r[0].Verdict != Done {
					t.Errorf("got %+v", r)
				}
				done <- true
				<-done
				target.plain.mu.Lock()
				for _, c := range target.plain.idle {
					c.since = c.since.Add(-row.idle)
				}
				target.plain.mu.Unlock()
			}
			if n := connections.Load(); n != row.connections {
				t.Errorf("%d connections, want %d", n, row.connections)
			}
		})
	}
}

// TestPlainCanceled: a delivery that is under way ends with its context.
func TestPlainCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	address := rawServer(t, func(_ net.Conn, in *bufio.Reader) {
		_, _, _ = readRequest(in)
		cancel()
		_, _ = io.Copy(io.Discard, in)
	})
	if r := newHTTP(t, "http://"+address, &HTTPOptions{Timeout: time.Hour}).Deliver(ctx, []*Item{makeItem(t, "call", "start", "1", "1")}); r[0].Verdict != Unreachable {
		t.Errorf("got %+v", r)
	}
	if !errors.Is(ctx.Err(), context.Canceled) {
		t.Error("nobody has ended it")
	}
}
