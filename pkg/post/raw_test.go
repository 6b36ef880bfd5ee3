package post

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestRaw speaks HTTP by hand.
func TestRaw(t *testing.T) {
	for _, c := range []struct {
		name, send string
		statuses   []int
		closed     bool
		calls      []string
	}{
		{
			"pipelined", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nclass=aPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nclass=b",
			[]int{200, 200},
			false,
			[]string{`event 127.0.0.1 {"class":"a"}`, `event 127.0.0.1 {"class":"b"}`},
		},
		{
			"chunked", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ncla\r\n4\r\nss=a\r\n0\r\n\r\n",
			[]int{200},
			false,
			[]string{`event 127.0.0.1 {"class":"a"}`},
		},
		{
			"bad chunk", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nclaXX",
			[]int{400},
			true,
			[]string{`reject 127.0.0.1 400 body cut short "cla"`},
		},
		{
			"chunked, too long", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + strings.Repeat("a", 101) + "\r\n",
			[]int{413},
			true,
			[]string{fmt.Sprintf("reject 127.0.0.1 413 body too long %q", strings.Repeat("a", 101))},
		},
		{
			"expect", "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\nclass=a",
			[]int{100, 200},
			false,
			[]string{`event 127.0.0.1 {"class":"a"}`},
		},
		{
			"expect, refused unread", "POST /no HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\n",
			[]int{404},
			true,
			[]string{`reject 127.0.0.1 404 not the path for events ""`},
		},
		{
			"HTTP/1.0", "POST / HTTP/1.0\r\nContent-Length: 7\r\n\r\nclass=a",
			[]int{200},
			true,
			[]string{`event 127.0.0.1 {"class":"a"}`},
		},
		{
			"HTTP/1.0 kept", "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 7\r\n\r\nclass=a",
			[]int{200},
			false,
			[]string{`event 127.0.0.1 {"class":"a"}`},
		},
		{
			"the length twice", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nContent-Length: 7\r\n\r\nclass=a",
			[]int{200},
			false,
			[]string{`event 127.0.0.1 {"class":"a"}`},
		},
		{
			"two lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nContent-Length: 8\r\n\r\nclass=a",
			[]int{400},
			true, nil,
		},
		{
			"no length", "POST / HTTP/1.1\r\nHost: x\r\n\r\n",
			[]int{200},
			false,
			[]string{`reject 127.0.0.1 200 empty body ""`},
		},
		{
			"long and unread", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n",
			[]int{413},
			true,
			[]string{`reject 127.0.0.1 413 body too long ""`},
		},
		{
			"options *", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
			[]int{404},
			false,
			[]string{`reject 127.0.0.1 404 not the path for events ""`},
		},
		{
			"header too long", "POST / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 2*MaxHeader) + "\r\n\r\n",
			[]int{431},
			true, nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, h := listen(t, Options{MaxBody: 100})
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, c.send); err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(conn)
			closed := false
			for _, status := range c.statuses {
				resp, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				closed = resp.Close
				if resp.StatusCode != status {
					t.Errorf("answer %s, want %d", resp.Status, status)
				}
			}
			if closed != c.closed {
				t.Errorf("closed: %v", closed)
			}
			h.want(t, c.calls...)
		})
	}
}
