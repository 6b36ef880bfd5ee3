package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/fault"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// TestFault: a panic ends the run, wherever it is, and is its error.
func TestFault(t *testing.T) {
	const bad = 20_000 // in a block that a helper may map
	var capture bytes.Buffer
	for n := range 30_000 {
		capture.Write(append(testEvent(n, 20).Raw, '\n'))
	}
	newConfig := func(where string, workers int) *Config {
		c := verbatim(t, io.Discard)
		c.Workers, c.Sink = workers, panicking{text(t, filter.Options{}, render.Options{Format: "json"}), where, bad}
		return c
	}
	check := func(name string, end End, err error) {
		t.Helper()
		if e, ok := errors.AsType[*fault.Error](err); !ok || end != EndFault && end != EndInput || !strings.Contains(e.Error(), "as the test wants it, at engine/fault_test.go:") {
			t.Errorf("%s: end %d, %v", name, end, err)
		}
	}
	for _, workers := range []int{1, 4} {
		for _, where := range []string{"map", "fold"} {
			source := NewCaptures(&CaptureOptions{Names: []string{"-"}, Stdin: bytes.NewReader(capture.Bytes()), MaxLine: 1 << 20})
			end, _, err := source.Run(t.Context(), newConfig(where, workers))
			check("capture, "+where, end, err)

			b := newBuffer(64 << 20)
			feed := b.Feed("test")
			end, err = b.Run(t.Context(), newConfig(where, workers), events(feed, 0, 30_000))
			check("live, "+where, end, err)
		}
	}
	b := newBuffer(64 << 20)
	end, err := b.Run(t.Context(), newConfig("", 1), func(context.Context) error { panic("as the test wants it") })
	check("an input", end, err)
}

// panicking is a Text that panics at an event.
type panicking struct {
	*Text
	where string
	at    int
}

func (p panicking) Worker(m Mapping) (Worker, error) {
	w, err := p.TextWorker(m)
	return hookedWorker{w, func(e *Event) {
		if p.where == "map" && bytes.HasPrefix(e.Raw, p.prefix()) {
			panic("as the test wants it")
		}
	}}, err
}

func (p panicking) prefix() []byte { return fmt.Appendf(nil, `{"n":%d,`, p.at) }

func (p panicking) Fold(b *Block, remap func(Place) *Block) bool {
	if p.where == "fold" && bytes.Contains(b.data, p.prefix()) {
		panic("as the test wants it")
	}
	return p.Text.Fold(b, remap)
}
