package engine

import (
	"bytes"
	"errors"
	"testing"
)

// flushing is a sink that writes some portions for each block, one after the other, and keeps
// every event.
type flushing struct {
	*Text
	n      int
	before func(portion int) // is called before each
}

func (s *flushing) Worker(m Mapping) (Worker, error) {
	w, err := s.TextWorker(m)
	return silentWorker{w}, err
}

func (s *flushing) Fold(b *Block, _ func(Place) *Block) bool {
	for i := range s.n {
		s.before(i)
		b.Out.SetText(append(b.Out.Text(), bytes.Repeat([]byte("x\n"), writeSize)...))
		b.Out.Flush()
	}
	return true
}

// silentWorker keeps events and writes none.
type silentWorker struct{ *TextWorker }

func (silentWorker) Event(*Event) bool { return true }

// TestFoldFlush: what a sink writes during Fold and flushes is written before Fold goes on, and
// the end of the output ends the run.
func TestFoldFlush(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    error
		want   End
		writes int
		kept   int64
	}{
		{"whole", nil, EndOfInput, 3, 2},
		{"broken", errors.New("broken"), EndOutput, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			buf, writes := newBuffer(16<<20), 0
			defer func() { _ = buf.Release() }()
			c := verbatim(t, writer(func(p []byte) (int, error) {
				writes++
				if tt.err != nil {
					return 0, tt.err
				}
				return len(p), nil
			}))
			c.Sink = &flushing{c.Sink.(*Text), 3, func(i int) {
				if tt.err == nil && writes != i {
					t.Errorf("%d of %d portions are written", writes, i)
				}
			}}
			feed := buf.Feed("test")
			feed.Add(testEvent(0, 0))
			feed.Add(testEvent(1, 0))
			feed.Flush()
			buf.Close()
			end, err := buf.Run(t.Context(), c)
			if end != tt.want || !errors.Is(err, tt.err) || writes != tt.writes {
				t.Errorf("end %d, %v, %d writes", end, err, writes)
			}
			if l := buf.Ledger(); !addsUp(l) || l.Kept != tt.kept {
				t.Errorf("%+v", l)
			}
		})
	}
}
