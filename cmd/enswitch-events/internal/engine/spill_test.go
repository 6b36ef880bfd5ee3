package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// moody is an output that can be made to stop taking anything.
type moody struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (m *moody) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.buf.Write(p)
}

// TestSpillKeepsOrderAndCounts: whatever the sizes and whenever the reader
// halts, events come out in order, and those that are missing are those that
// the ledger calls dropped, each stretch of them with its gap.
func TestSpillKeepsOrderAndCounts(t *testing.T) {
	dir := t.TempDir()
	out := &moody{}
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.Int64Range(1, 4<<20).Draw(rt, "memory")
		disk := rapid.SampledFrom([]int64{0, 64 << 10, 1 << 20, 64 << 20}).Draw(rt, "disk")
		count := rapid.IntRange(1, 4000).Draw(rt, "events")
		most := rapid.SampledFrom([]int{10, 1000, 20_000}).Draw(rt, "longest")
		seed := rapid.Uint64().Draw(rt, "seed")
		rnd := rand.New(rand.NewPCG(seed, 1))

		var gaps int64
		buf := NewBuffer(BufferOptions{Size: size, Spill: Spill{Dir: dir, Size: disk, OnFault: func(err error) { rt.Errorf("fault: %v", err) }}})
		out.buf.Reset()
		source := func(context.Context) error {
			feed := buf.Feed("test")
			halted := false
			for n := range count {
				feed.Add(testEvent(n, rnd.IntN(most)))
				switch rnd.IntN(40) {
				case 0:
					feed.Flush()
				case 1:
					feed.Gap(Gap{Reason: "reconnect"})
				case 2:
					if halted {
						out.mu.Unlock()
					} else {
						out.mu.Lock()
					}
					halted = !halted
				case 3:
					if l := buf.Ledger(); l.Received != l.Kept+l.Filtered+l.Rejected+l.Dropped+l.Waiting {
						rt.Errorf("does not add up: %+v", l)
					}
				}
			}
			if halted {
				out.mu.Unlock()
			}
			feed.Flush()
			return nil
		}
		c := verbatim(t, out)
		c.OnGap = func(g Gap) { gaps += g.Dropped }
		c.Workers = rapid.IntRange(1, 4).Draw(rt, "workers")
		end, err := buf.Run(t.Context(), c, source)
		if end != EndOfInput || err != nil {
			rt.Fatalf("end %v, %v", end, err)
		}
		l := buf.Ledger()
		if err := buf.Release(); err != nil {
			rt.Fatal(err)
		}
		last, lines := -1, int64(0)
		for line := range bytes.Lines(out.buf.Bytes()) {
			n, err := strconv.Atoi(string(line[len(`{"n":`):bytes.IndexByte(line, ',')]))
			if err != nil || n <= last {
				rt.Fatalf("%d after %d, %v", n, last, err)
			}
			last = n
			lines++
		}
		if l.Received != int64(count) || l.Kept != lines || l.Waiting != 0 || l.Received != l.Kept+l.Dropped || gaps != l.Dropped {
			rt.Fatalf("%d events, %d lines, %d in gaps: %+v", count, lines, gaps, l)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			rt.Fatalf("left on disk: %v, %v", left, err)
		}
	})
}

// TestSpillGiant: an event that is too large for the memory that is left goes
// by the disk, too.
func TestSpillGiant(t *testing.T) {
	buf := NewBuffer(BufferOptions{Size: 4 << 20, Spill: Spill{Dir: t.TempDir(), Size: 64 << 20, OnFault: func(err error) { t.Error(err) }}})
	feed := buf.Feed("test")
	for n := range 3 {
		feed.Add(testEvent(n, 3<<20))
		feed.Flush()
		for buf.Ledger().Waiting > 0 && n < 2 {
			buf.mu.Lock()
			settled := !buf.spillWanted(buf.o.Size/4*3) && buf.spill.transit == nil
			buf.mu.Unlock()
			if settled {
				break
			}
			runtime.Gosched()
		}
	}
	buf.Close()
	if end, err := buf.Run(t.Context(), verbatim(t, &moody{})); end != EndOfInput || err != nil {
		t.Fatal(end, err)
	}
	if l := buf.Ledger(); l.Kept != 3 {
		t.Errorf("%+v", l)
	}
	if err := buf.Release(); err != nil {
		t.Error(err)
	}
}

// TestSpillFault: a disk that cannot be used is said once, and the events that
// do not fit are counted.
func TestSpillFault(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	faults := make(chan error, 10)
	buf := NewBuffer(BufferOptions{Size: 1 << 20, Spill: Spill{Dir: file, Size: 1 << 20, OnFault: func(err error) { faults <- err }}})
	feed := buf.Feed("test")
	for n := range 1000 {
		feed.Add(testEvent(n, 10_000))
	}
	feed.Flush()
	if err := <-faults; err == nil {
		t.Error("no fault")
	}
	buf.Close()
	out := &moody{}
	if end, err := buf.Run(t.Context(), verbatim(t, out)); end != EndOfInput || err != nil {
		t.Fatal(end, err)
	}
	l := buf.Ledger()
	if err := buf.Release(); err != nil {
		t.Fatal(err)
	}
	if l.Dropped == 0 || l.Kept == 0 || l.Kept+l.Dropped != 1000 || l.Gaps != 1 || len(faults) != 0 {
		t.Errorf("%+v, %d more faults", l, len(faults))
	}
}

func TestBlockRecord(t *testing.T) {
	c := &Block{}
	data := testEvent(7, 30)
	c.data = append(c.data, data.Raw...)
	c.items = append(c.items, item{end: len(c.data), received: 5, source: 3})
	record, err := appendBlock(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	var back Block
	if err := back.read(record); err != nil || !bytes.Equal(back.data, c.data) || back.items[0] != c.items[0] {
		t.Fatalf("%q %v, %v", back.data, back.items, err)
	}
	gap := &Block{gap: &Gap{Reason: "reconnect", Source: "ws://x", Dropped: 3}}
	if record, err = appendBlock(nil, gap); err != nil {
		t.Fatal(err)
	}
	back.gap = nil
	if err := back.read(record); err != nil || *back.gap != *gap.gap {
		t.Fatalf("%+v, %v", back.gap, err)
	}
	for n := range record {
		if err := new(Block).read(record[:n]); err == nil {
			t.Errorf("a record of %d bytes was read", n)
		}
	}
	if err := new(Block).read([]byte("\xff\xff\xff\xff")); !errors.Is(err, errRecord) {
		t.Error(err)
	}
}

// TestSpillTold: that events go to disk is reported once, also if they do so again and again.
func TestSpillTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		buf := NewBuffer(BufferOptions{Size: 256 << 10, Spill: Spill{
			Dir: t.TempDir(), Size: 1 << 30, OnSpill: func() { told++ }, OnFault: func(err error) { t.Error(err) },
		}})
		defer buf.Release()
		feed := buf.Feed("test")
		times := func(n int) {
			for range n {
				for i := range 3000 {
					feed.Add(testEvent(i, 200))
				}
				feed.Flush()
				synctest.Wait()
				for buf.Ledger().Waiting > 0 {
					if c, _ := buf.Take(false); c != nil {
						buf.Book(Ledger{Kept: int64(len(c.items))})
						buf.Done(c)
					}
				}
				_, _ = buf.Take(false) // sees that there is no more
			}
		}
		times(20)
		if told != 1 {
			t.Errorf("told %d times, want once", told)
		}
		time.Sleep(2 * spillApart)
		times(2)
		if told != 2 {
			t.Errorf("told %d times, want a second time", told)
		}
	})
}

// TestSpillBeforeDrops: whatever the size of the memory, events go to disk before
// any is dropped, even where a block or two is all that it holds.
func TestSpillBeforeDrops(t *testing.T) {
	for _, size := range []int64{1, 64 << 10, 256 << 10, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			b := NewBuffer(BufferOptions{Size: size, Spill: Spill{Dir: t.TempDir(), Size: 1 << 30, OnFault: func(err error) { t.Error(err) }}})
			feed := b.Feed("test")
			const events = 30_000
			for n := range events {
				feed.Add(testEvent(n, 200))
			}
			feed.Flush()
			if l := b.Ledger(); l.Dropped > 0 || l.Waiting != events {
				t.Errorf("%+v", l)
			}
			if err := b.Release(); err != nil {
				t.Error(err)
			}
		})
	}
}
