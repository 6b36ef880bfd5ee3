package engine

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// TestTogether: events of goroutines that are ready at the same time share writes, and
// an event that comes alone is written though none follows.
func TestTogether(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that they run one after the other
	const rounds, posters = 50, 8
	buf, lines := newBuffer(1<<20), make(chan int, posters)
	feed := buf.Feed("test")
	writes := 0
	written := func(events int) {
		for ; events > 0; writes++ {
			events -= <-lines
		}
	}
	source := func(context.Context) error {
		for n := range rounds {
			feed.Put(testEvent(n, 0))
			written(1)
		}
		writes = 0
		for range rounds {
			for n := range posters {
				go feed.Put(testEvent(n, 0))
			}
			written(posters)
		}
		return nil
	}
	c := verbatim(t, writer(func(p []byte) (int, error) {
		lines <- bytes.Count(p, []byte("\n"))
		return len(p), nil
	}))
	if end, err := buf.Run(t.Context(), c, source); end != EndOfInput || err != nil {
		t.Fatal(end, err)
	}
	if writes > rounds*posters/2 {
		t.Errorf("%d writes for %d events", writes, rounds*posters)
	}
}

// third is a sink that waits for the third event that is kept, and then writes all
// three.
type third struct {
	*Text
	kept []event.Event
}

func (s *third) InOrder() bool                        { return true }
func (s *third) Fold(*Block, func(Place) *Block) bool { return true }

func (s *third) Worker(m Mapping) (Worker, error) {
	w, err := s.TextWorker(m)
	return &thirdWorker{w, s}, err
}

type thirdWorker struct {
	*TextWorker
	sink *third
}

func (w *thirdWorker) Event(e *Event) bool {
	w.sink.kept = append(w.sink.kept, event.Event{Raw: bytes.Clone(e.Raw), Received: e.Received, Source: e.Source})
	if len(w.sink.kept) < 3 {
		return false
	}
	for _, ev := range w.sink.kept {
		e.Set(ev)
		if e.X.Scan(ev.Raw) == nil {
			w.TextWorker.Event(e)
		}
	}
	e.Block().KeepEarlier(2)
	e.Block().Stop(EndAwaited)
	return true
}

// TestAwait: events that a sink writes later than they came are counted as kept, also
// those of blocks that were booked before, and no others are.
func TestAwait(t *testing.T) {
	for _, tt := range []struct {
		name     string
		to       int // the events are those before it
		config   func(*Config)
		want     End
		written  []int
		filtered int64
		waiting  int64
	}{
		{name: "met", to: 10, want: EndAwaited, written: []int{0, 1, 2}, waiting: 7},
		{name: "not met", to: 2, want: EndOfInput, filtered: 2},
		{name: "fail if", to: 10, config: func(c *Config) { c.FailIf = query(t, ".n == 1") }, want: EndFailIf, written: []int{1}, filtered: 1, waiting: 8},
		{name: "fail if the last one", to: 10, config: func(c *Config) { c.FailIf = query(t, ".n == 2") }, want: EndFailIf, written: []int{0, 1, 2}, waiting: 7},
		{name: "cannot be written", to: 10, config: func(c *Config) { c.Out = failing(nil, 0, errors.New("broken")) }, want: EndOutput, waiting: 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			buf := newBuffer(16 << 20)
			var out bytes.Buffer
			c := verbatim(t, &out)
			c.Sink = &third{Text: c.Sink.(*Text)}
			if tt.config != nil {
				tt.config(c)
			}
			// All of them are there, each in its own block, before the first is mapped.
			feed := buf.Feed("test")
			for n := range tt.to {
				feed.Gap(Gap{})
				feed.Add(testEvent(n, 0))
			}
			feed.Flush()
			buf.Close()
			end, _ := buf.Run(t.Context(), c)
			if got := numbers(t, out.String()); end != tt.want || !slices.Equal(got, tt.written) {
				t.Errorf("end %d, wrote %v; want %d, %v", end, got, tt.want, tt.written)
			}
			if l := buf.Ledger(); !addsUp(l) || l.Kept != int64(len(tt.written)) || l.Filtered != tt.filtered || l.Waiting != tt.waiting {
				t.Errorf("%+v", l)
			}
		})
	}
}

// TestPrompt: the output of an event is written before the next one is mapped, also while
// more events wait all the time.
func TestPrompt(t *testing.T) {
	const total = 50
	b := newBuffer(1 << 20)
	defer func() { _ = b.Release() }()
	feed := b.Feed("test")
	put := func(n int) {
		feed.Add(testEvent(n, 0))
		feed.Flush()
	}
	written, mapped := 0, 0
	c := verbatim(t, writer(func(p []byte) (int, error) {
		written += bytes.Count(p, []byte("\n"))
		return len(p), nil
	}))
	c.Prompt, c.Workers, c.Count = true, 1, total
	c.Sink = hooked{c.Sink.(*Text), func(*Event) {
		if written != mapped {
			t.Errorf("%d of %d events are written", written, mapped)
		}
		mapped++
		put(mapped)
	}}
	put(0)
	if end, err := b.Run(t.Context(), c, forever); end != EndCount || err != nil {
		t.Fatal(end, err)
	}
}
