package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	barePublisher = "bare-publisher"
	publishWindow = 1000
	streamEvents  = 200_000
	// natsServer is the version that .ci/run installs.
	natsServer = "nats-server-v2.15.2"
)

// publishBare is the least that a publisher can do: it publishes each line of a file with an
// id, by the library's asynchronous publisher with as many on their way as forward has.
func publishBare(url, path string) error {
	conn, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer conn.Close()
	var failed error
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(publishWindow),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, _ *nats.Msg, err error) { failed = err }))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		id := sha256.Sum256(line)
		if _, err := js.PublishAsync("bench.call.start.p00", line, jetstream.WithMsgID(hex.EncodeToString(id[:16])), jetstream.WithStallWait(time.Minute)); err != nil {
			return err
		}
	}
	<-js.PublishAsyncComplete()
	return failed
}

// runNATS starts a server with its streams in a directory. stop ends it.
func runNATS(ctx context.Context, dir string) (url string, stop func(), err error) {
	name := installed("nats-server")
	if cache, err := os.UserCacheDir(); err == nil {
		name = cmp.Or(name, installed(filepath.Join(cache, "enswitch-events-ci", natsServer)))
	}
	if name == "" {
		return "", nil, nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it is one
	_ = l.Close()
	server := exec.CommandContext(ctx, name, "-js", "-sd", filepath.Join(dir, "nats"), "-a", "127.0.0.1", "-p", strconv.Itoa(port))
	said, err := server.StderrPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		return "", nil, err
	}
	stop = func() { _ = server.Process.Kill(); _ = server.Wait() }
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if bytes.Contains(lines.Bytes(), []byte("Server is ready")) {
			go func() { _, _ = io.Copy(io.Discard, said) }()
			return fmt.Sprintf("nats://127.0.0.1:%d", port), stop, nil
		}
	}
	stop()
	return "", nil, errors.New("nats-server is not ready")
}

// writeUnique writes a file of n events that all differ.
func (b *bench) writeUnique(path string, n int) error {
	var text []byte
	for i := range n {
		k := i % len(b.corpus.events)
		id := fmt.Appendf(nil, "%d.%06d", 2_000_000_000+i/chunkEvents, 100_000+k)
		text = append(append(text, bytes.Replace(b.corpus.events[k], b.corpus.ids[k], id, 1)...), '\n')
	}
	return os.WriteFile(path, text, 0o600)
}

// streamBench is what the rows about streams share: a server, and a file of events.
type streamBench struct {
	url, path string
	n         int // events in the file
	js        jetstream.JetStream
	stop      func()
}

// streams starts a server and writes a file of events; nil if there is no nats-server. what
// names the row that is left out then.
func (b *bench) streams(ctx context.Context, what string) (*streamBench, error) {
	url, stop, err := runNATS(ctx, b.dir)
	if err != nil {
		return nil, err
	}
	if url == "" {
		b.skip("%s: no nats-server here", what)
		return nil, nil
	}
	s := &streamBench{url: url, path: filepath.Join(b.dir, "stream.ndjson"), n: min(streamEvents, b.events)}
	conn, err := nats.Connect(url)
	if err == nil {
		s.js, err = jetstream.New(conn)
	}
	s.stop = func() { conn.Close(); stop() }
	if err = errors.Join(err, b.writeUnique(s.path, s.n)); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// forwardStream is the row of forward to a stream beside the library's own publisher.
func forwardStream(ctx context.Context, b *bench) ([]row, error) {
	s, err := b.streams(ctx, "`forward` to a stream")
	if s == nil {
		return nil, err
	}
	defer s.stop()
	ours, theirs, err := b.inTurn(func(round int) (time.Duration, error) {
		queue := filepath.Join(b.dir, "queue"+strconv.Itoa(round))
		return b.publish(ctx, s.js, s.n, []string{b.binary, "forward", "--read", s.path, "--to", s.url + "/bench", "-Q", "--queue", queue})
	}, func(int) (time.Duration, error) {
		return b.publish(ctx, s.js, s.n, []string{b.self, barePublisher, s.url, s.path})
	})
	if err != nil {
		return nil, err
	}
	return []row{{
		"`forward` to a stream of NATS JetStream", "nats.go's asynchronous publisher with ids, 1,000 on their way",
		ratio(theirs, ours), perSecond(s.n, ours), perSecond(s.n, theirs), "0.70",
	}}, nil
}

// publish lets a program publish n events to a new stream, and returns how long it took.
func (b *bench) publish(ctx context.Context, js jetstream.JetStream, n int, args []string) (time.Duration, error) {
	stream, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "BENCH", Subjects: []string{"bench.>"}, Duplicates: 2 * time.Minute})
	if err != nil {
		return 0, err
	}
	cmd := b.command(ctx, args[0], args[1:]...)
	began := time.Now()
	said, err := cmd.CombinedOutput()
	took := time.Since(began)
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", cmd, err, said)
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return 0, err
	}
	if info.State.Msgs != uint64(n) {
		return 0, fmt.Errorf("%s: %d messages in the stream, not %d", cmd, info.State.Msgs, n)
	}
	return took, js.DeleteStream(ctx, "BENCH")
}
