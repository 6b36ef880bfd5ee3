//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ledger is what the program says of it.
type ledger struct {
	Received, Kept, Filtered, Rejected, Dropped, Waiting, Repaired, Duplicates, Gaps int64
}

func (l ledger) String() string {
	return fmt.Sprintf("received %d = kept %d + filtered %d + rejected %d + dropped %d + waiting %d; %d duplicates, %d gaps",
		l.Received, l.Kept, l.Filtered, l.Rejected, l.Dropped, l.Waiting, l.Duplicates, l.Gaps)
}

// process is the program while it runs.
type process struct {
	cmd     *exec.Cmd
	tmp     string     // where it may make files
	reading sync.Mutex // held while nobody reads its stdout
	ended   chan struct{}
	err     error
	lines   sync.WaitGroup

	mu       sync.Mutex
	url      string   // where it listens
	ledgers  int      // said so far
	last     ledger   // said last
	wrong    []string // ledgers that do not add up, and what should not be said
	warnings []string // the last few
	resident []int64  // bytes of memory
	files    []int    // open
}

// startProcess runs the program. onLine gets each line of stdout.
func startProcess(ctx context.Context, binary, dir string, onLine func([]byte), args ...string) (*process, error) {
	p := &process{ended: make(chan struct{})}
	var err error
	if p.tmp, err = os.MkdirTemp(dir, "tmp"); err != nil {
		return nil, err
	}
	p.cmd = exec.CommandContext(ctx, binary, append(args, "--log-format", "json")...)
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.tmp, "TMPDIR=" + p.tmp}
	// An interrupt at the keyboard is for this program only, which then ends
	// the run as planned.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.lines.Go(func() { each(gated{&p.reading, stdout}, onLine) })
	p.lines.Go(func() { each(stderr, p.said) })
	go func() {
		p.lines.Wait()
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// gated is a reader that waits while somebody holds the mutex.
type gated struct {
	mu *sync.Mutex
	r  io.Reader
}

func (g gated) Read(b []byte) (int, error) {
	g.mu.Lock()
	g.mu.Unlock() //nolint:staticcheck // only to wait
	return g.r.Read(b)
}

func each(r io.Reader, onLine func([]byte)) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		onLine(lines.Bytes())
	}
}

// said takes a message of the program.
func (p *process) said(line []byte) {
	var m struct {
		Level, Msg, URL string
		Received        *int64
	}
	var l ledger
	err := errors.Join(json.Unmarshal(line, &m), json.Unmarshal(line, &l))
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil:
		p.wrong = append(p.wrong, fmt.Sprintf("stderr: %s", line))
	case m.URL != "":
		p.url = m.URL
	case m.Received != nil:
		p.ledgers++
		p.last = l
		if l.Received != l.Kept+l.Filtered+l.Rejected+l.Dropped+l.Waiting {
			p.wrong = append(p.wrong, "does not add up: "+l.String())
		}
	case m.Level == "error":
		p.wrong = append(p.wrong, m.Msg)
	default:
		p.warnings = append(p.warnings, m.Msg)
		p.warnings = p.warnings[max(0, len(p.warnings)-10):]
	}
}

func (p *process) gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func (p *process) ask()     { _ = p.cmd.Process.Signal(syscall.SIGUSR1) }
func (p *process) suspend() { _ = p.cmd.Process.Signal(syscall.SIGSTOP) }
func (p *process) resume()  { _ = p.cmd.Process.Signal(syscall.SIGCONT) }
func (p *process) kill()    { _ = p.cmd.Process.Kill(); <-p.ended }

// until polls until ok, for a minute at most.
func until(ctx context.Context, ok func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for !ok() {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// settle waits until nothing waits to be written and returns the ledger.
func (p *process) settle(ctx context.Context) (l ledger, ok bool) {
	ok = until(ctx, func() bool {
		p.mu.Lock()
		n := p.ledgers
		p.mu.Unlock()
		p.ask()
		return until(ctx, func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			l = p.last
			return p.ledgers > n || p.gone()
		}) && l.Waiting == 0
	})
	return l, ok
}

// end asks the program to end and waits for it.
func (p *process) end() error {
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.ended:
		return p.err
	case <-time.After(time.Minute):
		return errors.New("it does not end")
	}
}

// measure notes memory and open files, where /proc says them.
func (p *process) measure() {
	dir := "/proc/" + strconv.Itoa(p.cmd.Process.Pid)
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return
	}
	files, _ := os.ReadDir(dir + "/fd")
	p.mu.Lock()
	defer p.mu.Unlock()
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			p.resident = append(p.resident, kb<<10)
		}
	}
	p.files = append(p.files, len(files))
}

// flat says whether memory and files have grown: the median of the last third
// is compared with that of the middle third. most is what memory may be at all.
func (p *process) flat(most int64) (report string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.resident)
	if n < 9 {
		return "too short to say anything of memory", true
	}
	middle, last := median(p.resident[n/3:n*2/3]), median(p.resident[n*2/3:])
	before, after := median(p.files[n/3:n*2/3]), median(p.files[n*2/3:])
	highest := slices.Max(p.resident)
	report = fmt.Sprintf("memory %d MiB, then %d MiB, at most %d MiB of %d; open files %d, then %d, at most %d",
		middle>>20, last>>20, highest>>20, most>>20, before, after, slices.Max(p.files))
	return report, last <= middle+middle/4+8<<20 && after <= before+4 && highest <= most
}

func median[T int | int64](all []T) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
