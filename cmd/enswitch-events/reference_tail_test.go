//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// tailCase is a run of tail.
type tailCase struct {
	catCase
	frames     [][]byte
	feeds      int   // that send the same events
	bursts     []int // how many bytes of frames are sent at once, again and again
	trickle    bool  // there is time between bursts
	reader     string
	buffer     string
	processors int
}

// randomTail makes the case of a seed.
func randomTail(seed uint64) *tailCase {
	d := die{rand.New(rand.NewPCG(seed, 1))}
	c := &tailCase{catCase: catCase{seed: seed, maxLine: wholeLine}, feeds: 1}
	if d.chance(6) {
		c.maxLine = 200 + d.IntN(400)
	}
	c.randomFilters(d)
	c.randomOutput(d)
	c.strict, c.meta, c.merge, c.from, c.to = false, false, false, 0, 0
	if c.format == "line" {
		c.time = "none" // an event without a timestamp would show when it came
	}
	for _, line := range c.randomLines(d) {
		c.frames = append(c.frames, []byte(strings.TrimRight(line, "\r\n")))
	}
	if d.chance(4) {
		c.feeds, c.until, c.failIf = 2+d.IntN(2), "", ""
	} else if d.chance(4) {
		c.count = 1 + int64(d.IntN(1500))
	}
	c.trickle = d.chance(4)
	for range 1 + d.IntN(5) {
		c.bursts = append(c.bursts, 1+[]int{0, 1000, 64 << 10, 128 << 10, 128<<10 - d.IntN(200), 256 << 10, 1 << 20}[d.IntN(7)])
	}
	c.reader = d.pick("fast", "slow", "blocked")
	c.buffer = d.pick("64MiB", "1MiB", "256KiB")
	c.processors = []int{1, 2, 4}[d.IntN(3)]
	return c
}

// items are the frames as lines for the reference.
func (c *tailCase) items() (all []item) {
	for _, f := range c.frames {
		all = append(all, item{line: f, tooLong: len(f) > c.maxLine})
	}
	return all
}

// send sends the frames in bursts, as long as the program takes them.
func (c *tailCase) send(p *peer, first int) {
	var block []byte
	burst := first
	for i, f := range c.frames {
		block = enswitchtest.AppendFrame(block, true, 1, f)
		if len(block) < c.bursts[burst%len(c.bursts)] && i < len(c.frames)-1 {
			continue
		}
		_ = p.SetDeadline(time.Now().Add(patience))
		if _, err := p.Write(block); err != nil {
			return // at an end of its own
		}
		block = block[:0]
		if burst++; c.trickle && burst < 50 {
			time.Sleep(time.Millisecond)
		}
	}
}

// drain reads stdout to its end, slowly if the case says so.
func (c *tailCase) drain(stdout io.Reader) []byte {
	if c.reader != "slow" {
		all, _ := io.ReadAll(stdout)
		return all
	}
	var all bytes.Buffer
	for {
		n, err := io.CopyN(&all, stdout, 32<<10)
		if err != nil {
			return all.Bytes()
		}
		if n > 0 && all.Len() < 2<<20 {
			time.Sleep(time.Millisecond)
		}
	}
}

// check runs the program and compares.
func (c *tailCase) check(t *testing.T) {
	want := c.read(c.items())
	var wires []*wire
	args := append([]string{"tail", "--buffer=" + c.buffer}, c.flags()...)
	for range c.feeds {
		w := newWire(t)
		wires, args = append(wires, w), append(args, w.addr)
	}
	t.Logf("%q, %d frames from %d feeds in bursts of %d, stdout is %s, %d processors", args, len(c.frames), c.feeds, c.bursts, c.reader, c.processors)
	p, stdout := blocked(t, setup{env: []string{fmt.Sprint("GOMAXPROCS=", c.processors)}}, args...)
	var got []byte
	var reading, sending sync.WaitGroup
	read := func() { reading.Go(func() { got = c.drain(stdout) }) }
	if c.reader != "blocked" {
		read()
	}
	for i, w := range wires {
		peer := w.join()
		sending.Go(func() { c.send(peer, i) })
	}
	p.says("connected to", c.feeds)
	sending.Wait()
	total := int64(len(c.frames) * c.feeds)
	if !want.ended {
		p.received(total)
	}
	if c.reader == "blocked" {
		read()
	}
	if !want.ended {
		p.settle()
		p.signal(os.Interrupt)
	}
	code := p.exit()
	reading.Wait()

	if code != want.code {
		t.Errorf("exit code %d, want %d", code, want.code)
	}
	if !bytes.Equal(got, want.stdout) {
		t.Error(difference(got, want.stdout))
	}
	c.compare(t, p, want)
	p.matches(nil, nil)
	p.clean()
}

// compare compares the ledger. At an end of its own the program has received more
// than it has looked at. What several feeds send is rejected, repaired and
// received as often, and kept once.
func (c *tailCase) compare(t *testing.T, p *program, want *answer) {
	l := p.final() // adds up
	feeds := int64(c.feeds)
	failed := int64(-1)
	for _, line := range p.said.snapshot() {
		var message struct{ Failed *int64 }
		if json.Unmarshal([]byte(line), &message) == nil && message.Failed != nil {
			failed = *message.Failed
		}
	}
	if l.Kept != want.Kept || failed != want.Failed || l.Dropped != 0 || l.Gaps != 0 {
		t.Errorf("%+v, %d failed, want %+v", l, failed, want.counts)
	}
	if want.ended {
		return
	}
	valid := want.Kept + want.Filtered
	expected := ledger{
		Received: feeds * want.Received, Kept: want.Kept, Filtered: want.Filtered + (feeds-1)*valid, Rejected: feeds * want.Rejected,
		Repaired: feeds * want.Repaired, Duplicates: (feeds - 1) * valid,
	}
	if l != expected {
		t.Errorf("%+v, want %+v", l, expected)
	}
}

// TestReferenceTail compares tail with the reference: whatever the events, their
// sizes and bursts, the flags, and who reads stdout, every event comes once, in
// order.
func TestReferenceTail(t *testing.T) {
	t.Parallel()
	referenceSeeds(t, func(seed uint64) bool {
		c := randomTail(seed)
		return t.Run(fmt.Sprintf("REFERENCESEED=%d", seed), func(t *testing.T) {
			c.check(t)
			if t.Failed() {
				t.Logf("%.3000q", slices.Concat(c.frames[:min(20, len(c.frames))]...))
			}
		})
	})
}

// TestTwoFloods: two feeds of the same events, each as fast as the connection
// takes them: every event comes once, in order. It is not parallel: the program does
// not wait for a feed that brings nothing for a second, and among other tests one may get
// no processor for longer.
func TestTwoFloods(t *testing.T) {
	const total, chunk = 400_000, 1000
	name := t.TempDir() + "/events"
	out, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	first, second := newWire(t), newWire(t)
	p := startWith(t, setup{stdout: out}, "tail", first.addr, second.addr)
	peers := []*peer{first.join(), second.join()}
	p.says("connected to", 2)
	var sending sync.WaitGroup
	for _, peer := range peers {
		sending.Go(func() {
			for n := 0; n < total; n += chunk {
				peer.send(n+1, n+chunk)
			}
		})
	}
	sending.Wait()
	p.received(2 * total)
	p.settle()
	p.signal(os.Interrupt)
	if l := p.check(want{received: 2 * total}); l.Kept != total || l.Duplicates != total {
		t.Errorf("%+v", l)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	contiguous(t, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"), total)
}
