package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const bareLoop = "bare-loop"

// server sends prepared frames to any client, one client at a time.
type server struct {
	*httptest.Server
	first chan time.Time // when the first byte of a flood was written
	sent  chan error     // a flood is over
}

// newServer returns a server that calls send for each client, then says
// goodbye and waits until the client has hung up.
func newServer(send func(net.Conn) error) *server {
	s := &server{first: make(chan time.Time, 1), sent: make(chan error, 1)}
	upgrader := websocket.Upgrader{WriteBufferSize: 4096}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		conn := ws.NetConn()
		defer func() { _ = conn.Close() }()
		s.first <- time.Now()
		if err = send(conn); err == nil {
			goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
			err = ws.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(time.Minute))
		}
		s.sent <- err
		_, _ = io.Copy(io.Discard, conn)
	}))
	return s
}

func (s *server) address() string {
	return "ws" + strings.TrimPrefix(s.URL, "http") + "/events/websocket/"
}

// repeat sends block the given number of times.
func repeat(block []byte, times int) func(net.Conn) error {
	return func(c net.Conn) error {
		for range times {
			if _, err := c.Write(block); err != nil {
				return err
			}
		}
		return nil
	}
}

// readBare is the least that a client can do: it reads each message into the
// same buffer and counts.
func readBare(address string, stdout io.Writer) error {
	dialer := websocket.Dialer{ReadBufferSize: 256 << 10}
	ws, resp, err := dialer.DialContext(context.Background(), address, nil)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	defer func() { _ = ws.Close() }()
	buf := make([]byte, 64<<10)
	n := 0
	for {
		_, r, err := ws.NextReader()
		if websocket.IsCloseError(err, websocket.CloseNormalClosure) {
			_, err = io.WriteString(stdout, strconv.Itoa(n)+"\n")
			return err
		}
		for err == nil {
			_, err = r.Read(buf)
		}
		if !errors.Is(err, io.EOF) {
			return fmt.Errorf("after %d messages: %w", n, err)
		}
		n++
	}
}
