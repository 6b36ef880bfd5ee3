package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

const (
	bareHandler = "bare-handler"
	posters     = 8 // connections that POST at the same time, one request after the other
	postTimes   = 20
	aloneTimes  = 2 // where each POST has a connection of its own
)

// posting is how the forms of the corpus are POSTed: each several times, over
// kept connections or each on one of its own.
type posting struct {
	times int
	alone bool
}

// serveBare is the least that a POST receiver can do: it answers. It prints
// its address as the program does.
func serveBare(ctx context.Context, stdout io.Writer) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stdout, "http://%s/\n", l.Addr()); err != nil {
		return err
	}
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { //nolint:gosec // without time limits: it is the least, and lives for seconds
		w.Header().Set("Content-Type", "text/plain")
	}))
}

// answers is what a load of POSTs showed.
type answers struct {
	took       time.Duration
	p50, p99   time.Duration
	perRequest []time.Duration
	cpu        time.Duration // that the receiver used, a request
}

// spentBy notes the processor time of a receiver that has ended. On a machine
// whose processors the load has to share it says more than the rate.
func (a *answers) spentBy(cmd *exec.Cmd) *answers {
	if a != nil && cmd.ProcessState != nil {
		a.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()) / time.Duration(len(a.perRequest))
	}
	return a
}

// post sends the forms of the corpus. Each of the senders waits for the answer
// before it sends the next.
func (b *bench) post(ctx context.Context, address string, p posting) (*answers, error) {
	perConn := make([][]time.Duration, posters)
	errs := make([]error, posters)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range posters {
		wg.Go(func() { perConn[i], errs[i] = b.postForms(ctx, address, i, p) })
	}
	wg.Wait()
	a := &answers{took: time.Since(start)}
	for _, d := range perConn {
		a.perRequest = append(a.perRequest, d...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	a.p50, a.p99 = quantile(a.perRequest, 0.5), quantile(a.perRequest, 0.99)
	return a, nil
}

// postForms is one sender, whose share is every posters-th form from the first
// on.
func (b *bench) postForms(ctx context.Context, address string, first int, p posting) ([]time.Duration, error) {
	header := ""
	if p.alone {
		header = "Connection: close\r\n"
	}
	var requests [][]byte
	for i := first; i < chunkEvents; i += posters {
		form := b.corpus.forms[i]
		requests = append(requests, fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n%s\r\n%s",
			address, len(form), header, form))
	}
	if p.alone {
		return postAlone(ctx, address, requests, p.times)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	took := make([]time.Duration, 0, p.times*len(requests))
	in := bufio.NewReader(conn)
	for range p.times {
		for _, request := range requests {
			start := time.Now()
			if _, err := conn.Write(request); err != nil {
				return nil, err
			}
			if err := readAnswer(in); err != nil {
				return nil, err
			}
			took = append(took, time.Since(start))
		}
	}
	return took, nil
}

// postAlone sends each request on a connection of its own. To connect counts as
// part of the answer time.
func postAlone(ctx context.Context, address string, requests [][]byte, times int) ([]time.Duration, error) {
	took := make([]time.Duration, 0, times*len(requests))
	in := bufio.NewReader(nil)
	for range times {
		for _, request := range requests {
			start := time.Now()
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
			if err != nil {
				return nil, err
			}
			in.Reset(conn)
			if _, err = conn.Write(request); err == nil {
				err = readAnswer(in)
			}
			_ = conn.Close()
			if err != nil {
				return nil, err
			}
			took = append(took, time.Since(start))
		}
	}
	return took, nil
}

// readAnswer reads an answer without a body, with as little work as possible.
func readAnswer(in *bufio.Reader) error {
	status, empty := false, false
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case !status:
			if status = bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")); !status {
				return fmt.Errorf("answered %q", line)
			}
		case string(line) == "Content-Length: 0\r\n":
			empty = true
		case string(line) == "\r\n":
			if !empty {
				return errors.New("an answer that has a body, or does not say")
			}
			return nil
		}
	}
}

var listening = regexp.MustCompile(`http://([0-9.]+:[0-9]+)/`)

// receive starts a receiver of POSTs, lets use work with its address, and
// interrupts it. The address is what the receiver prints to said, of which the
// whole is returned.
func receive(cmd *exec.Cmd, said io.ReadCloser, use func(address string) error) ([]byte, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := func(err error) error {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return err
	}
	in := bufio.NewReader(said)
	line, err := in.ReadSlice('\n')
	if err != nil {
		return nil, ended(fmt.Errorf("%s: no address: %w", cmd, err))
	}
	address := listening.FindSubmatch(line)
	if address == nil {
		return nil, ended(fmt.Errorf("%s: no address in %q", cmd, line))
	}
	if err := use(string(address[1])); err != nil {
		return nil, ended(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return nil, ended(err)
	}
	rest, err := io.ReadAll(in)
	return rest, ended(err)
}

// kill is use with an end that waits for nothing.
func kill(cmd *exec.Cmd, use func(address string) error) func(address string) error {
	return func(address string) error {
		if err := use(address); err != nil {
			return err
		}
		return cmd.Process.Kill()
	}
}

// load measures a receiver under load.
func (b *bench) load(ctx context.Context, kind string, p posting) (a *answers, err error) {
	use := func(address string) (err error) {
		a, err = b.post(ctx, address, p)
		return err
	}
	if kind == bareHandler {
		cmd := b.command(ctx, b.self, bareHandler)
		said, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		_, err = receive(cmd, said, kill(cmd, use))
		return a.spentBy(cmd), err
	}
	if kind == "forward" {
		err := b.loadDown(ctx, use)
		return a, err
	}
	cmd := b.command(ctx, b.binary, "listen", "--port", "0", "--log-format", "json", "-o", "ndjson")
	said, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if kind == "blocked" {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		defer func() { _ = r.Close() }()
		defer func() { _ = w.Close() }()
		cmd.Stdout = w
		// Interrupted, it would wait for the pipe to be read.
		_, err = receive(cmd, said, kill(cmd, use))
		return a.spentBy(cmd), err
	}
	path := filepath.Join(b.dir, "out")
	out, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(path) }()
	defer func() { _ = out.Close() }()
	cmd.Stdout = out
	rest, err := receive(cmd, said, use)
	if err != nil {
		return nil, err
	}
	if l, err := readLedger(rest); err != nil || l.Kept != p.times*chunkEvents {
		return nil, fmt.Errorf("of %d POSTs: %+v, %w", p.times*chunkEvents, l, err)
	}
	return a.spentBy(cmd), b.postedCame(path, p.times)
}

// postedCame reports whether the file holds every event of the corpus that was
// POSTed, as often as it was, in any order. It compares decoded fields, because
// JSON has more than one right spelling.
func (b *bench) postedCame(path string, times int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	want := make(map[string]map[string]any, chunkEvents)
	for i, id := range b.corpus.ids {
		want[string(id)] = b.corpus.posted[i]
	}
	came := make(map[string]int, chunkEvents)
	for d := json.NewDecoder(f); ; {
		var got map[string]any
		if err := d.Decode(&got); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		id, _ := got["uniqueid"].(string)
		if !maps.Equal(got, want[id]) {
			return fmt.Errorf("came as %v, was POSTed as %v", got, want[id])
		}
		came[id]++
	}
	for id := range want {
		if came[id] != times {
			return fmt.Errorf("event %s came %d times, was POSTed %d times", id, came[id], times)
		}
	}
	return nil
}

func listenRate(ctx context.Context, b *bench) ([]row, error) {
	kinds := []string{"file", "blocked", bareHandler}
	took, p50, p99 := map[string][]time.Duration{}, map[string][]time.Duration{}, map[string][]time.Duration{}
	for range b.rounds {
		for _, k := range kinds {
			a, err := b.load(ctx, k, posting{times: postTimes})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
			took[k], p50[k], p99[k] = append(took[k], a.took), append(p50[k], a.p50), append(p99[k], a.p99)
			fmt.Fprintf(b.talk, "benchmark:   %s: %s, p50 %v, p99 %v, processor %v a request\n", k, perSecond(len(a.perRequest), a.took), round(a.p50), round(a.p99), a.cpu.Round(100*time.Nanosecond))
		}
	}
	ours, theirs := median(took["file"]), median(took[bareHandler])
	times := func(k string) string {
		return fmt.Sprintf("p50 %v, p99 %v", round(median(p50[k])), round(median(p99[k])))
	}
	return []row{{
		what: fmt.Sprintf("`listen` into a file, forms POSTed over %d kept connections", posters), against: "a net/http handler that only answers",
		ratio: fmt.Sprintf("%.2f", theirs.Seconds()/ours.Seconds()), reach: "0.85",
		ours: perSecond(postTimes*chunkEvents, ours), theirs: perSecond(postTimes*chunkEvents, theirs),
	}, {
		what: "the same, its answer time", against: "the same",
		ratio: fmt.Sprintf("p99 %.2f", median(p99["file"]).Seconds()/median(p99[bareHandler]).Seconds()),
		ours:  times("file"), theirs: times(bareHandler),
	}, {
		what: "the same with stdout blocked, its answer time", against: "not blocked",
		ratio: fmt.Sprintf("p99 %.2f", median(p99["blocked"]).Seconds()/median(p99["file"]).Seconds()), reach: "1.2",
		ours: times("blocked"), theirs: times("file"),
	}}, nil
}

// listenAlone is listen as LWP::UserAgent, Perl's usual client, uses it.
func listenAlone(ctx context.Context, b *bench) ([]row, error) {
	took, p99 := map[string][]time.Duration{}, map[string][]time.Duration{}
	for range b.rounds {
		for _, k := range []string{"file", bareHandler} {
			a, err := b.load(ctx, k, posting{times: aloneTimes, alone: true})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
			took[k], p99[k] = append(took[k], a.took), append(p99[k], a.p99)
			fmt.Fprintf(b.talk, "benchmark:   %s: %s, p50 %v, p99 %v, processor %v a request\n", k, perSecond(len(a.perRequest), a.took), round(a.p50), round(a.p99), a.cpu.Round(100*time.Nanosecond))
		}
	}
	ours, theirs := median(took["file"]), median(took[bareHandler])
	return []row{{
		what: "`listen` into a file, a new connection for each POST", against: "a net/http handler that only answers",
		ratio: fmt.Sprintf("%.2f", theirs.Seconds()/ours.Seconds()), reach: "0.80",
		ours: perSecond(aloneTimes*chunkEvents, ours), theirs: perSecond(aloneTimes*chunkEvents, theirs),
	}, {
		what: "the same, its answer time", against: "the same",
		ratio: fmt.Sprintf("p99 %.2f", median(p99["file"]).Seconds()/median(p99[bareHandler]).Seconds()),
		ours:  fmt.Sprintf("p99 %v", round(median(p99["file"]))), theirs: fmt.Sprintf("p99 %v", round(median(p99[bareHandler]))),
	}}, nil
}
