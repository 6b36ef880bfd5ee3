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

// consumeBare is the least that a reader can do: it counts so many messages of a stream, by the
// library's ordered consumer.
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
	url, path, n, js := s.url, s.path, s.n, s.js
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "BENCH", Subjects: []string{"bench.>"}}); err != nil {
		return nil, err
	}
	if err := publishBare(url, path); err != nil {
		return nil, err
	}
	want, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all [2][]time.Duration
	for i := range b.rounds {
		for k, side := range []struct {
			args []string
			want string
		}{
			{[]string{b.binary, "tail", url + "/BENCH", "--from", "start", "-n", strconv.Itoa(n), "-Q"}, string(want)},
			{[]string{b.self, orderedConsumer, url, strconv.Itoa(n)}, fmt.Sprintln(n)},
		} {
			d, err := b.readStream(ctx, side.args, side.want)
			if err != nil {
				return nil, err
			}
			all[k] = append(all[k], d)
		}
		fmt.Fprintf(b.talk, "benchmark:   %v, %v\n", round(all[0][i]), round(all[1][i]))
	}
	ours, theirs := median(all[0]), median(all[1])
	return []row{{
		"`tail` of a stream of NATS JetStream, into a file", "nats.go's ordered consumer, which only counts",
		fmt.Sprintf("%.2f", theirs.Seconds()/ours.Seconds()), perSecond(n, ours), perSecond(n, theirs), "0.80",
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
