package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	bareClient         = "bare-client"
	forwardConnections = 16
	forwardTimes       = 5 // how often the corpus is forwarded
	forwardRate        = 1000
	forwardLatency     = 5 * forwardRate // events
)

// postBare is the least that a client can do: it POSTs each line of a file to a URL, over
// as many connections as forward has.
func postBare(url, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: forwardConnections}}
	defer client.CloseIdleConnections()
	lines := make(chan []byte, forwardConnections)
	errs := make(chan error, forwardConnections)
	for range forwardConnections {
		go func() {
			var err error
			for line := range lines {
				if err == nil {
					err = postLine(client, url, line)
				}
			}
			errs <- err
		}()
	}
	for line := range bytes.Lines(text) {
		lines <- bytes.TrimSuffix(line, []byte("\n"))
	}
	close(lines)
	for range forwardConnections {
		err = errors.Join(err, <-errs)
	}
	return err
}

func postLine(client *http.Client, url string, line []byte) error {
	answer, err := client.Post(url, "application/json", bytes.NewReader(line)) //nolint:noctx,gosec // it lives for seconds, and has its URL from this program
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return errors.Join(err, answer.Body.Close())
}

// sink is a server that takes events by POST and counts them.
type sink struct {
	*httptest.Server
	each func(body []byte) // called for each body

	mu          sync.Mutex
	events      int
	bytes       int // of events
	first, last time.Time
}

// inEvent is once in each event of the corpus.
const inEvent = `,"note":"`

func newSink(each func(body []byte)) *sink {
	s := &sink{each: each}
	s.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		began := time.Now()
		body := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return
		}
		n := strings.Count(string(body), inEvent)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.first.IsZero() {
			s.first = began
		}
		s.last = time.Now()
		s.events += n
		s.bytes += len(body)
		if bytes.HasPrefix(body, []byte("[")) {
			s.bytes -= n + 1
		}
		if s.each != nil {
			s.each(body)
		}
	}))
	return s
}

// took returns the time from the first request to the last. There is an error if not all
// events of the corpus came that often.
func (s *sink) took(c *corpus, times int) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := 0
	for _, e := range c.events {
		size += len(e)
	}
	if s.events != times*len(c.events) || s.bytes != times*size {
		return 0, fmt.Errorf("%d events of %d bytes came, not %d of %d", s.events, s.bytes, times*len(c.events), times*size)
	}
	return s.last.Sub(s.first), nil
}

// forwarding lets a program send the corpus to a sink and returns how long it took.
func (b *bench) forwarding(ctx context.Context, kind string) (time.Duration, error) {
	path := filepath.Join(b.dir, "forward.ndjson")
	if err := os.WriteFile(path, append(bytes.Join(repeated(b.corpus.events, forwardTimes), []byte("\n")), '\n'), 0o600); err != nil {
		return 0, err
	}
	queue := filepath.Join(b.dir, "queue")
	defer func() { _ = os.RemoveAll(queue) }()
	s := newSink(nil)
	defer s.Close()
	var cmd *exec.Cmd
	switch kind {
	case bareClient:
		cmd = b.command(ctx, b.self, bareClient, s.URL+"/", path)
	default:
		cmd = b.command(ctx, b.binary, "forward", "--read", path, "--queue", queue, "--to", s.URL+"/#"+kind, "-Q")
	}
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		return 0, fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return s.took(b.corpus, forwardTimes)
}

func repeated[T any](list []T, times int) (all []T) {
	for range times {
		all = append(all, list...)
	}
	return all
}

// forwardHTTP is the rows of forward beside a client of net/http, and of its batches beside
// its single requests.
func forwardHTTP(ctx context.Context, b *bench) ([]row, error) {
	const single, batch = "batch=1", "batch=100"
	took := map[string][]time.Duration{}
	for range b.rounds {
		for _, kind := range []string{single, batch, bareClient} {
			d, err := b.forwarding(ctx, kind)
			if err != nil {
				return nil, err
			}
			took[kind] = append(took[kind], d)
			fmt.Fprintf(b.talk, "benchmark:   %s: %s\n", kind, perSecond(forwardTimes*chunkEvents, d))
		}
	}
	rate := func(kind string) string { return perSecond(forwardTimes*chunkEvents, median(took[kind])) }
	ratio := func(of, to string) string {
		return fmt.Sprintf("%.2f", median(took[to]).Seconds()/median(took[of]).Seconds())
	}
	return []row{{
		what: fmt.Sprintf("`forward` to HTTP, %d connections", forwardConnections), against: "a net/http client with as many, that only POSTs",
		ratio: ratio(single, bareClient), reach: "0.70", ours: rate(single), theirs: rate(bareClient),
	}, {
		what: "`forward --batch 100`", against: "the same without batches",
		ratio: ratio(batch, single), reach: "5", ours: rate(batch), theirs: rate(single),
	}}, nil
}

// forwardDelay measures from just before the server's write of an event to just after the
// target read it.
func forwardDelay(ctx context.Context, b *bench) ([]row, error) {
	var p50, p99 []time.Duration
	for range b.rounds {
		all, err := b.forwardDelays(ctx)
		if err != nil {
			return nil, err
		}
		p50, p99 = append(p50, quantile(all, 0.5)), append(p99, quantile(all, 0.99))
		fmt.Fprintf(b.talk, "benchmark:   p50 %v, p99 %v\n", round(p50[len(p50)-1]), round(p99[len(p99)-1]))
	}
	return []row{{
		what: fmt.Sprintf("`forward` to HTTP, event in to its POST, %d events/s", forwardRate),
		ours: fmt.Sprintf("p50 %v, p99 %v", round(median(p50)), round(median(p99))), reach: "p99 15ms",
	}}, nil
}

func (b *bench) forwardDelays(ctx context.Context) (all []time.Duration, err error) {
	start := time.Now()
	source := newServer(func(c net.Conn) error { return paced(c, start, forwardRate, forwardLatency) })
	defer source.Close()
	defer source.CloseClientConnections()
	target := newSink(func(body []byte) {
		text, _ := bytes.CutPrefix(body, []byte(`{"note":`))
		number, _, _ := bytes.Cut(text, []byte(","))
		if sent, err := strconv.ParseInt(string(number), 10, 64); err == nil {
			all = append(all, time.Since(start)-time.Duration(sent))
		}
	})
	defer target.Close()
	queue := filepath.Join(b.dir, "queue")
	defer func() { _ = os.RemoveAll(queue) }()
	cmd := b.command(ctx, b.binary, "forward", source.address(), "-n", strconv.Itoa(forwardLatency), "--queue", queue, "--to", target.URL, "-Q")
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		return nil, fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	target.mu.Lock()
	defer target.mu.Unlock()
	if len(all) != forwardLatency {
		return nil, fmt.Errorf("%d events, not %d", len(all), forwardLatency)
	}
	return all, nil
}

// forwardDown is the answer time of forward to POSTs, with targets that are down and a disk
// that is busy, beside that of listen.
func forwardDown(ctx context.Context, b *bench) ([]row, error) {
	p50, p99 := map[string][]time.Duration{}, map[string][]time.Duration{}
	const down, alone = "forward", "file"
	for range b.rounds {
		for _, kind := range []string{down, alone} {
			a, err := b.load(ctx, kind, posting{times: postTimes})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", kind, err)
			}
			p50[kind], p99[kind] = append(p50[kind], a.p50), append(p99[kind], a.p99)
			fmt.Fprintf(b.talk, "benchmark:   %s: %s, p50 %v, p99 %v\n", kind, perSecond(len(a.perRequest), a.took), round(a.p50), round(a.p99))
		}
	}
	times := func(kind string) string {
		return fmt.Sprintf("p50 %v, p99 %v", round(median(p50[kind])), round(median(p99[kind])))
	}
	return []row{{
		what: "`forward --listen`, its answer time, with both targets down and the disk busy", against: "`listen` into a file",
		ratio: fmt.Sprintf("p99 %.2f", median(p99[down]).Seconds()/median(p99[alone]).Seconds()), reach: "1.5",
		ours: times(down), theirs: times(alone),
	}}, nil
}

// loadDown measures forward under a load of POSTs, with two targets that refuse connections
// and another process that syncs a file again and again.
func (b *bench) loadDown(ctx context.Context, use func(address string) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	busy := b.command(ctx, b.self, busyDisk, filepath.Join(b.dir, "busy"))
	if err := busy.Start(); err != nil {
		return err
	}
	defer func() { _ = busy.Wait() }()
	defer cancel()
	queue := filepath.Join(b.dir, "queue")
	defer func() { _ = os.RemoveAll(queue) }()
	cmd := b.command(ctx, b.binary, "forward", "--listen", "0", "--log-format", "json", "--queue", queue, "--to", "http://127.0.0.1:1/a", "--to", "http://127.0.0.1:1/b")
	said, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	_, err = receive(cmd, said, kill(cmd, use))
	return err
}

const busyDisk = "busy-disk"

// keepDiskBusy writes to a file and syncs it until ctx is done.
func keepDiskBusy(ctx context.Context, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	w := bufio.NewWriter(f)
	for block := make([]byte, 64<<10); ctx.Err() == nil; {
		_, _ = w.Write(block)
		if err := errors.Join(w.Flush(), f.Sync(), f.Truncate(0)); err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	return nil
}
