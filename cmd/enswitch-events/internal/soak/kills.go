//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	postSenders = 16 // of POSTs, each its own calls one after the other
	perCall     = 10 // events
	// answeredLately is how long before kill -9 an answered event may be lost.
	answeredLately = 10 * time.Millisecond
	// notNoted is how many events at most are repeated after a kill.
	notNoted = 1000
)

// kills is a run of forward that is killed again and again while events are POSTed to it and
// its target fails.
type kills struct {
	*soak
	events   int
	kills    int
	failing  float64 // share of requests
	queue    string
	url      string // where forward listens
	sent     atomic.Int64
	answered []atomic.Int64 // when each event was, in ns since began; 0 for not yet
	killed   []time.Duration

	mu        sync.Mutex
	delivered []uint8 // how often each event was
	last      []int   // the newest event of each call
	failed    int
	swapped   int
}

// runKills lets that many events through forward, and counts what is lost, comes twice, or
// comes in another order.
func (s *soak) runKills(ctx context.Context, dir string, events, times int, failing float64) error {
	events -= events % (postSenders * perCall)
	k := &kills{
		soak: s, events: events, kills: times, failing: failing, queue: filepath.Join(dir, "queue"),
		answered: make([]atomic.Int64, events), delivered: make([]uint8, events), last: make([]int, events/perCall),
	}
	target := &http.Server{Handler: http.HandlerFunc(k.take), ReadHeaderTimeout: time.Minute}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = target.Serve(l) }()
	defer target.Close()
	free, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	k.url = "http://" + free.Addr().String() + "/"
	free.Close()

	args := []string{"forward", "--listen", free.Addr().String(), "--to", "http://" + l.Addr().String() + "/", "--queue", k.queue}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.began = time.Now()
	var sending sync.WaitGroup
	for i := range postSenders {
		sending.Go(func() { k.send(ctx, i) })
	}
	p, err := k.killAgainAndAgain(ctx, dir, args)
	if err != nil {
		cancel(err)
		sending.Wait()
		return err
	}
	sending.Wait()
	took := time.Since(s.began)
	if err := errors.Join(ctx.Err(), p.end()); err != nil {
		return fmt.Errorf("forward: %w", err)
	}
	s.wrong = append(s.wrong, p.wrong...)
	drain := exec.CommandContext(ctx, s.binary, "forward", "drain", "--queue", k.queue)
	if out, err := drain.CombinedOutput(); err != nil {
		return fmt.Errorf("forward drain: %w\n%s", err, out)
	}
	fmt.Fprintf(s.out, "soak: %d events POSTed in %v, then drained in %v\n", events, took.Round(time.Second), (time.Since(s.began) - took).Round(time.Second))
	k.count()
	return nil
}

// killAgainAndAgain runs the program, and kills it each time after a random number of events.
// It returns the process that was left.
func (k *kills) killAgainAndAgain(ctx context.Context, dir string, args []string) (*process, error) {
	var after []int64
	for range k.kills {
		after = append(after, k.random.Int64N(int64(k.events)))
	}
	slices.Sort(after)
	for n := 0; ; n++ {
		p, err := startProcess(ctx, k.binary, dir, func([]byte) {}, args...)
		if err != nil || n == len(after) {
			return p, err
		}
		for k.sent.Load() < after[n] {
			select {
			case <-time.After(time.Millisecond):
			case <-p.ended:
				return nil, fmt.Errorf("forward has ended: %w: %s", p.err, strings.Join(p.warnings, "; "))
			}
		}
		k.killed = append(k.killed, time.Since(k.began))
		p.kill()
	}
}

// send POSTs the events of every call of a sender, each until it is answered.
func (k *kills) send(ctx context.Context, sender int) {
	client := newSender()
	defer client.CloseIdleConnections()
	for call := sender; call < k.events/perCall; call += postSenders {
		for n := call * perCall; n < (call+1)*perCall; n++ {
			body := fmt.Appendf(nil, `{"class":"call","event":"start","machine":%d,"timestamp":"1234567890.123456","callid":"1234567890.%d","n":%d,"pad":"%s"}`,
				sender, call, n, strings.Repeat("x", n%100))
			for !post(ctx, client, k.url, "application/json", body) {
				select {
				case <-time.After(5 * time.Millisecond):
				case <-ctx.Done():
					return
				}
			}
			k.answered[n].Store(int64(time.Since(k.began)))
			k.sent.Add(1)
		}
	}
}

// take is the target: it takes an event, answers 503, or hangs up.
func (k *kills) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	chance := rand.Float64()
	if chance < k.failing {
		k.mu.Lock()
		k.failed++
		k.mu.Unlock()
		if chance < k.failing/3 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_, rest, _ := bytes.Cut(body, []byte(`"n":`))
	digits, _, _ := bytes.Cut(rest, []byte(","))
	n, err := strconv.Atoi(string(digits))
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil || n < 0 || n >= k.events {
		k.bad("delivered, and never sent: %s", body)
		return
	}
	if k.delivered[n] < 255 {
		k.delivered[n]++
	}
	if call := n / perCall; k.delivered[n] == 1 {
		if n < k.last[call] {
			k.swapped++
		}
		k.last[call] = n
	}
}

// count says what became of the events, and what of it is wrong.
func (k *kills) count() {
	k.mu.Lock()
	defer k.mu.Unlock()
	var missing, lately, repeated int
	for n, times := range k.delivered {
		if times > 1 {
			repeated += int(times) - 1
		}
		if times > 0 {
			continue
		}
		at := time.Duration(k.answered[n].Load())
		if slices.ContainsFunc(k.killed, func(kill time.Duration) bool { return kill-answeredLately <= at && at <= kill+answeredLately }) {
			lately++
			continue
		}
		missing++
	}
	fmt.Fprintf(k.out, "soak: %d kills, %d requests failed: %d missing, and %d that were answered within %v of a kill; %d repeated, %d out of order within a call\n",
		len(k.killed), k.failed, missing, lately, answeredLately, repeated, k.swapped)
	if missing > 0 {
		k.bad("%d events are missing", missing)
	}
	if repeated > notNoted*len(k.killed)+k.failed {
		k.bad("%d events are repeated, more than %d for each kill", repeated, notNoted)
	}
	if k.swapped > 0 {
		k.bad("%d events are out of order within a call", k.swapped)
	}
	if files, err := filepath.Glob(filepath.Join(k.queue, "*", "dead*")); err != nil || len(files) > 0 {
		k.bad("dead letters: %v %v", files, err)
	}
	if _, err := os.Stat(k.queue); err != nil {
		k.bad("%v", err)
	}
}
