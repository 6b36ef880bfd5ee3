package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/creack/pty"
)

// The load of the screens: a call begins each millisecond, has five events, and is up for five
// seconds.
const (
	screenRate  = 5_000 // events a second
	screenCalls = 5_000 // calls at once
	screenWarm  = 12 * time.Second
	screenRound = 10 * time.Second
	screenKeys  = 20 // in a round
)

// screenPlan is when the events of a call come, in milliseconds after its beginning.
var screenPlan = [...]struct {
	event string
	after int
	more  string
}{
	{"start", 0, `"from":"+4930987654","to":"+442071234567","customer":"Zoë \"Z\" Example"`},
	{"route", 3, `"to":"+442071234567","route":"carrier\\a, \"first\"","attempt":"1"`},
	{"ring", 500, `"to":"+442071234567","device":{"class":"phone","event":"none"}`},
	{"answer", 1500, `"to":"+442071234567","name":"Jürgen \"J\" O'Neil"`},
	{"end", screenCalls, `"duration":"42","reason":"normal clearing","name":"Ünal & Söhne"`},
}

// sendCalls sends the events of calls until the connection is closed, one write for each.
func sendCalls(c net.Conn) error {
	var payload, frame []byte
	next := time.Now()
	for step := 0; ; step++ {
		for i, p := range screenPlan {
			n := step - p.after
			if n < 0 {
				continue
			}
			if wait := time.Until(next); wait > 0 {
				time.Sleep(wait)
			}
			next = next.Add(time.Second / screenRate)
			now := time.Now().UnixMicro()
			payload = fmt.Appendf(payload[:0], `{"callid":"1790000000.%06d","class":"call","event":%q,"machine":%d,"timestamp":"%d.%06d","uniqueid":"1790000000.%06[1]d",%[6]s}`,
				100_000+n, p.event, 1+n%7, now/1e6, now%1e6, p.more)
			frame = appendFrame(frame[:0], payload)
			if _, err := c.Write(frame); err != nil {
				return fmt.Errorf("event %d of step %d: %w", i, step, err)
			}
		}
	}
}

// onTerminal is the program on a terminal of 160×50.
type onTerminal struct {
	tty     *os.File
	pid     int
	written atomic.Int64

	mu      sync.Mutex
	waitFor []byte
	recent  []byte
	seen    chan time.Time
}

// read takes what the program writes, and answers its question for the background.
func (t *onTerminal) read() {
	buf := make([]byte, 64<<10)
	for {
		n, err := t.tty.Read(buf)
		if err != nil {
			return
		}
		now := time.Now()
		t.written.Add(int64(n))
		if bytes.Contains(buf[:n], []byte("\x1b]11;?")) {
			_, _ = t.tty.WriteString("\x1b]11;rgb:0000/0000/0000\x1b\\")
		}
		t.mu.Lock()
		if t.waitFor != nil {
			if t.recent = append(t.recent, buf[:n]...); bytes.Contains(t.recent, t.waitFor) {
				t.waitFor, t.recent = nil, t.recent[:0]
				t.seen <- now
			}
		}
		t.mu.Unlock()
	}
}

// press presses a key and returns how long it takes until text is written.
func (t *onTerminal) press(key, text string) (time.Duration, error) {
	t.mu.Lock()
	t.waitFor = []byte(text)
	t.mu.Unlock()
	start := time.Now()
	if _, err := t.tty.WriteString(key); err != nil {
		return 0, err
	}
	select {
	case at := <-t.seen:
		return at.Sub(start), nil
	case <-time.After(5 * time.Second):
		return 0, fmt.Errorf("%q was not written in 5 s after the key %q", text, key)
	}
}

// processorTime is how much processor time a process has taken.
func processorTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	const user, system, tick = 11, 12, 10 * time.Millisecond // after the name; Linux has 100 ticks a second everywhere
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	u, err := strconv.ParseInt(fields[user], 10, 64)
	if err != nil {
		return 0, err
	}
	s, err := strconv.ParseInt(fields[system], 10, 64)
	return time.Duration(u+s) * tick, err
}

// screenFigures are of the rounds of a screen.
type screenFigures struct {
	share   []float64 // of a processor, in percent
	written []int64   // bytes a second
	keys    []time.Duration
	memory  int64 // at its highest
}

// onScreen runs a command with a screen on a terminal. With keys some are pressed in each round.
func (b *bench) onScreen(ctx context.Context, keys bool, command string) (*screenFigures, error) {
	s := newServer(sendCalls)
	defer s.Close()
	defer s.CloseClientConnections()
	cmd := b.command(ctx, b.binary, command, s.address())
	cmd.Env = append(cmd.Env, "TERM=xterm-256color")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 160})
	if err != nil {
		return nil, err
	}
	defer func() { _ = tty.Close() }()
	t := &onTerminal{tty: tty, pid: cmd.Process.Pid, seen: make(chan time.Time, 1)}
	go t.read()
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	f := &screenFigures{}
	if err := pause(ctx, screenWarm); err != nil {
		return nil, err
	}
	for range b.rounds {
		if err := t.round(ctx, f, keys); err != nil {
			return nil, err
		}
		if f.memory, err = highWater(t.pid); err != nil {
			return nil, err
		}
		last := len(f.share) - 1
		fmt.Fprintf(b.talk, "benchmark:   %.1f %% of a processor, %.1f KiB/s, %s\n", f.share[last], float64(f.written[last])/1024, mebibytes(f.memory))
	}
	if _, err = t.press("\x03", " kept\r\n"); err == nil { // what was rejected or dropped would follow
		err = cmd.Wait() // a profile is written last
	}
	return f, err
}

// round measures for some seconds, and presses keys after that: they draw the whole screen.
func (t *onTerminal) round(ctx context.Context, f *screenFigures, keys bool) error {
	cpu, err := processorTime(t.pid)
	if err != nil {
		return err
	}
	begin, written := time.Now(), t.written.Load()
	if err := pause(ctx, screenRound); err != nil {
		return err
	}
	after, err := processorTime(t.pid)
	if err != nil {
		return err
	}
	took := time.Since(begin).Seconds()
	f.share = append(f.share, 100*(after-cpu).Seconds()/took)
	f.written = append(f.written, int64(float64(t.written.Load()-written)/took))
	for i := 0; keys && i < screenKeys; i++ {
		key, text := "?", "scroll"
		if i%2 == 1 {
			key, text = "q", "? help"
		}
		d, err := t.press(key, text)
		if err != nil {
			return err
		}
		f.keys = append(f.keys, d)
		if err := pause(ctx, 97*time.Millisecond); err != nil { // at another time of a picture each
			return err
		}
	}
	return nil
}

// pause waits, unless ctx is done.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// screenLoad is the row of calls on a terminal.
func screenLoad(ctx context.Context, b *bench) ([]row, error) {
	if !hasProc() {
		b.skip("calls on a terminal: no /proc here")
		return nil, nil
	}
	f, err := b.onScreen(ctx, true, "calls")
	if err != nil {
		return nil, err
	}
	return []row{{
		what:  "`calls` on a terminal of 160×50, 5,000 calls, 5,000 events/s",
		ours:  fmt.Sprintf("%.1f %% of a processor, %.0f KiB/s, a key p99 %s, %s", median(f.share), float64(median(f.written))/1024, round(quantile(f.keys, 0.99)), mebibytes(f.memory)),
		reach: "8 %, 60 KiB/s, 50ms, 120 MiB",
	}}, nil
}

// statsLoad is the row of stats on a terminal.
func statsLoad(ctx context.Context, b *bench) ([]row, error) {
	if !hasProc() {
		b.skip("stats on a terminal: no /proc here")
		return nil, nil
	}
	f, err := b.onScreen(ctx, false, "stats")
	if err != nil {
		return nil, err
	}
	return []row{{
		what:  "`stats` on a terminal, 5,000 calls, 5,000 events/s",
		ours:  fmt.Sprintf("%.1f %% of a processor, %s", median(f.share), mebibytes(f.memory)),
		reach: "8 %",
	}}, nil
}
