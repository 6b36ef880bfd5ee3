package pipeline

import (
	"bytes"
	"context"
	"runtime"
	"testing"
)

// lineCounts is an output that tells how many lines each write had.
type lineCounts chan int

func (l lineCounts) Write(p []byte) (int, error) {
	l <- bytes.Count(p, []byte("\n"))
	return len(p), nil
}

// TestTogether: events of sources that are ready at the same moment share
// writes, and one that comes alone is written though nothing follows it.
func TestTogether(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that they are one after the other
	const rounds, posters = 50, 8
	buf, out := newBuffer(1<<20), make(lineCounts, posters)
	feed := buf.Feed("test")
	writes := 0
	written := func(events int) {
		for ; events > 0; writes++ {
			events -= <-out
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
	if end, err := Run(t.Context(), &Config{Filter: everything(t), Renderer: plain{}, Out: out}, buf, source); end != EndOfInput || err != nil {
		t.Fatal(end, err)
	}
	if writes > rounds*posters/2 {
		t.Errorf("%d writes for %d events", writes, rounds*posters)
	}
}
