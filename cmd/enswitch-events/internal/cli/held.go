package cli

import (
	"bytes"
	"io"
	"sync"
)

// heldWriter is stderr on a terminal. While a pager or a screen has the terminal, it holds
// back what is written.
type heldWriter struct {
	w io.Writer

	mu      sync.Mutex
	holding bool
	show    func(text []byte) // is given what waits; may be nil
	held    []byte
}

// heldMost bounds what waits; past it the first messages are lost.
const heldMost = 1 << 20

func (h *heldWriter) Write(text []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.holding {
		return h.w.Write(text)
	}
	h.held = append(h.held, text...)
	if over := len(h.held) - heldMost; over > 0 {
		over += bytes.IndexByte(h.held[over:], '\n') + 1
		h.held = append(h.held[:0], h.held[over:]...)
	}
	if h.show != nil {
		h.show(text)
	}
	return len(text), nil
}

func (h *heldWriter) hold(show func(text []byte)) {
	if h != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.holding, h.show = true, show
	}
}

func (h *heldWriter) release() {
	if h != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		_, _ = h.w.Write(h.held)
		h.holding, h.show, h.held = false, nil, nil
	}
}

// GiveBack restores the terminal if a screen has it. Call it before the process ends at once.
func (a *App) GiveBack() {
	if giveBack := a.screen.Load(); giveBack != nil {
		(*giveBack)()
	}
}

// Guard calls f. If f panics, the terminal is restored before the panic ends the process with its
// stack trace. It is for goroutines whose panics do not become errors.
func (a *App) Guard(f func()) {
	panics := true
	defer func() {
		if panics {
			a.GiveBack()
		}
	}()
	f()
	panics = false
}

// HoldTerminal says that a screen has the terminal, until release is called: messages to
// it wait, and show, which must not block, is given each of them. A second signal calls
// giveBack before it ends the process.
func (a *App) HoldTerminal(show func(text []byte), giveBack func()) (release func()) {
	a.talk.hold(show)
	a.screen.Store(&giveBack)
	return func() {
		a.screen.Store(nil)
		a.talk.release()
	}
}
