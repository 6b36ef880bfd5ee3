package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"
)

const (
	latencyRate   = 10_000 // events a second
	latencyEvents = 3 * latencyRate
)

// latency measures from just before the server's write of an event to just
// after the read that gave the benchmark its line.
func latency(ctx context.Context, b *bench) ([]row, error) {
	var p50, p99 []time.Duration
	for range b.rounds {
		all, err := b.delays(ctx)
		if err != nil {
			return nil, err
		}
		p50, p99 = append(p50, quantile(all, 0.5)), append(p99, quantile(all, 0.99))
		fmt.Fprintf(b.talk, "benchmark:   p50 %v, p99 %v\n", round(p50[len(p50)-1]), round(p99[len(p99)-1]))
	}
	return []row{{
		what: "`tail` into a pipe, event in to line out, 10,000 events/s",
		ours: fmt.Sprintf("p50 %v, p99 %v", round(median(p50)), round(median(p99))), reach: "p99 1ms",
	}}, nil
}

func (b *bench) delays(ctx context.Context) ([]time.Duration, error) {
	start := time.Now()
	s := newServer(func(c net.Conn) error { return paced(c, start, latencyRate, latencyEvents) })
	defer s.Close()
	defer s.CloseClientConnections()
	cmd := b.command(ctx, b.binary, "tail", s.address(), "--no-reconnect", "-o", "json")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	all := make([]time.Duration, 0, latencyEvents)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		now := time.Since(start)
		text, ok := bytes.CutPrefix(lines.Bytes(), []byte(`{"note":`))
		number, _, more := bytes.Cut(text, []byte(","))
		sent, err := strconv.ParseInt(string(number), 10, 64)
		if !ok || !more || err != nil {
			break
		}
		all = append(all, now-time.Duration(sent))
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it ends with 5: the server closes
	if len(all) != latencyEvents {
		return nil, fmt.Errorf("%d lines, not %d", len(all), latencyEvents)
	}
	return all, lines.Err()
}

// paced sends events at rate a second, one write for each. The event says when
// it was sent, in nanoseconds since start.
func paced(c net.Conn, start time.Time, rate, events int) error {
	every := time.Second / time.Duration(rate)
	next := time.Now()
	var frame, payload []byte
	for range events {
		if wait := time.Until(next); wait > 0 {
			time.Sleep(wait)
		}
		next = next.Add(every)
		payload = fmt.Appendf(payload[:0], `{"note":%d,"class":"call","event":"start","machine":1,"timestamp":"1234567890.123456","callid":"1234567890.100000","uniqueid":"1234567890.100000","asteriskid":"1234567890.1","name":"Zoë \"Z\" Example"}`,
			time.Since(start))
		frame = appendFrame(frame[:0], payload)
		if _, err := c.Write(frame); err != nil {
			return err
		}
	}
	return nil
}

// memory is the most that tail has ever held when nobody reads its output, with
// the default buffer, under a flood.
func memory(ctx context.Context, b *bench) ([]row, error) {
	if !hasProc() {
		b.skip("resident memory: no /proc here")
		return nil, nil
	}
	var all []int64
	for range b.rounds {
		n, err := b.peak(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return []row{{
		what: fmt.Sprintf("`tail` with stdout blocked, flooded with %.1f million events: resident memory at its highest", float64(b.events)/1e6),
		ours: mebibytes(median(all)), reach: "`--buffer` (64 MiB) + 40 MiB",
	}}, nil
}

func (b *bench) peak(ctx context.Context) (int64, error) {
	hold := make(chan struct{})
	defer close(hold)
	read := make(chan struct{})
	s := newServer(func(c net.Conn) error {
		err := repeat(b.corpus.frames, b.times(b.events))(c)
		// Once the last bytes are taken the client reads a ping after them.
		if err == nil {
			_, err = c.Write([]byte{0x89, 0})
		}
		if err == nil {
			_, err = io.ReadFull(c, make([]byte, 6)) // its answer, masked
		}
		close(read)
		<-hold
		return err
	})
	defer s.CloseClientConnections()
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Close() }()
	cmd := b.command(ctx, b.binary, "tail", s.address(), "--no-reconnect", "--ping-interval", "0")
	cmd.Stdout = w
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-read:
	case err := <-ended:
		return 0, fmt.Errorf("%s ended: %w", cmd, err)
	}
	n, err := highWater(cmd.Process.Pid)
	_ = cmd.Process.Kill()
	<-ended //nolint:errcheck // it says that it was killed
	return n, err
}

// hasProc reports whether highWater can know anything.
func hasProc() bool {
	_, err := os.Stat("/proc/self/status")
	return err == nil
}

// highWater is the most memory that a process had resident, in bytes.
func highWater(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(status) {
		if text, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			var kib int64
			if _, err := fmt.Sscan(string(text), &kib); err != nil {
				return 0, err
			}
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("no VmHWM in /proc/%d/status", pid)
}
