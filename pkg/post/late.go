package post

import (
	"net/http"
	"strings"
	"sync"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

const (
	// small is the longest body that is parsed before its answer: that takes
	// some 50 µs at most. One that is compressed or multipart never is.
	small = 8 << 10
	// mostLate bounds the memory of the bodies that are parsed after their
	// answer. When they have more, an answer waits until they have less.
	mostLate = 32 << 20
)

// late is the queue of the bodies that have their place and are parsed after
// their answer, one after another by one goroutine: a burst of large bodies
// takes one processor and leaves the others to the answers.
type late struct {
	mu      sync.Mutex
	less    sync.Cond // there is less to do
	queue   []*exchange
	bytes   int // of the queue and what is being parsed
	most    int
	working bool
}

// queue gives x its place among the bodies that are parsed after their answer,
// if it is one or has to come after one. It reports false otherwise.
func (h *Handler) queue(x *exchange) bool {
	l := &h.late
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.working && x.quick() {
		return false
	}
	l.queue = append(l.queue, x)
	l.bytes += x.size()
	if !l.working {
		l.working = true
		go h.work()
	}
	for l.bytes > l.most {
		l.less.Wait()
	}
	return true
}

// quick reports whether x is parsed in microseconds.
func (x *exchange) quick() bool {
	const slow = "multipart/"
	return len(x.body) <= small && !x.isCompressed() && (len(x.contentType) < len(slow) || !strings.EqualFold(x.contentType[:len(slow)], slow))
}

func (x *exchange) size() int { return cap(x.body) + cap(x.json) }

// work parses what is in the queue until it is empty.
func (h *Handler) work() {
	l := &h.late
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) > 0 {
		x := l.queue[0]
		l.queue[0], l.queue = nil, l.queue[1:]
		size := x.size()
		l.mu.Unlock()
		note, err := h.handOn(x)
		h.tell(x, note, err)
		l.mu.Lock()
		l.bytes -= size
		l.less.Broadcast()
	}
	l.queue, l.working = nil, false
	l.less.Broadcast()
}

// Wait returns when every body that has been answered has been handed on. It is
// called after the server has been shut down.
func (h *Handler) Wait() {
	l := &h.late
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.working {
		l.less.Wait()
	}
}

// handOn makes an event of the body and hands it on.
func (h *Handler) handOn(x *exchange) (Note, error) {
	x.length = len(x.body)
	raw, note, err := x.event(h.number, h.o.MaxBody)
	if err == nil && h.o.OnEvent != nil {
		h.o.OnEvent(event.Event{Raw: raw, Received: x.received, Source: x.remote})
	}
	return note, err
}

// tell says what became of the body, and ends x.
func (h *Handler) tell(x *exchange, note Note, err error) {
	switch {
	case err != nil:
		h.reject(Rejection{Remote: x.remote, Status: http.StatusOK, Reason: err.Error(), Body: h.excerpt(x.body), Size: int64(x.length)})
	case note != Note{} && h.o.OnNote != nil:
		h.o.OnNote(x.remote, note)
	}
	h.release(x)
}
