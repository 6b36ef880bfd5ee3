package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const orderedConsumer = "ordered-consumer"

// consumeBare is the least that a reader can do: it counts the messages of a stream up to a
// number, by the library's ordered consumer.
func consumeBare(ctx context.Context, url, number string, stdout io.Writer) error {
	n, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	conn, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	c, err := js.OrderedConsumer(ctx, "BENCH", jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return err
	}
	done, count := make(chan struct{}), 0
	consuming, err := c.Consume(func(jetstream.Msg) {
		if count++; count == n {
			close(done)
		}
	})
	if err != nil {
		return err
	}
	defer consuming.Stop()
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err = fmt.Fprintln(stdout, n)
	return err
}

// tailStream is the row of tail over a stream beside the library's ordered consumer.
func tailStream(ctx context.Context, b *bench) ([]row, error) {
	s, err := b.streams(ctx, "`tail` of a stream")
	if s == nil {
		return nil, err
	}
	defer s.stop()
	if _, err := s.js.CreateStream(ctx, jetstream.StreamConfig{Name: "BENCH", Subjects: []string{"bench.>"}}); err != nil {
		return nil, err
	}
	if err := publishBare(s.url, s.path); err != nil {
		return nil, err
	}
	want, err := os.ReadFile(s.path)
	if err != nil {
		return nil, err
	}
	n := strconv.Itoa(s.n)
	ours, theirs, err := b.inTurn(func(int) (time.Duration, error) {
		return b.readStream(ctx, []string{b.binary, "tail", s.url + "/BENCH", "--from", "start", "-n", n, "-Q"}, string(want))
	}, func(int) (time.Duration, error) {
		return b.readStream(ctx, []string{b.self, orderedConsumer, s.url, n}, n+"\n")
	})
	if err != nil {
		return nil, err
	}
	return []row{{
		"`tail` of a stream of NATS JetStream, into a file", "nats.go's ordered consumer, which only counts",
		ratio(theirs, ours), perSecond(s.n, ours), perSecond(s.n, theirs), "0.80",
	}}, nil
}

// readStream lets a program write into a new file what it should, and returns how long it took.
func (b *bench) readStream(ctx context.Context, args []string, want string) (time.Duration, error) {
	path := filepath.Join(b.dir, "read")
	_ = os.Remove(path) // truncating a large file takes its time
	out, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = out.Close() }()
	var said bytes.Buffer
	cmd := b.command(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = out, &said
	began := time.Now()
	err = cmd.Run()
	took := time.Since(began)
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", cmd, err, said.String())
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		return 0, fmt.Errorf("%s: %d bytes, and not the %d that it should have written: %w", cmd, len(got), len(want), err)
	}
	return took, nil
}
