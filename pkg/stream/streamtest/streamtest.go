// Package streamtest runs a real nats-server, as a process of its own, for tests.
package streamtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Version is the version of nats-server that the tests are made for.
const Version = "v2.15.2"

const (
	startTime = 30 * time.Second
	pollEvery = 5 * time.Millisecond
)

// Server is a nats-server on the loopback interface. Its streams are in a directory that is
// removed at the end of the test.
type Server struct {
	t      testing.TB
	binary string
	dir    string
	config string
	addr   string
	cmd    *exec.Cmd
	ended  chan struct{} // closed when cmd has ended
	output lockedBuffer
}

// Start starts a server with JetStream, and ends it at the end of the test. config is added to
// its configuration file, with "$DIR" replaced by its directory. The test is skipped if there
// is no nats-server in PATH or in the cache of the project's tools.
func Start(t testing.TB, config ...string) *Server {
	t.Helper()
	return start(t, "jetstream { store_dir: \"$DIR/store\" }", config...)
}

// StartCore is Start without JetStream.
func StartCore(t testing.TB, config ...string) *Server {
	t.Helper()
	return start(t, "", config...)
}

func start(t testing.TB, first string, config ...string) *Server {
	t.Helper()
	binary, err := find()
	if err != nil {
		t.Skipf("no nats-server: go install github.com/nats-io/nats-server/v2@%s", Version)
	}
	s := &Server{t: t, binary: binary, dir: t.TempDir()}
	addr, release, err := HoldPort() // so that nobody takes it while the server is down
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	s.addr = addr
	for _, text := range append([]string{first}, config...) {
		s.config += os.Expand(text, s.expand) + "\n"
	}
	t.Cleanup(s.Kill)
	s.Restart()
	return s
}

func (s *Server) expand(name string) string {
	if name == "DIR" {
		return filepath.ToSlash(s.dir)
	}
	return "$" + name
}

// find returns the path of nats-server.
func find() (string, error) {
	if path, err := exec.LookPath("nats-server"); err == nil {
		return path, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return exec.LookPath(filepath.Join(cache, "enswitch-events-ci", "nats-server-"+Version))
}

// Address returns HOST:PORT of the server, the same after a restart.
func (s *Server) Address() string { return s.addr }

// URL returns the URL of the server.
func (s *Server) URL() string { return "nats://" + s.Address() }

// Configure replaces what Start's config was, for the next Restart.
func (s *Server) Configure(config string) { s.config = os.Expand(config, s.expand) }

// Kill ends the server, as kill -9 does, and waits until it is gone.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.ended
	s.cmd = nil
}

// Restart starts the server again, on the same port and with the same directory, and waits
// until it takes connections.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	path := filepath.Join(s.dir, "nats.conf")
	text := fmt.Sprintf("listen: %q\n%s", s.addr, s.config)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.CommandContext(context.Background(), s.binary, "-c", path)
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	cmd := s.cmd
	go func() { _ = cmd.Wait(); close(ended) }()
	s.ended = ended
	s.await()
}

// await waits until the server takes connections.
func (s *Server) await() {
	s.t.Helper()
	timeout := time.After(startTime)
	for {
		if s.greets() {
			return
		}
		select {
		case <-s.ended:
			s.t.Fatalf("nats-server has ended:\n%s", s.output.String())
		case <-timeout:
			s.t.Fatalf("nats-server is not ready after %v:\n%s", startTime, s.output.String())
		case <-time.After(pollEvery):
		}
	}
}

// greets reports whether the server takes connections.
func (s *Server) greets() bool {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "tcp", s.Address())
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if strings.Contains(s.config, "handshake_first: true") { // then it waits for the client
		return true
	}
	hello := make([]byte, 4)
	_, err = conn.Read(hello)
	return err == nil && string(hello) == "INFO"
}

// lockedBuffer is a buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
