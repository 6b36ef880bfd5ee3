//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// oddServer answers the requests of each connection as answer does, until that reports false.
// nth counts the requests of a connection from 0.
func oddServer(t *testing.T, answer func(w io.Writer, path string, nth int) (more bool)) (url string) {
	t.Helper()
	return "http://" + serveEach(t, nil, func(c net.Conn) {
		in := bufio.NewReader(c)
		for nth := 0; ; nth++ {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			if !answer(c, r.URL.Path, nth) {
				return
			}
		}
	})
}

func forwardOddAnswers(t *testing.T) {
	const n = 5
	var taken atomic.Int64
	url := oddServer(t, func(w io.Writer, path string, nth int) bool {
		switch {
		case path == "/304":
			fmt.Fprint(w, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello")
		case nth > 0:
			return false
		default:
			taken.Add(1)
			fmt.Fprint(w, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
		return true
	})
	p := start(t, "forward", "--read", writeCalls(t, 1, n), "--queue", t.TempDir(), "--to", url+"/closes", "--to", url+"/304")
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
	if taken.Load() < n {
		t.Errorf("%d events taken", taken.Load())
	}
	<-p.said.over
	said := p.said.tail()
	for _, want := range []string{fmt.Sprintf("/closes: %d delivered", n), fmt.Sprintf("/304: 0 delivered, %d refused", n)} {
		if !strings.Contains(said, want) {
			t.Errorf("not said: %s", want)
		}
	}
	for line := range strings.Lines(said) {
		if strings.Contains(line, "hung up") || !strings.HasPrefix(line, "{") {
			t.Errorf("said: %s", line)
		}
	}
}

func forwardQueueRemoved(t *testing.T) {
	s := newSink(t, func(http.ResponseWriter, string) int { return http.StatusServiceUnavailable })
	queue := t.TempDir()
	p := start(t, "forward", "--listen", "0", "--queue", queue, "--to", s.URL, "--fail-on-loss")
	r, err := http.Post(p.url(), "application/json", strings.NewReader(`{"class":"call","event":"start","callid":"c0","n":0}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	eventually(t, "the event waits", func() bool { return queueStatus(t, queue).Waiting == 1 })
	// It fails when a file is made in the directory meanwhile.
	eventually(t, "it can be removed", func() bool { return os.RemoveAll(queue) == nil })
	eventually(t, "that is said", func() bool { return strings.Contains(p.said.tail(), "the queue was removed") })
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitLoss {
		t.Errorf("exit code %d", code)
	}
	<-p.said.over
	if said := p.said.tail(); !strings.Contains(said, "dropped 1 event: the queue was removed") {
		t.Errorf("said: %s", said)
	}
}
