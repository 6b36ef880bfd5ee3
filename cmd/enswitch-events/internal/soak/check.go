//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// line is a line of stdout, as --meta makes it.
type line struct {
	Source string
	Event  struct {
		Class, N string
		Sender   string
		Dropped  int64
	}
}

// output is what has come out of a program.
type output struct {
	mu      sync.Mutex
	lines   int64
	gaps    int64 // records
	dropped int64 // by those records
	wrong   []string
	last    map[string]int // the number that came last, by source and sender
}

func (o *output) bad(format string, args ...any) {
	if len(o.wrong) < 20 {
		o.wrong = append(o.wrong, fmt.Sprintf(format, args...))
	}
}

// take checks a line and returns the number of its event.
func (o *output) take(text []byte) (n int, ok bool) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		o.bad("not JSON: %.100s", text)
		return 0, false
	}
	if l.Event.Class == "enswitch-events" {
		o.gaps++
		o.dropped += l.Event.Dropped
		return 0, false
	}
	o.lines++
	n, err := strconv.Atoi(l.Event.N)
	if err != nil {
		o.bad("no number: %.100s", text)
		return 0, false
	}
	from := l.Source + " " + l.Event.Sender
	if last, known := o.last[from]; known && n <= last {
		o.bad("from %s: %d after %d", from, n, last)
	}
	o.last[from] = n
	return n, true
}

// posted counts POSTs.
type posted struct {
	tried, answered, rejected atomic.Int64
}

// newSender returns a client with one connection. Only the POSTs of one
// connection have an order: each is answered before it is looked at.
func newSender() *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxConnsPerHost: 1}}
}

// post POSTs a form and reports whether that was answered.
func (p *posted) post(ctx context.Context, client *http.Client, to string, body []byte) bool {
	p.tried.Add(1)
	ok := post(ctx, client, to, "application/x-www-form-urlencoded", body)
	if ok {
		p.answered.Add(1)
	}
	return ok
}

// post POSTs a body of that type and reports whether it was answered with 200.
func post(ctx context.Context, client *http.Client, to, kind string, body []byte) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", kind)
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// tail is the program with two messaged and --listen.
type tail struct {
	p     *process
	out   output
	book  book
	feeds []*feed
	posts posted
	mute  atomic.Bool // no POSTs
	stop  context.CancelFunc
	done  sync.WaitGroup
}

const tailBuffer, listenBuffer = 8 << 20, 1 << 20

func (s *soak) newTail(ctx context.Context, dir string) (*tail, error) {
	t := &tail{out: output{last: map[string]int{}}}
	for range 2 {
		f, err := newFeed(ctx, &t.book)
		if err != nil {
			return nil, err
		}
		t.feeds = append(t.feeds, f)
	}
	var err error
	t.p, err = startProcess(ctx, s.binary, dir, t.line, "tail", t.feeds[0].addr, t.feeds[1].addr, "--listen", "0",
		"--meta", "-o", "ndjson", "--report-gaps", "--ping-interval", "1s", "--buffer", strconv.Itoa(tailBuffer), "--max-message", "100kB")
	if err != nil {
		return nil, err
	}
	if !until(ctx, t.ready) {
		return nil, fmt.Errorf("the program does not come up: %s", strings.Join(t.p.warnings, "; "))
	}
	sending, stop := context.WithCancel(ctx)
	t.stop = stop
	posts := make(chan int, 4096)
	t.done.Go(func() { // every event to everybody who is there
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; {
			select {
			case <-sending.Done():
				close(posts)
				return
			case <-tick.C:
			}
			for range max(s.rate/100, 1) {
				for _, ch := range []chan int{t.feeds[0].in, t.feeds[1].in, posts} {
					if ch == posts && t.mute.Load() {
						continue
					}
					select {
					case ch <- n:
					default: // somebody hangs, and does not get it
					}
				}
				n++
			}
		}
	})
	t.done.Go(func() {
		client := newSender()
		for n := range posts {
			t.book.note(sent, n)
			form := url.Values{
				"class": {"call"}, "event": {"start"}, "n": {strconv.Itoa(n)}, "name": {`Zoë "Z" Example`},
				"timestamp": {fmt.Sprintf("%d.%06d", 1_700_000_000+n/1_000_000, n%1_000_000)},
			}
			if t.posts.post(ctx, client, t.p.url, []byte(form.Encode())) {
				t.book.note(received, n)
			}
		}
	})
	return t, nil
}

// ready reports whether all feeds are there.
func (t *tail) ready() bool {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	return t.p.url != "" && t.feeds[0].current() != nil && t.feeds[1].current() != nil
}

func (t *tail) line(text []byte) {
	t.out.mu.Lock()
	defer t.out.mu.Unlock()
	if n, ok := t.out.take(text); ok && t.book.note(written, n) == 0 {
		t.out.bad("%d came twice", n)
	}
}

// listen is the program as a receiver of POSTs, with too slow a reader.
type listen struct {
	p     *process
	out   output
	posts posted
	stop  context.CancelFunc
	done  sync.WaitGroup
}

const senders = 3

func (s *soak) newListen(ctx context.Context, dir string) (*listen, error) {
	l := &listen{out: output{last: map[string]int{}}}
	var err error
	l.p, err = startProcess(ctx, s.binary, dir, func(text []byte) {
		l.out.mu.Lock()
		defer l.out.mu.Unlock()
		l.out.take(text)
	}, "listen", "--port", "0", "--meta", "-o", "ndjson", "--report-gaps", "--buffer", strconv.Itoa(listenBuffer), "--spill", strconv.Itoa(listenBuffer))
	if err != nil {
		return nil, err
	}
	if !until(ctx, func() bool { l.p.mu.Lock(); defer l.p.mu.Unlock(); return l.p.url != "" }) {
		return nil, fmt.Errorf("the program does not come up: %s", strings.Join(l.p.warnings, "; "))
	}
	sending, stop := context.WithCancel(ctx)
	l.stop = stop
	for sender := range senders {
		l.done.Go(func() {
			client := newSender()
			tick := time.NewTicker(time.Second * senders / time.Duration(s.rate))
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-sending.Done():
					return
				case <-tick.C:
				}
				if n%1000 == 999 && l.posts.post(ctx, client, l.p.url, nil) {
					l.posts.rejected.Add(1)
				}
				l.posts.post(ctx, client, l.p.url, fmt.Appendf(nil, "class=call&sender=%d&n=%d&pad=%s", sender, n, strings.Repeat("x", 1000)))
			}
		})
	}
	return l, nil
}

// finish ends everything in order, compares, and reports.
func (s *soak) finish(ctx context.Context, t *tail, l *listen) error {
	ctx = context.WithoutCancel(ctx)
	t.stop()
	l.stop()
	t.done.Wait()
	l.done.Wait()
	if !until(ctx, func() bool { return len(t.feeds[0].in)+len(t.feeds[1].in) == 0 }) {
		s.bad("a feed does not send what it has")
	}
	for _, f := range t.feeds {
		f.say(closeFrame(1000)) // after everything else
	}
	if !until(ctx, func() bool { return t.feeds[0].current() == nil && t.feeds[1].current() == nil }) {
		s.bad("the connections are not closed")
	}
	for name, p := range map[string]*process{"tail": t.p, "listen": l.p} {
		if _, ok := p.settle(ctx); !ok {
			s.bad("%s: events go on waiting: %s", name, p.last)
		}
		if err := p.end(); err != nil {
			s.bad("%s ended with %v: %s", name, err, strings.Join(p.warnings, "; "))
		}
		for _, what := range p.wrong {
			s.bad("%s: %s", name, what)
		}
		if left, err := os.ReadDir(p.tmp); err != nil || len(left) > 0 {
			s.bad("%s: left on disk: %v, %v", name, left, err)
		}
	}
	fmt.Fprintln(s.out, "\nfaults:")
	for _, name := range slices.Sorted(maps.Keys(s.faults)) {
		fmt.Fprintf(s.out, "  %-24s %d\n", name, s.faults[name])
	}
	s.checkTail(t)
	s.checkListen(l)
	return nil
}

func (s *soak) checkTail(t *tail) {
	fmt.Fprintln(s.out, "\ntail, two messaged and POSTs of the same events:")
	var counts [written << 1]int
	for _, state := range t.book.states {
		counts[state]++
	}
	lost, nowhere := counts[sent|received]+counts[received], counts[written]
	least, most := t.posts.answered.Load(), t.posts.tried.Load()
	for _, f := range t.feeds {
		f.mu.Lock()
		fmt.Fprintf(s.out, "  %s: %d connections, %d frames sent, %d known to be received, of them %d events\n", f.addr, f.links, f.frames, f.answered, f.events)
		least, most = least+int64(f.answered), most+int64(f.frames)
		f.mu.Unlock()
	}
	got := t.p.last
	fmt.Fprintf(s.out, "  POSTs: %d sent, %d answered\n", t.posts.tried.Load(), t.posts.answered.Load())
	fmt.Fprintf(s.out, "  events: %d known to be received, all of them written but %d; %d more of which that is not known were written, %d were not\n",
		counts[sent|received]+counts[sent|received|written], lost, counts[sent|written], counts[sent])
	fmt.Fprintf(s.out, "  ledger: %s\n", got)
	s.common("tail", &t.out, t.p, tailBuffer+64<<20)
	if int64(lost) > got.Dropped {
		s.bad("tail: %d events that were received are missing, %d were dropped", lost, got.Dropped)
	}
	if nowhere > 0 {
		s.bad("tail: %d events came from nowhere", nowhere)
	}
	if got.Received < least || got.Received > most {
		s.bad("tail: received %d, but between %d and %d were sent", got.Received, least, most)
	}
	if got.Duplicates != got.Filtered {
		s.bad("tail: %d filtered, %d duplicates", got.Filtered, got.Duplicates)
	}
}

func (s *soak) checkListen(l *listen) {
	fmt.Fprintln(s.out, "\nlisten, with too slow a reader:")
	tried, answered, got := l.posts.tried.Load(), l.posts.answered.Load(), l.p.last
	fmt.Fprintf(s.out, "  POSTs: %d sent, %d answered\n", tried, answered)
	fmt.Fprintf(s.out, "  ledger: %s\n", got)
	s.common("listen", &l.out, l.p, 2*listenBuffer+64<<20)
	if got.Received < answered || got.Received > tried {
		s.bad("listen: received %d, but %d were answered of %d", got.Received, answered, tried)
	}
	if got.Rejected != l.posts.rejected.Load() {
		s.bad("listen: rejected %d, but %d were no events", got.Rejected, l.posts.rejected.Load())
	}
}

// common checks what holds for both.
func (s *soak) common(name string, o *output, p *process, most int64) {
	got := p.last
	fmt.Fprintf(s.out, "  stdout: %d events, %d records of gaps with %d dropped\n", o.lines, o.gaps, o.dropped)
	report, ok := p.flat(most)
	fmt.Fprintf(s.out, "  %s\n", report)
	if !ok {
		s.bad("%s: %s", name, report)
	}
	for _, what := range o.wrong {
		s.bad("%s: %s", name, what)
	}
	if got.Kept != o.lines || got.Gaps != o.gaps || got.Dropped != o.dropped || got.Waiting != 0 {
		s.bad("%s: the ledger differs from stdout", name)
	}
}
