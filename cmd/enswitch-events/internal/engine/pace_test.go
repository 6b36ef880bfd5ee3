package engine

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestPace: a source waits for a brisk worker, when the buffer is half full, and for
// nothing else.
func TestPace(t *testing.T) {
	for _, tt := range []struct {
		name     string
		blocks   int  // of the ten that the buffer has room for
		large    bool // it has room for a hundred
		brisk    bool
		fast     bool
		writing  bool
		finished bool
		posted   bool
		want     time.Duration
		after    bool // whether the worker still counts as brisk
	}{
		{name: "half full", blocks: 6, brisk: true, want: paceTime, after: true},
		{name: "half full, and the output takes nothing", blocks: 6, brisk: true, writing: true, want: paceTime},
		{name: "half full, and the worker waits", blocks: 6},
		{name: "half full, and a block is finished", blocks: 6, brisk: true, finished: true, after: true},
		{name: "half full, by POST", blocks: 6, brisk: true, posted: true, after: true},
		{name: "less full", blocks: 3, brisk: true, after: true},
		{name: "less full, and the worker is fast", blocks: 40, large: true, brisk: true, fast: true, want: paceTime, after: true},
		{name: "little, and the worker is fast", blocks: 20, large: true, brisk: true, fast: true, after: true},
		{name: "less full, and the worker is not fast", blocks: 40, large: true, brisk: true, after: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := NewBuffer(BufferOptions{}).block()
			room := int64(10)
			if tt.large {
				room = 100
			}
			buf := newBuffer(room * c.size())
			feed := buf.Feed("test")
			for n := range tt.blocks {
				feed.Add(testEvent(n, blockSize-100))
				feed.Flush()
			}
			buf.pace.brisk.Store(tt.brisk)
			buf.pace.fast.Store(tt.fast)
			buf.pace.writing.Store(tt.writing)
			if tt.finished {
				buf.pace.finish()
			}
			began := time.Now()
			ev := testEvent(tt.blocks, 0)
			if tt.posted {
				feed.Put(ev)
			} else {
				feed.Add(ev)
				feed.Flush()
			}
			if took := time.Since(began); took != tt.want || buf.pace.brisk.Load() != tt.after {
				t.Errorf("%s: waited for %v, then brisk %v", tt.name, took, buf.pace.brisk.Load())
			}
			// Whom it has waited for in vain, it does not wait for again.
			feed.Add(ev)
			if feed.Flush(); !tt.after && time.Since(began) != tt.want {
				t.Errorf("%s: waited twice", tt.name)
			}
			if l := buf.Ledger(); l.Waiting != int64(tt.blocks)+2 {
				t.Errorf("%s: %+v", tt.name, l)
			}
		})
	}
}

// TestPaceOfDisk: a source waits for a block that is being spilled, whatever the worker
// does, and takes no slow disk for a slow reader.
func TestPaceOfDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace{finished: make(chan struct{}, 1)}
		began := time.Now()
		if p.wait(true); time.Since(began) != paceTime {
			t.Errorf("waited for %v", time.Since(began))
		}
		go func() {
			time.Sleep(paceTime / 2)
			p.finish()
		}()
		began = time.Now()
		if p.wait(true); time.Since(began) != paceTime/2 {
			t.Errorf("waited for %v, not until a block was spilled", time.Since(began))
		}
	})
}

// TestBrisk: whether the worker works or waits is seen by where the time of a block
// goes.
func TestBrisk(t *testing.T) {
	for _, tt := range []struct {
		name          string
		render, write time.Duration // an event, a write
		size          int
		want          bool
	}{
		{"works", time.Millisecond, time.Millisecond, blockSize, true},
		{"waits", time.Millisecond, time.Hour, blockSize, false},
		{"is fast at both", time.Microsecond, 200 * time.Microsecond, blockSize, true},
		{"small", time.Hour, 0, 5000, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			buf := newBuffer(1 << 20)
			feed := buf.Feed("test")
			for n := range tt.size / 1000 {
				feed.Add(testEvent(n, 1000))
			}
			feed.Flush()
			buf.Close()
			c := verbatim(t, writer(func(p []byte) (int, error) {
				time.Sleep(tt.write)
				return len(p), nil
			}))
			c.Sink = hooked{c.Sink.(*Text), func(*Event) { time.Sleep(tt.render) }}
			if end, err := buf.Run(t.Context(), c); end != EndOfInput || err != nil {
				t.Fatal(end, err)
			}
			if buf.pace.brisk.Load() != tt.want {
				t.Errorf("%s: brisk %v", tt.name, !tt.want)
			}
		})
	}
}
